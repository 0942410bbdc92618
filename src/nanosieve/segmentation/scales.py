"""Finding the scale: the pixel size at which a model knows what it sees, where nobody says it.

A model of lattice images works at one pixel size, and screenshots and figures of journals do not
say theirs. Two things tell it. Fringes: those that are commonly seen lie 0.16 to 0.34 nm apart, so
the spectrum leaves a range of a factor of two. And the network: at a scale that it was trained on
it is sure of its particles, and finds the same ones when the scale is changed a little.

Each alone goes wrong. How sure it is of the whole image is no measure at all: shrunk to a few
pixels, every image is surely support. How sure it is of its particles favours a few bright pixels
at any scale; that neighbouring scales agree favours coarse ones, where little is to be seen. So
their product decides.

Where the model is for one lattice, as of graphene, and its hexagon of Bragg peaks is seen, that
tells the scale by itself.
"""

from dataclasses import dataclass, replace

import numpy as np

from nanosieve.models.load import Model
from nanosieve.prepare.resample import resample_back
from nanosieve.segmentation import kernels
from nanosieve.segmentation.fringes import find_lattice
from nanosieve.segmentation.network_average import particle, run, sureness
from nanosieve.segmentation.network_view import View, grid_between
from nanosieve.segmentation.sample import sample_windows

# Median spacing of the Bragg peaks that are seen: 0.235 nm, and half as much or little more off.
_FRINGES_NM = (0.16, 0.34)
# Magnifications that are tried where no fringe is seen, and how many of them.
_RANGE = (0.25, 3.0)
_TRIES, _TRIES_IN_FRINGES = 9, 5
_WINDOW = 512
# Sureness times agreement from which a scale is relied on.
_SURE = 0.6


@dataclass(frozen=True)
class Scale:
    """A pixel size that was assumed.

    Parameters
    ----------
    pixel_size_nm
        That of the frame, as far as the model is concerned; no size is to be derived from it.
    sure
        Whether to rely on it.
    fringes_px
        Median spacing of the lattice fringes that were seen, in px of the frame; ``None`` without.
    by_lattice
        Whether these are of the lattice that the model is for, and told it alone.
    """

    pixel_size_nm: float
    sure: bool
    fringes_px: float | None
    by_lattice: bool = False

    @property
    def how(self) -> str:
        """What told it, in a word or two."""
        if self.by_lattice:
            return "lattice"
        told = "network" if self.fringes_px is None else "fringes and network"
        return told if self.sure else f"{told}, not sure"


@dataclass(frozen=True)
class Trial:
    """What a model sees in the sample at one assumed pixel size.

    Parameters
    ----------
    pixel_size_nm
        Of the frame.
    sureness
        `sureness` of the model.
    mask
        ``(y, x)`` bool on a grid common to all trials: particle.
    """

    pixel_size_nm: float
    sureness: float
    mask: np.ndarray


def find_scale(view: View, model: Model, level: float) -> Scale | None:
    """Find the pixel size at which a model knows what it sees.

    Parameters
    ----------
    view
        The frame on its own grid.
    model
        With a ``card.pixel_size_nm``.
    level
        Probability from which a pixel is particle.

    Returns
    -------
    Scale or None
        ``None`` where the model sees no particle at any scale.

    Raises
    ------
    FailedInput
        As `nanosieve.segmentation.network_average.run`.
    """
    lattice_nm = model.card.lattice_nm
    if lattice_nm is not None and (seen := _hexagon(view)) is not None:
        return Scale(lattice_nm / seen, True, seen, by_lattice=True)
    sample = view.window(_sample(view))
    fringes = _fringes(sample)
    wanted = model.card.pixel_size_nm or 1.0
    trials = [
        _try(sample, size, model, level)
        for size in candidates(wanted, fringes)
        if min(sample.shape) * size / wanted >= model.card.stride
    ]
    best = choose(trials, wanted)
    if best is None:
        return None
    trial, worth = best
    return Scale(trial.pixel_size_nm, fringes is not None and worth >= _SURE, fringes)


