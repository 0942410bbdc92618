"""The pseudo-label recipe: as published, and with its border loss repaired."""

import numpy as np
import pytest
from scenes import apart, dice, over
from scipy import ndimage
from skimage import filters, morphology

from nanosieve.segmentation.reconstruction import published
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import spheres


def unit(image: np.ndarray) -> np.ndarray:
    return (image - image.min()) / image.max()


def by_scikit_image(image: np.ndarray) -> np.ndarray:
    """The recipe once more, from the parts that its authors used, in float64."""
    start = unit(ndimage.gaussian_filter(unit(image.astype(float)), 2, mode="mirror"))
    seed = start.copy()
    seed[1:-1, 1:-1] = start.min()
    lowered = morphology.reconstruction(seed, start, method="dilation")
    seed = lowered.copy()
    seed[1:-1, 1:-1] = lowered.max()
    filled = morphology.reconstruction(seed, lowered, method="erosion")
    residue = np.abs(filled - lowered)
    residue = unit(residue + filters.sobel(residue))
    opened = morphology.opening(residue, morphology.disk(5))
    residue = unit(opened)
    return residue > filters.threshold_otsu(residue)


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(3)
    centres = [[60, 60], [60, 170], [170, 60], [170, 175], [115, 240], [230, 130]]
    return over(spheres((290, 300), centres, [22, 18, 25, 20, 14, 16]), "dark", rng=rng)


def test_published_is_the_recipe_of_scikit_image_parts(truth):
    ours, theirs = published(truth.image), by_scikit_image(truth.image)
    assert theirs.any()
    assert dice(ours, theirs) > 0.995
    assert dice(truth.labels, ours) > 0.8


def test_paper_exact_is_the_published_mask(truth):
    found = segment(truth.image, method="reconstruction", polarity="dark", paper_exact=True)
    np.testing.assert_array_equal(found.mask, published(truth.image))
    assert found.settings == {"paper_exact": True}
    assert (found.n, found.polarity, found.method) == (6, "dark", "reconstruction")
    assert set(np.unique(found.confidence)) == {0, 1}
    # The recipe knows dark particles only; what is bright is turned first.
    turned = segment(
        truth.image.max() - truth.image.astype(np.int32),
        method="reconstruction", polarity="bright", paper_exact=True,
    )  # fmt: skip
    assert turned.polarity == "bright"
    assert dice(found.mask, turned.mask) > 0.98


def test_paper_exact_leaves_out_what_is_excluded(truth):
    exclude = np.zeros(truth.image.shape, bool)
    exclude[:115, :115] = True
    found = segment(truth.image, method="reconstruction", paper_exact=True, exclude=exclude)
    assert found.n == 5
    assert not found.mask[exclude].any()


def test_the_published_recipe_loses_what_the_frame_cuts_and_the_repair_finds_it():
    bodies = spheres((240, 240), [[120, 120], [-3, 120], [120, 243], [236, 40]], [20] * 4)
    truth = over(bodies, "dark")
    old = segment(truth.image, method="reconstruction", polarity="dark", paper_exact=True)
    new = segment(truth.image, method="reconstruction", polarity="dark")
    inner = truth.labels == 1
    assert dice(inner, old.mask & inner) > 0.9
    cut = truth.labels > 1
    assert not old.mask[cut].any()
    assert np.mean(new.mask[cut]) > 0.95
    assert new.n == 4


def test_the_published_recipe_deletes_ten_pixel_particles():
    rng = np.random.default_rng(0)
    bodies = spheres((200, 200), [[60, 60], [140, 60], [60, 140], [140, 140]], [20, 5, 5, 20])
    truth = over(bodies, "dark", rng=rng)
    small = np.isin(truth.labels, [2, 3])
    old = segment(truth.image, method="reconstruction", polarity="dark", paper_exact=True)
    assert old.n == 2
    assert not old.mask[small].any()
    alone = apart(10, "dark")
    new = segment(alone.image, method="reconstruction")
    assert new.n == len(alone.diameters_px)


def test_a_black_frame_does_not_divide_by_zero():
    assert not published(np.zeros((40, 40), np.uint8)).any()
