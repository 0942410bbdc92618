"""``nanosieve pack`` and ``unpack`` as a user runs them."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from discs import discs, write

METHOD = ("--method", "hybrid")


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.tif", discs(seed=ord(name)))
    return tmp_path / "in"


def test_there_and_back(nanosieve, folder, tmp_path):
    out, back = tmp_path / "out", tmp_path / "back"
    ended = nanosieve("pack", folder, "-o", out, *METHOD, "--rest", "mean", "--margin", 3)
    assert ended.code == 0, ended.err
    assert sorted(one.name for one in out.iterdir()) == [
        "a.packed.h5", "b.packed.h5", "pack.csv", "pack.png"
    ]  # fmt: skip
    assert "2 made" in ended.out
    assert "before you let go of the originals" in ended.out
    found = pd.read_csv(out / "pack.csv")
    size = (out / "a.packed.h5").stat().st_size
    assert found["packed_bytes"][0] == size
    assert found["ratio_pixels"][0] == pytest.approx(2 * 128**2 / size, rel=1e-4)
    source = (folder / "a.tif").stat().st_size
    assert found["ratio_file"][0] == pytest.approx(source / size, rel=1e-4)
    assert found["ratio_file"][0] > 2
    ended = nanosieve("unpack", out, "-o", back)
    assert ended.code == 0, ended.err
    assert f"{back / 'a.tif'}: " in ended.out
    exact = tifffile.imread(back / "exact" / "a.tif") > 0
    original = discs(seed=ord("a"))
    assert np.array_equal(tifffile.imread(back / "a.tif")[exact], original[exact])
    assert exact[original < 700].all()
    # Unpacked files are segmented as they are, with the same sizes.
    for place in (folder, back):
        assert nanosieve("segment", place, "-o", place / "sizes", *METHOD).code == 0
    before, after = (
        pd.read_csv(place / "sizes" / "particles.csv")["diameter_nm"] for place in (folder, back)
    )
    assert after.to_numpy() == pytest.approx(before.to_numpy(), rel=0.02)


def test_a_second_run_has_nothing_to_do(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    nanosieve("pack", folder, "-o", out, *METHOD)
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    ended = nanosieve("pack", folder, "-o", out, *METHOD)
    assert ended.code == 0
    assert "2 unchanged" in ended.out
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before
    assert nanosieve("unpack", out / "a.packed.h5", "-o", tmp_path / "back").code == 0
    assert "1 unchanged" in nanosieve("unpack", out / "a.packed.h5", "-o", tmp_path / "back").out


def test_labels_of_segment_are_masks(nanosieve, folder, tmp_path):
    segmented, out = tmp_path / "segmented", tmp_path / "out"
    nanosieve("segment", folder, "-o", segmented, *METHOD)
    ended = nanosieve("pack", folder, "-o", out, "--mask", segmented)
    assert ended.code == 0, ended.err
    assert pd.read_csv(out / "pack.csv")["wanted_by"].tolist() == ["mask labels.tif"] * 2


def test_failures_are_lines_and_rows(nanosieve, folder, tmp_path):
    write(folder / "blank.tif", np.full((64, 64), 7, np.uint16))
    (folder / "zero.tif").touch()
    out = tmp_path / "out"
    ended = nanosieve("pack", folder, "-o", out, *METHOD)
    assert ended.code == 1
    assert "refused: " in ended.err
    assert "2 made; 2 failed or refused" in ended.out
    found = pd.read_csv(out / "pack.csv")
    assert found["status"].tolist() == ["ok", "ok", "refused", "failed"]
    assert found["packed_bytes"].isna().tolist() == [False, False, True, True]
    (out / "a.packed.h5").write_bytes((out / "a.packed.h5").read_bytes()[:-7])
    ended = nanosieve("unpack", out, "-o", tmp_path / "back")
    assert ended.code == 1
    (told,) = ended.err.splitlines()
    assert told.startswith(f"nanosieve: failed: {out / 'a.packed.h5'}: truncated, ")
    assert (tmp_path / "back" / "b.tif").exists()
    assert not (tmp_path / "back" / "a.tif").exists()


def test_nothing_to_pack(nanosieve, folder, tmp_path):
    (folder / "a.tif").unlink()
    write(folder / "b.tif", np.full((64, 64), 7, np.uint16))
    ended = nanosieve("pack", folder, "-o", tmp_path / "out", *METHOD)
    assert ended.code == 1
    assert "1 failed or refused" in ended.out
    assert not (tmp_path / "out" / "pack.png").exists()


def test_colours_are_warned_of(nanosieve, tmp_path):
    grey = (discs() // 5).astype(np.uint8)
    picture = np.stack([grey, grey // 2, grey], axis=-1)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    ended = nanosieve("pack", tmp_path / "photo.png", "-o", tmp_path / "out", *METHOD)
    assert ended.code == 0
    assert "photo.png: colours became grey values; keep the original if that counts" in ended.err


def test_out_may_be_the_folder_of_the_inputs(nanosieve, folder):
    for words in ("2 made", "2 unchanged"):
        assert words in nanosieve("pack", folder, "-o", folder, *METHOD).out
    ended = nanosieve("unpack", folder, "-o", folder)
    assert ended.code == 1
    assert "a.tif is there with other content, which may be the original" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rest", "coarse"), "--rest coarse: give the side of a block in pixels, or mean"),
        (("--margin", "-1"), "--margin -1: give 0 to 4096 pixels"),
        (("--mask", "gone", *METHOD), "--method is for finding what is wanted, which --mask says"),
        (("--mask", "gone", "--min-diameter", "4px"), "--min-diameter is for finding what is"),
        (("--mask", "gone"), "--mask gone: no such file or folder"),
        ((*METHOD, "--wanted", "film"), "--wanted film: the method knows no such class"),
        ((*METHOD, "--jobs", "0"), "--jobs must be at least 1, got 0"),
    ],
)
def test_wrong_usage_of_pack(nanosieve, folder, tmp_path, options, message):
    ended = nanosieve("pack", folder, "-o", tmp_path / "out", *options)
    assert ended.code == 2
    assert message in ended.err


def test_wrong_usage_of_unpack(nanosieve, tmp_path):
    ended = nanosieve("unpack", tmp_path / "none.packed.h5", "-o", tmp_path / "out")
    assert ended.code == 2
    assert "no packed file in" in ended.err
