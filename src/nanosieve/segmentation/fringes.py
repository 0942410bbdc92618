"""Is a lattice of atoms resolved, where, and is it that of a sheet of graphene?

A lattice is a set of sharp peaks in the power spectrum, far above what noise puts there. It is
looked for in small tiles: the spots of a crystal that fills a hundredth of a frame drown in the
spectrum of the whole.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from nanosieve.lattice.spectrum import hann
from nanosieve.segmentation.kernels import shrink

# Side of tiles, and largest spacing that is looked for, in px of the tile. Small tiles, of the
# frame as it is and averaged over two pixels, see small crystals; large ones the faint lattice of
# a sheet.
_SMALL, _SMALL_MOST = 64, 12.8
_LARGE, _LARGE_MOST = 256, 32.0
_BLOCKS = (1, 2)
_SIDE = 512
# A peak over the median power of its ring. In 225 tiles of noise 17 is exceeded once in two images;
# 29 was the most of 32 drawn movies' frames without a lattice (decision 0010).
_PEAK = 32.0
_SHARP_PEAK = 40.0
# And over the mean power of its tile: in a smooth image, where there is no noise to stand out of,
# it must be something that one would see. In noise a peak that passes the other is 22 times that.
_SEEN = 10.0
_LEAST_SHARE = 0.01
_FILLED = 0.5
# Of its two partners in a hexagon, each sought in 25 frequencies.
_PARTNER, _REACH = 10.0, 2
# Where one large tile has a hexagon, what makes another of the same spacing in the next.
_FAINT_PEAK, _SAME = 16.0, 0.03
# Nearer to the sampling limit an image that was enlarged or compressed has no noise to compare.
_LEAST_PX = 2.6
# Frequencies nearer to the middle at which a peak has ended.
_INWARD = 3.0
_ATOMIC_NM = (0.05, 0.6)


# Tile, row and column.
_Places = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Lattice:
    """What the spectra of the tiles show.

    Parameters
    ----------
    share
        Of the small tiles, how many have a Bragg peak.
    spacings_px
        Spacing of every peak found, in px, ascending.
    filled
        Of the large tiles, how many have a peak.
    hexagonal
        Of the large tiles, how many have three pairs of peaks at 60 degrees.
    hexagon_px
        Median spacing of these; ``None`` without.
    """

    share: float
    spacings_px: np.ndarray
    filled: float
    hexagonal: float
    hexagon_px: float | None

    @property
    def resolved(self) -> bool:
        """Whether there is one: in a hundredth of the small tiles, or half of the large ones."""
        return self.share >= _LEAST_SHARE or max(self.filled, self.hexagonal) >= _FILLED

    @property
    def finest_px(self) -> float | None:
        """Finest spacing; ``None`` without a peak."""
        return float(self.spacings_px[0]) if self.spacings_px.size else None


def find_lattice(parts: list[np.ndarray], pixel_size_nm: float | None = None) -> Lattice:
    """Look for Bragg peaks in parts of a frame.

    Parameters
    ----------
    parts
        ``(y, x)`` arrays of any real dtype; of each the middle 512 px count. Peaks on the axes of
        the spectrum, where the edges of frames, JPEG blocks and scan lines show, do not.
    pixel_size_nm
        Where it is known, spacings that are none of atoms (0.05 to 0.6 nm) are left out.

    Examples
    --------
    >>> y, x = np.mgrid[:256, :256]
    >>> fringes = np.cos(2 * np.pi * (0.8 * x + 0.6 * y) / 8)
    >>> noise = np.random.default_rng(0).normal(size=fringes.shape)
    >>> found = find_lattice([fringes + noise])
    >>> float(found.share), float(np.median(found.spacings_px).round()), found.hexagonal
    (1.0, 8.0, 0.0)
    """
    parts = [np.asarray(_middle(part), np.float32) for part in parts]
    spacings, shares = [np.zeros(0)], [0.0]
    for block in _BLOCKS:
        tiles = _tiles([shrink(part, block) for part in parts], _SMALL)
        if tiles is None:
            continue
        at, found = _peaks(_spectra(tiles, _SMALL_MOST), _PEAK)
        found = found * block
        real = _atomic(found, pixel_size_nm)
        shares.append(len(np.unique(at[0][real])) / len(tiles))
        spacings.append(found[real])
    filled, hexagonal, hexagon_px, sharp = _sheet(parts, pixel_size_nm)
    spacings.append(sharp)
    return Lattice(max(shares), np.sort(np.concatenate(spacings)), filled, hexagonal, hexagon_px)


def _middle(part: np.ndarray) -> np.ndarray:
    top, left = (max(0, (n - _SIDE) // 2) for n in part.shape)
    return part[top : top + _SIDE, left : left + _SIDE]


def _atomic(spacings_px: np.ndarray, pixel_size_nm: float | None) -> np.ndarray:
    if pixel_size_nm is None:
        return np.ones(spacings_px.shape, bool)
    size = spacings_px * pixel_size_nm
    return (size > _ATOMIC_NM[0]) & (size < _ATOMIC_NM[1])


def _tiles(parts: list[np.ndarray], side: int) -> np.ndarray | None:
    """Tiles of all parts, ``(n, side, side)``: of one part by halves of a tile, of several by whole
    ones, which costs the same."""
    hop = side // 2 if len(parts) == 1 else side
    found = [
        sliding_window_view(part, (side, side))[::hop, ::hop].reshape(-1, side, side)
        for part in parts
        if min(part.shape) >= side
    ]
    return np.concatenate(found) if found else None


@dataclass(frozen=True)
class _Spectra:
    """Power of each tile's frequencies, ``(n, y, x)``; and over the median of the ring each lies
    on, 0 outside of the rings that count."""

    power: np.ndarray
    ratio: np.ndarray

    @property
    def side(self) -> int:
        """Of the tiles."""
        return self.power.shape[1]


def _spectra(tiles: np.ndarray, most_px: float) -> _Spectra:
    side = tiles.shape[-1]
    level = tiles.mean((1, 2), keepdims=True)
    power = np.abs(fft.rfft2((tiles - level) * hann((side, side)))) ** 2
    _, along_x, radius = _frequencies(side)
    ring = np.rint(radius).astype(np.intp)
    ratio = np.zeros(power.shape, np.float32)
    for r in range(int(np.ceil(side / most_px)), int(side / _LEAST_PX) + 1):
        beside = (np.abs(ring - r) <= 1) & (along_x > 0)
        usual = np.median(power[:, beside], axis=1)
        here = ring == r
        # A tile of one grey value has no power anywhere.
        ratio[:, here] = power[:, here] / np.maximum(usual, 1e-30)[:, np.newaxis]
    return _Spectra(power, ratio)


def _frequencies(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    along_y = fft.fftfreq(side)[:, np.newaxis] * side
    along_x = fft.rfftfreq(side)[np.newaxis, :] * side
    return along_y, along_x, np.hypot(along_y, along_x)


def _peaks(spectra: _Spectra, least: float) -> tuple[_Places, np.ndarray]:
    """Tile, row and column of each peak off the axes, and its spacing in px of the tile."""
    ratio, side = spectra.ratio, spectra.side
    along_y, along_x, radius = _frequencies(side)
    off_axis = (np.abs(along_y) > 1) & (along_x > 1)
    seen = spectra.power > _SEEN * spectra.power.mean((1, 2), keepdims=True)
    tile, row, column = np.nonzero((ratio > least) & seen & off_axis)
    # The three by three frequencies around tell where between them the peak is.
    total, middle = np.zeros(tile.size), np.zeros(tile.size)
    highest = np.zeros(tile.size)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = (row + dy) % side, np.minimum(column + dx, ratio.shape[2] - 1)
            value = ratio[tile, y, x]
            highest = np.maximum(highest, value)
            total += value
            middle += value * radius[y, x]
    top = (ratio[tile, row, column] >= highest) & ~_is_streak(spectra, tile, row, column)
    return (tile[top], row[top], column[top]), side / (middle[top] / total[top])


def _is_streak(
    spectra: _Spectra, tile: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Whether power goes on towards the middle, as it does for the straight edge of a particle."""
    side = spectra.side
    from_middle = np.where(row < side // 2, row, row - side)
    nearer = 1 - _INWARD / np.maximum(np.hypot(from_middle, column), _INWARD)
    y = np.rint(from_middle * nearer).astype(np.intp) % side
    x = np.rint(column * nearer).astype(np.intp)
    return spectra.power[tile, y, x] > spectra.power[tile, row, column] / 2


def _sheet(
    parts: list[np.ndarray], pixel_size_nm: float | None
) -> tuple[float, float, float | None, np.ndarray]:
    """Share of large tiles with a peak, with a hexagon of them; its spacing; that of all peaks."""
    tiles = _tiles(parts, _LARGE)
    if tiles is None:
        return 0.0, 0.0, None, np.zeros(0)
    spectra = _spectra(tiles, _LARGE_MOST)
    at, spacings = _peaks(spectra, _SHARP_PEAK)
    real = _atomic(spacings, pixel_size_nm)
    at, spacings = (at[0][real], at[1][real], at[2][real]), spacings[real]
    filled = len(np.unique(at[0])) / len(tiles)
    found = _hexagons(spectra.ratio, at, spacings)
    if not found:
        return filled, 0.0, None, spacings
    middle = float(np.median(list(found.values())))
    faint, around = _peaks(spectra, _FAINT_PEAK)
    same = np.abs(around / middle - 1) < _SAME
    faint = (faint[0][same], faint[1][same], faint[2][same])
    found |= _hexagons(spectra.ratio, faint, around[same])
    return filled, len(found) / len(tiles), middle, spacings


def _hexagons(ratio: np.ndarray, at: _Places, spacings: np.ndarray) -> dict[int, float]:
    """Tiles whose strongest peak is one of a hexagon, and its spacing."""
    strongest: dict[int, int] = {}
    for index in np.argsort(-ratio[at], kind="stable"):
        strongest.setdefault(int(at[0][index]), int(index))
    return {
        tile: float(spacings[index])
        for tile, index in strongest.items()
        if _is_hexagon(ratio[tile], int(at[1][index]), int(at[2][index]))
    }


def _is_hexagon(ratio: np.ndarray, row: int, column: int) -> bool:
    """Whether a peak turned by 60 and by 120 degrees is a peak again."""
    side = ratio.shape[0]
    peak = complex(column, row if row < side // 2 else row - side)
    for angle in (60, 120):
        turned = peak * np.exp(1j * np.deg2rad(angle))
        if turned.real < 0:
            turned = -turned
        y, x = round(turned.imag), round(turned.real)
        rows = np.arange(y - _REACH, y + _REACH + 1) % side
        near = ratio[rows, max(0, x - _REACH) : x + _REACH + 1]
        if near.max(initial=0) < _PARTNER:
            return False
    return True
