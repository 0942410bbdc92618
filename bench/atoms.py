"""How well atoms of simulated graphene are found: ``python -m bench.atoms SET...``.

A set is a folder that ``nanosieve simulate graphene`` wrote, left out of tuning. Each image is
read as a user's would be, with its pixel size; contamination is what the truth says unless another
way is named. Atoms are matched one to one within half a bond.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from bench.page import table
from nanosieve.batch.atoms import NOTHING, AtomSettings, find_atoms
from nanosieve.core.errors import InputError
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.lattice.graphene.find import Graphene
from nanosieve.lattice.graphene.grains import turn_between
from nanosieve.lattice.graphene.scale import BOND_NM

TABLES = ("atoms", "rings", "grains", "boundaries")
_NEAR_NM = BOND_NM / 2
_GOOD_NM = 0.02
_RING_NM = 0.1
# Atoms and rings nearer to the rim of the image do not count: part of their surroundings is cut.
_RIM_NM, _RING_RIM_NM = 0.15, 0.5
_CONTAMINATION = 3
# A grain that shows fewer square nm has no direction to speak of.
_LEAST_GRAIN_NM2 = 2.0
HEADS = {
    "precision": "precision", "recall": "recall", "good": "within 0.02 nm",
    "good_free": "the same, common shift removed", "shift_nm": "common shift, nm",
    "turn_deg": "grains' directions, deg", "five_recall": "5-rings recall",
    "five_precision": "precision", "seven_recall": "7-rings recall",
    "seven_precision": "precision", "line_nm": "line, nm",
}  # fmt: skip


def judge(folder: Path, *, contamination: str, limit: int | None) -> Iterator[dict[str, object]]:
    """Scores of each image of a set; an image that is refused has none but its message."""
    for sample in list(Dataset.open(folder))[:limit]:
        row: dict[str, object] = {"set": folder.name, "image": sample.name}
        truth = {
            name: pd.read_csv(folder / "tables" / name / f"{sample.name}.csv") for name in TABLES
        }
        try:
            found = _found(sample, contamination)
        except InputError as error:
            yield row | {"message": str(error)}
            continue
        yield row | scores(found, truth, sample.shape)


def _found(sample: Sample, contamination: str) -> Graphene:
    classes = read_label_pixels(sample.files["masks"]).reshape(sample.shape)
    covered = classes == _CONTAMINATION
    if contamination != "truth":
        return find_atoms(sample.micrograph(), AtomSettings(contamination=contamination)).found
    settings = AtomSettings(contamination=NOTHING)
    return find_atoms(
        sample.micrograph(), settings, exclude=covered if covered.any() else None
    ).found


def scores(
    found: Graphene, truth: dict[str, pd.DataFrame], shape: tuple[int, int]
) -> dict[str, object]:
    """Everything that is asked for, of one image."""
    extent = np.array(shape) * found.pixel_size_nm
    row: dict[str, object] = {"contrast": found.contrast, "sureness": found.sureness}
    row |= _of_atoms(found, truth["atoms"], extent)
    for name, size in (("five", 5), ("seven", 7)):
        row |= _of_rings(found, truth["rings"], size, name, extent)
    row["line_nm"] = _line(found, truth["boundaries"])
    row["turn_deg"] = _turns(found, truth["grains"])
    return row


def _of_atoms(found: Graphene, truth: pd.DataFrame, extent: np.ndarray) -> dict[str, float]:
    places = found.network.positions * found.pixel_size_nm
    true = truth[["y_nm", "x_nm"]].to_numpy()
    first, second = matched(places, true, _NEAR_NM)
    hit, known = np.zeros(len(places), bool), np.zeros(len(true), bool)
    hit[first], known[second] = True, True
    clear = ~truth["in_contamination"].to_numpy(bool)
    apart = places[first] - true[second]
    shift = np.median(apart, axis=0) if len(apart) else np.zeros(2)
    return {
        "precision": _share(hit[_inner(places, extent, _RIM_NM)]),
        "recall": _share(known[_inner(true, extent, _RIM_NM) & clear]),
        "good": _share(np.hypot(*apart.T) < _GOOD_NM),
        "good_free": _share(np.hypot(*(apart - shift).T) < _GOOD_NM),
        "shift_nm": float(np.hypot(*shift)),
    }


def matched(places: np.ndarray, true: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Match places one to one, nearest pairs first, and return the index of each on both sides.

    Examples
    --------
    >>> first, second = matched(np.array([[0.0, 0], [0, 1]]), np.array([[0, 0.9]]), 2.0)
    >>> first.tolist(), second.tolist()
    ([1], [0])
    """
    if len(places) == 0 or len(true) == 0:
        return np.zeros(0, int), np.zeros(0, int)
    pairs = cKDTree(places).sparse_distance_matrix(cKDTree(true), reach, output_type="ndarray")
    used, taken, kept = set(), set(), []
    for pair in pairs[np.argsort(pairs["v"], kind="stable")]:
        if pair["i"] not in used and pair["j"] not in taken:
            used.add(pair["i"])
            taken.add(pair["j"])
            kept.append((int(pair["i"]), int(pair["j"])))
    first, second = np.array(kept, int).reshape(-1, 2).T
    return first, second


