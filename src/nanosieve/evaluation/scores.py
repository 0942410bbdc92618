"""The one list of scores: names of columns, meanings, ranges."""

from dataclasses import dataclass

UNIT_RANGE = (0.0, 1.0)
ANY_RANGE = (float("-inf"), float("inf"))


@dataclass(frozen=True)
class Score:
    """One score: a column of ``scores.csv`` (of one image), and in ``summary.csv`` NAME_mean ...

    Parameters
    ----------
    name
        Column in ``scores.csv``.
    meaning
        For the page and the data dictionary.
    bounds
        Range that it can take.
    pooled
        Whether ``summary.csv`` has it as ``NAME_pooled`` too, from the sums over all images.
    """

    name: str
    meaning: str
    bounds: tuple[float, float] = UNIT_RANGE
    pooled: bool = True


_INSTANCE = (
    ("precision", "share of predicted particles that are true"),
    ("recall", "share of true particles found"),
    ("f1", "2 TP / (2 TP + FP + FN) of particles"),
    ("jaccard", "TP / (TP + FP + FN) of particles, called AP in papers on cells"),
    ("ap", "area under precision-recall of particles ranked by confidence; blank without one"),
)

SCORES = (
    Score("pixel_accuracy", "share of pixels called right"),
    Score("balanced_accuracy", "mean of recall and specificity of pixels"),
    Score("dice", "2 TP / (2 TP + FP + FN) of pixels, their F1"),
    Score("jaccard", "TP / (TP + FP + FN) of pixels, their IoU"),
    Score("precision", "share of predicted pixels that are true"),
    Score("recall", "share of true pixels found"),
    Score("dice_outside_band", "Dice without the band around the true edge"),
    Score("pixel_ap", "average precision of pixels ranked by probability; blank without one"),
    Score("false_positive_nm2_per_um2", "area found outside the truth, per analysed area",
          (0.0, 1e6)),
    Score("false_particles_per_um2", "particles found without a true partner, per analysed area",
          (0.0, float("inf"))),
    Score("boundary_mean_px", "mean distance between the edges of the masks", ANY_RANGE, False),
    Score("boundary_p95_px", "95 % Hausdorff distance of the masks", ANY_RANGE, False),
    Score("boundary_mean_nm", "the same in nm", ANY_RANGE, False),
    Score("boundary_p95_nm", "the same in nm", ANY_RANGE, False),
    Score("matched_boundary_px", "mean distance between the edges of matched particles",
          ANY_RANGE, False),
    Score("matched_boundary_nm", "the same in nm", ANY_RANGE, False),
    *(Score(f"instance_{stem}_50", f"{meaning}; IoU 0.5") for stem, meaning in _INSTANCE),
    *(Score(f"instance_{stem}_50_95", f"{meaning}; mean over IoU 0.5 to 0.95")
      for stem, meaning in _INSTANCE),
    *(Score(f"instance_{stem}_centre", f"{meaning}; centre inside the true one's box, one to one")
      for stem, meaning in _INSTANCE[:3]),
    Score("instance_brier_50", "mean square of confidence less truth (1 or 0); IoU 0.5"),
    Score("diameter_bias", "mean of (predicted - true) / true diameter of pairs at IoU 0.5",
          ANY_RANGE),
    Score("diameter_difference_px", "mean predicted less mean true diameter, all particles",
          ANY_RANGE),
    Score("diameter_difference_nm", "the same in nm", ANY_RANGE),
    Score("ks_distance", "Kolmogorov-Smirnov distance of the two distributions of diameter"),
    *(Score(f"box_{how}_{stem}", f"{stem} of boxes: {rule}, one to one")
      for how, rule in (("centre", "predicted centre inside the true box"), ("iou", "IoU >= 0.5"))
      for stem in ("precision", "recall", "f1")),
    Score("box_centre_brier", "mean square of confidence less truth (1 or 0); centre inside"),
)  # fmt: skip

COUNTS = (
    "n_pixels", "tp_px", "fp_px", "fn_px", "tn_px",
    "n_true", "n_predicted", "instance_tp", "instance_fp", "instance_fn",
    "n_true_boxes", "n_predicted_boxes",
)  # fmt: skip

# Overlap with nothing is 0 however small the error, so that one speck on an empty support would
# weigh as much as a wholly missed image; such images are judged by false_positive_nm2_per_um2.
NEEDS_TRUTH = (
    "dice", "jaccard", "precision", "dice_outside_band",
    *(f"instance_{stem}_{at}" for stem in ("precision", "f1", "jaccard", "ap")
      for at in ("50", "50_95")),
    "instance_precision_centre", "instance_f1_centre",
)  # fmt: skip
NEEDS_TRUE_BOX = ("box_centre_precision", "box_centre_f1", "box_iou_precision", "box_iou_f1")


def score_columns() -> list[str]:
    """Columns of ``scores.csv``, in order.

    >>> score_columns()[:6]
    ['image', 'group', 'split', 'method', 'status', 'message']
    """
    fixed = ["image", "group", "split", "method", "status", "message", "pixel_size_nm"]
    return [*fixed, *COUNTS, *(score.name for score in SCORES)]
