"""Thresholds of ``bragg`` tuned on training groups: a fixed number of trials, never by image.

Every trial is one set of settings for all images. The best over all training groups is kept; how
good that is, is told by groups that had no say: each is scored with what is best over the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanosieve.core.bragg import BraggSettings, Foreground, Form
from nanosieve.core.errors import UsageError
from nanosieve.files.dataset import Sample
from nanosieve.measurement.agreement.pixels import Confusion, confusion
from nanosieve.prepare.outliers import remove_outliers
from nanosieve.segmentation.bragg import FORMS, confidence_of
from nanosieve.segmentation.bragg_scene import Scene, make_scene

# Ends between which a figure is drawn, evenly in its logarithm. The upper end of the annulus is
# drawn as a multiple of the lower one.
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "sadre": {"aperture": (0.02, 0.5), "peak_threshold": (4.5, 9), "mask_threshold": (0.5, 1.6)},
    "groschner": {"peak_threshold": (4, 9), "mask_threshold": (0.02, 1)},
    "sytwu": {"low": (2, 4.5), "times": (1.1, 2), "mask_threshold": (0.6, 1.6)},
    "roughness": {"blur_px": (3, 40), "mask_threshold": (0.6, 1.6)},
}


@dataclass(frozen=True)
class Case:
    """An image made ready once for all trials.

    Parameters
    ----------
    scene
        The mean-1 image.
    truth
        ``(y, x)`` bool: what is to be found.
    counted
        ``(y, x)`` bool: pixels whose truth is known.
    group
        What must not be divided between training and test.
    """

    scene: Scene
    truth: np.ndarray
    counted: np.ndarray
    group: str


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Parameters
    ----------
    settings
        The best over all groups.
    score
        Its mean Dice over images; chosen for it, and so too good.
    held_out
        Mean Dice over images, each by what is best over the groups of the other folds.
    trials
        Settings tried, the defaults first, and the mean Dice of each.
    """

    settings: BraggSettings
    score: float
    held_out: float
    trials: tuple[tuple[BraggSettings, float], ...]


def case(sample: Sample) -> Case:
    """Read a sample: its particles are what is to be found.

    Raises
    ------
    UsageError
        If it has neither instances nor a mask.
    """
    instances = sample.instances()
    truth = sample.mask() if instances is None else instances > 0
    if truth is None:
        raise UsageError(f"{sample.name}: tuning needs masks/ or instances/ beside the image")
    ignored = sample.ignore()
    clean, _ = remove_outliers(sample.image().astype(np.float32))
    everywhere = np.ones(truth.shape, bool)
    scene = make_scene(clean, everywhere, sample.pixel_size_nm)
    counted = everywhere if ignored is None else ~ignored
    return Case(scene, np.asarray(truth, bool), counted, sample.group)


def tune(
    cases: Sequence[Case],
    *,
    form: Form,
    foreground: Foreground = "crystal",
    trials: int = 32,
    folds: int = 5,
    seed: int = 0,
) -> Tuned:
    """Find the settings of a form that are best over all images.

    Parameters
    ----------
    cases
        Training images.
    form, foreground
        What is tuned, and the question.
    trials
        Settings tried, the defaults among them; the others are drawn.
    folds
        Parts that the groups are dealt to, for ``held_out``; at most one a group.
    seed
        Of drawing and dealing.

    Raises
    ------
    UsageError
        If there are fewer than two groups, or form ``sytwu`` does not know a pixel size.
    """
    groups = sorted({one.group for one in cases})
    if len(groups) < 2:
        raise UsageError(
            "tuning is cross-validated over groups and needs two or more, there are "
            f"{len(groups)}; name them in dataset.csv"
        )
    rng = np.random.default_rng(seed)
    tried = [BraggSettings(form=form, foreground=foreground)]
    tried += [draw(form, foreground, rng) for _ in range(trials - 1)]
    dice = np.array([[dice_of(one, settings) for one in cases] for settings in tried])
    dealt = dict(zip(rng.permutation(groups).tolist(), _deal(len(groups), folds), strict=True))
    fold = np.array([dealt[one.group] for one in cases])
    held_out = np.empty(len(cases))
    for part in np.unique(fold):
        best = int(np.argmax(_mean(dice[:, fold != part])))
        held_out[fold == part] = dice[best, fold == part]
    scores = _mean(dice)
    best = int(np.argmax(scores))
    return Tuned(
        tried[best],
        float(scores[best]),
        float(_mean(held_out[np.newaxis])[0]),
        tuple(zip(tried, scores.tolist(), strict=True)),
    )


def draw(form: Form, foreground: Foreground, rng: np.random.Generator) -> BraggSettings:
    """Draw settings of a form.

    Examples
    --------
    >>> drawn = draw("sadre", "crystal", np.random.default_rng(0))
    >>> 0.02 <= drawn.aperture <= 0.5, drawn.form
    (True, 'sadre')
    """
    values: dict[str, Any] = {
        name: _rounded(np.exp(rng.uniform(*np.log(ends)))) for name, ends in _RANGES[form].items()
    }
    if form == "sytwu":
        low = values.pop("low")
        values["band_per_nm"] = (low, _rounded(low * values.pop("times")))
    return BraggSettings.model_validate({"form": form, "foreground": foreground, **values})


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def dice_of(one: Case, settings: BraggSettings) -> float:
    """Dice of one image; NaN where there is nothing to be found and nothing was."""
    return counts_of(one, settings).dice


def counts_of(one: Case, settings: BraggSettings) -> Confusion:
    """Count the pixels that one image's settings call right and wrong."""
    strength = FORMS[settings.form](one.scene, settings)
    if strength is None or strength.level is None:
        found = np.zeros(one.truth.shape, bool)
    else:
        found = confidence_of(strength, settings) >= 0.5
    return confusion(one.truth, found, valid=one.counted)


def _mean(dice: np.ndarray) -> np.ndarray:
    """Mean over the images of each trial; what is undefined does not count."""
    defined = ~np.isnan(dice)
    return np.where(defined, dice, 0).sum(axis=1) / np.maximum(defined.sum(axis=1), 1)


def _deal(n: int, folds: int) -> Iterable[int]:
    return (number % min(folds, n) for number in range(n))
