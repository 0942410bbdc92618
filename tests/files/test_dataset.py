"""Data-set folders: found whole, or refused with every fault named."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.measure import label as skimage_label

from nanosieve.core.errors import FailedInput, OutputError, RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.dataset import Dataset, instances_from_mask, read_boxes
from nanosieve.files.dataset_index import IndexRow, read_index, update_index
from nanosieve.files.dataset_writer import NewSample, remove_sample, write_dataset, write_sample
from nanosieve.files.labels import read_labels, write_labels
from nanosieve.files.read import read

IMAGE = np.arange(20, dtype=np.uint16).reshape(4, 5)
MASK = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 1], [0, 0, 0, 0, 1]])
NM = Calibration(0.2, "file")


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".png":
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    else:
        tifffile.imwrite(path, pixels.astype(np.uint16))


def index(folder: Path, *lines: str) -> None:
    (folder / "dataset.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images: a with a mask, b with instances and what to ignore, c with boxes."""
    for name in "cab":
        save(tmp_path / "images" / f"{name}.tif", IMAGE)
    save(tmp_path / "masks" / "a.png", MASK * 255)
    save(tmp_path / "instances" / "b.tif", MASK * 500)
    save(tmp_path / "ignore" / "b.png", np.eye(4, 5) * 9)
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "c.txt").write_text("0 0.4 0.5 0.4 0.5\n\n2 0.9 0.75 0.2 0.5\n")
    return tmp_path


def test_everything_is_found(folder: Path) -> None:
    data = Dataset.open(folder)
    a, b, c = data
    assert [sample.name for sample in data] == ["a", "b", "c"]
    assert len(data) == 3
    assert data.left_out == ()
    assert {(sample.group, sample.split) for sample in data} == {("all", "")}
    np.testing.assert_array_equal(a.image(), IMAGE)
    assert a.image().dtype == np.uint16
    assert a.micrograph().name == "a"
    np.testing.assert_array_equal(a.mask(), MASK > 0)
    assert a.instances() is None
    np.testing.assert_array_equal(b.instances(), MASK * 500)
    np.testing.assert_array_equal(b.mask(), MASK > 0)
    np.testing.assert_array_equal(b.ignore(), np.eye(4, 5) > 0)
    assert c.mask() is None
    assert c.ignore() is None
    assert a.boxes() is None


def test_boxes_are_in_pixels_from_the_corner(folder: Path) -> None:
    sample = Dataset.open(folder).samples[2]
    # Width 5, height 4: the first box holds rows 1 and 2, columns 1 and 2, as the particle does.
    np.testing.assert_allclose(sample.boxes(), [[1, 1, 3, 3], [2, 4, 4, 5]], atol=1e-12)


def test_an_empty_file_of_boxes_is_no_particle(folder: Path) -> None:
    (folder / "boxes" / "c.txt").write_text("")
    assert Dataset.open(folder).samples[2].boxes().shape == (0, 4)


@pytest.mark.parametrize("second", [1, 2, 128, 255])
def test_whatever_the_second_value_is_it_is_particle(folder: Path, second: int) -> None:
    save(folder / "masks" / "a.png", MASK * second)
    mask = Dataset.open(folder).samples[0].mask()
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, MASK > 0)


def test_other_files_do_not_disturb(folder: Path) -> None:
    (folder / "README.md").touch()
    (folder / "images" / "Thumbs.db").touch()
    (folder / "images" / "._a.tif").touch()
    (folder / "boxes" / "classes.txt").write_text("particle\n")
    assert len(Dataset.open(folder)) == 3


# dataset.csv


def test_dataset_csv_is_obeyed(folder: Path) -> None:
    index(
        folder,
        "\ufeffname,group,split,pixel_size_nm,keep,comment",
        "a, session 1 ,train,0.5,yes,good",
        "b,session 2,test,,,",
        "c,session 2,test,0.25,No,caption",
    )
    data = Dataset.open(folder)
    assert [(s.name, s.group, s.split, s.pixel_size_nm) for s in data] == [
        ("a", "session 1", "train", 0.5),
        ("b", "session 2", "test", None),
    ]
    assert data.left_out == ("c",)
    calibration = data.samples[0].micrograph().calibration
    assert (calibration.pixel_size_nm, calibration.source) == (0.5, "user")


