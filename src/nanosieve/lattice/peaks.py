"""Sharp peaks in a spectrum: the Bragg spots of a lattice.

A peak is told from its surroundings by a robust z-score: how far it stands above the median of the
ring of frequencies that it lies on, in units of what the median absolute deviation of that ring
makes a standard deviation. Neither the grey values nor the spectrum's fall towards high
frequencies then change what counts as one.
"""

from dataclasses import dataclass

import numpy as np

from nanosieve.lattice.rings import ring_medians, ring_numbers

# Nearer to the middle than this many frequencies no ring has enough of them.
_INNERMOST = 4
_BAND = (0.03, 0.5)


@dataclass(frozen=True)
class Peaks:
    """Peaks of a spectrum, one of each pair at ``+q`` and ``-q``: the one with ``x`` > 0, or on
    the axis ``y`` > 0. The highest score comes first.

    Parameters
    ----------
    y, x
        ``(n,)`` float64, frequency in cycles per pixel, to a part of the spectrum's step.
    height
        ``(n,)`` float32, the spectrum there.
    z
        ``(n,)`` float32, robust z-score on the ring.
    """

    y: np.ndarray
    x: np.ndarray
    height: np.ndarray
    z: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    @property
    def radius(self) -> np.ndarray:
        """Distance from zero frequency, cycles per pixel; its inverse is the spacing in px."""
        return np.hypot(self.y, self.x)

    def take(self, which: np.ndarray | slice) -> "Peaks":
        """Some of the peaks: indices, a slice or ``(n,)`` bool."""
        return Peaks(self.y[which], self.x[which], self.height[which], self.z[which])


def find_peaks(
    power: np.ndarray,
    *,
    threshold: float,
    fixed: bool = False,
    most: int | None = None,
    band: tuple[float, float] = _BAND,
    reach: int = 2,
) -> Peaks:
    """Find the peaks of a spectrum.

    Parameters
    ----------
    power
        ``(rows, columns / 2 + 1)`` real, not negative: power or amplitude, as
        `nanosieve.lattice.spectrum` lays it out. A peak is expected to be wider than one
        frequency, as a window or smoothing makes it.
    threshold
        Least robust z-score. In the power of noise alone, of a 256 px image, the highest peak has
        about 15; in an amplitude smoothed over 2 px about 6.
    fixed
        Take ``threshold`` in the units of ``power`` instead, and put the highest peak first.
    most
        Keep this many, those that come first.
    band
        Least and largest frequency, cycles per px, at most 0.5. Within four frequencies of the
        middle there are none.
    reach
        A peak is the highest value within this many frequencies along rows and columns.

    Returns
    -------
    Peaks
        Possibly none.

    Examples
    --------
    >>> y, x = np.mgrid[:256, :256]
    >>> fringes = np.cos(2 * np.pi * (0.08 * y + 0.1 * x))
    >>> noise = np.random.default_rng(0).normal(size=fringes.shape)
    >>> from nanosieve.lattice.spectrum import windowed_power
    >>> found = find_peaks(windowed_power(fringes + noise), threshold=25)
    >>> len(found), float(found.y[0].round(3)), float(found.x[0].round(3))
    (1, 0.08, 0.1)
    """
    shape = (power.shape[0], power.shape[1])
    sides = (shape[0], 2 * (shape[1] - 1))
    median, scale = ring_medians(power)
    ring = ring_numbers(shape)
    least = np.full(median.shape, threshold, np.float32) if fixed else median + threshold * scale
    radius = np.arange(len(least)) / max(sides)
    inner = max(band[0], _INNERMOST / min(sides))
    least[(radius < inner) | (radius > min(band[1], 0.5))] = np.inf
    row, column = np.nonzero(power > least[ring])
    top = _is_top(power, row, column, reach)
    row, column = row[top], column[top]
    height, here = power[row, column], ring[row, column]
    z = (height - median[here]) / scale[here]
    order = np.argsort(-(height if fixed else z), kind="stable")[:most]
    row, column = row[order], column[order]
    y = _between(power, row, column, (1, 0)) + np.where(row > sides[0] // 2, row - sides[0], row)
    x = _between(power, row, column, (0, 1)) + column
    return Peaks(y / sides[0], x / sides[1], height[order], z[order])


def _at(power: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Values at places that may lie over an edge of the half plane, which a real image's spectrum
    goes on beyond point-symmetrically."""
    rows, columns = power.shape[0], 2 * (power.shape[1] - 1)
    over = (column < 0) | (column > columns // 2)
    column = np.where(column < 0, -column, np.where(over, columns - column, column))
    return power[np.where(over, -row, row) % rows, column]


def _is_top(power: np.ndarray, row: np.ndarray, column: np.ndarray, reach: int) -> np.ndarray:
    """Whether nothing within ``reach`` is higher; of a pair on an axis only the first."""
    highest = np.zeros(row.shape, power.dtype)
    steps = range(-reach, reach + 1)
    for down in steps:
        for right in steps:
            np.maximum(highest, _at(power, row + down, column + right), out=highest)
    alone = (column > 0) & (column < power.shape[1] - 1)
    return (power[row, column] >= highest) & (alone | (row <= power.shape[0] // 2))


def _between(
    power: np.ndarray, row: np.ndarray, column: np.ndarray, step: tuple[int, int]
) -> np.ndarray:
    """Where along one direction the parabola through the logarithms of three values is highest."""
    tiny = np.finfo(np.float32).tiny
    before, here, after = (
        np.log(np.maximum(_at(power, row + n * step[0], column + n * step[1]), tiny))
        for n in (-1, 0, 1)
    )
    bend = before - 2 * here + after
    # Where all three are equal the peak is in the middle.
    return np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1), 0.0)
