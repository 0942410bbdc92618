"""Trust fitted on particles drawn from a known law, and cards that hold it."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import special

from model_files import card
from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.reliability import reliability
from nanosieve.models.card import parse_card
from nanosieve.models.trust import EVIDENCE, Trust
from nanosieve.models.trust_fit import Case, case_of, fit_trust

NAMES = list(EVIDENCE)


def drawn(n_groups: int, n: int, *, seed: int = 0) -> tuple[list[Case], np.ndarray]:
    """Cases of which the probability of each particle is known; no core, nothing split."""
    rng = np.random.default_rng(seed)
    cases, known = [], []
    for group in range(n_groups):
        evidence = rng.normal(0, 1, (n, len(NAMES)))
        evidence[:, NAMES.index("core")] = np.nan
        evidence[:, NAMES.index("parted")] = 0
        odds = 0.5 + 1.5 * evidence[:, NAMES.index("inside")] - evidence[:, NAMES.index("size")]
        known.append(special.expit(odds))
        cases.append(Case(evidence, rng.random(n) < known[-1], f"g{group}"))
    return cases, np.concatenate(known)


def small() -> Trust:
    return Trust(
        names=("inside", "size"), means=(1.0, 4.0), scales=(2.0, 0.5), low=(-3.0, 2.0),
        high=(5.0, 6.0), weights=(1.0, -2.0), intercept=0.5, n_particles=60, n_groups=3,
        hit_share=0.7, calibration_error=0.04,
    )  # fmt: skip


def test_the_law_that_particles_were_drawn_from_is_found_again():
    cases, _ = drawn(20, 400)
    trust = fit_trust(cases)
    assert trust is not None
    # Core is unknown and nothing was split: figures that say nothing are left out.
    assert trust.names == ("inside", "rim", "size", "roundness", "typical")
    slopes = dict(zip(trust.names, np.array(trust.weights) / trust.scales, strict=True))
    assert slopes["inside"] == pytest.approx(1.5, abs=0.15)
    assert slopes["size"] == pytest.approx(-1, abs=0.1)
    assert abs(slopes["roundness"]) < 0.1
    assert (trust.n_particles, trust.n_groups) == (8000, 20)


def test_fresh_particles_of_the_same_law_get_their_probability():
    trust = fit_trust(drawn(20, 400)[0])
    fresh, known = drawn(20, 400, seed=1)
    evidence = np.concatenate([case.evidence for case in fresh])
    assert trust is not None
    certainty = trust.certainty(evidence)
    assert np.abs(certainty - known).mean() < 0.02
    hits = np.concatenate([case.hits for case in fresh])
    assert reliability(certainty, hits).error < 0.03
    assert trust.calibration_error is not None
    assert trust.calibration_error < 0.03


def test_the_error_is_that_of_groups_left_out():
    # Within a group the figure tells all, but from group to group it says the opposite.
    rng = np.random.default_rng(0)
    cases = []
    for group in range(6):
        evidence = np.full((200, len(NAMES)), np.nan)
        evidence[:, 0] = rng.normal(group, 0.1, 200)
        cases.append(Case(evidence, rng.random(200) < (0.9 if group % 2 else 0.1), str(group)))
    trust = fit_trust(cases)
    assert trust is not None
    assert trust.calibration_error is not None
    assert trust.calibration_error > 0.3


def test_what_can_only_speak_for_a_particle_never_lowers_its_probability():
    rng = np.random.default_rng(0)
    evidence = np.full((500, len(NAMES)), np.nan)
    evidence[:, :2] = rng.normal(0, 1, (500, 2))
    hits = rng.random(500) < special.expit(-2 * evidence[:, 0] + evidence[:, 1])
    trust = fit_trust([Case(evidence, hits, "a")])
    assert trust is not None
    assert trust.weights[0] == 0
    assert trust.weights[1] > 0
    assert trust.calibration_error is None


@pytest.mark.parametrize(
    ("n", "n_hits"), [(0, 0), (49, 25), (200, 200), (200, 0), (200, 9), (200, 191)]
)
def test_too_few_particles_of_either_kind_give_no_trust(n, n_hits):
    evidence = np.random.default_rng(0).normal(0, 1, (n, len(NAMES)))
    assert fit_trust([Case(evidence, np.arange(n) < n_hits, "a")]) is None
    assert fit_trust([]) is None


def test_particles_that_do_not_differ_all_get_their_share():
    trust = fit_trust([Case(np.zeros((100, len(NAMES))), np.arange(100) < 80, "a")])
    assert trust is not None
    assert trust.certainty(np.ones((2, len(NAMES)))) == pytest.approx([0.8, 0.8], abs=1e-3)


def test_one_particle_worked_out_by_hand_and_nothing_beyond_what_occurred():
    evidence = np.full((3, len(NAMES)), np.nan)
    evidence[:, [0, NAMES.index("size")]] = [[3, 4.25], [5, 4], [99, 4]]
    expected = [special.expit(1 - 1 + 0.5), special.expit(2.5), special.expit(2.5)]
    np.testing.assert_allclose(small().certainty(evidence), expected)


def test_figures_that_do_not_pair_are_refused():
    with pytest.raises(UsageError, match=r"evidence of 3 particles is \(3, 7\), got \(2, 7\)"):
        fit_trust([Case(np.zeros((2, 7)), np.zeros(3, bool), "a")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"means": (1.0,)}, "do not pair"),
        ({"names": ("inside", "colour")}, "figures are of inside, rim"),
        ({"names": ("inside", "inside")}, "figures are of inside, rim"),
        ({"scales": (1.0, 0.0)}, "scales are positive"),
        ({"hit_share": 1.0}, "less than 1"),
    ],
)
def test_a_trust_that_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Trust(**(small().model_dump() | changes))


def test_a_card_keeps_it():
    assert parse_card(card(trust=small()).to_json(), "m.onnx").trust == small()
    assert parse_card(card().to_json(), "m.onnx").trust is None


def test_hits_are_pairs_at_half_and_ignored_particles_are_left_out():
    truth, labels = np.zeros((2, 20, 40), int)
    truth[2:8, 2:8] = 7
    labels[2:8, 2:7] = 1  # 30 of 36 px
    truth[2:8, 20:26] = 3
    labels[2:8, 24:30] = 2  # 12 of 60 px
    labels[12:18, 2:8] = 3  # on ignored pixels
    valid = np.ones(truth.shape, bool)
    valid[12:, :] = False
    evidence = np.arange(21).reshape(3, 7)
    case = case_of(labels, evidence, truth, valid=valid, group="a")
    assert case.hits.tolist() == [True, False]
    np.testing.assert_array_equal(case.evidence, evidence[:2])
