"""Coarse pixels: means of blocks and regions against plain loops; what is exact stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.selection.packing.coarse import Packing, block_from, coarsened, exact_pixels

DTYPES = ("uint8", "int16", "uint16", "int32", "float16", "float32", "float64")
SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)


@st.composite
def frames(draw):
    """Pixels of any kind that are read, infinities and NaN among them, and a mask."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(SHAPES)
    image = draw(arrays.arrays(dtype, shape))
    return image, draw(arrays.arrays(bool, shape))


@given(frames(), st.integers(0, 4), st.sampled_from([None, 1, 2, 3, 8, 100]))
def test_wanted_pixels_keep_every_bit_and_the_rest_stays_within_its_range(frame, margin, block):
    image, wanted = frame
    exact = exact_pixels(image, wanted, margin)
    packed = coarsened(image, exact, block)
    assert packed.dtype == image.dtype
    assert packed[exact].tobytes() == image[exact].tobytes()
    assert exact[wanted].all()
    rest = image[~exact]
    if rest.size:
        assert np.isfinite(packed[~exact]).all()
        assert packed[~exact].min() >= rest.min()
        assert packed[~exact].max() <= rest.max()
    if block == 1:
        assert packed.tobytes() == image.tobytes()


@given(frames(), st.integers(0, 4))
def test_the_margin_is_a_distance(frame, margin):
    image, wanted = frame
    distance = (
        ndimage.distance_transform_edt(~wanted) if wanted.any() else np.full(wanted.shape, 99)
    )
    expected = (distance <= margin) | ~np.isfinite(image)
    assert np.array_equal(exact_pixels(image, wanted, margin), expected)


@pytest.mark.parametrize("dtype", ["uint16", "float64"])
@pytest.mark.parametrize("block", [2, 3, 5, 50])
def test_blocks_are_means_of_what_is_not_exact(dtype, block):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 60000, (11, 14)).astype(dtype)
    exact = rng.random(image.shape) < 0.3
    expected = image.copy()
    for top in range(0, 11, block):
        for left in range(0, 14, block):
            box = np.s_[top : top + block, left : left + block]
            inside = ~exact[box]
            if inside.any():
                mean = image[box][inside].mean()
                expected[box][inside] = np.rint(mean) if dtype == "uint16" else mean
    np.testing.assert_allclose(coarsened(image, exact, block), expected, rtol=1e-12)


def test_one_mean_a_region():
    image = np.array([[1, 3, 50, 10, 20], [1, 3, 50, 30, 40]], np.uint8)
    packed = coarsened(image, image == 50, None)
    assert packed.tolist() == [[2, 2, 50, 25, 25], [2, 2, 50, 25, 25]]


def test_the_largest_numbers_do_not_overflow():
    image = np.full((4, 4), np.finfo(np.float64).max)
    nothing = np.zeros(image.shape, bool)
    for block in (None, 4):
        assert np.array_equal(coarsened(image, nothing, block), image)


def test_the_original_is_not_written_into():
    image = np.arange(16.0).reshape(4, 4)
    before = image.copy()
    for block in (None, 1, 2):
        coarsened(image, image < 3, block)[:] = 0
    assert np.array_equal(image, before)


@pytest.mark.parametrize("text", ["", "0x8", "-1", "2.5", "means"])
def test_blocks_are_whole_numbers(text):
    with pytest.raises(UsageError, match=r"--rest .*: give the side of a block in pixels, or mean"):
        block_from(text)


def test_lengths_out_of_range_are_refused():
    with pytest.raises(UsageError, match="--margin -1: give 0 to 4096 pixels"):
        Packing(margin_px=-1)
    with pytest.raises(UsageError, match="--rest 0: give blocks of 1 to 4096 pixels"):
        Packing(block_px=0)
