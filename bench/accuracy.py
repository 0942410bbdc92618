"""Scores on real folders and on simulated sets, put into docs/benchmarks.md.

``python -m bench.accuracy``: what was evaluated before, by the same model, is kept. ``--limit 4``
tries it on a few images and only prints.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import pandas as pd

from bench import graphene, visibility
from bench.evaluated import Found, Runs
from bench.judged import Judged, real, simulated
from bench.page import put, score, signed, table
from nanosieve.core.errors import NanosieveError
from nanosieve.core.settings import METHODS
from nanosieve.evaluation.by_image import means_by
from nanosieve.models.load import find_model, packaged, read_card
from recipes.papers import models

CLASSICAL = ("otsu", "local", "hybrid")
COLUMNS = {
    "dice": "Dice",
    "dice_outside_band": "outside the border band",
    "instance_f1_50": "F1 at IoU 0.5",
    "instance_f1_centre": "F1 by centres",
    "matched_boundary_px": "edges apart, px",
}
BOXES = {"box_centre_f1": "F1 by centres", "box_iou_f1": "F1 at box IoU 0.5"}
CONFIDENCE = "calibration error"
STRONG, WEAK = ("Pd", "Cu"), ("TiO2", "SnO2")
OF_GROUPS = ("dice", "dice_outside_band", "instance_f1_50", "diameter_bias")
# In the table by size.
BY_SIZE = ("emps_bf", "particles/bf-supported", "particles/haadf-supported")
# In the table of the papers' networks.
OVERLAP = {"dice": "Dice", "instance_f1_50": "F1 at IoU 0.5"}
OF_PAPERS = {
    "emps_bf": OVERLAP,
    "catalyst_boxes": {"box_centre_f1": "F1 by centres"},
    "particles/bf-supported": OVERLAP,
    "particles/haadf-supported": OVERLAP,
}
Methods = Mapping[str, str]
# Property -> image -> its value.
Groupings = dict[str, dict[str, str]]


class Bench:
    """All evaluations that a run of this program makes.

    Parameters
    ----------
    runs
        How they are made.
    extra
        Kind of images -> name -> model file: networks to compare with.
    """

    def __init__(self, runs: Runs, extra: Mapping[str, Methods]) -> None:
        self._runs = runs
        self._extra = extra

    def methods(self, kind: str, classical: tuple[str, ...] = CLASSICAL) -> Methods:
        """Methods that images of a kind are given to."""
        own = [name for name in packaged() if name == kind]
        named = {name: name for name in (*classical, "auto", *own)}
        return named | dict(self._extra.get(kind, {}))

    def found(self, judged: Judged, methods: Methods) -> Iterator[tuple[str, Found]]:
        """Evaluate methods on a data set."""
        for name, method in methods.items():
            yield name, self._runs.of(judged, name, method)

    def simulated(self, prefix: str) -> Iterator[Judged]:
        """Give simulated sets, made where they are missing."""
        return simulated(prefix, limit=self._runs.limit, jobs=self._runs.jobs)

    @property
    def limit(self) -> int | None:
        """Images of each set."""
        return self._runs.limit


def contrast(bench: Bench) -> str:
    """Real folders with masks, then simulated images, of contrast."""
    rows = []
    for judged in [*real(), *bench.simulated("particles/")]:
        if judged.name == "catalyst_boxes":
            continue
        for number, (name, found) in enumerate(bench.found(judged, bench.methods("particles"))):
            rows.append([_data(judged, found) if number == 0 else "", f"`{name}`", *_cells(found)])
    return table(
        ["data, images, groups", "method", *COLUMNS.values(), "bias, median", CONFIDENCE], rows
    )


def boxes(bench: Bench) -> str:
    """The real folder with boxes."""
    rows = []
    for judged in real():
        if judged.name != "catalyst_boxes":
            continue
        for number, (name, found) in enumerate(bench.found(judged, bench.methods("particles"))):
            cells = [score(found.summary, key, mean=f"{key}_mean") for key in BOXES]
            cells.append(_confidence(found, "box_centre_ece"))
            rows.append([_data(judged, found) if number == 0 else "", f"`{name}`", *cells])
    return table(["data, images, groups", "method", *BOXES.values(), CONFIDENCE], rows)


def papers(bench: Bench) -> str:
    """The papers' networks, as recipes.papers has trained them, at one magnification."""
    trained = {name: str(file) for name, file in models("particles").items()}
    named = {"hybrid": "hybrid", "particles": "particles", **trained}
    sets = {one.name: one for one in [*real(), *bench.simulated("particles/")]}
    rows = []
    for name, method in named.items():
        size = "" if method in METHODS else f"{read_card(find_model(method))[0].n_parameters:,}"
        cells = []
        for data, scores_of in OF_PAPERS.items():
            if data in sets:
                found = next(bench.found(sets[data], {name: method}))[1]
                cells += [score(found.summary, key, mean=f"{key}_mean") for key in scores_of]
        rows.append([f"`{name}`", size, *cells])
    head = [f"`{data}`: {word}" for data, one in OF_PAPERS.items() if data in sets
            for word in one.values()]  # fmt: skip
    return table(["network", "parameters", *head], rows)


