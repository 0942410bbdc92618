"""What a frame shows, told from sample windows: a lattice of atoms, bodies that stand out, or none.

Figures only; `nanosieve.segmentation.auto` says what follows from them.
"""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.segmentation import Polarity
from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import Choice, choose, make_field
from nanosieve.segmentation.fringes import Lattice, find_lattice
from nanosieve.segmentation.sample import sample_windows

_SIDE = 512
COARSE_PX = 8.0
"""Smoothing beyond which contrast is coarse."""
# Windows of at least this side are averaged over blocks of two: a quarter of the work, and a body
# of 6 px is still 3 px wide.
_HALVED = 256
# Smoothing that bodies need to stand out, in px: below the first they are clear of any lattice;
# from the second on it is the grain of the support, seen at lattice resolution, that needs it.
CLEAR_PX, GRAINY_PX = 3.0, 8.0
# Bodies must be this many spacings wide to be no fringes themselves.
_WIDE = 1.5
# Of the area of bodies, the share with fringes below which they are a few crystals among many.
_FEW_FRINGES = 0.5
# Of the variance of HRTEM images, drawn and real, at most 0.33 is coarse; of a scanned image with
# fringes 0.84.
_OF_MASS = 0.6


@dataclass(frozen=True)
class Bodies:
    """What stands out of the support by its grey value.

    Parameters
    ----------
    separate
        Whether the grey values are two populations (`nanosieve.segmentation.population`).
    sigma_px
        Smoothing at which half the contrast is 4.5 times the noise, or comes nearest to that.
    reach
        Half the contrast over the noise at that smoothing.
    diameter_px
        Of the body in which a random pixel of bodies lies; 0 without bodies.
    coverage
        Share of the window under bodies.
    polarity, polarity_score
        Dark or bright, and how clearly.
    """

    separate: bool
    sigma_px: float
    reach: float
    diameter_px: float
    coverage: float
    polarity: Polarity
    polarity_score: float


@dataclass(frozen=True)
class Look:
    """What a frame shows.

    Parameters
    ----------
    lattice, bodies
        Of all windows, and of the first, which has most contrast.
    coarse
        Share of the variance that is left after smoothing by `COARSE_PX`: contrast of mass.
    """

    lattice: Lattice
    bodies: Bodies
    coarse: float

    @property
    def of_mass(self) -> bool:
        """Whether most contrast is coarser than a lattice could make it."""
        return self.coarse > _OF_MASS

    @property
    def stands_out(self) -> bool:
        """Whether bodies stand out beside the lattice: by their grey value, not as fringes."""
        lattice, bodies = self.lattice, self.bodies
        if not bodies.separate or bodies.diameter_px < _WIDE * float(
            np.median(lattice.spacings_px)
        ):
            return False
        few = lattice.share < _FEW_FRINGES * bodies.coverage
        return bodies.sigma_px < CLEAR_PX or (few and bodies.sigma_px < GRAINY_PX)

    @property
    def shows_atoms(self) -> bool:
        """Whether a lattice is resolved, and is what the image shows."""
        return self.lattice.resolved and not self.of_mass and not self.stands_out


def look(
    image: np.ndarray,
    *,
    pixel_size_nm: float | None = None,
    exclude: np.ndarray | None = None,
    polarity: str = "auto",
) -> Look | None:
    """Look at a frame in at most two windows of 512 px.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels that differ, of any real dtype.
    pixel_size_nm
        Tells the lattice of atoms from an array of particles.
    exclude
        ``(y, x)`` bool, pixels that do not count.
    polarity
        ``dark``, ``bright``, or ``auto``.

    Returns
    -------
    Look or None
        ``None`` where the windows hold one grey value, or nothing that counts.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :200]
    >>> disc = (y - 90) ** 2 + (x - 110) ** 2 < 30**2
    >>> seen = look(100 - 40 * disc + np.random.default_rng(0).normal(0, 5, disc.shape))
    >>> seen.bodies.separate, seen.bodies.polarity, round(seen.bodies.diameter_px / 60, 1)
    (True, 'dark', 1.0)
    """
    valid = np.ones(image.shape, bool) if exclude is None else ~np.asarray(exclude, bool)
    windows = [
        _middle(window, image.shape) for window in sample_windows(image, valid, whole=_SIDE**2)
    ]
    pairs = [(np.asarray(image[w], np.float32), valid[w]) for w in windows]
    pairs = [(part, known) for part, known in pairs if _differs(part[known])]
    if not pairs:
        return None
    # Neither smoothing nor a spectrum must see the outline of a caption.
    parts = [
        part if known.all() else np.where(known, part, np.float32(np.median(part[known])))
        for part, known in pairs
    ]
    # The first window has most contrast: what stands out does so there.
    bodies = _bodies(parts[0], pairs[0][1], polarity)
    coarse = float(np.mean([_coarse(part) for part in parts]))
    lattice = find_lattice(parts, pixel_size_nm)
    return Look(lattice, bodies, coarse)


def _middle(window: tuple[slice, slice], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The middle 512 px of a window."""
    ends = [part.indices(size)[:2] for part, size in zip(window, shape, strict=True)]
    starts = [(start, max(0, (stop - start - _SIDE) // 2), stop) for start, stop in ends]
    y, x = (slice(start + off, min(stop, start + off + _SIDE)) for start, off, stop in starts)
    return y, x


def _differs(pixels: np.ndarray) -> bool:
    return bool(pixels.size and pixels.min() < pixels.max())


def _coarse(part: np.ndarray) -> float:
    block = min(4, *part.shape)
    left = kernels.gaussian(kernels.shrink(part, block), COARSE_PX / block)
    return float(left.var() / part.var())


def _bodies(part: np.ndarray, known: np.ndarray, polarity: str) -> Bodies:
    block = 2 if min(part.shape) >= _HALVED else 1
    small, valid = kernels.shrink(part, block), kernels.shrink(known, block) > 0.99
    if not _differs(small[valid]):
        small, valid, block = part, known, 1
    choice = choose(small, valid, polarity)
    diameter, coverage = _sizes(small, valid, choice)
    return Bodies(
        choice.separate,
        choice.scale.sigma * block,
        choice.scale.reach,
        diameter * block,
        coverage,
        choice.polarity,
        choice.polarity_score,
    )


def _sizes(image: np.ndarray, valid: np.ndarray, choice: Choice) -> tuple[float, float]:
    """Diameter of the body in which a random pixel of them lies, in px, and their coverage."""
    if not choice.separate:
        return 0.0, 0.0
    field = make_field(image, valid, choice)
    mask = kernels.opening((field.smooth > choice.level) & valid)
    labels, n = kernels.label(mask)
    area = kernels.sums(labels, n)[1:]
    if not area.size:
        return 0.0, 0.0
    usual = float((area**2).sum() / area.sum())
    return 2 * float(np.sqrt(usual / np.pi)), float(area.sum() / valid.sum())
