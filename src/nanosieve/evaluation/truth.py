"""The truth of one image, made ready once for all methods."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.evaluation.protocol import Protocol
from nanosieve.files.dataset import Sample, instances_from_mask
from nanosieve.measurement.agreement.boundary import band_of_sizes, border_band
from nanosieve.measurement.particles import measure


@dataclass(frozen=True)
class Truth:
    """What is known of one image.

    Parameters
    ----------
    image
        ``(y, x)`` grey values.
    mask
        ``(y, x)`` bool, ``None`` where neither masks nor instances exist.
    instances
        ``(y, x)`` integers, from the data set or from the mask.
    from_mask
        Whether the instances are the mask's components: predictions are then taken apart likewise.
    boxes
        ``(n, 4)`` as ``y0, x0, y1, x1``, px, those whose centre counts.
    valid
        ``(y, x)`` bool: pixels that count.
    near_edge
        ``(y, x)`` bool: the band around the true edge.
    contrast
        ``(largest label + 1,)`` contrast of each true particle by label, NaN where undefined.
    pixel_size_nm
        ``None`` where unknown.
    """

    image: np.ndarray
    mask: np.ndarray | None
    instances: np.ndarray | None
    from_mask: bool
    boxes: np.ndarray | None
    valid: np.ndarray
    near_edge: np.ndarray | None
    contrast: np.ndarray | None
    pixel_size_nm: float | None

    @property
    def unlabelled(self) -> bool:
        """Nothing is known."""
        return self.mask is None and self.boxes is None


def truth_of(sample: Sample, protocol: Protocol) -> Truth:
    """Read a sample and derive what every method is compared with."""
    image = sample.image()
    mask, instances = sample.mask(), sample.instances()
    valid = counted_pixels(sample.shape, sample.ignore(), protocol.ignore_margin)
    from_mask = False
    if instances is None and mask is not None:
        from_mask, instances = True, instances_from_mask(mask)
    boxes = sample.boxes()
    return Truth(
        image=image,
        mask=mask,
        instances=instances,
        from_mask=from_mask,
        boxes=None if boxes is None else counted_boxes(boxes, valid),
        valid=valid,
        near_edge=None if mask is None else _near_edge(mask, instances, protocol.band),
        contrast=None if instances is None else _contrast(instances, image),
        pixel_size_nm=sample.pixel_size_nm,
    )


def counted_pixels(shape: tuple[int, int], ignore: np.ndarray | None, margin: int) -> np.ndarray:
    """Find the pixels that count: not ignored, and not within ``margin`` of the image border.

    Examples
    --------
    >>> counted_pixels((3, 4), None, 1).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    valid = np.zeros(shape, bool)
    inner = slice(margin, shape[0] - margin), slice(margin, shape[1] - margin)
    valid[inner] = True
    if ignore is not None:
        valid &= np.asarray(ignore) == 0
    return valid


def counted_boxes(boxes: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Keep the boxes whose centre lies on a pixel that counts.

    Examples
    --------
    >>> counted_boxes(np.array([[0, 0, 2, 2], [0, 2, 2, 4]]), np.array([[True, True, False]] * 2))
    array([[0, 0, 2, 2]])
    """
    return boxes[centre_counts(boxes, valid)]


def centre_counts(boxes: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Tell of each box whether its centre lies on a pixel that counts: ``(n,)`` bool.

    Examples
    --------
    >>> centre_counts(np.array([[0, 0, 2, 2], [0, 2, 2, 4]]), np.array([[True, True, False]] * 2))
    array([ True, False])
    """
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(int)
    y, x = np.clip(centres, 0, np.array(valid.shape) - 1).T
    return valid[y, x]


def _near_edge(mask: np.ndarray, instances: np.ndarray | None, band: float | None) -> np.ndarray:
    if band is not None or instances is None:
        return border_band(mask, band or 0.0)
    # Specks of the mask, too small to be a particle, have an edge as well.
    specks = mask & (instances == 0)
    numbers = ndimage.label(specks)[0] + int(instances.max(initial=0))
    return band_of_sizes(np.where(specks, numbers, instances))


def _contrast(instances: np.ndarray, image: np.ndarray) -> np.ndarray:
    by_label = np.full(int(instances.max(initial=0)) + 1, np.nan)
    table = measure(instances, image)
    by_label[table["label"].to_numpy()] = table["contrast"].to_numpy(float)
    return by_label
