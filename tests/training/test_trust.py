"""Trust from images that a network did not learn: the same labels as when its model is run."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from made import disc, image
from PIL import Image
from torch import Tensor

from model_files import particle_model
from nanosieve.core.settings import Settings
from nanosieve.files.dataset import Dataset
from nanosieve.models.load import load_model
from nanosieve.models.trust import EVIDENCE
from nanosieve.models.trust_fit import Case, fit_trust
from nanosieve.networks import Network
from nanosieve.segmentation.network import segment_with_model
from nanosieve.training.config_sections import ThresholdConfig
from nanosieve.training.trust import (
    _judged_places,
    dataset_cases,
    training_case,
    trust_words,
)

SIZE = list(EVIDENCE).index("size")


class Line(Network):
    """Particle with the odds exp(-8 (z + 1.2)) of the input z; core where twice as far down."""

    name = "line"

    def __init__(self) -> None:
        super().__init__(("particle", "core"), "sigmoid")
        self.line = torch.nn.Conv2d(1, 2, 1)
        with torch.no_grad():
            self.line.weight.fill_(-8)
            self.line.bias.copy_(torch.tensor([-8 * 1.2, -8 * 2.4]))

    def logits(self, image: Tensor) -> Tensor:
        return self.line(image)


def scene(**more: object):
    """Three discs of depth 3 of which the truth knows one, overlaps one by a half, lacks one."""
    seen = [disc((48, 64), centre, 6) for centre in ((12, 12), (12, 40), (36, 20))]
    instances = seen[0].astype(np.int32) + 2 * disc((48, 64), (12, 34), 6)
    pixels = (-3.0 * np.any(seen, axis=0)).astype(np.float32)
    fields = {"classes": (instances > 0).astype(np.uint8), "instances": instances, **more}
    return image("a", "g", **(fields | {"image": pixels}))


def test_particles_are_those_of_the_model_and_hits_those_of_the_truth():
    case = training_case(Line().eval(), scene(), ("support", "particle"), temperature=2.0,
                         threshold=0.5)  # fmt: skip
    assert case.group == "g"
    # Discs 6 px apart in 12: they share less than half of what they cover together.
    assert case.hits.tolist() == [True, False, False]
    inside = 8 * (3 - 1.2) / 2
    np.testing.assert_allclose(case.evidence[:, 0], min(inside, np.log(999)), atol=0.02)
    core = 1 / (1 + np.exp(-8 * (3 - 2.4) / 2))
    np.testing.assert_allclose(case.evidence[:, 2], core, atol=1e-3)


def test_particles_that_the_model_would_leave_out_do_not_count():
    network, classes = Line().eval(), ("support", "particle")
    for least, n in ((11, 3), (13, 0)):
        case = training_case(network, scene(), classes, temperature=2.0, threshold=0.5,
                             rules=ThresholdConfig(least_diameter_px=least))  # fmt: skip
        assert len(case.hits) == n


def test_ignored_particles_and_classes_that_are_none_do_not_count():
    ignore = np.zeros((48, 64), bool)
    ignore[24:] = True
    case = training_case(Line().eval(), scene(ignore=ignore), ("support", "particle"),
                         temperature=1.0, threshold=0.5)  # fmt: skip
    assert case.hits.tolist() == [True, False]
    network = Line().eval()
    network.foreground = ("film",)
    network.classes = ("film", "core")
    classes = 2 * scene().classes
    case = training_case(network, scene(classes=classes), ("support", "film", "particle"),
                         temperature=1.0, threshold=0.5)  # fmt: skip
    assert not case.hits.any()


def dumbbell() -> np.ndarray:
    return disc((48, 64), (24, 20), 8) | disc((48, 64), (24, 34), 8)


@pytest.mark.parametrize(("from_mask", "n"), [(False, 2), (True, 1)])
def test_components_of_a_mask_are_not_split_in_the_prediction_either(from_mask, n):
    mask = dumbbell()
    depth = np.where(disc((48, 64), (24, 20), 4) | disc((48, 64), (24, 34), 4), 4.0, 2.0)
    given = image("a", "g", image=(-depth * mask).astype(np.float32), from_mask=from_mask,
                  classes=mask.astype(np.uint8), instances=mask.astype(np.int32))  # fmt: skip
    case = training_case(Line().eval(), given, ("support", "particle"), temperature=1.0,
                         threshold=0.5)  # fmt: skip
    assert len(case.hits) == n
    assert case.hits.sum() == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two micrographs of dark discs, one with instances and one with a mask; a third unlabelled."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks", "instances"):
        (tmp_path / kind).mkdir()
    for name in "abc":
        labels = np.zeros((96, 128), np.uint8)
        for number, centre in enumerate([(20, 20), (60, 30), (40, 90)], start=1):
            labels[disc(labels.shape, centre, 9)] = number
        pixels = rng.normal(1000, 20, labels.shape) - 300 * (labels > 0)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", pixels.astype(np.uint16))
        if name == "a":
            Image.fromarray(np.where(labels == 3, 0, labels)).save(tmp_path / "instances" / "a.png")
        if name == "b":
            Image.fromarray((labels > 0).astype(np.uint8)).save(tmp_path / "masks" / "b.png")
    (tmp_path / "dataset.csv").write_text("name,group\na,one\nb,two\nc,two\n")
    return tmp_path


def test_a_data_set_goes_the_way_of_segment(folder: Path, tmp_path: Path):
    path = particle_model(tmp_path / "m.onnx")
    dataset = Dataset.open(folder)
    a, b = dataset_cases(dataset, Settings(method=str(path)), device="cpu")
    assert (a.group, b.group) == ("one", "two")
    assert sorted(a.hits) == [False, True, True]
    assert b.hits.all()
    direct = segment_with_model(dataset.samples[0].image(), load_model(path))
    assert direct.evidence is not None
    np.testing.assert_allclose(a.evidence, direct.evidence)
    # A classical method gives no evidence.
    assert list(dataset_cases(dataset, Settings(method="otsu"))) == []


def outcome(name: str, seed: int, validation: tuple[int, ...], test: tuple[int, ...] = ()):
    split = SimpleNamespace(name=name, validation=validation, test=test)
    return SimpleNamespace(split=split, seed=seed, trained=object())


def test_every_image_is_judged_once_by_a_network_that_did_not_learn_it():
    one, other = outcome("split", 0, (1, 2), (5,)), outcome("split", 1, (1, 2), (5,))
    final = SimpleNamespace(trained=other.trained)
    assert list(_judged_places([one, other], final)) == [(other, [1, 2])]
    folds = [outcome("f1", 0, (2,), (0, 1)), outcome("f2", 0, (0,), (2,)),
             outcome("f1", 1, (2,), (0, 1))]  # fmt: skip
    found = list(_judged_places(folds, SimpleNamespace(trained=object())))
    assert [places for _, places in found] == [[0, 1], [2], []]


def test_words_say_what_the_confidence_stands_on():
    rng = np.random.default_rng(0)
    cases = [Case(rng.normal(0, 1, (100, len(EVIDENCE))), rng.random(100) < 0.7, name)
             for name in "ab"]  # fmt: skip
    trust = fit_trust(cases)
    share = sum(case.hits.sum() for case in cases) / 200
    assert trust is not None
    assert f"from 200 found on images not learned from, {share:.0%} of" in trust_words(trust, cases)
    assert f"left out {trust.calibration_error:.3f}." in trust_words(trust, cases)
    assert "they are one group" in trust_words(fit_trust(cases[:1]), cases[:1])
    few = [Case(np.zeros((9, len(EVIDENCE))), np.ones(9, bool), "a")]
    assert trust_words(fit_trust(few), few) == (
        "Particles have no calibrated confidence: of 9 found on images not learned from 9 are "
        "true, and 50 are needed, ten of either kind."
    )
