"""The image kernels that segmentation stands on, in the fast form that the bench paid for.

DIPlib does the Gaussian, labels, distances, watershed and reconstruction 2 to 8 times faster than
scipy and scikit-image on two cores (`docs/decisions/`); this file is the only one that knows it.
"""

import diplib as dip
import numpy as np
from PIL import Image

EIGHT = 2
FOUR = 1


def one_thread() -> None:
    """Keep DIPlib to one thread in this thread, which is a setting of each: for new ones to call.

    Its own threads gain nothing on images of this size, and wait busily while another process has
    the core: the same frame then takes up to ten times as long.
    """
    dip.SetNumberOfThreads(1)


one_thread()


def gaussian(image: np.ndarray, sigma: float, *, zeros_around: bool = False) -> np.ndarray:
    """Gaussian of standard deviation ``sigma`` px; ``(y, x)`` or ``(n,)`` float32.

    Borders are mirrored, or there is nothing beyond them with ``zeros_around``.
    """
    # A wide kernel costs its width; the recursive filter costs the same at any.
    method = "IIR" if sigma > 10 else "FIR"
    beyond = ["add zeros"] if zeros_around else []
    values = np.ascontiguousarray(image, dtype=np.float32)
    return np.asarray(dip.Gauss(values, float(sigma), method=method, boundaryCondition=beyond))


def box_mean(image: np.ndarray, width: int) -> np.ndarray:
    """Mean over a square of ``width`` px; ``(y, x)`` float32."""
    kernel = dip.Kernel((width, width), "rectangular")
    return np.asarray(dip.Uniform(np.ascontiguousarray(image, dtype=np.float32), kernel))


def gradient(image: np.ndarray) -> np.ndarray:
    """Magnitude of the gradient by central differences; ``(y, x)`` float32."""
    along_y, along_x = np.gradient(image)
    return np.hypot(along_y, along_x)


def label(mask: np.ndarray, connectivity: int = EIGHT) -> tuple[np.ndarray, int]:
    """Connected components: ``(y, x)`` int32 labels 1..n, and n."""
    labels = np.asarray(dip.Label(np.ascontiguousarray(mask), connectivity)).view(np.int32)
    return labels, int(labels.max(initial=0))


def depth_inside(mask: np.ndarray, *, outside_is_mask: bool = True) -> np.ndarray:
    """Euclidean distance of mask pixels to the nearest other pixel; ``(y, x)`` float32."""
    border = "object" if outside_is_mask else "background"
    return np.asarray(dip.EuclideanDistanceTransform(np.ascontiguousarray(mask), border=border))


def dilate(mask: np.ndarray, radius: float) -> np.ndarray:
    """Dilation by a Euclidean disc."""
    return depth_inside(~mask) <= radius if mask.any() else mask.copy()


def erode(mask: np.ndarray, radius: float) -> np.ndarray:
    """Erosion by a Euclidean disc; the outside of the frame does not erode."""
    return depth_inside(mask) > radius


def shave(mask: np.ndarray) -> np.ndarray:
    """Erosion by the 3 px cross, in plain array steps; the outside of the frame does not erode."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def opening(mask: np.ndarray) -> np.ndarray:
    """Opening by the 3 px cross: removes threads and specks of one pixel."""
    inner = shave(mask)
    opened = inner.copy()
    opened[1:] |= inner[:-1]
    opened[:-1] |= inner[1:]
    opened[:, 1:] |= inner[:, :-1]
    opened[:, :-1] |= inner[:, 1:]
    return opened


def holes(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Label the background that is not 4-connected to the frame's edge; int32 1..n, and n."""
    labels, n = label(~mask, FOUR)
    keep = np.ones(n + 1, bool)
    keep[0] = False
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[edge] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels], int(keep.sum())


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill background that is not 4-connected to the frame's edge."""
    found, n = holes(mask)
    return mask | (found > 0) if n else mask


def reconstruct(seed: np.ndarray, mask: np.ndarray, direction: str) -> np.ndarray:
    """Morphological reconstruction by ``dilation`` or ``erosion``, 8-connected."""
    return np.asarray(dip.MorphologicalReconstruction(seed, mask, EIGHT, direction))


def sobel(image: np.ndarray) -> np.ndarray:
    """Magnitude of Sobel's gradient, scaled as in scikit-image; float32."""
    image = np.ascontiguousarray(image)
    along = [np.asarray(dip.SobelGradient(image, dimension=axis)) for axis in (0, 1)]
    return np.hypot(*along) * np.float32(np.sqrt(2))


