"""The image without what is no lattice: its three waves of the first order, at any local direction.

Noise at a dose of 1 000 to 10 000 e/A^2 hides single hexagons; what repeats over a few of them
stands out. For each direction the image is filtered by Gaussian apertures about three wave vectors
60 degrees apart, which averages over a Gaussian neighbourhood in the image; each pixel takes the
direction whose waves are strongest there, so that grains keep their own and boundaries stay.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

# Standard deviations of the neighbourhood, in lattice constants, and the share of the energy that
# noise may put in: the narrowest one with less is taken. More than that, and noise bends the
# lattice into rings of 5 and 7 within grains; wider ones than needed wipe out those between grains.
_NEIGHBOURHOODS = (1.2, 1.6, 2.2, 3.0, 4.2)
_MOST_CHANCE = 0.15
# Noise is told from the transform between these shares of the waves' frequency.
_RING = (0.8, 1.2)
_STEP_DEG = 3
# Directions that win in less than this share of the image are chance.
_LEAST_SHARE = 5e-4


@dataclass(frozen=True)
class Waves:
    """The filtered image.

    Parameters
    ----------
    image
        ``(y, x)`` float32, the sum of the waves.
    energy
        ``(y, x)`` float32, the sum of the squares of their amplitudes.
    neighbourhood
        Standard deviation, in lattice constants, of what was averaged over.
    chance
        Share of the energy, as it is in most places, that white noise puts in.
    """

    image: np.ndarray
    energy: np.ndarray
    neighbourhood: float
    chance: float


def lattice_waves(
    image: np.ndarray,
    lattice_px: float,
    *,
    neighbourhood: float | None = None,
    clear: np.ndarray | None = None,
) -> Waves:
    """Filter out the lattice, whatever its direction.

    Parameters
    ----------
    image
        ``(y, x)`` floats, evenly lit.
    lattice_px
        Lattice constant.
    neighbourhood
        Standard deviation, in lattice constants, of the Gaussian that is averaged over; by default
        as small as the noise allows.
    clear
        ``(y, x)`` bool, where there is a lattice and nothing on it: there it is told from noise.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> turns = np.deg2rad([30, 90, 150])
    >>> lattice = sum(np.cos(2 * np.pi * (x * np.cos(t) - y * np.sin(t)) / 8) for t in turns)
    >>> found = lattice_waves(lattice, 8 * 2 / 3**0.5)
    >>> error = np.abs(found.image - lattice)[36:60, 36:60].max()
    >>> bool(error < 0.1)
    True
    """
    spectrum = _spectrum(image, lattice_px, neighbourhood, clear)
    energy = np.full(image.shape, -1.0, np.float32)
    found = Waves(
        np.zeros(image.shape, np.float32), energy, spectrum.neighbourhood, spectrum.chance
    )
    for angle in spectrum.likely():
        total, strength = spectrum.waves(angle)
        better = strength > found.energy
        np.copyto(found.image, total, where=better)
        np.copyto(found.energy, strength, where=better)
    return found


def by_noise(variance: float, neighbourhood_px: float) -> float:
    """Energy that white noise of a variance a pixel puts into the three waves.

    Examples
    --------
    >>> round(by_noise(1.0, 10.0), 5)
    0.00239
    """
    return 3 * variance / (4 * np.pi * neighbourhood_px**2)


def _spectrum(
    image: np.ndarray, lattice_px: float, neighbourhood: float | None, clear: np.ndarray | None
) -> "_Spectrum":
    for wider in _NEIGHBOURHOODS if neighbourhood is None else (neighbourhood,):
        spectrum = _Spectrum.of(image, lattice_px, wider, clear)
        if spectrum.chance < _MOST_CHANCE:
            break
    return spectrum


@dataclass(frozen=True)
class _Spectrum:
    """Transform of the padded image, and what is cut out of it."""

    values: np.ndarray
    shape: tuple[int, int]
    padding: int
    lattice_px: float
    neighbourhood: float
    clear: np.ndarray | None

    @classmethod
    def of(
        cls, image: np.ndarray, lattice_px: float, neighbourhood: float, clear: np.ndarray | None
    ) -> "_Spectrum":
        padding = int(np.ceil(3 * neighbourhood * lattice_px))
        padding = min(padding, min(image.shape) - 1)
        after = [fft.next_fast_len(n + 2 * padding) - n - padding for n in image.shape]
        widths = [(padding, min(more, n - 1)) for more, n in zip(after, image.shape, strict=True)]
        padded = np.pad((image - np.median(image)).astype(np.float32), widths, mode="reflect")
        height, width = image.shape
        return cls(
            fft.fft2(padded, workers=2),
            (height, width),
            padding,
            lattice_px,
            neighbourhood,
            clear,
        )

    @property
    def radius(self) -> float:
        """Frequency of the waves in cycles a pixel."""
        return 2 / (3**0.5 * self.lattice_px)

    @property
    def sharpness(self) -> float:
        """Of the apertures, in which the neighbourhood is a Gaussian too."""
        return 2 * (np.pi * self.neighbourhood * self.lattice_px) ** 2

    @cached_property
    def chance(self) -> float:
        """Share of the waves' energy, as it is in most places, that white noise puts in."""
        rows, columns = (np.fft.fftfreq(n) / self.radius for n in self.values.shape)
        away = np.hypot(rows[:, None], columns[None, :])
        power = np.abs(self.values[(away > _RING[0]) & (away < _RING[1])]) ** 2
        # Of noise it is distributed exponentially, and a lattice's peaks are few.
        noise = float(np.median(power)) / np.log(2) / self.values.size
        usual = float(np.median(self._of_lattice(self._strength.max(axis=0))))
        return by_noise(noise, self.neighbourhood * self.lattice_px) / max(usual, 1e-30)

    def _of_lattice(self, strength: np.ndarray) -> np.ndarray:
        """Those of the coarse grid that lie on clear lattice, all where none do."""
        if self.clear is None:
            return strength
        at = [
            np.clip(np.arange(n) * padded // n - self.padding, 0, own - 1)
            for n, padded, own in zip(strength.shape, self.values.shape, self.shape, strict=True)
        ]
        chosen = strength[self.clear[np.ix_(*at)]]
        return chosen if chosen.size else strength

    @cached_property
    def _strength(self) -> np.ndarray:
        """``(direction, y, x)`` energy of the waves on a coarse grid."""
        return np.stack([self._coarse(angle) for angle in range(0, 60, _STEP_DEG)])

    def likely(self) -> list[int]:
        """Directions of the bonds that are strongest somewhere, told from a coarse grid."""
        strength = self._strength
        count = np.bincount(strength.argmax(axis=0).ravel(), minlength=len(strength))
        chosen = np.flatnonzero(count > _LEAST_SHARE * count.sum())
        return [int(index) * _STEP_DEG for index in chosen]

    def waves(self, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the three waves, and of the squares of their amplitudes."""
        total = np.zeros(self.shape, np.float32)
        strength = np.zeros(self.shape, np.float32)
        inside = tuple(slice(self.padding, self.padding + n) for n in self.shape)
        for vector in self._vectors(angle_deg):
            y, x = self._apertures(vector)
            wave = fft.ifft2(self.values * y[:, None] * x[None, :], workers=2)[inside]
            total += 2 * wave.real
            strength += wave.real**2 + wave.imag**2
        return total, strength

    def _vectors(self, angle_deg: float) -> np.ndarray:
        # Perpendicular to the rows of hexagons, which is along the bonds turned by 30 degrees.
        turns = np.deg2rad(angle_deg + 30 + np.array([0, 60, 120]))
        return self.radius * np.stack([-np.sin(turns), np.cos(turns)], axis=1)

    def _apertures(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(
            np.exp(-self.sharpness * (fft.fftfreq(n) - at) ** 2).astype(np.float32)
            for n, at in zip(self.values.shape, vector, strict=True)
        )

    def _coarse(self, angle_deg: float) -> np.ndarray:
        """Energy of the waves on a grid that is just fine enough for it."""
        reach = 2.6 / np.sqrt(self.sharpness)
        energy = np.zeros(1)
        for vector in self._vectors(angle_deg):
            parts = []
            for n, at, aperture in zip(
                self.values.shape, vector, self._apertures(vector), strict=True
            ):
                half = max(2, int(reach * n))
                index = (round(at * n) + np.arange(-half, half + 1)) % n
                parts.append((index, aperture[index]))
            (rows, along_y), (columns, along_x) = parts
            cut = self.values[np.ix_(rows, columns)] * along_y[:, None] * along_x[None, :]
            wave = fft.ifft2(cut) * (cut.size / self.values.size)
            energy = energy + wave.real**2 + wave.imag**2
        return energy