def test_the_images_own_pixel_size_counts_where_the_table_says_nothing(folder: Path) -> None:
    write_labels(folder / "images" / "a.tif", IMAGE, NM)
    index(folder, "name,group,split,pixel_size_nm", "a,x,,", "b,x,,3", "c,x,,")
    sizes = [sample.pixel_size_nm for sample in Dataset.open(folder)]
    assert sizes == [pytest.approx(0.2), 3.0, None]


def test_pixels_that_are_not_square_need_a_given_size(folder: Path) -> None:
    tifffile.imwrite(
        folder / "images" / "a.tif", IMAGE, imagej=True, resolution=(1, 2), metadata={"unit": "nm"}
    )
    with pytest.raises(UsageError, match=r"a\.tif"):
        Dataset.open(folder)
    index(folder, "name,pixel_size_nm", "a,0.7", "b,", "c,")
    assert Dataset.open(folder).samples[0].pixel_size_nm == 0.7


def test_groups(folder: Path, tmp_path: Path) -> None:
    assert [s.group for s in Dataset.open(folder, groups="image")] == ["a", "b", "c"]
    table = tmp_path / "sessions.csv"
    table.write_text("group,name\nmonday,a\nmonday,b\ntuesday,c\nfriday,elsewhere\n")
    assert [s.group for s in Dataset.open(folder, groups=table)] == ["monday", "monday", "tuesday"]
    # An index without groups divides nothing.
    index(folder, "name,split", "a,train", "b,train", "c,test")
    assert {s.group for s in Dataset.open(folder)} == {"all"}


def test_struck_out_images_need_no_group(folder: Path) -> None:
    index(folder, "name,group,keep", "a,x,", "b,x,", "c,,no")
    assert [s.name for s in Dataset.open(folder)] == ["a", "b"]


def test_all_struck_out(folder: Path) -> None:
    index(folder, "name,keep", "a,no", "b,no", "c,no")
    with pytest.raises(UsageError, match="every image is struck out"):
        Dataset.open(folder)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["names", "a"], "dataset.csv: has no column 'name'; columns are separated by commas"),
        (["name;group", "a;x"], "has no column 'name'"),
        (["name", "a", "b", "c", "d"], r"no image named 'd' \(names have no suffix\)"),
        (["name", "a", "b"], "dataset.csv: the image 'c' has no row"),
        (["name", "a", "b", "c", "a"], "line 5: the image 'a' has two rows"),
        (["name,pixel_size_nm", "a,-1", "b,", "c,"], "line 2: pixel_size_nm must be .* got '-1'"),
        (["name,pixel_size_nm", "a,", "b,1 nm", "c,"], "line 3: pixel_size_nm .* got '1 nm'"),
        (["name,pixel_size_nm", "a,inf", "b,", "c,"], "line 2: pixel_size_nm .* got 'inf'"),
        (["name,pixel_size_nm", "a,0,5", "b,", "c,"], "line 2 has too many cells"),
        (["name,keep", "a,maybe", "b,", "c,"], "line 2: keep must be yes, no or blank"),
        (["name,group", "a,x", "b,", "c,x"], "dataset.csv: the image 'b' has no group"),
    ],
)
def test_faults_of_dataset_csv(folder: Path, lines: list[str], message: str) -> None:
    index(folder, *lines)
    with pytest.raises(UsageError, match=message) as caught:
        Dataset.open(folder)
    assert "\n" not in str(caught.value)


