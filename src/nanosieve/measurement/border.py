"""Bias of particles cut by the border: the larger a particle, the less often it is seen whole."""

import numpy as np
import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.measurement.tables import diameter_column

_CUT = ("border", "mask_edge")


def border_weights(
    particles: pd.DataFrame,
    shape: tuple[int, int],
    *,
    pixel_size_nm: float | None = None,
    analysed_share: float = 1.0,
) -> np.ndarray:
    """Miles-Lantuejoul weights of the particles of one image or movie.

    A particle whose box measures ``h`` by ``w`` pixels can lie at (H - 1 - h)(W - 1 - w) of the
    H W places of a frame without touching the border; each particle seen whole stands for H W over
    that many. Unlike a guard frame, which counts only particles of a smaller inner window, this
    uses every whole particle.
    (Serra, Image Analysis and Mathematical Morphology, 1982, after Miles and Lantuejoul.)

    Parameters
    ----------
    particles
        Table of `nanosieve.measurement.particles.measure`.
    shape
        ``(y, x)`` of the frame in pixels.
    pixel_size_nm
        As the table was made with.
    analysed_share
        Share of the frame that was not excluded. An approximation: the excluded part is taken for
        a band across the frame, as a caption is.

    Returns
    -------
    ndarray
        ``(n,)``; 0 for particles cut by the border or an excluded region. The box is that of the
        ellipse of the particle's area, eccentricity and orientation.

    Raises
    ------
    UsageError
        If the share is not in (0, 1], or the table's unit is not that of the pixel size.

    Examples
    --------
    >>> from nanosieve.measurement.particles import measure
    >>> labels = np.zeros((31, 61), np.int32)
    >>> labels[10:20, 5:15] = 1
    >>> labels[0:5, 40:45] = 2
    >>> border_weights(measure(labels, labels), (31, 61)).round(2).tolist()
    [2.07, 0.0]
    """
    if not 0 < analysed_share <= 1:
        raise UsageError(f"analysed_share must be above 0 and at most 1, got {analysed_share}")
    column, unit = diameter_column(particles)
    if (unit == "nm") != (pixel_size_nm is not None):
        raise UsageError(f"particles are in {unit}: give the pixel size exactly where it is known")
    diameter = particles[column].to_numpy(np.float64) / (pixel_size_nm or 1.0)
    height, width = shape[0] * analysed_share, shape[1]
    box_height, box_width = _boxes(
        diameter,
        particles["eccentricity"].to_numpy(np.float64),
        np.radians(particles["orientation_deg"].to_numpy(np.float64)),
    )
    # A particle that was seen whole has at least one place.
    places = np.maximum(height - 1 - box_height, 1) * np.maximum(width - 1 - box_width, 1)
    return np.where(is_cut(particles), 0.0, height * width / places)


def is_cut(particles: pd.DataFrame) -> np.ndarray:
    """``(n,)`` bool: cut by the image border or by an excluded region."""
    return np.array(
        [any(code in _CUT for code in cell.split(";")) for cell in particles["flags"]], bool
    )


def _boxes(
    diameter: np.ndarray, eccentricity: np.ndarray, orientation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Height and width of the box around an ellipse of that equivalent diameter."""
    # A line of pixels has an eccentricity of 1; its ellipse would be infinitely long.
    ratio = np.sqrt(np.maximum(1 - eccentricity**2, 1e-2))
    major, minor = diameter / np.sqrt(ratio), diameter * np.sqrt(ratio)
    sine, cosine = np.sin(orientation), np.cos(orientation)
    return np.hypot(major * sine, minor * cosine), np.hypot(major * cosine, minor * sine)
