"""``nanosieve measure --phases``: lattice planes beside the sizes."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from drawn_fringes import at_angles, disc, waves


@pytest.fixture
def gold(tmp_path):
    """Image and labels of a particle of gold along [110], at 0.02 nm."""
    shape = (140, 150)
    inside = disc(shape, (70, 75), 60)
    fringes = waves(shape, at_angles([11.773, 11.773, 10.196], [15, 85.53, 140.26])) * inside
    image = 2000 + 200 * (fringes + np.random.default_rng(0).normal(size=shape))
    tifffile.imwrite(tmp_path / "gold.tif", image.astype(np.uint16))
    tifffile.imwrite(tmp_path / "by_hand.tif", (3 * inside).astype(np.uint16))
    return tmp_path


def measure(nanosieve, folder, *arguments):
    return nanosieve(
        "measure", folder / "by_hand.tif", "--image", folder / "gold.tif", "-o", folder / "out",
        *arguments,
    )  # fmt: skip


def test_gold_is_found_to_be_gold(nanosieve, gold):
    ended = measure(
        nanosieve, gold, "--pixel-size", 0.02, "--pixel-size-uncertainty", 1,
        "--phases", "Au,Cu", "--phases", "CeO2",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "1 particles show lattice planes; of them may be: 1 Au" in ended.out
    table = pd.read_csv(gold / "out" / "gold" / "lattice.csv")
    assert table[["image", "frame", "label"]].drop_duplicates().to_numpy().tolist() == [
        ["gold", 0, 3]
    ]
    assert sorted(table["d_nm"]) == pytest.approx([0.2039, 0.2355, 0.2355], rel=0.005)
    assert table["d_error_nm"].min() > 0.01 * 0.2
    assert set(table["phase"]) == {"Au"}
    # Measured again without phases, the old table is of other labels.
    assert measure(nanosieve, gold, "--pixel-size", 0.02).code == 0
    assert not (gold / "out" / "gold" / "lattice.csv").exists()


def test_without_a_pixel_size_one_line_says_what_to_do(nanosieve, gold):
    ended = measure(nanosieve, gold, "--phases", "Au")
    assert ended.code == 0
    assert "phases are told by nm alone; give --pixel-size" in ended.err
    table = pd.read_csv(gold / "out" / "gold" / "lattice.csv")
    assert table["d_px"].max() == pytest.approx(11.773, rel=0.01)
    assert table["ratio"].tolist() == pytest.approx(
        (table["d_px"] / table["d_px"][0]).tolist(), 1e-3
    )


def test_an_unknown_phase_stops_before_anything_is_done(nanosieve, gold):
    ended = measure(nanosieve, gold, "--phases", "Unobtainium")
    assert ended.code == 2
    assert "unknown phase Unobtainium" in ended.err
    assert not (gold / "out").exists()


def test_no_particle_gives_an_empty_table(nanosieve, gold):
    labels = np.zeros((140, 150), np.uint16)
    tifffile.imwrite(gold / "by_hand.tif", labels)
    ended = measure(nanosieve, gold, "--phases", "Au", "--pixel-size", 0.02)
    assert ended.code == 0, ended.err
    table = pd.read_csv(gold / "out" / "gold" / "lattice.csv")
    assert len(table) == 0
    assert "d_nm" in table.columns
