"""The measured part of an image's row in summary.csv."""

import numpy as np
import pandas as pd

from nanosieve.measurement.distribution import QUANTILES, mean_interval
from nanosieve.measurement.tables import diameter_column


def summarise(
    particles: pd.DataFrame,
    *,
    analysed_area_px: int,
    pixel_size_nm: float | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Numbers of one image or frame: counts, diameters and coverage.

    Parameters
    ----------
    particles
        Its table, of `nanosieve.measurement.particles.measure`; it may be empty.
    analysed_area_px
        Number of pixels that were not excluded.
    pixel_size_nm
        As the table was made with.

    Returns
    -------
    dict
        The columns ``n`` to ``coverage`` of `nanosieve.core.schema.summary_columns`; NaN is blank.

    Examples
    --------
    >>> from nanosieve.measurement.particles import measure
    >>> labels = np.zeros((10, 20), np.int32)
    >>> labels[2:7, 3:11] = 1
    >>> row = summarise(measure(labels, labels), analysed_area_px=labels.size)
    >>> row["n"], row["coverage"], round(row["d50_px"], 2)
    (1, 0.2, 7.14)
    """
    column, unit = diameter_column(particles)
    diameters = particles[column].to_numpy(np.float64)
    area_px = particles[f"area_{unit}2"].sum() / (pixel_size_nm or 1.0) ** 2
    low, high = mean_interval(diameters, seed=seed)
    d10, d50, d90 = np.quantile(diameters, QUANTILES) if diameters.size else (np.nan,) * 3
    return {
        "n": len(particles),
        "n_isolated": int(particles["isolated"].sum()),
        f"diameter_mean_{unit}": float(diameters.mean()) if diameters.size else np.nan,
        f"diameter_mean_low_{unit}": low,
        f"diameter_mean_high_{unit}": high,
        f"diameter_std_{unit}": float(diameters.std(ddof=1)) if diameters.size > 1 else np.nan,
        f"d10_{unit}": float(d10),
        f"d50_{unit}": float(d50),
        f"d90_{unit}": float(d90),
        "coverage": float(area_px / analysed_area_px) if analysed_area_px else np.nan,
    }
