"""Lattice planes of every particle of an image, and the phases that have them: one table."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.lattice.matching import (
    TOLERANCE,
    Candidate,
    Match,
    match_phases,
    plane_words,
    zone_words,
)
from nanosieve.lattice.phases import Phase
from nanosieve.lattice.spacings import Spacings, measure_spacings

_LENGTHS = ("d", "d_error", "d_phase")


def columns(unit: str) -> list[str]:
    """Names of the columns of ``lattice.csv``, lengths in a unit.

    >>> columns("px")[:4]
    ['label', 'peak', 'd_px', 'd_error_px']
    """
    stems = (
        "label", "peak", "d", "d_error", "ratio", "angle_deg", "angle_error_deg", "z", "phase",
        "hkl", "d_phase", "zone", "explained", "peaks", "misfit_percent", "alike",
    )  # fmt: skip
    return [f"{stem}_{unit}" if stem in _LENGTHS else stem for stem in stems]


def lattice_table(
    image: np.ndarray,
    labels: np.ndarray,
    phases: Sequence[Phase] = (),
    *,
    pixel_size_nm: float | None = None,
    pixel_size_uncertainty: float = 0.0,
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """Measure and match the lattice planes of every particle.

    Parameters
    ----------
    image
        ``(y, x)`` finite, any real dtype.
    labels
        ``(y, x)`` integers, 0 background.
    phases
        To match with; none are where the pixel size is unknown.
    pixel_size_nm, pixel_size_uncertainty
        Side of a pixel or ``None``, and its relative standard uncertainty.
    tolerance
        By how much spacings may be off, relative; see `match_phases`.

    Returns
    -------
    pandas.DataFrame
        A row for each peak of each particle, the strongest first: `columns`. ``ratio`` is its
        spacing over that of the strongest; ``explained`` of ``peaks`` peaks are planes of
        ``phase``; ``alike`` names the readings that are as good. A particle without peaks has no
        row.

    Raises
    ------
    UsageError
        If image and labels differ in shape.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> disc = (np.hypot(y - 48, x - 48) < 45).astype(int)
    >>> from nanosieve.lattice.phases import get_phase
    >>> table = lattice_table(np.cos(2 * np.pi * x / 9.42), disc, [get_phase("Au")],
    ...                       pixel_size_nm=0.025)
    >>> table[["d_nm", "phase", "hkl", "explained"]].round(4).to_dict("records")
    [{'d_nm': 0.2355, 'phase': 'Au', 'hkl': '(1-1-1)', 'explained': 1}]
    """
    if image.shape != labels.shape:
        raise UsageError(f"image and labels must have one shape: {image.shape}, {labels.shape}")
    rows: list[dict[str, Any]] = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        found = measure_spacings(
            image[box],
            labels[box] == label,
            pixel_size_nm=pixel_size_nm,
            pixel_size_uncertainty=pixel_size_uncertainty,
        )
        match = Match((), 0)
        if phases and found.unit == "nm":
            match = match_phases(found, phases, tolerance=tolerance)
        rows.extend(_rows(label, found, match))
    unit = "px" if pixel_size_nm is None else "nm"
    return pd.DataFrame(rows, columns=columns(unit))


def _rows(label: int, found: Spacings, match: Match) -> Iterator[dict[str, Any]]:
    best = match.candidates[0] if match.candidates else None
    alike = "; ".join(one.words for one in match.candidates[1 : match.alike])
    for n in range(len(found)):
        yield {
            "label": label,
            "peak": n + 1,
            f"d_{found.unit}": float(found.d[n]),
            f"d_error_{found.unit}": float(found.d_error[n]),
            "ratio": float(found.d[n] / found.d[0]),
            "angle_deg": float(found.angle_deg[n]),
            "angle_error_deg": float(found.angle_error_deg[n]),
            "z": float(found.z[n]),
            "explained": best.explained if best else 0,
            "peaks": len(found),
            "alike": alike,
            **(_reading(best, n, found.unit) if best else {}),
        }


def _reading(best: Candidate, n: int, unit: str) -> dict[str, Any]:
    plane = best.planes[n]
    row: dict[str, Any] = {
        "phase": best.phase,
        "zone": "" if best.zone is None else zone_words(best.zone),
        "misfit_percent": best.misfit_percent,
    }
    if plane is None:
        # The particle is of the phase, this peak of something else.
        return row | {"phase": ""}
    return row | {"hkl": plane_words(plane), f"d_phase_{unit}": best.d_nm[n]}