def by_size(bench: Bench) -> str:
    """Particles by their true diameter."""
    rows = []
    for judged in [*real(), *bench.simulated("particles/")]:
        if judged.name not in BY_SIZE:
            continue
        for name, found in bench.found(judged, bench.methods("particles", ("hybrid",))):
            sizes = found.strata[found.strata["stratum"] == "diameter_px"]
            for row in sizes[sizes["n_true"] > 0].to_dict("records"):
                ends = f"{row['low']:.0f}–{row['high']:.0f}".replace("–inf", " and more")
                rows.append([
                    f"`{judged.name}`", f"`{name}`", ends, str(row["n_true"]),
                    *(score(row, key) for key in ("recall", "mean_iou", "diameter_bias")),
                ])  # fmt: skip
    head = ["data", "method", "diameter, px", "particles", "recall", "mean IoU", "bias"]
    return table(head, rows)


def empty(bench: Bench) -> str:
    """Supports without particles, contrast."""
    rows = []
    for judged in bench.simulated("empty/"):
        for name, found in bench.found(judged, bench.methods("particles")):
            n = found.scores["n_predicted"].dropna()
            area = found.summary["empty_false_positive_nm2_per_um2"]
            rows.append([f"`{judged.name.removeprefix('empty/')}`", f"`{name}`", str(len(n)),
                         f"{median(n):g}", str(int((n == 0).sum())), f"{n.quantile(0.9):.3g}",
                         f"{1e-4 * area:.2f} %"])  # fmt: skip
    head = ["preset", "method", "images", "detections, median", "images without any",
            "detections, 90 %", "area"]  # fmt: skip
    return table(head, rows)


def lattices(bench: Bench) -> str:
    """Materials and supports that hrtem was not trained on: what is visible, and everything."""

    def grouped(imaging: pd.DataFrame) -> Groupings:
        of = dict(zip(imaging["image"], imaging["materials"], strict=True))
        kinds = {
            image: "strong" if material in STRONG else "weak" for image, material in of.items()
        }
        supports = dict(zip(imaging["image"], imaging["support"], strict=True))
        return {"scatterers": kinds, "material": of, "support": supports}

    return _grouped(bench, "hrtem/left-out", grouped)


def doses(bench: Bench) -> str:
    """Two doses, of gold and of what was left out of training."""

    def grouped(imaging: pd.DataFrame) -> Groupings:
        kinds = {
            image: f"{'weak' if material in WEAK else 'strong'}, {dose:.0f} e/Å²"
            for image, material, dose in zip(
                imaging["image"], imaging["materials"], imaging["dose_e_per_A2"], strict=True
            )
        }
        return {"scatterers, dose": dict(sorted(kinds.items(), key=lambda pair: pair[1]))}

    names = ("hrtem/gold-doses", "hrtem/left-out-doses")
    return "\n\n".join(_grouped(bench, name, grouped) for name in names)


def defocus(bench: Bench) -> str:
    """Both sides of focus, corrected microscope: all images, and the same structures at each."""

    def grouped(imaging: pd.DataFrame) -> Groupings:
        imaging = imaging.sort_values("defocus_nm")
        # Chance decides which structures show at which defocus; means of different structures
        # differ by them.
        values = imaging[imaging["shows"]].groupby("group")["defocus_nm"].nunique()
        common = values.index[values == imaging["defocus_nm"].nunique()]
        kinds = {
            "defocus": imaging,
            "of structures that show at each,": imaging[imaging["group"].isin(common)],
        }
        return {
            kind: dict(zip(rows["image"], rows["defocus_nm"].map("{:+.0f} nm".format), strict=True))
            for kind, rows in kinds.items()
        }

    return _grouped(bench, "hrtem/defocus", grouped)


def empty_lattices(bench: Bench) -> str:
    """Supports without particles at lattice resolution."""
    rows = []
    for judged in bench.simulated("hrtem/empty"):
        for name, found in bench.found(judged, bench.methods("hrtem", ("hybrid",))):
            n = found.scores["n_predicted"].dropna()
            area = found.summary["empty_false_positive_nm2_per_um2"]
            rows.append([f"`{name}`", str(len(n)), f"{median(n):g}", str(int((n == 0).sum())),
                         f"{area:.0f}"])  # fmt: skip
    head = ["method", "images", "detections, median", "images without any",
            "false-positive area, nm² per µm²"]  # fmt: skip
    return table(head, rows)


