"""What one image, or many together, add up to: every score that can be pooled comes from here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nanosieve.measurement.agreement.instances import Detections, average_precision
from nanosieve.measurement.agreement.pixels import Confusion
from nanosieve.measurement.agreement.reliability import brier_score
from nanosieve.measurement.agreement.sizes import SizeAgreement, size_agreement
from nanosieve.measurement.agreement.thresholds import pixel_average_precision

NAN = float("nan")


@dataclass(frozen=True)
class PixelTally:
    """Pixels: of all, outside the band around the true edge, and by probability if there is one."""

    confusion: Confusion
    outside_band: Confusion
    histogram: np.ndarray | None = None

    def scores(self) -> dict[str, float]:
        """Scores by column name."""
        histogram, counts = self.histogram, self.confusion
        return {
            "n_pixels": counts.n,
            "tp_px": counts.tp,
            "fp_px": counts.fp,
            "fn_px": counts.fn,
            "tn_px": counts.tn,
            **counts.scores(),
            "dice_outside_band": self.outside_band.dice,
            "pixel_ap": NAN if histogram is None else pixel_average_precision(histogram),
            # A share of the area in nm2 per um2: the pixel size cancels.
            "false_positive_nm2_per_um2": 1e6 * counts.fp / counts.n if counts.n else NAN,
        }


@dataclass(frozen=True)
class Sizes:
    """Diameters in one unit: of all true and predicted particles, and of the pairs at IoU 0.5.

    Parameters
    ----------
    true, predicted
        ``(n,)``.
    pairs
        ``(n, 2)``, true and predicted.
    """

    true: np.ndarray
    predicted: np.ndarray
    pairs: np.ndarray

    def times(self, factor: float) -> "Sizes":
        """Give the same diameters in another unit."""
        return Sizes(self.true * factor, self.predicted * factor, self.pairs * factor)


@dataclass(frozen=True)
class InstanceTally:
    """Particles: counts at each IoU, ranks, and diameters on either side.

    Parameters
    ----------
    detections
        At each of `COCO_THRESHOLDS`.
    hits
        ``(n_predicted, 10)`` bool at the same thresholds.
    confidence
        ``(n_predicted,)``, ``None`` where there is none.
    sizes_px, sizes_nm
        Diameters; ``None`` in nm where a pixel size is unknown.
    area_um2
        Analysed area; NaN where unknown.
    centres
        Predictions whose centre lies inside the box of a true particle.
    """

    detections: tuple[Detections, ...]
    hits: np.ndarray
    confidence: np.ndarray | None
    sizes_px: Sizes
    sizes_nm: Sizes | None
    area_um2: float
    centres: Detections

    def scores(self) -> dict[str, float]:
        """Scores by column name."""
        at_50 = self.detections[0]
        scores: dict[str, float] = {
            "n_true": at_50.tp + at_50.fn,
            "n_predicted": at_50.tp + at_50.fp,
            "instance_tp": at_50.tp,
            "instance_fp": at_50.fp,
            "instance_fn": at_50.fn,
            "false_particles_per_um2": at_50.fp / self.area_um2,
        }
        for stem in ("precision", "recall", "f1", "jaccard"):
            values = [getattr(found, stem) for found in self.detections]
            scores[f"instance_{stem}_50"] = values[0]
            scores[f"instance_{stem}_50_95"] = float(np.mean(values))
        for stem in ("precision", "recall", "f1"):
            scores[f"instance_{stem}_centre"] = getattr(self.centres, stem)
        if self.confidence is not None:
            n_true = at_50.tp + at_50.fn
            values = [average_precision(self.confidence, hit, n_true) for hit in self.hits.T]
            scores["instance_brier_50"] = brier_score(self.confidence, self.hits[:, 0])
            scores["instance_ap_50"] = values[0]
            scores["instance_ap_50_95"] = float(np.mean(values))
        return scores | self._size_scores()

    def _size_scores(self) -> dict[str, float]:
        found = _agreement(self.sizes_px)
        scores = {"diameter_difference_px": found.mean_difference}
        if self.sizes_nm is not None:
            # Of images with different pixel sizes only the distributions in nm belong together.
            found = _agreement(self.sizes_nm)
            scores["diameter_difference_nm"] = found.mean_difference
        return scores | {"diameter_bias": found.relative_bias, "ks_distance": found.ks_distance}


def _agreement(sizes: Sizes) -> SizeAgreement:
    return size_agreement(sizes.true, sizes.predicted, sizes.pairs)


@dataclass(frozen=True)
class BoxTally:
    """Boxes matched both ways.

    Parameters
    ----------
    centre, iou
        Counts, either way.
    confidence
        ``(n_predicted,)``, ``None`` where there is none.
    hits
        ``(n_predicted,)`` bool: matched by its centre.
    """

    centre: Detections
    iou: Detections
    confidence: np.ndarray | None = None
    hits: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def scores(self) -> dict[str, float]:
        """Scores by column name."""
        scores: dict[str, float] = {
            "n_true_boxes": self.iou.tp + self.iou.fn,
            "n_predicted_boxes": self.iou.tp + self.iou.fp,
        }
        for how in ("centre", "iou"):
            for stem in ("precision", "recall", "f1"):
                scores[f"box_{how}_{stem}"] = getattr(getattr(self, how), stem)
        if self.confidence is not None:
            scores["box_centre_brier"] = brier_score(self.confidence, self.hits)
        return scores


@dataclass(frozen=True)
class Tally:
    """All that was counted; a part without truth is ``None``."""

    pixels: PixelTally | None = None
    instances: InstanceTally | None = None
    boxes: BoxTally | None = None

    def scores(self) -> dict[str, float]:
        """Scores by column name, of the parts that there are."""
        scores: dict[str, float] = {}
        for part in (self.pixels, self.instances, self.boxes):
            if part is not None:
                scores |= part.scores()
        return scores


def pool(tallies: Sequence[Tally]) -> Tally:
    """Add up images, so that each pixel, particle and box counts the same.

    Examples
    --------
    >>> one = Tally(boxes=BoxTally(Detections(1, 0, 0), Detections(0, 1, 1)))
    >>> pool([one, one]).boxes.centre
    Detections(tp=2, fp=0, fn=0)
    """
    pixels = [tally.pixels for tally in tallies if tally.pixels is not None]
    instances = [tally.instances for tally in tallies if tally.instances is not None]
    boxes = [tally.boxes for tally in tallies if tally.boxes is not None]
    return Tally(
        _pool_pixels(pixels) if pixels else None,
        _pool_instances(instances) if instances else None,
        _pool_boxes(boxes) if boxes else None,
    )


def _pool_pixels(parts: list[PixelTally]) -> PixelTally:
    histograms = [part.histogram for part in parts if part.histogram is not None]
    return PixelTally(
        sum((part.confusion for part in parts), Confusion()),
        sum((part.outside_band for part in parts), Confusion()),
        # A curve over some of the images would not belong to the other pooled scores.
        np.sum(histograms, axis=0) if len(histograms) == len(parts) else None,
    )


def _pool_instances(parts: list[InstanceTally]) -> InstanceTally:
    detections = tuple(
        sum(column, Detections())
        for column in zip(*(part.detections for part in parts), strict=True)
    )
    in_nm = [part.sizes_nm for part in parts if part.sizes_nm is not None]
    return InstanceTally(
        detections,
        np.concatenate([part.hits for part in parts]),
        _pool_confidence([part.confidence for part in parts]),
        _pool_sizes([part.sizes_px for part in parts]),
        _pool_sizes(in_nm) if len(in_nm) == len(parts) else None,
        float(np.sum([part.area_um2 for part in parts])),
        sum((part.centres for part in parts), Detections()),
    )


def _pool_boxes(parts: list[BoxTally]) -> BoxTally:
    return BoxTally(
        sum((part.centre for part in parts), Detections()),
        sum((part.iou for part in parts), Detections()),
        _pool_confidence([part.confidence for part in parts]),
        np.concatenate([part.hits for part in parts]),
    )


def _pool_confidence(parts: list[np.ndarray | None]) -> np.ndarray | None:
    """All of them; ``None`` where an image has none."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _pool_sizes(parts: list[Sizes]) -> Sizes:
    return Sizes(
        np.concatenate([part.true for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        np.concatenate([part.pairs for part in parts]),
    )
