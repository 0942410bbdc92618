"""How well atoms of simulated graphene are found, put into docs/benchmarks.md.

``python -m bench.atoms`` takes the sets ``atoms/...`` of recipes/test-sets.toml, and makes what is
missing of them; ``--set DIR`` another that ``nanosieve simulate graphene`` wrote, and only prints.
Each image is read as a user's would be, with its pixel size. Atoms are matched one to one within
half a bond.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from bench.judged import simulated
from bench.page import put, score, table
from nanosieve.batch.atoms import NOTHING, Atoms, AtomSettings, find_atoms
from nanosieve.core.errors import InputError
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.lattice.graphene.find import Graphene
from nanosieve.lattice.graphene.grains import turn_between
from nanosieve.lattice.graphene.scale import BOND_NM
from nanosieve.measurement.agreement.intervals import group_interval

TABLES = ("atoms", "rings", "grains", "boundaries")
_NEAR_NM = BOND_NM / 2
_GOOD_NM = 0.02
_RING_NM = 0.1
# Atoms and rings nearer to the rim of the image do not count: part of their surroundings is cut.
_RIM_NM, _RING_RIM_NM = 0.15, 0.5
_BOUNDARY, _CONTAMINATION = 1, 3
# A grain that shows fewer square nm has no direction to speak of.
_LEAST_GRAIN_NM2 = 2.0
SHARES = ("precision", "recall", "good")
MEDIANS = ("good_free", "turn_deg", "line_nm")
HEADS = (
    "set", "images, sheets", "precision", "recall", "within 0.02 nm",
    "the same, common shift removed", "grains' directions, deg", "line, nm",
    "5-rings: recall, precision", "7-rings",
)  # fmt: skip
MISTAKES = ("boundary called contamination", "contamination missed")
CONTAMINATED = "atoms/contaminated"
TRUTH = "truth"
# What tells contamination, in the words of ``--contamination``, and the truth.
TELLERS = (TRUTH, "graphene", "bragg", NOTHING)


def made(sample: Sample, teller: str, known: np.ndarray) -> Atoms:
    """Find the atoms of an image, with contamination that is known or told."""
    if teller != TRUTH:
        return find_atoms(sample.micrograph(), AtomSettings(contamination=teller))
    nothing = AtomSettings(contamination=NOTHING)
    return find_atoms(sample.micrograph(), nothing, exclude=known if known.any() else None)


def judge(folder: Path, teller: str, limit: int | None) -> Iterator[dict[str, object]]:
    """Scores of each image of a set; an image that is refused has none but its message."""
    for sample in list(Dataset.open(folder))[:limit]:
        row: dict[str, object] = {"set": folder.name, "image": sample.name, "group": sample.group}
        truth = {
            name: pd.read_csv(folder / "tables" / name / f"{sample.name}.csv") for name in TABLES
        }
        classes = read_label_pixels(sample.files["masks"]).reshape(sample.shape)
        try:
            atoms = made(sample, teller, classes == _CONTAMINATION)
        except InputError as error:
            print(error, file=sys.stderr)
            yield row | {"message": str(error)}
            continue
        row |= _mistaken(atoms.covered, classes)
        yield row | scores(atoms.found, truth, sample.shape)


def _mistaken(covered: np.ndarray | None, classes: np.ndarray) -> dict[str, float]:
    """The mistakes that the paper shows: of boundaries what is called contamination, of that what
    is missed."""
    area = np.zeros(classes.shape, bool) if covered is None else covered
    return {
        "false_alarm": _share(area[classes == _BOUNDARY]),
        "missed": _share(~area[classes == _CONTAMINATION]),
    }


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


def cells(rows: pd.DataFrame) -> list[str]:
    """One line of the table: images, means with intervals over sheets, medians, rings pooled."""
    if "precision" not in rows:
        return [f"0 of {len(rows)}, 0", *[""] * (len(HEADS) - 2)]
    found = rows[rows["precision"].notna()]
    groups = found["group"].to_numpy()
    line = [f"{len(found)} of {len(rows)}, {found['group'].nunique()}"]
    for key in SHARES:
        ends = group_interval(found[key].to_numpy(float), groups, bounds=(0, 1))
        held = {key: found[key].mean(), f"{key}_low": ends.low, f"{key}_high": ends.high}
        line.append(score(held, key))
    line += [f"{found[key].median():.3f}" for key in MEDIANS]
    for ring in ("five", "seven"):
        true, said, recalled, confirmed = (
            found[f"{ring}_{what}"].sum() for what in ("true", "found", "recalled", "confirmed")
        )
        line.append(f"{recalled / true:.2f}, {confirmed / said:.2f}" if true and said else "")
    return line


def mistakes(rows: pd.DataFrame) -> list[str]:
    """What is called contamination at boundaries, and what of contamination is missed."""
    return [f"{rows[key].mean():.3f}" for key in ("false_alarm", "missed")]


def rows_of(folders: Sequence[Path], teller: str, limit: int | None) -> list[pd.DataFrame]:
    """Scores of the images of each set."""
    return [pd.DataFrame(judge(folder, teller, limit)) for folder in folders]


def main() -> None:
    """Judge, print, put the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.atoms", description=__doc__)
    parser.add_argument("--set", nargs="+", type=Path, help="folders to print the scores of")
    parser.add_argument("--contamination", default=TRUTH, help="of --set: truth, none, bragg, ...")
    parser.add_argument("--limit", type=int, help="images of each set; only prints")
    parser.add_argument("--jobs", type=int, default=1, help="processes that simulate")
    given = parser.parse_args()
    if given.set:
        found = rows_of(given.set, given.contamination, given.limit)
        print(*(rows.to_string(index=False, float_format="%.3f") for rows in found), sep="\n")
        names = [folder.name for folder in given.set]
        print(table(HEADS, [[name, *cells(rows)] for name, rows in zip(names, found, strict=True)]))
        return
    sets = {one.name: one.path for one in simulated("atoms/", limit=given.limit, jobs=given.jobs)}
    contaminated = sets.pop(CONTAMINATED)
    found = rows_of([*sets.values()], TRUTH, given.limit)
    doses = table(HEADS, [[n, *cells(rows)] for n, rows in zip(sets, found, strict=True)])
    lines = []
    for teller in TELLERS:
        [rows] = rows_of([contaminated], teller, given.limit)
        lines.append([teller, *mistakes(rows), *cells(rows)])
    told = table(["contamination by", *MISTAKES, *HEADS[1:]], lines)
    print(doses, told, sep="\n\n")
    if given.limit is None:
        put("atoms-doses", doses)
        put("atoms-contamination", told)


if __name__ == "__main__":
    main()
