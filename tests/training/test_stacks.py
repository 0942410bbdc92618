"""Stacks as the papers publish them: HDF5 and NumPy, plain and one-hot labels."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from made import config, disc

from nanosieve.core.errors import UsageError
from nanosieve.training.data import TrainingImage, load_images

N, SHAPE = 3, (32, 40)
MASKS = np.stack([disc(SHAPE, (12 + i, 20), 7) for i in range(N)])
IMAGES = np.random.default_rng(0).normal(500, 20, MASKS.shape) - 100 * MASKS
ONE_HOT = np.stack([~MASKS, MASKS], axis=-1)


def load(path: Path, labels: Path | None = None, **stack: object) -> list[TrainingImage]:
    if labels is None and not stack:
        return load_images(config(data={"path": str(path)}))
    more = {} if labels is None else {"labels": str(labels)}
    stacks = [{"images": str(path), **more, **stack}]
    return load_images(config(data={"path": [], "stacks": stacks}))


def refused(path: Path, labels: Path | None = None, **stack: object) -> str:
    with pytest.raises(UsageError) as caught:
        load(path, labels, **stack)
    return str(caught.value)


def hdf5(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def check(images: list[TrainingImage]) -> None:
    assert len(images) == N
    for one, mask in zip(images, MASKS, strict=True):
        np.testing.assert_array_equal(one.classes, mask)
        assert one.image[mask].mean() < one.image[~mask].mean()


@pytest.mark.parametrize("key", ["maps", "labels", "masks"])
@pytest.mark.parametrize(
    "labels",
    [
        MASKS,
        MASKS[..., None].astype(np.float32),
        MASKS[:, None] * 255,
        ONE_HOT.astype(np.float32),
        np.moveaxis(ONE_HOT, -1, 1),
    ],
)
def test_hdf5_in_all_layouts(tmp_path: Path, key: str, labels: np.ndarray) -> None:
    path = hdf5(tmp_path / "maps-512.h5", images=IMAGES[..., None], **{key: labels})
    images = load(path)
    check(images)
    assert [one.name for one in images] == [f"maps-512_{i:04d}" for i in range(N)]
    assert {one.group for one in images} == {"maps-512"}


def test_numpy_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES[:, None].astype(np.float32))
    np.save(tmp_path / "y.npy", MASKS.astype(np.uint8))
    images = load(tmp_path / "x.npy", tmp_path / "y.npy", groups="image", pixel_size_nm=0.02)
    check(images)
    assert [one.group for one in images] == ["x_0000", "x_0001", "x_0002"]
    assert images[0].pixel_size_nm == 0.02
    np.savez(tmp_path / "both.npz", images=IMAGES, labels=MASKS)
    check(load(tmp_path / "both.npz"))


def test_groups_from_a_table(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "s.h5", images=IMAGES, maps=MASKS)
    table = tmp_path / "groups.csv"
    table.write_text("name,group\ns_0000,p\ns_0001,p\ns_0002,q\n")
    assert [one.group for one in load(path, groups=str(table))] == ["p", "p", "q"]
    table.write_text("name,group\ns_0000,p\ns_0001,p\n")
    assert "the image 's_0002' has no group" in refused(path, groups=str(table))


def test_labels_that_are_none(tmp_path: Path) -> None:
    soft = MASKS * 0.5
    message = refused(hdf5(tmp_path / "a.h5", images=IMAGES, maps=soft))
    assert "a.h5: image 0: labels are whole numbers, this holds fractions" in message
    twice = np.stack([MASKS, MASKS], axis=-1)
    message = refused(hdf5(tmp_path / "b.h5", images=IMAGES, maps=twice))
    assert "image 0: each pixel must be 1 in one of the 2 channels" in message
    message = refused(hdf5(tmp_path / "c.h5", images=IMAGES, maps=MASKS - 1.0))
    assert "labels are 0 to 2147483647, this holds -1" in message
    message = refused(hdf5(tmp_path / "d.h5", images=IMAGES + 1j, maps=MASKS))
    assert "images are numbers, this holds complex128" in message


def test_stacks_that_do_not_fit(tmp_path: Path) -> None:
    message = refused(hdf5(tmp_path / "a.h5", images=IMAGES, maps=MASKS[:2]))
    assert "labels of shape (2, 32, 40) do not match images of shape (3, 32, 40)" in message
    three = np.repeat(MASKS[..., None], 3, axis=-1)
    message = refused(hdf5(tmp_path / "b.h5", images=IMAGES, maps=three))
    assert "labels have 3 channels where data.classes names 2" in message
    message = refused(hdf5(tmp_path / "c.h5", images=IMAGES[0], maps=MASKS[0]))
    assert "images are (n, y, x) or (n, y, x, 1), these have shape (32, 40)" in message
    message = refused(hdf5(tmp_path / "d.h5", images=IMAGES, truth=MASKS))
    assert "expected one array named maps or labels or masks, found images, truth" in message


def test_files_that_are_no_stacks(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    assert "holds images only; give its labels beside them" in refused(tmp_path / "x.npy")
    assert "x.h5: there is no such file" in refused(tmp_path / "x.h5")
    (tmp_path / "bad.h5").write_bytes(b"no hdf5")
    assert "bad.h5: cannot be read as a stack" in refused(tmp_path / "bad.h5")
    (tmp_path / "x.mat").write_bytes(b"")
    assert "a stack is .h5, .hdf5, .npz, .npy, not '.mat'" in refused(
        tmp_path / "x.mat", groups="image"
    )


def test_pickles_are_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], object), allow_pickle=True)
    message = refused(tmp_path / "x.npy", groups="image")
    assert "cannot be read as a stack: " in message
