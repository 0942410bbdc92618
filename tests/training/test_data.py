"""Images with their truth: read as they lie, refused by name where truth does not fit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from made import config, disc, image, write_folder
from PIL import Image
from scipy import ndimage

from nanosieve.core.errors import RefusedInput, UsageError
from nanosieve.prepare.network_input import InputSpec, network_input
from nanosieve.prepare.outliers import remove_outliers
from nanosieve.training.checks import check_images, check_instances, class_numbers, content
from nanosieve.training.data import TrainingImage, load_images
from nanosieve.training.fit_check import check_fit
from nanosieve.training.moments import moment_of


def load(*folders: Path, data: dict | None = None, **sections: object) -> list[TrainingImage]:
    paths = [str(folder) for folder in folders]
    return load_images(config(data={"path": paths, **(data or {})}, **sections))


def refused(*folders: Path, data: dict | None = None, **sections: object) -> str:
    with pytest.raises(UsageError) as caught:
        load(*folders, data=data, **sections)
    return str(caught.value)


def test_a_folder_becomes_network_input_and_truth(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "ba")
    first, second = load(folder)
    assert [first.name, second.name] == ["a", "b"]
    assert (first.group, first.polarity, first.pixel_size_nm) == ("all", "dark", None)
    # `write_folder` draws b first: its disc lies 1 px higher.
    np.testing.assert_array_equal(first.classes, disc((48, 64), (21, 30), 9))
    np.testing.assert_array_equal(second.instances, disc((48, 64), (20, 30), 9))
    pixels = tifffile.imread(folder / "images" / "a.tif").astype(np.float32)
    expected = network_input(remove_outliers(pixels)[0], InputSpec(), polarity="dark")
    np.testing.assert_array_equal(first.image, expected)
    assert first.ignore is None
    np.testing.assert_array_equal(first.class_counts(2), np.bincount(first.classes.ravel()))


def test_polarity_is_told_by_the_truth(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    path = folder / "images" / "a.tif"
    (dark,) = load(folder)
    tifffile.imwrite(path, 3000 - tifffile.imread(path))
    (bright,) = load(folder)
    assert (dark.polarity, bright.polarity) == ("dark", "bright")
    np.testing.assert_allclose(dark.image, bright.image, atol=1e-3)
    (said,) = load(folder, data={"polarity": "dark"})
    np.testing.assert_allclose(said.image, -bright.image, atol=1e-3)


def test_relative_gives_back_grey_values_over_their_mean(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    (one,) = load(folder)
    pixels = tifffile.imread(folder / "images" / "a.tif").astype(float)
    offset, gain = one.relative
    np.testing.assert_allclose(offset + gain * one.image, pixels / pixels.mean(), atol=1e-4)


def test_truth_follows_the_image_to_another_pixel_size(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    (folder / "dataset.csv").write_text("name,pixel_size_nm,group\na,0.5,g\n")
    (one,) = load(folder, input={"pixel_size_nm": 1.0})
    assert one.shape == one.classes.shape == one.instances.shape == (24, 32)
    assert one.pixel_size_nm == 1.0
    # A pixel of the new grid covers rows 2i and 2i + 1; its centre is on the edge between them.
    np.testing.assert_array_equal(one.classes, disc((48, 64), (20, 30), 9)[1::2, 1::2])
    assert one.class_counts(2)[1] == pytest.approx(np.pi * 81 / 4, rel=0.1)
    (finer,) = load(folder, input={"pixel_size_nm": 0.25})
    np.testing.assert_array_equal(
        finer.classes, disc((48, 64), (20, 30), 9).repeat(2, 0).repeat(2, 1)
    )
    (shorter,) = load(folder, tiles={"size": 24, "resize": "resize"})
    assert (shorter.shape, shorter.pixel_size_nm) == ((24, 32), 1.0)


def test_an_unknown_pixel_size_cannot_be_resampled(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    assert "a: has no pixel size, but input.pixel_size_nm" in refused(
        folder, input={"pixel_size_nm": 1.0}
    )


def test_ignored_pixels_and_captions_do_not_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mask = disc((128, 128), (40, 60), 20)
    pixels = (rng.normal(150, 10, mask.shape) - 60 * mask).astype(np.uint8)
    pixels[110:114, 20:70] = 255
    ignore = disc((128, 128), (40, 60), 5)
    for name, array in (("images", pixels), ("masks", mask * 255), ("ignore", ignore * 255)):
        (tmp_path / name).mkdir()
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / name / "a.png")
    (one,) = load(tmp_path)
    assert one.ignore is not None
    assert one.ignore[ignore].all()
    assert one.ignore[110:114, 20:70].all()
    assert not one.ignore[60:100].any()
    assert one.class_counts(2).sum() == (~one.ignore).sum()
    (half,) = load(tmp_path, tiles={"size": 64, "resize": "resize"})
    np.testing.assert_array_equal(
        half.ignore, one.ignore.reshape(64, 2, 64, 2).any((1, 3)) | half.ignore
    )
    assert half.ignore.sum() <= one.ignore.sum() / 4 * 1.5
    (all_of_it,) = load(tmp_path, data={"annotations": False})
    np.testing.assert_array_equal(all_of_it.ignore, ignore)


def test_several_sets_keep_their_names_apart(tmp_path: Path) -> None:
    folders = [write_folder(tmp_path / name, "ab", seed=seed) for seed, name in enumerate("xy")]
    found = load(*folders)
    assert [one.name for one in found] == ["x/a", "x/b", "y/a", "y/b"]
    # Nobody named the groups, so each set is one.
    assert [one.group for one in found] == ["x/all", "x/all", "y/all", "y/all"]
    each = load(*folders, data={"groups": "image"})
    assert [one.group for one in each] == ["x/a", "x/b", "y/a", "y/b"]
    for folder in folders:
        (folder / "dataset.csv").write_text("name,group\na,monday\nb,tuesday\n")
    named = load(*folders)
    assert [one.group for one in named] == ["monday", "tuesday", "monday", "tuesday"]


def test_instances_alone_are_truth(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    (folder / "masks").rename(folder / "instances")
    (one,) = load(folder)
    assert one.classes.max() == 1
    assert one.instances.max() == 255
    assert "instances tell no classes" in refused(folder, data={"classes": ["s", "au", "pd"]})


def test_every_fault_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "abcde")
    (folder / "masks" / "a.png").unlink()
    grey = np.arange(48 * 64).reshape(48, 64) % 256
    Image.fromarray(grey.astype(np.uint8)).save(folder / "masks" / "b.png")
    tifffile.imwrite(folder / "images" / "c.tif", np.full((48, 64), 7, np.uint16))
    (folder / "instances").mkdir()
    elsewhere = disc((48, 64), (8, 50), 5)
    Image.fromarray(elsewhere.astype(np.uint8)).save(folder / "instances" / "d.png")
    message = refused(folder)
    assert "a: has neither mask nor instances" in message
    assert "b.png: holds the values 0, 1, 2, 3, 4, 5 and 250 more; a mask of 2 classes" in message
    assert "c: is constant; remove it or set keep to no" in message
    assert "d: mask and instances do not match: they differ in" in message


def test_a_mask_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "ab")
    Image.fromarray(np.zeros((48, 63), np.uint8)).save(folder / "masks" / "b.png")
    assert "masks/b.png: has shape (48, 63) where its image has (48, 64)" in refused(folder)
    assert "nowhere: there is no such folder" in refused(tmp_path / "nowhere")


def spread(folder: Path, names: str = "abc") -> Path:
    """Square images with a disc at a place of its own each."""
    write_folder(folder, names)
    rng = np.random.default_rng(1)
    for number, name in enumerate(names):
        mask = disc((64, 64), (14 + 4 * number, 12 + 18 * number), 9)
        pixels = (rng.normal(1000, 60, mask.shape) - 300 * mask).astype(np.uint16)
        tifffile.imwrite(folder / "images" / f"{name}.tif", pixels)
        Image.fromarray((mask * 255).astype(np.uint8)).save(folder / "masks" / f"{name}.png")
    return folder


def test_masks_in_another_order_are_refused(tmp_path: Path) -> None:
    folder = spread(tmp_path / "set")
    assert len(load(folder)) == 3
    (folder / "masks" / "a.png").rename(tmp_path / "kept.png")
    (folder / "masks" / "b.png").rename(folder / "masks" / "a.png")
    (tmp_path / "kept.png").rename(folder / "masks" / "b.png")
    message = refused(folder)
    assert "a: its mask does not match it, but the image b; name the files alike" in message
    assert "b: its mask does not match it, but the image a" in message
    assert "c:" not in message


def test_two_images_of_one_structure_share_their_mask(tmp_path: Path) -> None:
    folder = spread(tmp_path / "set")
    shutil.copy(folder / "masks" / "b.png", folder / "masks" / "a.png")
    rng = np.random.default_rng(2)
    # Nothing to be seen in this one; b shows what both hold.
    tifffile.imwrite(folder / "images" / "a.tif", rng.normal(1000, 60, (64, 64)).astype(np.uint16))
    assert len(load(folder)) == 3


def test_only_classes_in_front_have_instances(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    classes = np.zeros((48, 64), np.uint8)
    classes[:, 40:] = 1
    classes[5:20, 5:20] = 2
    (folder / "instances").mkdir()
    Image.fromarray(classes).save(folder / "masks" / "a.png")
    named = {"classes": ["film", "hole", "dirt"], "polarity": "dark"}
    (by_mask,) = load(folder, data={**named, "foreground": ["dirt"]})
    np.testing.assert_array_equal(by_mask.instances > 0, classes == 2)
    tifffile.imwrite(folder / "instances" / "a.tif", (classes == 2).astype(np.uint16))
    (given,) = load(folder, data={**named, "foreground": ["dirt"]})
    np.testing.assert_array_equal(given.instances > 0, classes == 2)
    assert "mask and instances do not match" in refused(folder, data=named)


def test_in_many_images_a_mask_fits_some_other_image_by_chance() -> None:
    rng = np.random.default_rng(0)
    images = []
    for number in range(300):
        uneven = ndimage.gaussian_filter(rng.normal(size=(64, 64)), 20).astype(np.float32)
        mask = disc((64, 64), rng.uniform(16, 48, 2), 14).astype(np.uint8)
        images.append(TrainingImage(f"{number}", f"{number}", uneven, mask, mask.astype(np.int32)))
    masks = [one.classes - one.classes.mean() for one in images]
    fits = np.corrcoef([one.image.ravel() for one in images], [mask.ravel() for mask in masks])
    assert np.mean(np.abs(fits[300:, :300]).max(1) > 0.5) > 0.5
    assert check_fit(images) == []


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda mask: mask[:, ::-1], "mirrored"),
        (lambda mask: np.rot90(mask, 1), "turned by 90 degrees"),
        (lambda mask: mask.T[::-1, ::-1], "mirrored and turned by 270 degrees"),
    ],
)
def test_a_turned_mask_is_refused(
    tmp_path: Path, turn: Callable[[np.ndarray], np.ndarray], said: str
) -> None:
    folder = spread(tmp_path / "set", "a")
    path = folder / "masks" / "a.png"
    with Image.open(path) as picture:
        mask = np.asarray(picture)
    Image.fromarray(np.ascontiguousarray(turn(mask))).save(path)
    assert f"a: its mask fits the image {said}, not as it is" in refused(folder)


def test_particles_without_contrast_pass(tmp_path: Path) -> None:
    folder = spread(tmp_path / "set")
    noise = np.random.default_rng(0).normal(1000, 60, (3, 64, 64)).astype(np.uint16)
    for name, pixels in zip("abc", noise, strict=True):
        tifffile.imwrite(folder / "images" / f"{name}.tif", pixels)
    assert len(load(folder)) == 3


def test_a_class_without_a_pixel_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "ab", particle=0)
    assert "no pixel of class 'particle' in any image" in refused(folder)


def test_more_than_two_classes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "ab", particle=2)
    names = ["support", "gold", "oxide"]
    assert "no pixel of class 'gold'" in refused(folder, data={"classes": names})
    Image.fromarray(disc((48, 64), (21, 30), 9).astype(np.uint8)).save(folder / "masks" / "b.png")
    first, second = load(folder, data={"classes": names})
    assert (first.classes.max(), second.classes.max()) == (2, 1)
    other = write_folder(tmp_path / "other", "ab")
    assert "the unexpected values 255; with 3 classes they are 0 to 2" in refused(
        other, data={"classes": names}
    )


@pytest.mark.parametrize("turned", [False, True])
def test_the_same_image_in_two_groups(tmp_path: Path, turned: bool) -> None:
    folder = write_folder(tmp_path / "set", "ab")
    for kind, suffix in (("images", "tif"), ("masks", "png")):
        with Image.open(folder / kind / f"a.{suffix}") as picture:
            pixels = np.asarray(picture)
        copy = np.rot90(pixels)[::-1] if turned else pixels
        Image.fromarray(np.ascontiguousarray(copy)).save(folder / kind / f"b.{suffix}")
    assert "b (group 'b') is the same image as a (group 'a')" in refused(
        folder, data={"groups": "image"}
    )
    assert "is the same image as a" in refused(folder, data={"ungrouped": True})
    # Within one group it cannot lie on both sides.
    assert len(load(folder)) == 2


def test_content_tells_values_not_storage() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 12), np.uint8)
    same = [pixels, pixels.astype(float), pixels.T, pixels[::-1], np.rot90(pixels, 3).copy()]
    assert len({content(one) for one in same}) == 1
    changed = pixels.copy()
    changed[4, 4] += 1
    assert content(changed) != content(pixels)
    assert content(np.zeros((2, 6))) != content(np.zeros((3, 4)))


def test_values_of_masks() -> None:
    both = np.array([[0, 7]])
    assert class_numbers(both, 2, where="m").tolist() == [[0, 1]]
    # A tile may lie within one particle.
    assert class_numbers(np.full((1, 2), 255), 2, where="m").tolist() == [[1, 1]]
    with pytest.raises(RefusedInput, match="m: holds the values 1, 2; a mask of 2 classes"):
        class_numbers(np.array([[1, 2]]), 2, where="m")


def test_instances_may_leave_out_seams() -> None:
    classes = np.zeros((40, 40), np.uint8)
    classes[5:35, 5:35] = 1
    instances = classes.astype(np.int32)
    instances[20] = 0
    check_instances(classes, instances, where="a")
    instances[18:22] = 0
    with pytest.raises(
        RefusedInput, match="a: mask and instances do not match: they differ in 120"
    ):
        check_instances(classes, instances, where="a")


def test_what_is_ignored_fills_no_class() -> None:
    one = image("a")
    hidden = image("b", ignore=one.classes > 0)
    assert check_images([one], classes=("support", "particle")) == []
    (fault,) = check_images([hidden], classes=("support", "particle"))
    assert fault.startswith("no pixel of class 'particle'")


def test_when_frames_were_taken(tmp_path: Path) -> None:
    name = "Capture3_Hour_01_Minute_02_Second_03_Frame_0004"
    moment = moment_of(name, {}, "g", 0.1)
    assert (moment.movie, moment.time_s, moment.frame) == ("Capture3", 3723.4, 4)
    assert moment_of("run_frame_12", {}, "g", 0.5).time_s == 6
    assert moment_of("run_frame_12", {}, "g", None).time_s is None
    assert moment_of("x", {"movie": "m", "frame": "3"}, "g", 2).movie == "m"
    assert moment_of("run_frame_12", {}, "g", None, label="b/").movie == "b/run"
    assert moment_of("frame_12", {}, "g", None, label="b/").movie == "g"
    assert moment_of("x", {"frame": "soon"}, "g", 2).frame is None
    folder = write_folder(tmp_path / "set", "ab")
    (folder / "dataset.csv").write_text("name,time_s\na,1.5\nb,2.5\n")
    assert [one.moment.time_s for one in load(folder)] == [1.5, 2.5]


def test_real_tiles_load(shared_data: Path, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for file in sorted((shared_data / "sinter800" / kind).iterdir())[:3]:
            shutil.copy(file, tmp_path / kind)
    found = load(tmp_path)
    assert [one.name for one in found] == ["sinter800_00", "sinter800_01", "sinter800_02"]
    assert {one.polarity for one in found} == {"dark"}
    assert all(one.image.std() == pytest.approx(1, abs=1e-3) for one in found)
    assert all(one.ignore is None for one in found)


def test_a_table_of_groups_that_is_not_there(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", "a")
    said = refused(folder, data={"groups": "images"})
    assert said.startswith("data.groups is 'dataset', 'image' or a CSV file with name, group; no ")
    assert said.endswith("did you mean 'image'?")
    stack = {"images": str(tmp_path / "x.npy"), "groups": "table.csv"}
    said = refused(data={"stacks": [stack]})
    assert said.startswith("data.stacks.1.groups is")
    assert said.endswith("table.csv")
