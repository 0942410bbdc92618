"""The kernels against scipy and scikit-image, which they stand in for."""

from concurrent.futures import ThreadPoolExecutor

import diplib
import numpy as np
import pytest
from scipy import ndimage
from skimage import filters, measure, morphology

from nanosieve.segmentation import kernels

RNG = np.random.default_rng(5)
IMAGE = ndimage.gaussian_filter(RNG.normal(size=(97, 131)), 2).astype(np.float32)
MASK = IMAGE > 0.05
INNER = np.s_[12:-12, 12:-12]
CROSS = ndimage.generate_binary_structure(2, 1)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.8, 8.0])
def test_gaussian(sigma):
    ours = kernels.gaussian(IMAGE, sigma)
    theirs = ndimage.gaussian_filter(IMAGE, sigma, mode="mirror")
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=0.003 * np.ptp(IMAGE))


def test_a_wide_gaussian():
    """The recursive filter: an approximation, the same far from the frame's edge."""
    middle = np.zeros((301, 301), np.float32)
    middle[150, 150] = 1e4
    theirs = ndimage.gaussian_filter(middle, 20)
    np.testing.assert_allclose(kernels.gaussian(middle, 20), theirs, atol=0.04 * theirs.max())


def test_box_mean():
    theirs = ndimage.uniform_filter(IMAGE, 9)
    np.testing.assert_allclose(kernels.box_mean(IMAGE, 9)[INNER], theirs[INNER], atol=1e-6)


def test_sobel_is_the_magnitude_of_scikit_image():
    np.testing.assert_allclose(kernels.sobel(IMAGE)[INNER], filters.sobel(IMAGE)[INNER], atol=1e-6)


def test_gradient_of_a_plane():
    y, x = np.mgrid[:20, :30].astype(np.float32)
    np.testing.assert_allclose(kernels.gradient(3 * y + 4 * x), 5, rtol=1e-5)


@pytest.mark.parametrize(("connectivity", "structure"), [(2, np.ones((3, 3))), (1, CROSS)])
def test_label(connectivity, structure):
    ours, n = kernels.label(MASK, connectivity)
    theirs, m = ndimage.label(MASK, structure)
    assert (ours.dtype, n) == (np.int32, m)
    # One to one: the pairs of numbers that occur are as many as the numbers.
    assert len(np.unique(np.stack([ours[MASK], theirs[MASK]]), axis=1).T) == n
    assert kernels.label(np.zeros((4, 5), bool))[1] == 0


def test_distances():
    theirs = ndimage.distance_transform_edt(MASK)
    np.testing.assert_allclose(kernels.depth_inside(MASK), theirs, rtol=1e-5)
    padded = ndimage.distance_transform_edt(np.pad(MASK, 1))[1:-1, 1:-1]
    ours = kernels.depth_inside(MASK, outside_is_mask=False)
    np.testing.assert_allclose(ours, padded, rtol=1e-5)


def test_dilation_and_erosion_by_a_disc():
    y, x = np.mgrid[-3:4, -3:4]
    disc = np.hypot(y, x) <= 3
    grown = ndimage.binary_dilation(MASK, disc)
    np.testing.assert_array_equal(kernels.dilate(MASK, 3), grown)
    shrunk = ndimage.binary_erosion(MASK, disc, border_value=1)
    np.testing.assert_array_equal(kernels.erode(MASK, 3), shrunk)
    assert not kernels.dilate(np.zeros((5, 5), bool), 3).any()


def test_opening_and_holes():
    shaved = ndimage.binary_erosion(MASK, CROSS, border_value=1)
    np.testing.assert_array_equal(kernels.shave(MASK), shaved)
    inner = ndimage.binary_opening(MASK, CROSS)
    np.testing.assert_array_equal(kernels.opening(MASK)[INNER], inner[INNER])
    ring = np.zeros((20, 20), bool)
    ring[4:16, 4:16] = True
    ring[8:12, 8:12] = False
    np.testing.assert_array_equal(kernels.fill_holes(ring), ndimage.binary_fill_holes(ring))
    assert kernels.holes(ring)[1] == 1
    np.testing.assert_array_equal(kernels.fill_holes(MASK), ndimage.binary_fill_holes(MASK))


