"""A frame in tiles gives what the same frame in one piece gives."""

import numpy as np
import pytest
from scenes import over, worst_match

from nanosieve.measurement.agreement.instances import overlaps
from nanosieve.segmentation import classical as module
from nanosieve.segmentation import tiles
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import clusters, scatter, spheres

SIDE = 750


@pytest.fixture(scope="module")
def truth():
    """Single and touching particles everywhere, seams and frame included."""
    rng = np.random.default_rng(11)
    radii = [[float(r)] for r in rng.lognormal(np.log(13), 0.2, 34)]
    radii += [rng.lognormal(np.log(13), 0.15, 2).tolist() for _ in range(14)]
    return over(clusters((SIDE, SIDE), radii, rng=rng, closeness=0.95), "dark", rng=rng)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "CORE", 250)
    monkeypatch.setattr(tiles, "HALO", 110)
    monkeypatch.setattr(module, "WHOLE_PIXELS", 100)


@pytest.mark.parametrize("method", ["hybrid", "reconstruction"])
def test_tiles_change_nothing(truth, request, method):
    whole = segment(truth.image, method=method)
    request.getfixturevalue("small_tiles")
    tiled = segment(truth.image, method=method)
    assert tiled.n == whole.n == len(truth.diameters_px)
    assert worst_match(whole.labels, tiled.labels) > 0.95
    assert np.unique(tiled.labels).tolist() == list(range(tiled.n + 1))
    assert (tiled.labels.dtype, tiled.confidence.dtype) == (np.int32, np.float16)
    assert (tiled.confidence[tiled.mask] >= 0.5).all()
    assert (tiled.confidence[~tiled.mask] < 0.5).all()
    assert len(tiled.split_labels) == len(whole.split_labels)
    # The same particles came from a split.
    pairs = overlaps(whole.labels, tiled.labels)
    best = {}
    for one, other in pairs.pairs[pairs.matches()]:
        best[int(pairs.true_labels[one])] = int(pairs.predicted_labels[other])
    assert {best[label] for label in whole.split_labels} == set(tiled.split_labels)
    assert tiled.settings["edge_shift_px"] == pytest.approx(
        whole.settings["edge_shift_px"], abs=0.05
    )


@pytest.mark.usefixtures("small_tiles")
def test_particles_on_seams_are_whole():
    """Spheres centred on seams and on the corners where four tiles meet."""
    centres = [(250 * i, 250 * j + 125 * (k % 2)) for k in range(2) for i in (1, 2) for j in (1, 2)]
    rng = np.random.default_rng(0)
    truth = over(spheres((SIDE, SIDE), centres, [24] * len(centres)), "bright", rng=rng)
    found = segment(truth.image)
    assert found.n == len(centres)
    assert worst_match(truth.labels, found.labels) > 0.95


@pytest.mark.usefixtures("small_tiles")
def test_excluded_pixels_stay_out_of_tiles():
    rng = np.random.default_rng(1)
    truth = over(scatter((SIDE, SIDE), [12.0] * 34, rng=rng), "dark", rng=rng)
    exclude = np.zeros(truth.image.shape, bool)
    exclude[200:420, 100:500] = True
    found = segment(truth.image, exclude=exclude)
    assert not found.mask[exclude].any()
    kept = np.setdiff1d(np.unique(truth.labels), np.unique(truth.labels[exclude]))
    assert len(kept) <= found.n <= 34
    for number in kept:
        under = found.labels[truth.labels == number]
        assert np.mean(under > 0) > 0.9


@pytest.mark.usefixtures("small_tiles")
def test_tiles_without_a_particle_are_empty():
    rng = np.random.default_rng(2)
    truth = over(scatter((400, 300), [12.0] * 20, rng=rng), "dark", rng=rng)
    image = rng.poisson(1500, (SIDE, SIDE)).astype(np.uint16)
    image[:400, :300] = truth.image
    found = segment(image)
    assert found.n == 20
    assert not found.labels[420:].any()


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize(("radius", "cut"), [(40, False), (300, True)])
def test_a_particle_wider_than_the_halo_is_reported(radius, cut):
    bodies = spheres((SIDE, SIDE), [(365.0, 385.0)], [radius])
    found = segment(over(bodies, "dark", rng=np.random.default_rng(0)).image, method="otsu")
    assert ("cut_by_tile" in found.flags) is cut
