"""What the page shows of an output folder, gathered from its records and tables."""

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from nanosieve._version import __version__
from nanosieve.batch.likeness import differences
from nanosieve.batch.pooled import COCO, RUN, SUMMARY
from nanosieve.batch.sizes import Sizes, population
from nanosieve.batch.store import (
    EXPORTS,
    OVERLAY,
    PARTICLES,
    Record,
    path_to,
    thumbnail_name,
)
from nanosieve.batch.write import FILMSTRIP, evenly
from nanosieve.report.page import write_report
from nanosieve.report.view import (
    Estimate,
    ImageView,
    LogNormal,
    MovieView,
    PopulationView,
    RunView,
    SizeView,
    Thumbnail,
)

GroupBy = Literal["file", "folder"]
PAGE = "report.html"

# In short what `nanosieve.segmentation.edge` says in full.
EDGE_RULES = {
    "base": "base: near the foot of the profile, where a sphere of projected thickness ends, at "
    "20 to 50 % of the particle's mean depth, the more the smaller it is.",
    "half": "half: at half of the particle's mean depth.",
    "otsu": "otsu: at Otsu's threshold between particles and support.",
}

_COUNTING = (
    "every particle found counts once, with the size of its visible part; those cut by the border "
    "or by an excluded region are left out where the sizes are corrected for the border."
)


@dataclass(frozen=True)
class PageOptions:
    """How the page is made.

    Parameters
    ----------
    group_by
        ``file``: no groups beside the images; ``folder``: one a folder of inputs.
    title
        Heading.
    skipped
        Files passed over for their suffix.
    warnings
        Sentences about the run as a whole.
    """

    group_by: GroupBy = "file"
    title: str = "Particle sizes"
    skipped: int = 0
    warnings: tuple[str, ...] = ()


