"""Agreement of two masks, pixel by pixel.

A score whose denominator is zero is undefined and is NaN: Dice and Jaccard where neither mask has
a pixel, precision where the prediction is empty, recall where the truth is empty.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from nanosieve.core.errors import UsageError

PIXEL_SCORES = (
    "pixel_accuracy",
    "balanced_accuracy",
    "dice",
    "jaccard",
    "precision",
    "recall",
)


def ratio(part: float, whole: float) -> float:
    """Divide, with NaN where ``whole`` is zero.

    >>> ratio(1, 4), ratio(0, 0)
    (0.25, nan)
    """
    return part / whole if whole else float("nan")


@dataclass(frozen=True)
class Confusion:
    """Pixel counts of a prediction against the truth; counts of several images add up.

    Examples
    --------
    >>> both = Confusion(3, 1, 1, 5) + Confusion(1, 0, 0, 9)
    >>> both.tp, round(both.dice, 3)
    (4, 0.8)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Self) -> "Confusion":
        return Confusion(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def n(self) -> int:
        """Pixels counted."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def pixel_accuracy(self) -> float:
        """Share of pixels called right; high for an empty prediction of a sparse image."""
        return ratio(self.tp + self.tn, self.n)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity; NaN unless the truth has both classes."""
        return (self.recall + ratio(self.tn, self.tn + self.fp)) / 2

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN), the F1 of pixels."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def jaccard(self) -> float:
        """TP / (TP + FP + FN), the intersection over union."""
        return ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return ratio(self.tp, self.tp + self.fn)

    def scores(self) -> dict[str, float]:
        """Give every score of `PIXEL_SCORES` by name."""
        return {name: getattr(self, name) for name in PIXEL_SCORES}


def check_shapes(truth: np.ndarray, prediction: np.ndarray, valid: np.ndarray | None) -> None:
    """Refuse images that do not lie on one grid.

    Raises
    ------
    UsageError
        If an array is not 2-D or the shapes differ.
    """
    shapes = [np.shape(array) for array in (truth, prediction, valid) if array is not None]
    if any(len(shape) != 2 for shape in shapes) or len(set(shapes)) > 1:
        raise UsageError(
            "truth, prediction and valid pixels must be (y, x) arrays of one shape, got "
            + ", ".join(map(str, shapes))
        )


def confusion(
    truth: np.ndarray, prediction: np.ndarray, *, valid: np.ndarray | None = None
) -> Confusion:
    """Count true and false positives and negatives.

    Parameters
    ----------
    truth, prediction
        ``(y, x)``; non-zero is particle.
    valid
        ``(y, x)`` bool; pixels where it is false are not counted.

    Raises
    ------
    UsageError
        If the shapes differ.

    Examples
    --------
    >>> confusion(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]))
    Confusion(tp=1, fp=1, fn=1, tn=1)
    """
    check_shapes(truth, prediction, valid)
    code = 2 * (np.asarray(truth) != 0).astype(np.uint8) + (np.asarray(prediction) != 0)
    counted = code.ravel() if valid is None else code[np.asarray(valid, bool)]
    tn, fp, fn, tp = (int(count) for count in np.bincount(counted, minlength=4))
    return Confusion(tp, fp, fn, tn)