def grey_opening(image: np.ndarray, radius: int) -> np.ndarray:
    """Grey opening by the disc of pixels within ``radius`` px of the middle one."""
    disc = dip.SE(2 * radius + 0.1, "elliptic")
    return np.asarray(dip.Opening(np.ascontiguousarray(image), disc))


def regional_maxima(image: np.ndarray) -> np.ndarray:
    """Plateaus that no neighbour exceeds; bool."""
    return np.asarray(dip.Maxima(np.ascontiguousarray(image, dtype=np.float32), EIGHT))


def watershed(landscape: np.ndarray, seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Flood ``landscape`` from ``seeds`` within ``mask``, no lines left; ``(y, x)`` int32."""
    if not seeds.any():
        return np.zeros(landscape.shape, np.int32)
    flooded = dip.SeededWatershed(
        np.ascontiguousarray(landscape, dtype=np.float32),
        dip.Image(np.ascontiguousarray(seeds).view(np.uint32)),
        np.ascontiguousarray(mask),
        connectivity=EIGHT,
        maxDepth=0,
        flags={"labels", "no gaps"},
    )
    return np.asarray(flooded).astype(np.int32)


def shrink(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of ``factor`` px (an incomplete last block is left out); float32."""
    if factor == 1:
        return np.asarray(image, dtype=np.float32)
    rows, columns = (n // factor for n in image.shape)
    whole = image[: rows * factor, : columns * factor]
    if factor <= 4:
        return np.asarray(Image.fromarray(np.ascontiguousarray(whole, np.float32)).reduce(factor))
    # Wide blocks: along y first, since whole rows are added fastest.
    bands = whole.reshape(rows, factor, -1).mean(1, dtype=np.float32)
    return bands.reshape(rows, columns, factor).mean(2, dtype=np.float32)


def enlarge(image: np.ndarray, shape: tuple[int, int], factor: int) -> np.ndarray:
    """Undo `shrink` by linear interpolation between block centres; ``shape`` float32."""
    if factor == 1:
        return image
    height, width = shape
    missing = (
        (0, -(-height // factor) - image.shape[0]),
        (0, -(-width // factor) - image.shape[1]),
    )
    whole = Image.fromarray(np.pad(image.astype(np.float32, copy=False), missing, mode="edge"))
    box = (0, 0, width / factor, height / factor)
    return np.asarray(whole.resize((width, height), Image.Resampling.BILINEAR, box=box))


def repeat(mask: np.ndarray, shape: tuple[int, int], factor: int) -> np.ndarray:
    """Undo `shrink` for a mask: every block's value in all of its pixels; the rest is false."""
    large = np.zeros(shape, bool)
    rows, columns = (n * factor for n in mask.shape)
    large[:rows, :columns] = np.repeat(np.repeat(mask, factor, axis=0), factor, axis=1)
    return large


def sums(labels: np.ndarray, n: int, values: np.ndarray | None = None) -> np.ndarray:
    """Sum of ``values`` (or count of pixels) over each label 1..n, in float64; entry 0 is 0."""
    inside = np.flatnonzero(labels)
    weights = None if values is None else values.ravel()[inside]
    return np.bincount(labels.ravel()[inside], weights, minlength=n + 1).astype(np.float64)


def means(labels: np.ndarray, n: int, values: np.ndarray) -> np.ndarray:
    """Mean of ``values`` over each label 0..n; 0 where a label has no pixel."""
    return sums(labels, n, values) / np.maximum(sums(labels, n), 1)


def solidity(labels: np.ndarray, n: int) -> np.ndarray:
    """Share of its convex hull that each connected label fills; ``(n + 1,)``, entry 0 is 0."""
    found = np.zeros(n + 1)
    if n:
        image = dip.Image(np.ascontiguousarray(labels).view(np.uint32))
        measured = dip.MeasurementTool.Measure(image, features=["Solidity"])
        found[measured.Objects()] = np.asarray(measured["Solidity"]).ravel()
    return found


def grow(labels: np.ndarray, steps: int) -> np.ndarray:
    """Grow labels into the background by ``steps`` pixels, evenly; ``(y, x)`` int32."""
    image = dip.Image(np.ascontiguousarray(labels).view(np.uint32))
    return np.asarray(dip.GrowRegions(image, connectivity=-1, iterations=steps)).astype(np.int32)