def seen(bench: Bench) -> str:
    """Particles at lattice resolution by how well they can be seen."""
    names = ("hrtem/left-out", "hrtem/gold-doses")
    tables = [
        visibility.by_visibility(judged, bench.methods("hrtem", ()), bench.limit)
        for name in names
        for judged in bench.simulated(name)
        if judged.name == name
    ]
    return "\n\n".join(tables)


def _grouped(bench: Bench, name: str, grouped: Callable[[pd.DataFrame], Groupings]) -> str:
    """Scores by properties of images, over what is visible and over everything."""
    rows = []
    [judged] = [one for one in bench.simulated(name) if one.name == name]
    kinds = grouped(_imaging(judged.path))
    everything = Judged(judged.name, judged.path, judged.kind, judged.groups, everything=True)
    for method, found in bench.found(judged, bench.methods("hrtem", ("hybrid",))):
        whole = next(bench.found(everything, {method: bench.methods("hrtem")[method]}))[1]
        for kind, values in {"": dict.fromkeys(found.scores["image"], "all"), **kinds}.items():
            visible, over_all = (means_by(one.scores, values, OF_GROUPS) for one in (found, whole))
            dice = over_all.set_index("value")
            rows += [
                [
                    f"`{method}`",
                    f"{kind} {row['value']}".strip(),
                    f"{row['n']}, {row['n_groups']}",
                    *(score(row, key) for key in OF_GROUPS),
                    score(dice.loc[row["value"]].to_dict(), "dice"),
                ]
                for row in visible.to_dict("records")
            ]
    head = ["method", f"images of `{name}`", "images, structures", "Dice",
            "outside the border band", "F1 at IoU 0.5", "bias", "Dice over everything"]  # fmt: skip
    return table(head, rows)


def _imaging(folder: Path) -> pd.DataFrame:
    """How each image was taken, and whether anything shows in it."""
    imaging, truth = (pd.read_csv(folder / f"{name}.csv") for name in ("imaging", "truth"))
    return imaging.assign(shows=imaging["image"].isin(truth.loc[truth["visible"], "image"]))


def _data(judged: Judged, found: Found) -> str:
    return f"`{judged.name}`, {len(found.scores)}, {found.scores['group'].nunique()}"


def _cells(found: Found) -> list[str]:
    cells = [score(found.summary, key, mean=f"{key}_mean") for key in COLUMNS]
    return [*cells, signed(found.summary["median_bias"]), _confidence(found, "instance_ece_50")]


def _confidence(found: Found, name: str) -> str:
    """Calibration error of the particles' confidence."""
    return score(found.summary, name, mean=f"{name}_pooled")


TABLES: dict[str, Callable[[Bench], str]] = {
    "accuracy-contrast": contrast,
    "accuracy-boxes": boxes,
    "accuracy-papers": papers,
    "accuracy-by-size": by_size,
    "accuracy-empty": empty,
    "accuracy-lattices": lattices,
    "accuracy-visibility": seen,
    "accuracy-doses": doses,
    "accuracy-defocus": defocus,
    "accuracy-empty-lattices": empty_lattices,
    "accuracy-graphene": lambda bench: graphene.classes(
        next(bench.simulated("graphene/")), bench.methods("graphene", ()), bench.limit
    ),
}


def main() -> int:
    """Parse, evaluate, put the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("table", nargs="*", help=f"any of {', '.join(TABLES)}; all by default")
    parser.add_argument(
        "--model", action="append", default=[], metavar="KIND:NAME=FILE.onnx",
        help="another network, for images of particles, hrtem or graphene",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, help="images of each set; only prints")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--fresh", action="store_true", help="evaluate again what is kept")
    options = parser.parse_args()
    unknown = [name for name in options.table if name not in TABLES]
    if unknown:
        parser.error(f"no table {unknown[0]!r}; there are {', '.join(TABLES)}")
    extra: dict[str, dict[str, str]] = {}
    for text in options.model:
        kind, colon, rest = text.partition(":")
        name, equals, file = rest.partition("=")
        if not (colon and equals and kind in ("particles", "hrtem", "graphene")):
            parser.error(f"--model takes KIND:NAME=FILE.onnx, got {text!r}")
        extra.setdefault(kind, {})[name] = file
    bench = Bench(Runs(limit=options.limit, jobs=options.jobs, fresh=options.fresh), extra)
    if not list(real()):
        print("no real micrographs: set NANOSIEVE_DATA; only simulated ones", file=sys.stderr)
    for name in options.table or TABLES:
        try:
            text = TABLES[name](bench)
        except NanosieveError as error:
            parser.error(str(error))
        print(f"\n{name}\n\n{text}", flush=True)
        if options.limit is None:
            put(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
