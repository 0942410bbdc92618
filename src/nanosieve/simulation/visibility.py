"""How well each particle can be seen, and which nobody could label.

A person finds a particle by its lattice fringes or by its mean grey level. For both the question
is by how many standard deviations it differs from a patch of the support of the same size. Rose
(Journal of the Optical Society of America 38, 196, 1948) found that an eye needs about 5 to be
sure of a uniform disc. The limits below lie where the last of drawn rows of fading particles, and
of simulated images, could still be pointed at: what is left out shall be what nobody could label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy import fft, ndimage

from nanosieve.core.errors import UsageError
from nanosieve.simulation.detector.transfer import mean_power
from nanosieve.simulation.texture import Texture

Band = tuple[float, float]
"""Lower and upper spatial frequency of a lattice, 1/nm."""

# By eye, one set of fringes was found down to 3, three that cross were lost below 5; discs and
# facets were found down to 3.5 to 4.5, by how smooth the support is.
LEAST_FRINGE_SNR = 3.0
LEAST_CONTRAST_CNR = 4.0

_STEEP = 8  # power of the flanks of a band
_GAP_NM = 1.0  # fringes reach beyond their particle
_LEAST_SHARE = 0.02  # of the image: with less support than that its texture cannot be told
_OWN = 0.25  # least share of an outline that no other covers
_FEW = 2  # every second row and column tells the range of an image
# Independent values in a lattice band over which an eye joins fringes.
_JOINED = 300.0
# Of the variance of the texture: particles have an edge, which texture has not.
_TEXTURE = 0.5
# Least step of grey that an eye tells at one standard deviation, over the range on the screen.
_STEP = 0.007
_SHOWN = (0.002, 0.998)  # shares of pixels between which an image is displayed
_TINY = 1e-12


@dataclass(frozen=True)
class Visibility:
    """How well one particle can be seen.

    Parameters
    ----------
    fringe_snr
        Signal-to-noise ratio of its lattice fringes; NaN without a lattice.
    contrast_cnr
        Contrast-to-noise ratio of its mean grey level.
    visible
        Whether either reaches its limit, `LEAST_FRINGE_SNR` or `LEAST_CONTRAST_CNR`.
    """

    fringe_snr: float
    contrast_cnr: float
    visible: bool


class Boxed(NamedTuple):
    """An outline within a box of the image: for thousands of small particles.

    Parameters
    ----------
    box
        Rows and columns of the image, within it.
    outline
        bool, of the box's shape.
    """

    box: tuple[slice, slice]
    outline: np.ndarray

    def touches_frame(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a pixel of it lies at the frame of an image ``(y, x)``."""
        return any(
            places.size > 0
            and (places.min() + part.start == 0 or places.max() + part.start == n - 1)
            for places, part, n in zip(np.nonzero(self.outline), self.box, shape, strict=True)
        )


def visibility(
    clean: np.ndarray,
    noise_std: np.ndarray,
    outlines: Sequence[np.ndarray] | Sequence[Boxed],
    *,
    pixel_size_nm: float,
    bands: Band | Sequence[Band] | None = None,
    without: np.ndarray | None = None,
    spectrum: np.ndarray | None = None,
) -> list[Visibility]:
    """Measure how well particles can be seen.

    ``fringe_snr``: S is the power of the noise-free image in the particle's lattice band, mean over
    its outline; N that of the noise; T that of the support. It is ``(S - T) / (N + T) sqrt(n /
    2)``: the excess over what its own area of support and noise fluctuates by, where n is the
    number of independent values of the band in that area (an energy detector: Urkowitz,
    Proceedings of the IEEE 55, 523, 1967), as far as an eye joins them: n / (1 + n / 300). On drawn
    particles of radius 0.8, 1.5 and 2.8 nm with three sets of fringes of gold (n of about 50, 175
    and 610) the excess had to be 1.1, 0.7 and 0.5 times the background, which is a ratio of 5.

    ``contrast_cnr``: the difference of the means inside and in a ring of the support, over a
    standard deviation in which are added up the noise of both means (the ring as large as the
    particle); half of the texture of the support near it (`nanosieve.simulation.texture`), for an
    edge tells a particle from texture; and a step of 0.7 % of the range of grey on a screen, since
    an eye does not average over large areas as well as statistics allow. On drawn discs of 4, 12
    and 35 px in white noise of standard
    deviation 1 the contrasts 1.0, 0.4 and 0.2 were the least that could be seen.

    Parameters
    ----------
    clean
        ``(y, x)`` noise-free image: `nanosieve.simulation.detector.detect.expected`.
    noise_std
        ``(y, x)`` standard deviation of the noise in the same unit.
    outlines
        ``(y, x)`` bool of each particle, or `Boxed`; they may overlap.
    pixel_size_nm
        Side of a pixel.
    bands
        Spatial frequencies in which the lattices lie: one band for all, or one a particle;
        ``None`` where no lattice is resolved.
    without
        ``(y, x)`` noise-free image of the support alone, if it can be had. Else background and
        texture are those of the support around the particles.
    spectrum
        Of the noise: `nanosieve.simulation.detector.detect.noise_spectrum`; ``None``: white.

    Returns
    -------
    list of Visibility
        One an outline. A particle outside the frame is not visible.

    Raises
    ------
    UsageError
        If bands do not fit the particles or the pixels.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> disc = np.hypot(y - 32, x - 32) < 10
    >>> noise = np.full((64, 64), 0.5)
    >>> [seen] = visibility(1 - 0.5 * disc, noise, [disc], pixel_size_nm=0.2)
    >>> seen.visible, round(seen.contrast_cnr)
    (True, 11)
    """
    each = _one_each(bands, len(outlines), pixel_size_nm)
    places = [_boxed(outline) for outline in outlines]
    in_frame = [place for place in places if place is not None]
    if not in_frame:
        return [Visibility(0.0 if band else np.nan, 0.0, False) for band in each]
    scene = _Scene.of(clean, noise_std, without, spectrum, in_frame, pixel_size_nm)
    fringes = {band: _Fringes.of(scene, band, pixel_size_nm) for band in set(each) if band}
    texture = Texture(scene.clean if scene.without is None else scene.without, scene.support)
    seen = []
    for place, band in zip(places, each, strict=True):
        if place is None:
            seen.append(Visibility(0.0 if band else np.nan, 0.0, False))
            continue
        inside = scene.inside(place)
        snr = fringes[band].snr(place.box, inside, scene) if band else np.nan
        cnr = _contrast(scene, place, inside, texture)
        seen.append(Visibility(snr, cnr, snr >= LEAST_FRINGE_SNR or cnr >= LEAST_CONTRAST_CNR))
    return seen