def _of_rings(
    found: Graphene, truth: pd.DataFrame, size: int, name: str, extent: np.ndarray
) -> dict[str, float]:
    """Recall and precision of rings of one size, with how many there are to weight them by."""
    places = found.rings.centre[found.rings.size == size] * found.pixel_size_nm
    wanted = truth[(truth["size"] == size) & ~truth["in_contamination"]]
    true = wanted[["y_nm", "x_nm"]].to_numpy()
    first, second = matched(places, true, _RING_NM)
    inner, known = _inner(places, extent, _RING_RIM_NM), _inner(true, extent, _RING_RIM_NM)
    return {
        f"{name}_true": float(known.sum()),
        f"{name}_found": float(inner.sum()),
        f"{name}_recalled": float(known[second].sum()),
        f"{name}_confirmed": float(inner[first].sum()),
    }


def _line(found: Graphene, truth: pd.DataFrame) -> float:
    """Median distance of true points of boundaries to the lines found."""
    true = truth.loc[~truth["in_contamination"].astype(bool), ["y_nm", "x_nm"]].to_numpy()
    lines = found.boundaries.points * found.pixel_size_nm
    if len(true) == 0 or len(lines) == 0:
        return np.nan
    return float(np.median(cKDTree(lines).query(true)[0]))


def _turns(found: Graphene, truth: pd.DataFrame) -> float:
    """Largest error of a grain's direction, of grains that show enough."""
    large = truth.loc[truth["area_nm2"] >= _LEAST_GRAIN_NM2, "angle_deg"].to_numpy()
    if len(large) == 0 or len(found.grains.angle_deg) == 0:
        return np.nan
    return float(turn_between(large[:, None], found.grains.angle_deg[None]).min(axis=1).max())


def _inner(places: np.ndarray, extent: np.ndarray, rim: float) -> np.ndarray:
    return np.asarray(((places > rim) & (places < extent - rim)).all(axis=1))


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if hits.size else np.nan


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One line a set: medians over images, but rings pooled, for many images have none."""
    lines = []
    for name, part in rows.groupby("set", sort=False):
        scored = part[part["precision"].notna()] if "precision" in part else part.iloc[:0]
        line: dict[str, object] = {"set": name, "images": f"{len(scored)} of {len(part)}"}
        for key in ("precision", "recall", "good", "good_free", "shift_nm", "turn_deg", "line_nm"):
            line[key] = (
                float(scored[key].mean())
                if key in ("precision", "recall")
                else float(scored[key].median())
            )
        for ring in ("five", "seven"):
            total = scored[
                [f"{ring}_{what}" for what in ("true", "found", "recalled", "confirmed")]
            ]
            true, found, recalled, confirmed = total.sum()
            line[f"{ring}_recall"] = recalled / true if true else np.nan
            line[f"{ring}_precision"] = confirmed / found if found else np.nan
        lines.append(line)
    return pd.DataFrame(lines)


def main() -> None:
    """Print the scores of each image and of each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--contamination", default="truth", help="truth, none, bragg or a model")
    parser.add_argument("--limit", type=int, default=None, help="images of each set")
    parser.add_argument("--csv", type=Path, default=None, help="write the scores of each image")
    given = parser.parse_args()
    rows = pd.DataFrame(
        row
        for folder in given.sets
        for row in judge(folder, contamination=given.contamination, limit=given.limit)
    )
    if given.csv is not None:
        rows.to_csv(given.csv, index=False, float_format="%.5g")
    print(rows.to_string(index=False, float_format="%.3f"))
    found = summary(rows)
    print(
        table(
            ["set", "images", *HEADS.values()],
            [
                [str(row["set"]), str(row["images"]), *(f"{row[key]:.3f}" for key in HEADS)]
                for row in found.to_dict("records")
            ],
        )
    )


if __name__ == "__main__":
    main()