def test_faults_of_a_groups_file(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--groups is 'image' or a CSV file .* no file nowhere"):
        Dataset.open(folder, groups="nowhere.csv")
    with pytest.raises(UsageError, match="no file images; did you mean 'image'"):
        Dataset.open(folder, groups="images")
    table = tmp_path / "sessions.csv"
    table.write_text("name,group\na,monday\nb,\n")
    with pytest.raises(UsageError, match=r"'b' has no group; .*the image 'c' has no group"):
        Dataset.open(folder, groups=table)
    table.write_text("name,session\na,monday\n")
    with pytest.raises(UsageError, match=r"sessions\.csv: has no column 'group'"):
        Dataset.open(folder, groups=table)


# Faults of files


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: there is no such folder"):
        Dataset.open(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"no image in .*images; a data set is images/<name>"):
        Dataset.open(tmp_path)


def test_all_faults_at_once(folder: Path) -> None:
    save(folder / "images" / "b.png", IMAGE)
    save(folder / "masks" / "a.png", MASK[:3])
    save(folder / "masks" / "z.png", MASK)
    (folder / "images" / "c.tif").write_bytes(b"II*\0 and no more")
    (folder / "boxes" / "c.txt").write_text("0 0.5 0.5 0.1\n")
    with pytest.raises(UsageError) as caught:
        Dataset.open(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder}: ")
    assert "\n" not in text
    assert "images/b.tif and images/b.png share one name; rename or remove one" in text
    assert "masks/z.png: there is no image named 'z'" in text
    assert "masks/a.png: has shape (3, 5) where its image has (4, 5)" in text
    assert "c.txt: line 1 is not 'class xc yc w h' relative to the image" in text
    assert "c.tif" in text


def test_many_faults_are_counted(folder: Path) -> None:
    for number in range(9):
        save(folder / "masks" / f"m{number}.png", MASK)
    with pytest.raises(UsageError, match=r"m4.*; and 4 more$"):
        Dataset.open(folder)


def test_a_movie_is_no_sample(folder: Path) -> None:
    tifffile.imwrite(folder / "images" / "a.tif", np.stack([IMAGE] * 3), imagej=True,
                     metadata={"axes": "TYX"})  # fmt: skip
    with pytest.raises(UsageError, match=r"images/a\.tif: is a movie of 3 frames; give"):
        Dataset.open(folder)


def test_a_colour_mask_is_refused(folder: Path) -> None:
    save(folder / "masks" / "a.png", np.zeros((4, 5, 3)))
    with pytest.raises(UsageError, match=r"a.png: is a colour \(RGB\) picture"):
        Dataset.open(folder)


def test_pixels_that_break_later_are_named(folder: Path) -> None:
    sample = Dataset.open(folder).samples[0]
    path = folder / "masks" / "a.png"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FailedInput, match=r"a.png: cannot be read as a label image"):
        sample.mask()