def test_grey_opening_by_a_disc():
    theirs = morphology.opening(IMAGE, morphology.disk(5))
    np.testing.assert_allclose(kernels.grey_opening(IMAGE, 5)[INNER], theirs[INNER], atol=1e-6)


@pytest.mark.parametrize("direction", ["dilation", "erosion"])
def test_reconstruction(direction):
    seed = IMAGE.copy()
    seed[1:-1, 1:-1] = IMAGE.min() if direction == "dilation" else IMAGE.max()
    ours = kernels.reconstruct(seed, IMAGE, direction)
    theirs = morphology.reconstruction(seed, IMAGE, method=direction, footprint=np.ones((3, 3)))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_regional_maxima():
    ours = kernels.regional_maxima(IMAGE)[INNER]
    np.testing.assert_array_equal(ours, morphology.local_maxima(IMAGE)[INNER])


def test_watershed_fills_the_mask_from_its_seeds():
    two = np.zeros((21, 41), bool)
    two[3:18, 3:38] = True
    seeds = np.zeros(two.shape, np.int32)
    seeds[10, 8], seeds[10, 32] = 7, 3
    x = np.mgrid[:21, :41][1]
    landscape = -np.abs(x - 20).astype(np.float32)
    flooded = kernels.watershed(landscape, seeds, two)
    assert flooded.dtype == np.int32
    np.testing.assert_array_equal(flooded > 0, two)
    assert (flooded[two & (x < 20)] == 7).all()
    assert (flooded[two & (x > 20)] == 3).all()
    assert not kernels.watershed(landscape, np.zeros_like(seeds), two).any()


@pytest.mark.parametrize("factor", [1, 3, 8])
def test_shrink_and_enlarge(factor):
    y, x = np.mgrid[:66, :83]
    plane = (2 * y + 5 * x).astype(np.float32)
    small = kernels.shrink(plane, factor)
    assert small.shape == (66 // factor, 83 // factor)
    assert small[0, 0] == pytest.approx(plane[:factor, :factor].mean())
    back = kernels.enlarge(small, plane.shape, factor)
    assert back.shape == plane.shape
    rim = np.s_[factor : -2 * factor, factor : -2 * factor]
    np.testing.assert_allclose(back[rim], plane[rim], atol=1e-2)


def test_statistics_of_labels():
    labels, n = kernels.label(MASK)
    numbers = np.arange(n + 1)
    areas = kernels.sums(labels, n)
    assert areas[0] == 0
    np.testing.assert_array_equal(areas[1:], np.bincount(labels.ravel())[1:])
    theirs = ndimage.mean(IMAGE, labels, numbers)
    ours = kernels.means(labels, n, IMAGE)
    np.testing.assert_allclose(ours[1:], theirs[1:], rtol=1e-4, atol=1e-7)
    assert kernels.means(np.ones((3, 3), np.int32), 2, np.ones((3, 3))).tolist() == [0, 1, 0]


def test_repeating_undoes_shrinking_of_a_mask():
    small = np.array([[True, False], [False, True]])
    large = kernels.repeat(small, (7, 8), 3)
    np.testing.assert_array_equal(large[:6, :6], np.kron(small, np.ones((3, 3), bool)))
    assert not large[6:].any()
    assert not large[:, 6:].any()


def test_growing_goes_outwards_only():
    labels = measure.label(ndimage.binary_erosion(MASK, iterations=2)).astype(np.int32)
    grown = kernels.grow(labels, 3)
    np.testing.assert_array_equal(grown[labels > 0], labels[labels > 0])
    reach = ndimage.distance_transform_edt(labels == 0)
    assert (grown[reach <= 2] > 0).all()
    assert not grown[reach > 5].any()


def test_a_new_thread_keeps_to_one_thread_when_told():
    """The setting is each thread's own: untold, one would use all cores, and wait busily."""
    diplib.SetNumberOfThreads(2)
    try:
        with ThreadPoolExecutor(1, initializer=kernels.one_thread) as pool:
            assert pool.submit(diplib.GetNumberOfThreads).result() == 1
    finally:
        kernels.one_thread()
    assert diplib.GetNumberOfThreads() == 1
