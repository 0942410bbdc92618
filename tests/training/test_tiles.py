"""Tiles: every pixel counts once in validation, empty ones only go from training, seeds decide."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import config, disc, image

from nanosieve.core.errors import UsageError
from nanosieve.training.augment_config import AugmentConfig
from nanosieve.training.data import TrainingImage
from nanosieve.training.targets import Target
from nanosieve.training.tiles import LEAST_PER_EPOCH, TileSet

SOFTMAX = Target(("support", "particle"), "softmax")
CORES = Target(("particle", "core"), "sigmoid")
OFF = AugmentConfig.none().model_dump()


def numbered(shape: tuple[int, int], **more: object) -> TrainingImage:
    """Every pixel has a value of its own."""
    pixels = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    classes = np.zeros(shape, np.uint8)
    return image("n", image=pixels, classes=classes, instances=classes.astype(np.int32), **more)


def tileset(
    *images: TrainingImage,
    training: bool,
    size: int = 16,
    target: Target = SOFTMAX,
    augment: dict | None = None,
    **tiles: object,
) -> TileSet:
    settings = config(tiles={"size": size, **tiles}, augment=OFF if augment is None else augment)
    return TileSet(images, settings, target, training=training)


def numbers(tiles: TileSet) -> list[int]:
    return sorted(set(tiles.order(np.random.default_rng(0))))


def items(tiles: TileSet, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [tiles.item(number, rng) for number in numbers(tiles)]


@given(st.integers(8, 50), st.integers(8, 50), st.integers(8, 20))
def test_each_pixel_counts_once_in_validation(height: int, width: int, size: int) -> None:
    one = numbered((height, width))
    counted = np.concatenate(
        [
            picture[0][weight > 0]
            for picture, _, weight in items(tileset(one, training=False, size=size))
        ]
    )
    np.testing.assert_array_equal(np.sort(counted), np.arange(height * width))


def test_ignored_pixels_have_no_weight() -> None:
    ignore = disc((40, 40), (10, 10), 4)
    one = numbered((40, 40), ignore=ignore)
    for training in (False, True):
        for picture, _, weight in items(tileset(one, training=training)):
            values = picture[0][weight > 0].astype(int)
            assert not ignore.ravel()[values].any()
    missing = {
        int(value)
        for picture, _, weight in items(tileset(one, training=True))
        for value in picture[0][weight == 0]
    }
    assert missing == set(np.flatnonzero(ignore))


def test_shapes_and_kinds() -> None:
    one = image("a")
    picture, target, weight = tileset(one, training=True).item(0, np.random.default_rng(0))
    assert (picture.shape, picture.dtype) == ((1, 16, 16), np.float32)
    assert (target.shape, target.dtype) == ((16, 16), np.int64)
    assert (weight.shape, weight.dtype) == ((16, 16), np.float32)
    tiles = tileset(one, training=True, target=CORES, augment={"rotation": True})
    _, target, _ = tiles.item(4, np.random.default_rng(0))
    assert (target.shape, target.dtype) == ((2, 16, 16), np.float32)
    assert set(np.unique(target)) == {0, 1}


def test_image_and_truth_stay_together_through_every_change() -> None:
    mask = disc((80, 80), (40, 44), 18)
    one = image(
        "a",
        image=np.where(mask, -5, 0).astype(np.float32),
        classes=mask.astype(np.uint8),
        instances=mask.astype(np.int32),
    )
    tiles = tileset(
        one,
        training=True,
        size=40,
        augment={**OFF, "share": 1.0, "dihedral": True, "rotation": True, "scale": 1.5,
                 "translation": 0.5, "shear": 15},
    )  # fmt: skip
    for seed in range(10):
        for picture, target, _ in items(tiles, seed):
            # Linear interpolation crosses half way where the nearest pixel changes.
            assert ((picture[0] < -2.5) != target).mean() < 0.02


def test_images_are_never_written_to() -> None:
    one = image("a", relative=(1.0, 0.2))
    before = [one.image.copy(), one.classes.copy()]
    tiles = tileset(one, training=True, augment={"share": 1.0, "poisson": True, "invert": True})
    items(tiles)
    np.testing.assert_array_equal(one.image, before[0])
    np.testing.assert_array_equal(one.classes, before[1])


def test_an_item_depends_on_its_generator_alone() -> None:
    one = image("a", relative=(1.0, 0.2))
    augment = {"rotation": True, "poisson": True, "share": 1.0}
    tiles = tileset(one, training=True, augment=augment)
    again = tileset(one, training=True, augment=augment)
    for number in reversed(numbers(tiles)):
        first = tiles.item(number, np.random.default_rng([7, number]))
        second = again.item(number, np.random.default_rng([7, number]))
        for left, right in zip(first, second, strict=True):
            np.testing.assert_array_equal(left, right)


def test_empty_tiles_are_left_out_of_training_only() -> None:
    one = image("a")  # its disc lies in the middle of nine tiles, and ends at row 26
    assert len(numbers(tileset(one, training=True))) == 9
    kept = tileset(one, training=True, drop_empty=True, empty_px=30)
    assert len(numbers(kept)) < 9
    assert all(target.sum() >= 30 for _, target, _ in items(kept))
    assert len(tileset(one, training=False, drop_empty=True, empty_px=30)) == 9
    with pytest.raises(UsageError, match=r"no tile is left to train on; set tiles.drop_empty"):
        tileset(numbered((20, 20)), training=True, drop_empty=True)


def test_ignored_particles_make_no_tile_full() -> None:
    one = image("a")
    hidden = image("b", ignore=one.classes > 0)
    kept = tileset(one, hidden, training=True, drop_empty=True)
    assert {kept.where(number).split()[0] for number in numbers(kept)} == {"a"}


def test_each_tile_once_an_epoch() -> None:
    tiles = tileset(image("a"), training=True, per_epoch=9)
    assert sorted(tiles.order(np.random.default_rng(0))) == list(range(9))
    assert tiles.order(np.random.default_rng(0)) != tiles.order(np.random.default_rng(1))
    assert tiles.order(np.random.default_rng(1)) == tiles.order(np.random.default_rng(1))
    longer = tileset(image("a"), training=True, per_epoch=20)
    assert len(longer) == 20
    counts = np.bincount(longer.order(np.random.default_rng(0)))
    assert sorted(set(counts)) == [2, 3]
    checked = tileset(image("a"), training=False, per_epoch=20)
    assert checked.order(np.random.default_rng(0)) == list(range(9))


def test_an_epoch_of_few_tiles_has_each_several_times() -> None:
    few = tileset(image("a"), training=True)
    assert len(few) == LEAST_PER_EPOCH
    counts = np.bincount(few.order(np.random.default_rng(0)))
    assert sorted(set(counts)) == [22, 23]
    assert len(tileset(image("a"), training=False)) == 9
    many = tileset(*(image(f"a{n}") for n in range(30)), training=True)
    assert sorted(many.order(np.random.default_rng(0))) == list(range(270))


def test_balanced_groups_and_classes() -> None:
    bare = numbered((160, 160))
    images = [image("a", "a"), bare]
    tiles = tileset(*images, training=True, balance="groups", per_epoch=4000)
    names = [tiles.where(number).split()[0] for number in tiles.order(np.random.default_rng(0))]
    assert names.count("a") / 4000 == pytest.approx(0.5, abs=0.03)
    tiles = tileset(*images, training=True, balance="classes", per_epoch=4000)
    order = tiles.order(np.random.default_rng(0))
    full = {n for n in range(109) if tiles.item(n, np.random.default_rng(0))[1].any()}
    assert np.mean([number in full for number in order]) == pytest.approx(0.5, abs=0.03)


def test_a_tile_is_named_by_its_place() -> None:
    tiles = tileset(image("a"), image("b"), training=False)
    assert tiles.where(0) == "a at y 0, x 0"
    assert tiles.where(17) == "b at y 24, x 24"


@pytest.mark.slow
def test_a_tile_with_every_change_takes_some_milliseconds() -> None:
    names = set(AugmentConfig.model_fields) - {"share"}
    rng = np.random.default_rng(0)
    pixels = rng.normal(0, 1, (1024, 1024)).astype(np.float32)
    classes = (pixels > 1).astype(np.uint8)
    one = image("a", image=pixels, classes=classes, instances=classes, relative=(1.0, 0.1))
    every = dict.fromkeys(names, True) | {"share": 1.0}
    tiles = tileset(one, training=True, size=256, augment=every)
    tiles.item(0, rng)
    times = []
    for number in range(16):
        start = time.process_time()
        tiles.item(number, rng)
        times.append(time.process_time() - start)
    # 10 ms on an idle core; a busy one, which shares its caches, is forgiven.
    assert min(times) < 0.03


def test_tiles_are_halved_while_they_hold_the_largest_image():
    sides = {shape: tileset(numbered(shape), training=False, size=512).size
             for shape in ((40, 60), (40, 200), (257, 40), (600, 600))}  # fmt: skip
    assert sides == {(40, 60): 128, (40, 200): 256, (257, 40): 512, (600, 600): 512}
    assert tileset(numbered((40, 60)), training=False, size=96).size == 96
