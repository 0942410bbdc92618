"""Size distributions of many results: all, corrected for the border, isolated only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nanosieve.batch.store import PARTICLES, Record
from nanosieve.core.schema import Unit
from nanosieve.measurement.border import border_weights
from nanosieve.measurement.distribution import Distribution, describe
from nanosieve.measurement.uncertainty import budget
from nanosieve.report.view import (
    Estimate,
    LogNormal,
    PopulationView,
    SizeView,
    UncertaintyTerm,
    UncertaintyView,
)

_MISSING = {
    "sampling": "there are too few particles",
    "pixel size": "give --pixel-size-uncertainty",
    "edge position": "not known: labels were given, or the method does not state it",
}
CORRECTION = "Miles–Lantuéjoul weights of the particles that are seen whole"


@dataclass(frozen=True)
class Sizes:
    """What the distributions need of one result.

    Parameters
    ----------
    name, unit
        Its name, and the unit of its lengths.
    diameter, feret_max, feret_min
        ``(n,)``; the calipers are NaN for particles that ``--isolated-only`` left out.
    weight
        ``(n,)`` border weights: 0 for particles that are cut.
    isolated
        ``(n,)`` bool.
    flags
        How many particles bear each code.
    """

    name: str
    unit: Unit
    diameter: np.ndarray
    feret_max: np.ndarray
    feret_min: np.ndarray
    weight: np.ndarray
    isolated: np.ndarray
    flags: dict[str, int]

    @classmethod
    def load(cls, out: Path, record: Record) -> "Sizes":
        """Read them from a result's table."""
        unit, size = record.unit, record.rows[0]["pixel_size_nm"]
        lengths = [f"diameter_{unit}", f"feret_max_{unit}", f"feret_min_{unit}"]
        table = pd.read_csv(
            out / record.name / PARTICLES,
            usecols=[*lengths, "eccentricity", "orientation_deg", "isolated", "flags"],
            dtype={"flags": str},
            keep_default_na=False,
            na_values={name: [""] for name in (*lengths, "eccentricity", "orientation_deg")},
        )
        height, width = record.facts["measured_shape"]
        weight = border_weights(
            table,
            (height, width),
            pixel_size_nm=size,
            analysed_share=record.facts["analysed_share"] or 1.0,
        )
        left_out = np.array(record.left_out, float)
        blank = np.full(len(left_out), np.nan)
        codes = table["flags"].str.split(";").explode()
        counts = codes[codes != ""].value_counts().sort_index()
        diameter, feret_max, feret_min = (
            np.concatenate([table[name].to_numpy(float), more])
            for name, more in zip(lengths, (left_out, blank, blank), strict=True)
        )
        return cls(
            record.name, unit, diameter, feret_max, feret_min,
            np.concatenate([weight, np.zeros(len(left_out))]),
            np.concatenate([table["isolated"].to_numpy(bool), np.zeros(len(left_out), bool)]),
            {str(code): int(n) for code, n in counts.items()},
        )  # fmt: skip


def population(
    label: str,
    results: Sequence[Sizes],
    *,
    pixel_size_percent: float | None,
    edge_shift: float | None,
    isolated_only: bool,
) -> PopulationView:
    """Distributions of the particles of several results in one unit, side by side.

    Parameters
    ----------
    label
        Name of the population.
    results
        At least one, all in one unit.
    pixel_size_percent
        Standard uncertainty of the pixel size.
    edge_shift
        Half the change of a diameter between edge levels that can be defended, in the unit.
    isolated_only
        Whether labels and tables hold isolated particles only.
    """
    unit = results[0].unit
    joined = _join(results)
    counted, distribution = _view("all particles", unit, joined)
    cut = joined.weight <= 0
    corrected = isolated = None
    notes = []
    if isolated_only:
        notes.append(
            f"--isolated-only: labels and tables hold {int(joined.isolated.sum())} isolated "
            f"particles; {int((~joined.isolated).sum())} others were left out of them. "
            "The distribution of all is that of both."
        )
    elif cut.any() and not cut.all():
        corrected = _view("corrected for the border", unit, joined.part(~cut), weighted=True)[0]
    if joined.isolated.any() and not joined.isolated.all():
        isolated = _view("isolated particles", unit, joined.part(joined.isolated))[0]
    joint = budget(distribution, pixel_size_percent, edge_shift)
    terms = tuple(
        UncertaintyTerm(
            one.name,
            _known(one.standard),
            _MISSING.get(one.name, "") if math.isnan(one.standard) else one.evaluated_from,
        )
        for one in joint.components
    )
    return PopulationView(
        label=label,
        counted=counted,
        corrected=corrected,
        isolated=isolated,
        correction=CORRECTION if corrected else "",
        uncertainty=UncertaintyView(terms, _known(joint.combined), _known(joint.expanded)),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Joined:
    diameter: np.ndarray
    feret_max: np.ndarray
    feret_min: np.ndarray
    weight: np.ndarray
    isolated: np.ndarray
    image: np.ndarray

    def part(self, chosen: np.ndarray) -> "_Joined":
        return _Joined(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def _join(results: Sequence[Sizes]) -> _Joined:
    return _Joined(
        diameter=np.concatenate([one.diameter for one in results]),
        feret_max=np.concatenate([one.feret_max for one in results]),
        feret_min=np.concatenate([one.feret_min for one in results]),
        weight=np.concatenate([one.weight for one in results]),
        isolated=np.concatenate([one.isolated for one in results]),
        image=np.repeat(np.arange(len(results)), [len(one.diameter) for one in results]),
    )


def _view(
    label: str, unit: Unit, of: _Joined, *, weighted: bool = False
) -> tuple[SizeView, Distribution]:
    weights = of.weight if weighted else None
    found = describe(of.diameter, of.image, weights)

    def estimate(name: str) -> Estimate | None:
        value = _known(getattr(found, name))
        if value is None:
            return None
        low, high = (_known(end) for end in found.intervals.get(name, (math.nan, math.nan)))
        return Estimate(value, low, high)

    fit = _known(found.geometric_std)
    view = SizeView(
        label=label,
        unit=unit,
        diameters=of.diameter,
        weights=weights,
        mean=estimate("mean"),
        median=estimate("d50"),
        d10=estimate("d10"),
        d90=estimate("d90"),
        std=estimate("std"),
        sauter=estimate("d32"),
        feret_max=_mean(of.feret_max, weights),
        feret_min=_mean(of.feret_min, weights),
        lognormal=None if fit is None else LogNormal(found.geometric_mean, fit),
        interval=found.interval_basis,
        n_images=found.n_groups,
    )
    return view, found


def _mean(values: np.ndarray, weights: np.ndarray | None) -> Estimate | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    return Estimate(
        float(np.average(values[known], weights=None if weights is None else weights[known]))
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
