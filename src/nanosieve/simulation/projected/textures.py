"""Random fields and random bends: what keeps supports from looking drawn."""

import numpy as np
from PIL import Image
from scipy import fft, ndimage

FRAME_PX = 32


def random_field(
    shape: tuple[int, int], length_px: float, *, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian random field with mean 0 and standard deviation 1.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    length_px
        Standard deviation of the Gaussian that white noise was blurred with.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32.

    Examples
    --------
    >>> field = random_field((64, 64), 3, rng=np.random.default_rng(0))
    >>> abs(round(float(field.mean()), 3)), round(float(field.std()), 3)
    (0.0, 1.0)
    """
    # Long waves are drawn on a coarse grid: nothing is lost and blurring stays cheap.
    step = max(1.0, length_px / 4)
    coarse = (int(shape[0] / step) + 8, int(shape[1] / step) + 8)
    noise = rng.standard_normal(coarse, dtype=np.float32)
    field = ndimage.gaussian_filter(noise, length_px / step, mode="wrap", truncate=3)
    if step > 1:
        size = (int(coarse[0] * step), int(coarse[1] * step))
        field = enlarge(field, size)
    field = field[: shape[0], : shape[1]]
    field = field - field.mean(dtype=np.float64)
    return (field / max(float(field.std(dtype=np.float64)), 1e-9)).astype(np.float32)


def rough(
    shape: tuple[int, int], lengths_px: list[float], *, rng: np.random.Generator
) -> np.ndarray:
    """Sum of random fields of several lengths with random weights, standard deviation 1."""
    weights = rng.uniform(0.3, 1.0, len(lengths_px))
    weights /= np.sqrt((weights**2).sum())
    total = np.zeros(shape, np.float32)
    for length, weight in zip(lengths_px, weights, strict=True):
        total += np.float32(weight) * random_field(shape, length, rng=rng)
    return total


def enlarge(field: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample to ``shape`` so that the outer pixel edges coincide (cubic up, mean down)."""
    up = shape[0] >= field.shape[0]
    picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
    method = Image.Resampling.BICUBIC if up else Image.Resampling.BOX
    return np.asarray(picture.resize((shape[1], shape[0]), method))


def warp(
    field: np.ndarray, amplitude_px: float, length_px: float, *, rng: np.random.Generator
) -> np.ndarray:
    """Bend a map by random displacements: round things become lumpy, straight ones wavy."""
    shape = field.shape[0], field.shape[1]
    rows, columns = np.meshgrid(
        np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32), indexing="ij"
    )
    rows += np.float32(amplitude_px) * random_field(shape, length_px, rng=rng)
    columns += np.float32(amplitude_px) * random_field(shape, length_px, rng=rng)
    return ndimage.map_coordinates(field, [rows, columns], order=1, mode="nearest")


def filtered(field: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    """Multiply a field's Fourier transform by a real function of `frequencies`.

    Parameters
    ----------
    field
        ``(y, x)``; it is mirrored beyond its frame, or its opposite edges would mix.
    transfer
        At the `frequencies` of the shape with `FRAME_PX` more on every side.
    """
    framed = np.pad(np.asarray(field, np.float32), FRAME_PX, mode="symmetric")
    spectrum = fft.rfft2(framed)
    spectrum *= transfer.astype(np.float32)
    return unframed(fft.irfft2(spectrum, s=framed.shape))


def unframed(field: np.ndarray) -> np.ndarray:
    """Cut off the frame of `FRAME_PX`."""
    return field[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX]


def frequencies(shape: tuple[int, int]) -> np.ndarray:
    """Spatial frequency of each pixel of a real Fourier transform, ``(y, x // 2 + 1)``, 1/px."""
    return np.hypot(
        fft.fftfreq(shape[0])[:, np.newaxis], fft.rfftfreq(shape[1])[np.newaxis, :]
    ).astype(np.float32)


def slope(shape: tuple[int, int], *, rng: np.random.Generator) -> np.ndarray:
    """Bent plane in a random direction, from about -0.5 to 0.5."""
    v = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, np.newaxis]
    u = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[np.newaxis, :]
    angle = rng.uniform(0, 2 * np.pi)
    plane = np.float32(np.cos(angle)) * u + np.float32(np.sin(angle)) * v
    return plane + np.float32(rng.uniform(-0.8, 0.8)) * (u * v + plane**2 - np.float32(1 / 12))
