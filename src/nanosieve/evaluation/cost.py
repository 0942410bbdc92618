"""What a method costs: time and memory of its runs, and the weights of its network."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

COST_COLUMNS = {
    "milliseconds": "median over images of the time from pixels to particles; the first of a "
    "process also loads the method",
    "milliseconds_per_megapixel": "the same, per million pixels",
    "memory_mb": "most memory that a run took beyond what the process held before; blank where the "
    "system does not tell",
    "parameters": "trained weights of the network; blank for what is none",
}

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Cost:
    """One run on one image; ``memory_mb`` is ``None`` where the system does not tell."""

    milliseconds: float
    memory_mb: float | None


def measured(action: Callable[[], _T]) -> tuple[_T, Cost]:
    """Call, and say what the call took.

    Examples
    --------
    >>> result, cost = measured(lambda: sum(range(1000)))
    >>> result, cost.milliseconds > 0
    (499500, True)
    """
    before = _resident_mb("VmRSS") if _forget_peak() else None
    start = time.perf_counter()
    result = action()
    milliseconds = 1e3 * (time.perf_counter() - start)
    after = None if before is None else _resident_mb("VmHWM")
    taken = None if before is None or after is None else max(after - before, 0.0)
    return result, Cost(milliseconds, taken)


def cost_table(
    costs: Mapping[str, Sequence[tuple[Cost, int]]], parameters: Mapping[str, int | None]
) -> pd.DataFrame:
    """One row a method that was run.

    Parameters
    ----------
    costs
        Method -> cost and number of pixels of each image.
    parameters
        Method -> weights of its network.

    Returns
    -------
    pandas.DataFrame
        ``method, n_images`` and `COST_COLUMNS`.
    """
    rows = []
    for method, runs in costs.items():
        if not runs:
            continue
        times = np.array([cost.milliseconds for cost, _ in runs])
        pixels = np.array([n for _, n in runs])
        peaks = [cost.memory_mb for cost, _ in runs if cost.memory_mb is not None]
        rows.append(
            {
                "method": method,
                "n_images": len(runs),
                "milliseconds": float(np.median(times)),
                "milliseconds_per_megapixel": float(np.median(times / (pixels / 1e6))),
                "memory_mb": max(peaks, default=float("nan")),
                "parameters": parameters.get(method),
            }
        )
    table = pd.DataFrame(rows, columns=["method", "n_images", *COST_COLUMNS])
    return table.astype({"parameters": "Int64"})


def cost_lines(costs: pd.DataFrame) -> list[str]:
    """Costs of each method as one line."""
    lines = []
    for row in costs.to_dict("records"):
        line = (
            f"{row['method']}: {row['milliseconds']:.0f} ms an image, "
            f"{row['milliseconds_per_megapixel']:.0f} ms a megapixel"
        )
        if pd.notna(row["memory_mb"]):
            line += f", {row['memory_mb']:.0f} MB at most"
        if pd.notna(row["parameters"]):
            line += f", {row['parameters']} parameters"
        lines.append(line)
    return lines


def _forget_peak() -> bool:
    """Let the kernel count the peak from now on; Linux only."""
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return True


def _resident_mb(name: str) -> float | None:
    """Resident memory now (``VmRSS``) or the most since it was reset (``VmHWM``)."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1]) / 1024
    return None
