"""Figures of particles drawn by hand, and what becomes of them in a run."""

from pathlib import Path

import numpy as np
import pytest

from model_files import core_model, particle_model
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.models.load import load_model
from nanosieve.models.trust import EVIDENCE, Trust
from nanosieve.pipeline import analyse
from nanosieve.segmentation.network import segment_with_model
from nanosieve.segmentation.network_labels import label_particles, least_of, without_faint
from nanosieve.segmentation.trust import evidence_of

NAMES = list(EVIDENCE)


def column(found: np.ndarray, name: str) -> np.ndarray:
    return found[:, NAMES.index(name)]


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probability and core of a sure square, a doubtful bar, and two halves of one."""
    labels = np.zeros((40, 60), np.int32)
    labels[4:14, 4:14] = 1
    labels[24:28, 4:24] = 2
    labels[4:14, 30:36] = 3
    labels[4:14, 36:42] = 4
    probability = np.full(labels.shape, 0.1, np.float16)
    probability[labels > 0] = 0.9
    probability[labels == 2] = 0.6
    core = np.zeros(labels.shape, np.float16)
    core[8:10, 8:10] = 0.75
    core[25, 6] = 0.25
    return labels, probability, core


def test_figures_worked_out_by_hand():
    labels, probability, core = scene()
    found = evidence_of(labels, 4, probability, core, parted={3, 4})
    assert found.shape == (4, len(NAMES))
    np.testing.assert_allclose(column(found, "inside"), np.log([9, 1.5, 9, 9]), atol=5e-3)
    # Squares: 0.9 less 0.1 at every side of a pixel. The halves share 10 of 32 sides, without a
    # fall of the probability.
    np.testing.assert_allclose(
        column(found, "rim"), [0.8, 0.5, 0.8 * 22 / 32, 0.8 * 22 / 32], atol=2e-3
    )
    np.testing.assert_allclose(column(found, "core"), [0.75, 0.25, 0, 0])
    np.testing.assert_allclose(
        column(found, "size"), np.log2(2 * np.sqrt(np.array([100, 80, 60, 60]) / np.pi))
    )
    # The square has 40 sides: a circle of that perimeter in steps, 10 pi px round, holds 78.5 px.
    assert column(found, "roundness")[0] == pytest.approx(np.log(100 / (25 * np.pi)))
    assert column(found, "roundness")[1] < column(found, "roundness")[0]
    assert column(found, "parted").tolist() == [0, 0, 1, 1]
    assert set(column(found, "typical")) == {np.median(column(found, "rim"))}


def test_a_disc_is_as_round_as_a_circle():
    y, x = np.mgrid[:81, :81]
    labels = (np.hypot(y - 40, x - 40) < 30).astype(np.int32)
    found = evidence_of(labels, 1, labels.astype(np.float16), None)
    assert column(found, "roundness")[0] == pytest.approx(0, abs=0.03)
    assert np.isnan(column(found, "core")[0])


def test_sizes_are_counted_on_the_grid_of_the_network():
    labels, probability, core = scene()
    fine, coarse = (
        column(evidence_of(labels, 4, probability, core, scale=scale), "size") for scale in (1, 0.5)
    )
    np.testing.assert_allclose(coarse, fine - 1)


def test_strips_and_frame_borders_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (37, 23)).astype(np.int32)
    labels[0], labels[:, -1] = 1, 2
    probability, core = rng.random((2, 37, 23)).astype(np.float16)
    whole = evidence_of(labels, 3, probability, core)
    monkeypatch.setattr("nanosieve.segmentation.trust._STRIP", 5)
    np.testing.assert_allclose(evidence_of(labels, 3, probability, core), whole, atol=1e-6)
    # Turned round, every figure is the same.
    turned = (np.ascontiguousarray(one.T) for one in (labels, probability, core))
    np.testing.assert_allclose(evidence_of(next(turned), 3, *turned), whole, atol=1e-6)


def test_no_particle_and_a_frame_full_of_one():
    nothing = np.zeros((5, 6), np.int32)
    assert evidence_of(nothing, 0, nothing.astype(np.float16), None).shape == (0, len(NAMES))
    full = evidence_of(nothing + 1, 1, np.ones((5, 6), np.float16), None)
    assert np.isfinite(np.delete(full, NAMES.index("core"), axis=1)).all()


def test_labels_have_no_gaps_where_a_marker_is_flooded():
    # A bar that widens steadily: the core in its narrow part is no deeper than what lies between.
    y, x = np.mgrid[:41, :80]
    mask = np.abs(y - 20) <= 3 + x / 6
    core = np.zeros(mask.shape, np.float16)
    core[18:23, 10:14] = core[16:25, 60:70] = 1
    labels, parted = label_particles(mask, mask * 1.0, core, min_diameter_px=3, split=True)
    counts = np.bincount(labels.ravel())
    assert (counts > 0).all()
    assert set(parted) <= set(range(1, len(counts)))


def trust(**changes: object) -> Trust:
    fields = {
        "names": ("inside", "size"), "means": (0.0, 4.0), "scales": (1.0, 1.0),
        "low": (-9.0, 0.0), "high": (9.0, 9.0), "weights": (0.1, 1.0), "intercept": 0.0,
        "n_particles": 99, "n_groups": 3, "hit_share": 0.5,
    }  # fmt: skip
    return Trust(**(fields | changes))


def discs() -> np.ndarray:
    """Dark discs of 8 and 20 px, the second cut by the border."""
    y, x = np.mgrid[:96, :96]
    dark = (np.hypot(y - 30, x - 30) < 10) | (np.hypot(y - 96, x - 70) < 20)
    return 100 - 40 * dark + np.random.default_rng(0).normal(0, 2, dark.shape)


def test_a_model_with_trust_gives_each_particle_its_probability(tmp_path: Path):
    model = load_model(particle_model(tmp_path / "m.onnx", trust=trust()))
    found = segment_with_model(discs(), model)
    assert found.evidence is not None
    assert found.evidence.shape == (found.n, len(NAMES))
    assert found.certainty is not None
    inside, size = column(found.evidence, "inside"), column(found.evidence, "size")
    np.testing.assert_allclose(
        found.certainty, 1 / (1 + np.exp(-(0.1 * inside.clip(-9, 9) + size - 4)))
    )
    plain = segment_with_model(discs(), load_model(core_model(tmp_path / "p.onnx")))
    assert plain.certainty is None
    assert plain.evidence is not None
    assert np.isfinite(plain.evidence).all()


@pytest.mark.parametrize("isolated_only", [False, True])
def test_the_table_has_the_certainty_in_place_of_the_mean(tmp_path: Path, isolated_only: bool):
    path = particle_model(tmp_path / "m.onnx", trust=trust())
    settings = Settings(method=str(path), isolated_only=isolated_only)
    found = analyse(Micrograph.from_array(discs()), settings)
    (segmentation,) = found.segmentations
    assert segmentation.certainty is not None
    assert segmentation.evidence is not None
    assert len(found.particles) == segmentation.n == len(segmentation.certainty) > 0
    np.testing.assert_allclose(found.particles["confidence"], segmentation.certainty)
    size = np.log2(found.particles["diameter_px"])
    np.testing.assert_allclose(column(segmentation.evidence, "size"), size)
    if isolated_only:
        assert not found.particles["touches_border"].any()


def labelled(probability, core=None):
    return label_particles(
        probability >= 0.4, probability, core, min_diameter_px=3, split=core is not None
    )


@pytest.mark.parametrize(("top", "n"), [(0, 1), (34, 1), (20, 3)])
def test_a_slice_at_the_edge_is_not_taken_apart(top, n):
    y, x = np.mgrid[:6, :60]
    way = np.minimum.reduce([np.hypot(y, x - middle) for middle in (12, 25, 38)])
    probability, core = np.zeros((2, 40, 60), np.float16)
    probability[top : top + 6], core[top : top + 6] = way < 7, way < 3
    labels, parted = labelled(probability, core)
    assert labels.max() == n
    assert bool(parted) == (n > 1)


def test_faint_particles_are_left_out_and_the_others_numbered_anew():
    probability = np.zeros((12, 30), np.float16)
    for left, value in ((2, 0.9), (11, 0.5), (20, 0.75)):
        probability[2:8, left : left + 6] = value
    found, parted, left_out = without_faint(*labelled(probability), probability, 0.7)
    assert left_out == 1
    assert [int(found[4, x]) for x in (4, 13, 22)] == [1, 0, 2]
    assert parted == frozenset()


def test_where_all_particles_are_faint_they_stay():
    probability = np.zeros((12, 30), np.float16)
    for left, value in ((2, 0.7), (11, 0.66), (20, 0.5)):
        probability[2:8, left : left + 6] = value
    found, _, _ = without_faint(*labelled(probability), probability, 0.7)
    # What the network itself is hardly surer of than not goes in any case.
    assert [int(found[4, x]) for x in (4, 13, 22)] == [1, 2, 0]


def test_where_the_network_is_sure_of_nothing_nothing_stays_and_it_is_no_cliff():
    areas = np.array([100, 100])
    least = [least_of(np.array([mean, mean]), areas, 0.75) for mean in np.linspace(0.5, 0.7, 81)]
    assert least[0] == 0.75
    assert least[-1] == 0.55
    assert np.abs(np.diff(least)).max() < 0.01


def test_parts_of_a_split_particle_keep_their_mark_where_faint_ones_go():
    y, x = np.mgrid[:25, :70]
    way = np.minimum(*(np.hypot(y - 12, x - middle) for middle in (32, 52)))
    probability = np.where(way < 11, 0.9, 0)
    probability[9:16, 5:12] = 0.5
    labels = labelled(probability, np.float32(way < 6))
    found, parted, _ = without_faint(*labels, probability, 0.7)
    assert found[12, 8] == 0
    assert {int(found[12, 32]), int(found[12, 52])} == {1, 2} == set(parted)