def candidates(wanted_nm: float, fringes_px: float | None) -> list[float]:
    """Pixel sizes of the frame to try, ascending by equal factors.

    Parameters
    ----------
    wanted_nm
        Pixel size of the model.
    fringes_px
        Median spacing of lattice fringes in px of the frame, or ``None``.

    Examples
    --------
    >>> [round(size, 3) for size in candidates(0.03, 8.0)]
    [0.02, 0.024, 0.029, 0.035, 0.043]
    >>> [round(size, 3) for size in candidates(0.04, None)]
    [0.01, 0.014, 0.019, 0.025, 0.035, 0.047, 0.064, 0.088, 0.12]
    """
    if fringes_px is None:
        ends, number = [wanted_nm * share for share in _RANGE], _TRIES
    else:
        ends, number = [spacing / fringes_px for spacing in _FRINGES_NM], _TRIES_IN_FRINGES
    return np.geomspace(ends[0], ends[1], number).tolist()


def choose(trials: list[Trial], wanted_nm: float) -> tuple[Trial, float] | None:
    """The trial of the largest product of sureness and agreement with its neighbours, and that.

    Where it is the same to a hundredth, the trial that changes the image least.

    Parameters
    ----------
    trials
        In the order of their pixel sizes.
    wanted_nm
        Pixel size of the model.

    Returns
    -------
    trial, worth
        ``None`` where no trial found a particle.

    Examples
    --------
    >>> disc = np.hypot(*np.mgrid[-8:8, -8:8]) < 6
    >>> trials = [Trial(0.02, 0.9, ~disc), Trial(0.03, 0.7, disc), Trial(0.04, 0.8, disc)]
    >>> trial, worth = choose(trials, 0.02)
    >>> trial.pixel_size_nm, worth
    (0.04, 0.8)
    """
    worth = [
        trial.sureness * _agreement(trial, [*trials[max(0, n - 1) : n], *trials[n + 1 : n + 2]])
        for n, trial in enumerate(trials)
    ]
    if max(worth, default=0) <= 0:
        return None

    def rank(number: int) -> tuple[float, float]:
        off = np.log(trials[number].pixel_size_nm / wanted_nm)
        return round(worth[number], 2), -abs(off)

    best = max(range(len(trials)), key=rank)
    return trials[best], worth[best]


def _agreement(trial: Trial, beside: list[Trial]) -> float:
    """Mean Dice with the neighbours."""
    return float(np.mean([_dice(trial.mask, other.mask) for other in beside])) if beside else 1.0


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 0.0


def _sample(view: View) -> tuple[slice, slice]:
    """The window of 512 px in which block means vary most; the whole of a smaller frame."""
    rows, columns = (
        [0] if n <= _WINDOW else np.linspace(0, n - _WINDOW, -(-n // _WINDOW)).astype(int).tolist()
        for n in view.shape
    )
    windows = [
        (slice(top, top + _WINDOW), slice(left, left + _WINDOW)) for top in rows for left in columns
    ]
    return max(windows, key=lambda window: _variation(view.window(window)))


def _variation(part: View) -> float:
    coarse = kernels.shrink(part.image, 4)
    if part.valid is not None:
        coarse = coarse[kernels.shrink(part.valid, 4) > 0.99]
    return float(coarse.std()) if coarse.size else -1.0


def _hexagon(view: View) -> float | None:
    """Spacing of a hexagon of Bragg peaks in px, in any of a few windows."""
    known = np.ones(view.shape, bool) if view.valid is None else view.valid
    windows = sample_windows(view.image, known)
    return find_lattice([view.image[window] for window in windows]).hexagon_px


def _fringes(sample: View) -> float | None:
    """Median spacing of the lattice fringes in px."""
    lattice = find_lattice([sample.image])
    return float(np.median(lattice.spacings_px)) if lattice.resolved else None


def _try(sample: View, size_nm: float, model: Model, level: float) -> Trial:
    grid = grid_between(size_nm, model.card.pixel_size_nm)
    view = replace(sample, grid=grid)
    probability = particle(run(view.given(model.card), model), model.card)
    sure = sureness(probability, level)
    back = probability if grid is None else resample_back(probability, view.shape, *grid)
    return Trial(size_nm, sure, back >= level)
