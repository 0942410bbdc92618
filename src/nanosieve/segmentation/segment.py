"""Segment one frame: choose scale and polarity, threshold, put the edge, split."""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from nanosieve.core.segmentation import Edge, Segmentation


def segment(
    image: np.ndarray,
    *,
    method: str = "auto",
    polarity: str = "auto",
    edge: Edge = "base",
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
) -> Segmentation:
    """Stand-in until the methods land; signature and result are final."""
    smooth = ndimage.gaussian_filter(np.asarray(image, np.float32), 2)
    dark = polarity != "bright"
    level = threshold_otsu(smooth) if np.ptp(smooth) > 0 else smooth.min()
    mask = smooth < level if dark else smooth > level
    if exclude is not None:
        mask &= ~exclude
    labels, _ = ndimage.label(mask)
    return Segmentation(labels.astype(np.int32), mask.astype(np.float32), "otsu",
                        "dark" if dark else "bright", excluded=exclude)