@pytest.mark.parametrize(
    "line",
    ["0 0.5 0.5 0.1", "0 0.5 0.5 0.1 0.1 0.9", "gold 0.5 0.5 0.1 0.1", "0.5 0.5 0.5 0.1 0.1",
     "0 1.5 0.5 0.1 0.1", "0 0.5 0.5 0 0.1", "0 0.5 0.5 0.1 nan", "0,0.5,0.5,0.1,0.1"],
)  # fmt: skip
def test_malformed_boxes(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(RefusedInput, match=r"a.txt: line 2 is not 'class xc yc w h'"):
        read_boxes(tmp_path / "a.txt")


# Instances


def test_instances_are_large_four_connected_components() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((60, 70)) < 0.58
    labels = instances_from_mask(mask)
    reference = skimage_label(mask, connectivity=1)
    kept = [n for n in range(1, reference.max() + 1) if np.count_nonzero(reference == n) >= 12]
    assert labels.dtype == np.int32
    assert labels.max() == len(kept) > 3
    for label, n in enumerate(kept, start=1):
        np.testing.assert_array_equal(labels == label, reference == n)


def test_twelve_pixels_are_enough_and_eleven_are_not() -> None:
    mask = np.zeros((4, 30), np.uint8)
    mask[0, :11] = mask[2, :12] = 255
    labels = instances_from_mask(mask)
    assert labels[0].max() == 0
    assert labels[2, :12].tolist() == [1] * 12
    assert instances_from_mask(np.zeros((3, 3), bool)).max() == 0


# Writing


def sample(name: str = "a", *, ignore: np.ndarray | None = None) -> NewSample:
    return NewSample(name, IMAGE, MASK, NM, group="movie", ignore=ignore)


def test_what_is_written_opens_again(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "dataset"
    ignore = np.eye(4, 5, dtype=bool)
    write_dataset(folder, [sample("b"), sample("a", ignore=ignore)])
    first, second = Dataset.open(folder)
    assert (first.name, first.group, first.pixel_size_nm) == ("a", "movie", 0.2)
    np.testing.assert_array_equal(first.image(), IMAGE)
    assert first.image().dtype == IMAGE.dtype
    np.testing.assert_array_equal(first.mask(), MASK > 0)
    np.testing.assert_array_equal(first.instances(), MASK)
    np.testing.assert_array_equal(first.ignore(), ignore)
    assert second.ignore() is None
    assert np.asarray(Image.open(folder / "masks" / "a.png")).max() == 255
    # The image carries its pixel size itself.
    assert read(folder / "images" / "a.tif").calibration.pixel_size_nm == pytest.approx(0.2)
    assert (folder / "dataset.csv").read_text().splitlines() == [
        "name,group,split,pixel_size_nm,keep",
        "a,movie,,0.2,yes",
        "b,movie,,0.2,yes",
    ]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "f4", "f8"])
def test_images_keep_their_dtype_and_values(tmp_path: Path, dtype: str) -> None:
    image = (IMAGE * 3.0 - (0 if dtype.startswith("u") else 7)).astype(dtype)
    write_dataset(tmp_path, [NewSample("a", image, MASK, NM, group="g")])
    [found] = Dataset.open(tmp_path)
    np.testing.assert_array_equal(found.image(), image)
    assert found.image().dtype == image.dtype
    assert found.pixel_size_nm == pytest.approx(0.2)


def test_more_instances_than_png_holds(tmp_path: Path) -> None:
    many = MASK * 70_000
    write_dataset(tmp_path, [NewSample("a", IMAGE, many, NM, group="g")])
    [found] = Dataset.open(tmp_path)
    np.testing.assert_array_equal(found.instances(), many)
    assert read_labels(tmp_path / "instances" / "a.tif")[1].pixel_size_nm == pytest.approx(0.2)
    # Fewer on the second run: the file of the other kind does not stay.
    write_dataset(tmp_path, [sample()])
    np.testing.assert_array_equal(Dataset.open(tmp_path).samples[0].instances(), MASK)


def test_masks_in_any_order_of_memory(tmp_path: Path) -> None:
    labels, ignored = np.asfortranarray(MASK), np.asfortranarray(MASK == 0)
    write_sample(tmp_path, NewSample("a", IMAGE, labels, NM, "a", ignore=ignored))
    for kind, expected in (("masks", MASK), ("ignore", MASK == 0)):
        with Image.open(tmp_path / kind / "a.png") as file:
            np.testing.assert_array_equal(np.asarray(file) > 0, expected > 0)


def test_a_removed_sample_leaves_the_others(tmp_path: Path) -> None:
    samples = [NewSample(name, IMAGE, MASK, NM, "g", ignore=MASK > 0) for name in ("a", "a-1")]
    write_dataset(tmp_path, samples)
    remove_sample(tmp_path, "a")
    remove_sample(tmp_path, "never there")
    update_index(tmp_path / "dataset.csv", [], gone=["a", "never there"])
    assert {path.stem for path in tmp_path.glob("*/*")} == {"a-1"}
    assert list(read_index(tmp_path / "dataset.csv", []) or {}) == ["a-1"]


