"""Bare supports: flat, textured, gradient; alone they must give no particle."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Micrograph
from nanosieve.simulation.imaging import Imaging, expose

SupportKind = Literal["flat", "textured", "gradient"]
SUPPORT_KINDS: tuple[SupportKind, ...] = get_args(SupportKind)

# Correlation length in px and relative standard deviation: grain of amorphous carbon, clumps of
# it, slow changes of its thickness.
TEXTURE = ((1.5, 0.012), (6.0, 0.008), (25.0, 0.008), (90.0, 0.012))


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


def empty_supports(
    shape: tuple[int, int] = (512, 512), *, seeds: Iterable[int] = range(3)
) -> list[Micrograph]:
    """Draw micrographs that hold no particle: every kind of support in BF and HAADF.

    Returns
    -------
    list of Micrograph
        Names such as ``textured_bf_0``; uint16, pixel size 0.2 nm.

    Examples
    --------
    >>> [image.name for image in empty_supports((64, 64), seeds=[0])][:2]
    ['flat_bf_0', 'flat_haadf_0']
    """
    modes = {
        "bf": Imaging("dark", counts=1500.0),
        "haadf": Imaging("bright", counts=150.0, readout=4.0),
    }
    images = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for kind in SUPPORT_KINDS:
            for mode, imaging in modes.items():
                bare = support(shape, kind, rng=rng)
                pixels = expose(np.zeros(shape, np.float32), bare, imaging, thickest=1.0, rng=rng)
                name = f"{kind}_{mode}_{seed}"
                images.append(Micrograph.from_array(pixels, pixel_size_nm=0.2, name=name))
    return images


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