def write_run_page(out: Path, records: Sequence[Record], options: PageOptions) -> Path:
    """Write ``OUT/report.html``; return its path.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    group = groups_of(out, records, options.group_by)
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[group[record.name]].append(record)
    grouped = options.group_by != "file" and len(groups) > 1
    sizes = {
        record.name: Sizes.load(out, record)
        for record in records
        if record.done and any(row["n"] for row in record.rows)
    }
    run = RunView(
        title=options.title,
        version=__version__,
        images=[
            _image(out, one, sizes.get(one.name), group[one.name] if grouped else "")
            for one in records
        ],
        overall=tuple(_populations({"all images": records}, sizes)),
        groups=tuple(_populations(groups, sizes)) if grouped else (),
        edge_rule=_edge_rule(records),
        counting_rule=_COUNTING,
        settings=_settings(records),
        warnings=options.warnings,
        n_skipped=options.skipped,
        tables={name: name for name in (PARTICLES, SUMMARY, RUN, COCO) if (out / name).exists()},
    )
    path = out / PAGE
    write_report(path, run)
    return path


def groups_of(out: Path, records: Iterable[Record], group_by: GroupBy) -> dict[str, str]:
    """Name the group of each input: itself, or the folder it lies in.

    Folders are named from where they part: ``day1/raw`` and ``day2/raw``.

    Returns
    -------
    dict
        Group by name of the input.
    """
    records = list(records)
    if group_by == "file" or not records:
        return {record.name: record.name for record in records}
    parents = {one.name: str(path_to(out, one.source).parent) for one in records}
    try:
        common = os.path.commonpath(parents.values())
    except ValueError:  # two drives of Windows
        return {name: Path(parent).as_posix() for name, parent in parents.items()}
    return {
        name: Path(os.path.relpath(parent, common)).as_posix()
        if parent != common
        else os.path.basename(common)
        for name, parent in parents.items()
    }


def _populations(
    groups: Mapping[str, Sequence[Record]], sizes: Mapping[str, Sizes]
) -> Iterable[PopulationView]:
    """One for each group and unit in which anything was found."""
    for label, records in groups.items():
        found = [record for record in records if record.name in sizes]
        for unit in ("nm", "px"):
            members = [record for record in found if record.unit == unit]
            if members:
                settings = [record.origin.settings for record in members]
                percents = {one["pixel_size_uncertainty_percent"] for one in settings}
                their_sizes = [sizes[record.name] for record in members]
                view = population(
                    label,
                    their_sizes,
                    pixel_size_percent=percents.pop() if len(percents) == 1 else None,
                    edge_shift=_edge_shift(members),
                    isolated_only=any(one["isolated_only"] for one in settings),
                )
                yield replace(view, unlike=differences(members, their_sizes))


def _edge_shift(records: Sequence[Record]) -> float | None:
    """Mean edge shift of the particles of those images in which it was measured."""
    shifts, counts = [], []
    for record in records:
        shift = record.facts.get("edge_shift_px")
        if shift is None:
            continue
        shifts.append(shift * (_segmented_pixel(record) or 1.0))
        counts.append(sum(row["n"] for row in record.rows))
    return float(np.average(shifts, weights=counts)) if shifts else None


def _segmented_pixel(record: Record) -> float | None:
    """Pixel size in nm of the grid on which the settings of the segmentation were chosen."""
    size: float | None = record.origin.settings["resample_nm"] or record.rows[0]["pixel_size_nm"]
    return size


def _image(out: Path, record: Record, sizes: Sizes | None, group: str) -> ImageView:
    basics: dict[str, Any] = {
        "name": record.name,
        "source": PurePosixPath(record.source).name,
        "status": record.status,
        "message": record.message,
        "group": group,
        "flags": record.flags,
        "notes": record.notes,
    }
    if not record.done:
        return ImageView(**basics)
    rows, first = record.rows, record.rows[0]
    coverage = [row["coverage"] for row in rows if row["coverage"] is not None]
    files = [name for name in record.outputs if not name.startswith("thumbnail-")]
    files += [name for name in EXPORTS.values() if (out / record.name / name).exists()]
    return ImageView(
        **basics,
        n=sum(row["n"] for row in rows),
        n_isolated=sum(row["n_isolated"] for row in rows),
        coverage=float(np.mean(coverage)) if coverage else None,
        pixel_size_nm=first["pixel_size_nm"],
        pixel_size_source=_pixel_size_source(record),
        method=first["method"] or "",
        polarity=first["polarity"] or "",
        size=None if sizes is None else _size(record, sizes),
        particle_flags={} if sizes is None else sizes.flags,
        facts=_facts(record),
        pictures=tuple(_pictures(out, record)),
        overlay=f"{record.name}/{OVERLAY}",
        links={name: f"{record.name}/{name}" for name in files},
        movie=_movie(record) if len(rows) > 1 else None,
    )


def _size(record: Record, sizes: Sizes) -> SizeView | None:
    """Sizes of one input; percentiles come without intervals, which would take seconds each."""
    row, unit = record.rows[0], record.unit
    # As its tables and outlines have it: what --isolated-only left out comes last.
    diameter = sizes.diameter[: len(sizes.diameter) - len(record.left_out)]
    if not len(diameter):
        return None
    interval = None
    if len(record.rows) == 1:
        interval = (row[f"diameter_mean_low_{unit}"], row[f"diameter_mean_high_{unit}"])
    logarithm = np.log(diameter)
    d10, d50, d90 = (Estimate(float(d)) for d in np.quantile(diameter, (0.1, 0.5, 0.9)))
    return SizeView(
        label=record.name,
        unit=unit,
        diameters=diameter,
        mean=Estimate(float(diameter.mean()), *(interval or ())),
        median=d50,
        d10=d10,
        d90=d90,
        std=Estimate(float(diameter.std(ddof=1))) if len(diameter) > 1 else None,
        sauter=Estimate(float((diameter**3).sum() / (diameter**2).sum())),
        lognormal=LogNormal(float(np.exp(logarithm.mean())), float(np.exp(logarithm.std())))
        if len(diameter) > 1
        else None,
        interval="" if interval is None else "bootstrap over this image's particles",
    )


def _pixel_size_source(record: Record) -> str:
    source, words = record.facts["pixel_size_source"], record.facts["pixel_size_in_file"]
    if source == "user":
        return "given by the user" + (f"; the file says {words}" if words else "")
    return f"file: {words}" if words else str(source)


def _facts(record: Record) -> dict[str, str]:
    row, facts = record.rows[0], record.facts
    stated = {
        "voltage": ("high_tension_kv", "{:g} kV"),
        "mode": ("mode", "{}"),
        "dose": ("dose_e_per_A2", "{:g} e/Å²"),
        "exposure": ("exposure_s", "{:g} s"),
        "magnification": ("magnification", "{:g}"),
    }
    shape = facts["shape"] if facts["is_movie"] else facts["shape"][1:]
    shown = {"shape": " x ".join(str(side) for side in shape), "dtype": facts["dtype"]}
    shown |= {
        name: form.format(row[column])
        for name, (column, form) in stated.items()
        if row[column] is not None
    }
    pixel = _segmented_pixel(record)
    return shown | {name: _choice(name, value, pixel) for name, value in facts["choices"].items()}


def _choice(name: str, value: Any, pixel: float | None) -> str:
    """A setting of the segmentation; a length also in nm where the pixel size is known."""
    if value is None or not name.endswith("_px"):
        return _plain(value)
    sign = "± " if name == "edge_shift_px" else ""
    return f"{sign}{value:.3g} px" + ("" if pixel is None else f" ({sign}{value * pixel:.3g} nm)")


def _plain(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        words = ((str(key).replace("_", " "), _plain(one)) for key, one in value.items())
        return ", ".join(" ".join(pair) for pair in words) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(one) for one in value)
    return str(value)


def _pictures(out: Path, record: Record) -> Iterable[Thumbnail]:
    """A still's thumbnail, or some frames of a movie."""
    n = len(record.rows)
    for frame in evenly(n, FILMSTRIP):
        picture = (out / record.name / thumbnail_name(frame)).read_bytes()
        yield Thumbnail(picture, _frame_caption(record, frame) if n > 1 else "")


