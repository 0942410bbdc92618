"""``auto`` in the corridor: chosen once a file, told in the result, from models that stay."""

import numpy as np
import pytest

import nanosieve
from discs import discs
from model_files import particle_model
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.models import load
from nanosieve.models.load import packaged, packaged_digests
from nanosieve.pipeline import analyse
from nanosieve.segmentation import auto


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Stand-ins in place of the packaged models."""
    folder = tmp_path / "packaged"
    for name in ("particles", "hrtem"):
        particle_model(folder / f"{name}.onnx", name=name)
    monkeypatch.setattr(load, "PACKAGED", folder)
    return folder


def still(image: np.ndarray | None = None) -> Micrograph:
    return Micrograph.from_array(discs() if image is None else image, pixel_size_nm=0.5, name="a")


def test_the_packaged_models_are_known_by_their_content(models):
    assert list(packaged()) == ["hrtem", "particles"]
    before = packaged_digests()
    assert before["particles"] == load.load_model("particles").digest
    particle_model(models / "particles.onnx", name="particles", threshold=0.7)
    assert packaged_digests()["particles"] != before["particles"]
    assert packaged_digests()["hrtem"] == before["hrtem"]


@pytest.mark.usefixtures("models")
def test_auto_gives_what_the_chosen_model_gives_and_says_why():
    found, named = analyse(still()), analyse(still(), Settings(method="particles"))
    assert found.summary["method"][0] == "particles"
    np.testing.assert_array_equal(found.segmentations[0].labels, named.segmentations[0].labels)
    step = found.history[-1]
    assert step.name == "segment"
    assert step.parameters["chosen_because"].startswith("particles (a network), because no lattice")
    assert step.parameters["chosen_from"]["lattice_share"] == 0
    assert step.parameters["model"] == "particles"
    assert "chosen_because" not in named.history[-1].parameters


@pytest.mark.usefixtures("models")
def test_the_public_segment_takes_auto_models_and_methods_alike():
    image = discs()
    chosen = nanosieve.segment(image)
    assert chosen.method == "particles"
    named = nanosieve.segment(image, method="particles", threshold=0.6)
    assert named.settings["threshold"] == 0.6
    assert nanosieve.segment(image, threshold=0.6).settings["threshold"] == 0.6
    assert nanosieve.segment(image, edge="half").method == "hybrid"
    with pytest.raises(UsageError, match="threshold is a network's probability; 'otsu' has an"):
        nanosieve.segment(image, method="otsu", threshold=0.6)
    with pytest.raises(UsageError, match="edge and paper_exact are for classical methods, not"):
        nanosieve.segment(image, method="particles", edge="half")


@pytest.mark.usefixtures("models")
def test_an_edge_rule_takes_a_classical_method_a_threshold_a_network():
    assert analyse(still(), Settings(edge="half")).summary["method"][0] == "hybrid"
    found = analyse(still(), Settings(threshold=0.6))
    assert found.segmentations[0].settings["threshold"] == 0.6
    with pytest.raises(ValueError, match="--threshold asks --method auto for a network, --edge"):
        Settings(threshold=0.6, edge="half")


def test_a_threshold_without_a_network_is_refused():
    with pytest.raises(UsageError, match="--threshold is a network's probability and no model"):
        analyse(still(), Settings(threshold=0.6))


@pytest.mark.usefixtures("models")
def test_a_movie_keeps_the_method_of_its_first_live_frame(monkeypatch):
    looked = []
    real = auto.choose_method
    monkeypatch.setattr(auto, "choose_method", lambda *a, **k: looked.append(a[0]) or real(*a, **k))
    dead, noise = np.zeros_like(discs()), np.random.default_rng(0).normal(0, 1, discs().shape)
    frames = np.stack([dead, discs(), discs()[::-1], noise])
    found = analyse(still(frames))
    assert found.summary["method"].tolist() == ["auto", "particles", "particles", "particles"]
    assert len(looked) == 1
    np.testing.assert_array_equal(looked[0], discs())
    assert [one.settings.get("chosen_because") for one in found.segmentations].count(None) == 1


@pytest.mark.usefixtures("models")
def test_only_models_that_were_there_at_the_start_are_taken():
    assert analyse(still(), Settings(model_hashes={})).summary["method"][0] == "hybrid"
    found = analyse(still(), Settings(model_hashes={"hrtem": packaged_digests()["hrtem"]}))
    assert found.summary["method"][0] == "hybrid"
    assert (
        "particles, which would suit it, is not packaged"
        in (found.segmentations[0].settings["chosen_because"])
    )


def test_a_model_that_changes_while_a_run_goes_on_fails(models):
    settings = Settings(model_hashes=packaged_digests())
    assert analyse(still(), settings).summary["method"][0] == "particles"
    particle_model(models / "particles.onnx", name="particles", threshold=0.7)
    with pytest.raises(FailedInput, match="particles has changed since this run began"):
        analyse(still(), settings)