def ignore_mask(instances: np.ndarray, visible: Sequence[bool]) -> np.ndarray:
    """Mark the pixels of particles that nobody could label.

    Parameters
    ----------
    instances
        ``(y, x)`` int, 0 the support, else the particle's number.
    visible
        Of particle 1, 2, ...

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` bool.

    Raises
    ------
    UsageError
        If there are more particles than answers.

    Examples
    --------
    >>> ignore_mask(np.array([[0, 1, 2]]), [True, False]).tolist()
    [[False, False, True]]
    """
    if int(instances.max(initial=0)) > len(visible):
        raise UsageError(
            f"{int(instances.max())} particles, {len(visible)} answers whether they are visible: "
            "give one each"
        )
    return np.array([False, *(not one for one in visible)])[instances]


def _one_each(
    bands: Band | Sequence[Band] | None, n: int, pixel_size_nm: float
) -> list[Band | None]:
    if bands is None:
        return [None] * n
    values = np.asarray(bands, float)
    each = [(float(low), float(high)) for low, high in np.atleast_2d(values)] if len(values) else []
    if values.ndim == 1 and len(each) == 1:
        each *= n
    if len(each) != n:
        raise UsageError(f"{len(each)} lattice bands for {n} particles: give one, or one each")
    nyquist = 0.5 / pixel_size_nm
    for low, high in each:
        if not 0 < low < high or low >= nyquist:
            raise UsageError(
                f"lattice band of {low:g} to {high:g} per nm: give a lower and a higher frequency, "
                f"the lower below Nyquist's of {nyquist:g}, or no band"
            )
    return list(each)


