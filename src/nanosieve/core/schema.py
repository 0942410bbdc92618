"""Columns of the tables that users' scripts rely on: names, units, order, meaning.

`docs/reference/tables.md` is tested against this file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["nm", "px"]


@dataclass(frozen=True)
class Column:
    """One column. ``length`` is the power of a length in it: its name then ends in the unit."""

    stem: str
    meaning: str
    length: Literal[0, 1, 2] = 0

    def name(self, unit: Unit) -> str:
        """Column name with its unit.

        >>> Column("area", "", 2).name("nm"), Column("diameter", "", 1).name("px")
        ('area_nm2', 'diameter_px')
        """
        suffix = {0: "", 1: f"_{unit}", 2: f"_{unit}2"}[self.length]
        return self.stem + suffix


CLASS_SHARE = "share_"

PARTICLE_COLUMNS = (
    Column("image", "name of the input's folder in OUT"),
    Column("frame", "frame of the movie, from 0; 0 for a still"),
    Column("label", "value of the particle in labels.tif"),
    Column("y", "row of the centroid, pixel centres, from the first row", 1),
    Column("x", "column of the centroid, pixel centres, from the first column", 1),
    Column("area", "number of pixels times the pixel's area", 2),
    Column("diameter", "diameter of the circle of equal area", 1),
    Column("feret_max", "largest distance between parallel tangents (caliper)", 1),
    Column("feret_min", "smallest distance between parallel tangents (caliper)", 1),
    Column("perimeter", "perimeter by Crofton's formula", 1),
    Column("circularity", "4 pi area / perimeter^2"),
    Column("solidity", "area / area of the convex hull"),
    Column("eccentricity", "of the ellipse with the same second moments, 0 circle to 1 line"),
    Column("orientation_deg", "long axis, counter-clockwise from +x, -90 to 90"),
    Column("mean_intensity", "mean over the particle, in the file's own units"),
    Column("contrast", "(inside - ring) / (inside + ring), ring of bare support"),
    Column("cnr", "(inside - ring) / standard deviation in the ring"),
    Column("touches_border", "cut by the image edge"),
    Column("isolated", "whole, convex, and not split from a neighbour"),
    Column(
        "confidence",
        "0 to 1: calibrated probability that it is a true particle (IoU 0.5) where the method has "
        "one, else mean of the pixels' confidence",
    ),
    Column("flags", "codes of the flag registry, joined by ;"),
)

SUMMARY_COLUMNS = (
    Column("image", "name of the input's folder in OUT"),
    Column("frame", "frame of the movie, from 0; 0 for a still"),
    Column("time_s", "time of the frame where the file states it"),
    Column("status", "ok, empty, refused or failed"),
    Column("message", "why, where the status is refused or failed"),
    Column("n", "number of particles"),
    Column("n_isolated", "number of isolated particles"),
    Column("diameter_mean", "mean of the diameters", 1),
    Column("diameter_mean_low", "lower end of its bootstrap 95 % interval", 1),
    Column("diameter_mean_high", "upper end of its bootstrap 95 % interval", 1),
    Column("diameter_std", "standard deviation of the diameters", 1),
    Column("d10", "10th percentile of the diameters", 1),
    Column("d50", "median diameter", 1),
    Column("d90", "90th percentile of the diameters", 1),
    Column("coverage", "share of the analysed area under particles, isolated or not"),
    Column("pixel_size_nm", "side of a pixel in nm; blank where unknown"),
    Column("method", "segmentation method used"),
    Column("polarity", "dark or bright particles"),
    Column("high_tension_kv", "as the file states it"),
    Column("mode", "imaging mode as the file states it"),
    Column("dose_e_per_A2", "as the file states it"),
    Column("exposure_s", "as the file states it"),
    Column("magnification", "as the file states it"),
    Column("flags", "codes of the flag registry about the image, joined by ;"),
)


def particle_columns(unit: Unit) -> list[str]:
    """Names of the columns of ``particles.csv``, in order."""
    return [column.name(unit) for column in PARTICLE_COLUMNS]


def summary_columns(unit: Unit, classes: Sequence[str] = ()) -> list[str]:
    """Names of the columns of ``summary.csv``, in order.

    ``classes`` are those of a model that knows more than two: the share of each stands after
    ``polarity``.

    >>> summary_columns("nm", ["support", "film"])[17:20]
    ['polarity', 'share_support', 'share_film']
    """
    columns = [column.name(unit) for column in SUMMARY_COLUMNS]
    after = columns.index("polarity") + 1
    return [*columns[:after], *map(class_column, classes), *columns[after:]]


def class_column(name: str) -> str:
    """Column of the share of a class of pixels: of the analysed area, 0 to 1.

    >>> class_column("carbon film")
    'share_carbon_film'
    """
    return CLASS_SHARE + "_".join(name.split())