def test_nothing_ignored_any_more(tmp_path: Path) -> None:
    write_dataset(tmp_path, [sample(ignore=MASK > 0)])
    write_dataset(tmp_path, [sample(ignore=np.zeros((4, 5), bool))])
    assert Dataset.open(tmp_path).samples[0].ignore() is None


def test_the_users_decisions_stay(tmp_path: Path) -> None:
    write_dataset(tmp_path, [sample("a"), sample("b")])
    index(
        tmp_path,
        "name,keep,group,comment,split,pixel_size_nm",
        "a,no,mine,blurred,test,",
        "b,yes,mine,,train,9",
    )
    write_dataset(tmp_path, [sample("a"), sample("c")])
    with (tmp_path / "dataset.csv").open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["a", "b", "c"]
    assert rows["a"] == {
        "name": "a", "group": "mine", "split": "test", "pixel_size_nm": "0.2", "keep": "no",
        "comment": "blurred",
    }  # fmt: skip
    assert (rows["b"]["split"], rows["b"]["pixel_size_nm"]) == ("train", "9.0")
    assert (rows["c"]["group"], rows["c"]["keep"]) == ("movie", "yes")


def test_a_table_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    index(tmp_path, "name,keep", "a,perhaps")
    before = (tmp_path / "dataset.csv").read_bytes()
    with pytest.raises(UsageError, match=r"keep must be yes, no or blank.*; mend or remove it"):
        update_index(tmp_path / "dataset.csv", [IndexRow("a")])
    assert (tmp_path / "dataset.csv").read_bytes() == before


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_dataset(tmp_path / name, [sample(ignore=MASK > 0)])
    files = [path for path in (tmp_path / "first").rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        other = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == other.read_bytes()


def test_shapes_must_agree(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a: labels must have the \(y, x\) shape of the image"):
        write_sample(tmp_path, NewSample("a", IMAGE, MASK.T, NM, group="g"))
    with pytest.raises(UsageError, match="a: ignore must have"):
        write_sample(tmp_path, sample(ignore=MASK[:2] > 0))
    with pytest.raises(UsageError, match="a: classes must have"):
        write_sample(tmp_path, NewSample("a", IMAGE, MASK, NM, "g", classes=MASK[:2]))


def test_classes_become_the_mask(tmp_path: Path) -> None:
    classes = (MASK > 0) * np.uint8(2)
    files = write_sample(tmp_path, NewSample("a", IMAGE, MASK, NM, "g", classes=classes))
    assert [file.parent.name for file in files] == ["images", "masks", "instances"]
    with Image.open(tmp_path / "masks" / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), classes)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "dataset").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"cannot write .*a\.tif: "):
        write_dataset(tmp_path / "dataset", [sample()])
    with pytest.raises(OutputError, match=r"cannot write .*dataset\.csv: "):
        update_index(tmp_path / "dataset" / "dataset.csv", [IndexRow("a")])


# Real ones


def test_sinter800(shared_data: Path) -> None:
    data = Dataset.open(shared_data / "sinter800")
    assert len(data) == 20
    assert {s.group for s in data} == {"all"}
    for found in data:
        mask = found.mask()
        assert mask.shape == found.image().shape == (512, 512)
        assert 0 < mask.mean() < 1
        assert found.instances() is None
        assert instances_from_mask(mask).max() > 0


def test_emps_bf(shared_data: Path) -> None:
    data = Dataset.open(shared_data / "emps_bf", groups="image")
    assert len(data) == len({s.group for s in data}) == 48
    for found in data:
        instances = found.instances()
        assert instances.shape == found.image().shape
        assert instances.max() > 0
        np.testing.assert_array_equal(found.mask(), instances > 0)


def test_catalyst_boxes(shared_data: Path) -> None:
    data = Dataset.open(shared_data / "catalyst_boxes", groups="image")
    assert len(data) == 17
    for found in data:
        boxes = found.boxes()
        assert len(boxes) > 0
        assert found.mask() is None
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert boxes.min() > -1
        assert (boxes[:, 2:] < np.array(found.shape) + 1).all()
