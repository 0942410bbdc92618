"""Tiles: they cover the image once, keep their halo, and give what the whole image gives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.models.tiler import cut, halo_of, side_of, tiles
from nanosieve.networks import NAMES, build

sizes = st.integers(1, 90)


@given(st.tuples(sizes, sizes), st.sampled_from([1, 2, 4, 8]), st.integers(0, 4), st.integers(1, 5))
def test_tiles_cover_the_image_once_and_keep_their_halo(shape, stride, halos, more):
    halo = halos * stride
    layout = tiles(shape, halo=halo, stride=stride, side=2 * halo + more * stride)
    count = np.zeros(shape, int)
    shapes = set()
    for tile in layout:
        count[tile.core] += 1
        shapes.add(cut(np.zeros(shape), tile).shape)
        for source, core, inner, size in zip(
            tile.source, tile.core, tile.inner, shape, strict=True
        ):
            assert source.start % stride == 0 == (source.stop - source.start) % stride
            assert core.start - source.start == inner.start
            assert core.stop - source.start == inner.stop
            assert core.start - source.start >= halo or source.start == 0 == core.start
            assert source.stop - core.stop >= halo or (source.stop >= size == core.stop)
    assert (count == 1).all()
    assert len(shapes) == 1


@given(st.tuples(sizes, sizes), st.sampled_from([1, 4, 16]))
def test_tiles_are_cut_from_the_image_padded_by_mirroring(shape, stride):
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    missing = [(0, -size % stride) for size in shape]
    padded = np.pad(image, missing, mode="symmetric")
    for tile in tiles(shape, halo=stride, stride=stride, side=4 * stride):
        assert np.array_equal(cut(image, tile), padded[tile.source])


def test_the_halo_is_the_reach_and_at_least_half_the_receptive_field():
    assert halo_of(404, 32, reach=217) == 224
    assert halo_of(78, 16, reach=20) == 48
    assert halo_of(9, 1) == 6
    assert side_of(48, 16) == 1280


# Narrow, where the paper's width would only cost time: tiling knows nothing of widths.
NARROW = {"sadre-unet": {"width": 4}, "nanosieve": {"width": 4, "widest": 8}} | {
    f"groom-{kind}": {"width": 4, "pretrained": False} for kind in ("unet", "fpn", "linknet")
}
# Its receptive field of 1661 px asks for images of 3 million pixels.
SLOW = {"groom-unet7": {"width": 4, "pretrained": False}}


def _network(name):
    """A network with weights and statistics of its own."""
    torch.manual_seed(0)
    network = build(name, **(NARROW | SLOW).get(name, {}))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in NAMES],
)
def test_tiled_output_is_untiled_output(name):
    network = _network(name)
    assert network.tile_exact
    halo = halo_of(network.receptive_field, network.stride, network.reach)
    side = 2 * halo + network.stride
    shape = (side + 37, halo + 20)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def run(tile):
        with torch.inference_mode():
            return network(torch.from_numpy(cut(image, tile))[None, None])[0].numpy()

    [whole] = tiles(shape, halo=0, stride=network.stride, side=None)
    expected = run(whole)[(slice(None), *whole.inner)]
    found = np.full_like(expected, np.nan)
    layout = tiles(shape, halo=halo, stride=network.stride, side=side)
    assert len(layout) > 1
    for tile in layout:
        found[(slice(None), *tile.core)] = run(tile)[(slice(None), *tile.inner)]
    assert found == pytest.approx(expected, abs=2e-5 * max(1, float(np.abs(expected).max())))
