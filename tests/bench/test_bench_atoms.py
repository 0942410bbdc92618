"""The judge of atoms, against a sheet whose truth is what was found, and one that is not."""

import numpy as np
import pandas as pd
import pytest

from bench.atoms import HEADS, cells, scores
from nanosieve.lattice.graphene.drawn import drawn_sheet
from nanosieve.lattice.graphene.find import find_graphene


@pytest.fixture(scope="module")
def found():
    return find_graphene(drawn_sheet((128, 128), lattice_px=11.0, angle_deg=9.0)[0])


def truth(found, shift=0.0):
    size = found.pixel_size_nm
    atoms = pd.DataFrame(found.network.positions * size + [shift, 0], columns=["y_nm", "x_nm"])
    rings = pd.DataFrame(found.rings.centre * size, columns=["y_nm", "x_nm"])
    return {
        "atoms": atoms.assign(in_contamination=False),
        "rings": rings.assign(size=5, in_contamination=False),
        "grains": pd.DataFrame({"angle_deg": [10.0], "area_nm2": [9.0]}),
        "boundaries": pd.DataFrame(columns=["y_nm", "x_nm", "in_contamination"]),
    }


def test_scores_of_the_truth_itself(found):
    row = scores(found, truth(found), (128, 128))
    assert (row["precision"], row["recall"], row["good"]) == (1, 1, 1)
    assert row["five_true"] > 0 == row["five_recalled"]
    assert row["turn_deg"] == pytest.approx(1, abs=0.2)
    assert np.isnan(row["line_nm"])


def test_a_common_shift_is_told_apart(found):
    row = scores(found, truth(found, shift=0.03), (128, 128))
    assert row["good"] == 0
    assert row["good_free"] == 1
    assert row["shift_nm"] == pytest.approx(0.03)
    rows = pd.DataFrame(
        [{"group": "sheet", **row}, {"group": "other", "message": "no lattice of graphene found"}]
    )
    line = dict(zip(HEADS[1:], cells(rows), strict=True))
    assert line["images, sheets"] == "1 of 2, 1"
    assert line["precision"].startswith("1.000")
    assert line["within 0.02 nm"].startswith("0.000")
    assert line["the same, common shift removed"] == "1.000"
    assert line["7-rings"] == ""
