"""Plain images whose contrast, counts and noise are stated as numbers.

For tests and benches, which need an image that can be computed by hand; what looks like
laboratories' images comes from the presets (`nanosieve.simulation.projected.kind`).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity
from nanosieve.simulation.projected.bodies import Scene

SupportKind = Literal["flat", "textured", "gradient"]
SUPPORT_KINDS: tuple[SupportKind, ...] = get_args(SupportKind)

# Correlation length in px and relative standard deviation: grain of amorphous carbon, clumps of
# it, slow changes of its thickness.
TEXTURE = ((1.5, 0.012), (6.0, 0.008), (25.0, 0.008), (90.0, 0.012))


@dataclass(frozen=True)
class Imaging:
    """What the microscope and the detector do.

    Parameters
    ----------
    polarity
        ``dark``: bright field, particles absorb. ``bright``: HAADF, particles scatter.
    contrast
        Change at the middle of the thickest single particle as a share of the bare support: for
        dark particles below 1, for bright ones any positive number.
    model
        ``exponential`` absorption (Beer-Lambert; dark only) or ``linear`` in thickness.
    counts
        Mean counts in a pixel of bare support.
    noise
        Whether counts are drawn from a Poisson law and readout noise is added.
    readout
        Standard deviation of the readout noise in counts.
    blur_px
        Standard deviation of a Gaussian point spread in px, before the noise.

    Raises
    ------
    UsageError
        If a value is outside what it can be.
    """

    polarity: Polarity = "dark"
    contrast: float = 0.5
    model: Literal["linear", "exponential"] = "exponential"
    counts: float = 2000.0
    noise: bool = True
    readout: float = 2.0
    blur_px: float = 0.7

    def __post_init__(self) -> None:
        if self.polarity == "dark" and not 0 < self.contrast < 1:
            raise UsageError(f"contrast of dark particles lies between 0 and 1: {self.contrast}")
        if self.contrast <= 0 or self.counts <= 0 or self.readout < 0 or self.blur_px < 0:
            raise UsageError(
                "contrast and counts must be positive, readout and blur_px not negative"
            )


@dataclass(frozen=True)
class Drawing:
    """A drawn image and what is true of it.

    Parameters
    ----------
    image
        ``(y, x)`` uint16 counts.
    labels
        ``(y, x)`` int32; 0 support, 1..n the pixels whose centre lies inside a true outline.
    diameters_px
        ``(n,)`` true diameters in px, in the order of the labels.
    """

    image: np.ndarray
    labels: np.ndarray
    diameters_px: np.ndarray


def draw(
    scene: Scene,
    imaging: Imaging | None = None,
    *,
    support: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Drawing:
    """Image bodies on a support.

    Parameters
    ----------
    scene
        What lies there.
    imaging
        Contrast, blur, noise; dark particles by default.
    support
        ``(y, x)`` relative intensity of the bare support, mean 1; flat if ``None``.
    rng
        Source of the noise; seed 0 if ``None``.

    Examples
    --------
    >>> from nanosieve.simulation.projected.spheres import spheres
    >>> drawing = draw(spheres((64, 64), [[32, 32]], [12]), Imaging(noise=False))
    >>> drawing.diameters_px, int(drawing.labels.max())
    (array([24.]), 1)
    """
    imaging = imaging or Imaging()
    rng = rng or np.random.default_rng(0)
    bare = np.ones(scene.shape, np.float32) if support is None else support
    thickest = max((body.depth_px for body in scene.bodies), default=1.0)
    image = expose(scene.thickness(), bare, imaging, thickest=thickest, rng=rng)
    return Drawing(image, scene.labels(), scene.diameters_px)


def expose(
    thickness: np.ndarray,
    support: np.ndarray,
    imaging: Imaging,
    *,
    thickest: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Turn projected thickness over a support into a detector image.

    Parameters
    ----------
    thickness
        ``(y, x)`` projected thickness in px.
    support
        ``(y, x)`` intensity of the bare support, mean 1. It multiplies the transmission of dark
        particles and is added to the scattering of bright ones.
    imaging
        Contrast, blur and noise.
    thickest
        Thickness in px that has the contrast of ``imaging``.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` uint16 counts.

    Examples
    --------
    >>> support = np.ones((4, 4), np.float32)
    >>> quiet = Imaging(contrast=0.5, counts=1000, noise=False, blur_px=0)
    >>> image = expose(support * 8, support, quiet, thickest=8, rng=np.random.default_rng(0))
    >>> int(image[0, 0]), image.dtype.name
    (500, 'uint16')
    """
    depth = thickness / thickest
    if imaging.polarity == "bright":
        expected = support + imaging.contrast * depth
    elif imaging.model == "exponential":
        expected = support * np.power(1 - imaging.contrast, depth)
    else:
        expected = support * np.clip(1 - imaging.contrast * depth, 0, None)
    if imaging.blur_px > 0:
        expected = ndimage.gaussian_filter(expected, imaging.blur_px)
    counts = np.clip(expected, 0, None) * imaging.counts
    if imaging.noise:
        counts = rng.poisson(counts) + rng.normal(0, imaging.readout, counts.shape)
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)


def support(shape: tuple[int, int], kind: SupportKind, *, rng: np.random.Generator) -> np.ndarray:
    """Relative intensity of a bare support.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    kind
        ``flat``: 1 everywhere. ``textured``: correlated noise of four scales, 2 % in all.
        ``gradient``: a bent slope of some 30 % from edge to edge with a weak texture on it.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, mean 1.

    Raises
    ------
    UsageError
        If ``kind`` is none of the three.

    Examples
    --------
    >>> float(support((64, 64), "flat", rng=np.random.default_rng(0)).mean())
    1.0
    """
    if kind not in SUPPORT_KINDS:
        raise UsageError(f"kind of support must be one of {', '.join(SUPPORT_KINDS)}: {kind!r}")
    field = np.ones(shape, np.float32)
    if kind == "textured":
        field += _texture(shape, rng)
    elif kind == "gradient":
        field += 0.4 * _texture(shape, rng) + _slope(shape, rng)
    return field / np.float32(field.mean(dtype=np.float64))


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Sum of Gaussian random fields, mean 0."""
    total = np.zeros(shape, np.float32)
    for length, amplitude in TEXTURE:
        # Long waves are drawn on a coarse grid: nothing is lost and blurring stays cheap.
        step = max(1, int(length / 4))
        coarse = (shape[0] // step + 3, shape[1] // step + 3)
        field = ndimage.gaussian_filter(
            rng.standard_normal(coarse, dtype=np.float32), length / step, mode="wrap"
        )
        if step > 1:
            field = ndimage.zoom(field, step, order=1)
        field = field[: shape[0], : shape[1]]
        total += (amplitude / max(float(field.std()), 1e-9)) * (field - field.mean())
    return total


def _slope(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A bent plane of about 30 % from edge to edge, mean 0."""
    v = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, np.newaxis]
    u = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[np.newaxis, :]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * u + np.sin(angle) * v
    bowl = u**2 + v**2
    field = 0.3 * ramp + rng.uniform(-0.2, 0.2) * bowl
    return (field - field.mean()).astype(np.float32)
