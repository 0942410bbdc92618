"""A segmentation: which pixels belong to which particle, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np

Polarity = Literal["dark", "bright"]
Edge = Literal["base", "half", "otsu"]


@dataclass(frozen=True)
class Segmentation:
    """Labels of one ``(y, x)`` frame.

    Parameters
    ----------
    labels
        ``(y, x)`` int32; 0 background, 1..n particles without gaps.
    confidence
        ``(y, x)`` float32 (float16 for large frames) in [0, 1]: how sure it is that the pixel
        belongs to a particle. 0.5 at the edge.
    method, polarity
        What was used, ``auto`` resolved.
    settings
        Everything chosen for this image (smoothing in px, window, levels, edge rule), plain values.
    excluded
        ``(y, x)`` bool, pixels left out (captions, scale bars, the user's mask); ``None`` if none.
    split_labels
        Labels of particles that were split from a touching neighbour.
    flags, notes
        Codes of the flag registry about the image, and sentences for the report.
    classes
        ``(y, x)`` uint8 where a model knows more than two classes, else ``None``.
    class_names
        Names of the values of ``classes``, from 0.
    certainty
        ``(n,)`` float in [0, 1]: calibrated probability that label 1..n is a true particle,
        outlined at an IoU of at least 0.5; ``None`` where the method has none.
    evidence
        ``(n, k)`` figures that the certainty follows from (`nanosieve.models.trust.EVIDENCE`).
    """

    labels: np.ndarray
    confidence: np.ndarray
    method: str
    polarity: Polarity
    settings: Mapping[str, Any] = field(default_factory=dict)
    excluded: np.ndarray | None = None
    split_labels: frozenset[int] = frozenset()
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    certainty: np.ndarray | None = None
    evidence: np.ndarray | None = None

    @property
    def mask(self) -> np.ndarray:
        """``(y, x)`` bool: particle or not."""
        return self.labels > 0

    @property
    def n(self) -> int:
        """Number of particles."""
        return int(self.labels.max(initial=0))

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)