def _boxed(outline: np.ndarray | Boxed) -> Boxed | None:
    """Box round an outline; ``None`` if no pixel of it lies in the image."""
    if isinstance(outline, Boxed):
        return outline if outline.outline.any() else None
    rows, columns = (np.flatnonzero(outline.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return Boxed(box, outline[box])


@dataclass(frozen=True)
class _Scene:
    """What all particles of an image share."""

    clean: np.ndarray
    variance: np.ndarray
    crowd: np.ndarray  # number of particles at a pixel
    support: np.ndarray | None  # bool, far from particles; None where the support is known
    without: np.ndarray | None
    spectrum: np.ndarray
    screen: float  # range of grey values as displayed

    @classmethod
    def of(
        cls,
        clean: np.ndarray,
        noise_std: np.ndarray,
        without: np.ndarray | None,
        spectrum: np.ndarray | None,
        places: Sequence[Boxed],
        pixel_size_nm: float,
    ) -> Self:
        crowd = np.zeros(clean.shape, np.uint16)
        for place in places:
            crowd[place.box] += place.outline
        std = np.broadcast_to(noise_std, clean.shape)
        white = np.ones((clean.shape[0], clean.shape[1] // 2 + 1), np.float32)
        shown = np.ptp(np.quantile(clean[::_FEW, ::_FEW], _SHOWN))
        return cls(
            clean=np.asarray(clean, np.float32),
            variance=np.square(std, dtype=np.float32),
            crowd=crowd,
            support=_far(crowd == 0, pixel_size_nm) if without is None else None,
            without=None if without is None else np.asarray(without, np.float32),
            spectrum=white if spectrum is None else spectrum,
            screen=float(shown + 6 * np.median(std[::_FEW, ::_FEW])),
        )

    def inside(self, place: Boxed) -> np.ndarray:
        """What no other particle covers, if that is enough."""
        own = place.outline & (self.crowd[place.box] == 1)
        return own if own.sum() > _OWN * place.outline.sum() else place.outline


def _far(bare: np.ndarray, pixel_size_nm: float) -> np.ndarray:
    """Where fringes of particles do not reach, unless hardly any support is left then."""
    far = ndimage.distance_transform_edt(bare) > max(_GAP_NM / pixel_size_nm, 2)
    return far if far.mean() > _LEAST_SHARE else bare


@dataclass(frozen=True)
class _Fringes:
    """Power in one lattice band."""

    signal: np.ndarray  # (y, x) of the noise-free image
    texture: np.ndarray
    noise_share: float  # of the variance of the noise
    share: float  # of all frequencies

    @classmethod
    def of(cls, scene: _Scene, band: Band, pixel_size_nm: float) -> Self:
        shape = scene.clean.shape
        k = np.hypot(fft.fftfreq(shape[0])[:, np.newaxis], fft.rfftfreq(shape[1])) / pixel_size_nm
        k = np.maximum(k, 1e-3 * band[0]).astype(np.float32)
        passed = 1 / ((1 + (band[0] / k) ** _STEEP) * (1 + (k / band[1]) ** _STEEP))
        signal = _power(scene.clean, passed)
        if scene.without is not None:
            texture = _power(scene.without, passed)
        else:
            usual = signal[scene.support].mean() if np.any(scene.support) else 0.0
            texture = np.broadcast_to(np.float32(usual), shape)
        squared = np.square(passed)
        return cls(
            signal=signal,
            texture=texture,
            noise_share=mean_power(scene.spectrum * squared, shape[1]),
            share=mean_power(squared, shape[1]),
        )

    def snr(self, box: tuple[slice, slice], inside: np.ndarray, scene: _Scene) -> float:
        signal, texture, variance = (
            float(values[box][inside].mean(dtype=float))
            for values in (self.signal, self.texture, scene.variance)
        )
        background = variance * self.noise_share + texture
        independent = max(float(inside.sum()) * self.share, 1.0)
        joined = independent / (1 + independent / _JOINED)
        return max(signal - texture, 0.0) / max(background, _TINY) * (joined / 2) ** 0.5


def _power(image: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """``(y, x)`` square of the image within a band."""
    spectrum = fft.rfft2(image - image.mean(dtype=float)) * passed
    return np.square(fft.irfft2(spectrum, s=image.shape))


def _contrast(scene: _Scene, place: Boxed, inside: np.ndarray, texture: Texture) -> float:
    mean = float(scene.clean[place.box][inside].mean(dtype=float))
    if scene.without is None:
        bare = _around(scene, place)
    else:
        bare = float(scene.without[place.box][inside].mean(dtype=float))
    y, x = ((edge.start + edge.stop) // 2 for edge in place.box)
    grain = texture.variance((y, x), area=float(place.outline.sum()))
    variance = float(scene.variance[place.box][inside].mean(dtype=float))
    # Noise of a mean is that of the lowest frequencies; twice, for the ring has noise too.
    noise = 2 * variance * float(scene.spectrum[0, 0]) / float(inside.sum())
    variance = noise + _TEXTURE * grain + (_STEP * scene.screen) ** 2
    return abs(mean - bare) / max(variance, _TINY) ** 0.5


def _around(scene: _Scene, place: Boxed) -> float:
    """Mean of the support in a ring as large as the particle, a little off it."""
    gap = 2.0
    radius = float(np.sqrt(place.outline.sum() / np.pi))
    width = gap + radius * (2**0.5 - 1) + 1
    reach = int(np.ceil(width))
    grown, margins = [], []
    for edge, full in zip(place.box, scene.clean.shape, strict=True):
        start, stop = max(edge.start - reach, 0), min(edge.stop + reach, full)
        grown.append(slice(start, stop))
        margins.append((edge.start - start, stop - edge.stop))
    box = grown[0], grown[1]
    distance = ndimage.distance_transform_edt(~np.pad(place.outline, margins))
    ring = (scene.crowd[box] == 0) & (distance > gap) & (distance <= width)
    if ring.any():
        return float(scene.clean[box][ring].mean(dtype=float))
    # Packed all round: the support elsewhere, or whatever there is.
    bare = scene.crowd == 0
    return float(scene.clean[bare].mean(dtype=float) if bare.any() else scene.clean.mean())