def _frame_caption(record: Record, frame: int) -> str:
    time = record.rows[frame]["time_s"]
    return f"frame {frame}" + ("" if time is None else f", {time:g} s")


def _movie(record: Record) -> MovieView:
    rows, unit = record.rows, record.unit

    def course(column: str) -> np.ndarray:
        return np.array([math.nan if row[column] is None else row[column] for row in rows], float)

    times = course("time_s")
    known = bool(np.isfinite(times).all())
    return MovieView(
        time=times if known else np.arange(len(rows), dtype=float),
        n=course("n"),
        mean=course(f"diameter_mean_{unit}"),
        low=course(f"diameter_mean_low_{unit}"),
        high=course(f"diameter_mean_high_{unit}"),
        coverage=course("coverage"),
        unit=unit,
        time_unit="s" if known else "frame",
        problems=tuple(
            (row["frame"], "nothing was found") for row in rows if row["status"] == "empty"
        ),
    )


def _settings(records: Sequence[Record]) -> dict[str, str]:
    """Settings that all results share; the others differ between inputs."""
    seen: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, value in record.origin.settings.items():
            seen[name].add("not given" if value is None else _plain(value))
    return {
        name: values.pop() if len(values) == 1 else "differs; see run.json"
        for name, values in sorted(seen.items())
    }


def _edge_rule(records: Sequence[Record]) -> str:
    return " ".join(sorted({_edge_of(record) for record in records if record.done}))


def _edge_of(record: Record) -> str:
    settings = record.origin.settings
    if record.labels_by == "user":
        return "labels were given: their edge is where whoever made them put it."
    choices = record.facts["choices"]
    if "model" in choices or settings.get("model_hash") is not None:
        level = choices.get("threshold")
        at = "its threshold" if level is None else f"{level:g}"
        name = choices.get("model", settings["method"])
        return f"{name}: where the network's probability crosses {at}."
    if settings["paper_exact"]:
        return "paper-exact: the published recipe's own edge (Otsu)."
    if settings["method"] == "bragg":
        return (
            "bragg: where the smoothed strength of the lattice, or of the rest, passes its level."
        )
    return EDGE_RULES[settings["edge"]]
