"""`bragg`: segment by the lattice, in the forms that three papers give it, and without one.

Either of two questions is answered: where is a crystal on an amorphous support, or where is
something that is not the crystal, as contamination on a sheet. There is no rule for edges: they
lie where the smoothed strength of the lattice, or of what is left without it, crosses its level.
"""

from collections.abc import Callable, Iterator

import numpy as np

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.segmentation import Polarity, Segmentation
from nanosieve.segmentation.bragg_annulus import sytwu
from nanosieve.segmentation.bragg_groschner import groschner
from nanosieve.segmentation.bragg_sadre import roughness, sadre
from nanosieve.segmentation.bragg_scene import Scene, Strength, make_scene
from nanosieve.segmentation.network_labels import edge_shift, label_particles
from nanosieve.segmentation.particles import noise_diameter

FORMS: dict[str, Callable[[Scene, BraggSettings], Strength | None]] = {
    "sadre": sadre,
    "groschner": groschner,
    "sytwu": sytwu,
    "roughness": roughness,
}
# Share of the frame from which hardly anything is left beside it.
_FILLED = 0.95
_FILLS_FRAME = (
    "What was found fills the frame: its size is that of the frame, and its gaps may be noise."
)
_NOT_FILTERED = (
    "No peak reaches the threshold of the preset paper, so that no lattice was taken out: what is "
    "rough was segmented. Without the preset, peaks are told by their surroundings."
)
# Confidence of what was left out for its size is below one half.
_BELOW = np.float32(0.499)
_NO_LATTICE = (
    "No Bragg peak stands out of the spectrum, so nothing was segmented: if you see a lattice, "
    "lower peak_threshold in a preset, or take form sytwu or another method."
)


def segment_bragg(
    image: np.ndarray,
    valid: np.ndarray,
    settings: BraggSettings,
    *,
    min_diameter_px: float | None = None,
    split: bool = True,
    pixel_size_nm: float | None = None,
) -> Segmentation:
    """Segment one frame by its lattice.

    Parameters
    ----------
    image
        ``(y, x)`` float32, finite, X-ray outliers already taken out.
    valid
        ``(y, x)`` bool, pixels that count.
    settings
        Form, foreground and thresholds.
    min_diameter_px
        Smaller areas are left out; by default what one grain of smoothed noise could make.
    split
        Whether touching crystals are taken apart; amorphous areas never are.
    pixel_size_nm
        Form ``sytwu`` needs it.

    Returns
    -------
    Segmentation
        Confidence is one half at the level and goes with the strength on either side of it. Without
        a lattice there are no labels (but by the paper's preset, which goes on without), and the
        flag ``no_lattice``; where all of the frame is alike, ``one_population``. ``polarity`` tells
        how what was found looks.

    Raises
    ------
    UsageError
        If form ``sytwu`` does not know the pixel size, or it is too coarse.
    FailedInput
        If the mean intensity is not positive.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128]
    >>> crystal = np.hypot(y - 60, x - 64) < 35
    >>> fringes = 1 + 0.3 * crystal * np.cos(2 * np.pi * (0.1 * y + 0.12 * x))
    >>> image = np.random.default_rng(0).normal(100 * fringes, 10).astype(np.float32)
    >>> found = segment_bragg(image, np.ones(image.shape, bool), BraggSettings())
    >>> found.n, bool(np.mean(found.mask == crystal) > 0.95)
    (1, True)
    """
    scene = make_scene(image, valid, pixel_size_nm)
    strength = FORMS[settings.form](scene, settings)
    told = {"form": settings.form, "foreground": settings.foreground, "paper_exact": settings.paper}
    if strength is None or strength.level is None:
        flag = "no_lattice" if strength is None else "one_population"
        facts = {} if strength is None else strength.facts
        return Segmentation(
            np.zeros(image.shape, np.int32),
            np.zeros(image.shape, np.float32),
            "bragg",
            "dark",
            settings={**told, **facts},
            flags=(flag,),
            notes=(_NO_LATTICE,) if strength is None else (),
        )
    confidence = confidence_of(strength, settings)
    confidence[~valid] = 0
    smallest = min_diameter_px or noise_diameter(strength.grain_px)
    apart = split and settings.foreground == "crystal"
    labels, parted = label_particles(
        confidence >= 0.5, confidence, None, min_diameter_px=smallest, split=apart
    )
    shift = edge_shift(labels, int(labels.max(initial=0)), confidence, 0.5)
    np.minimum(confidence, _BELOW, out=confidence, where=labels == 0)
    return Segmentation(
        labels,
        confidence,
        "bragg",
        _looks(scene, labels),
        settings={
            **told,
            **strength.facts,
            "edge_shift_px": None if shift is None else round(shift, 3),
            "min_diameter_px": round(smallest, 2),
            "split": apart,
        },
        split_labels=parted,
        flags=() if strength.facts.get("peaks", 1) else ("no_lattice",),
        notes=tuple(_notes(strength, labels[valid])),
    )


def _notes(strength: Strength, labels: np.ndarray) -> Iterator[str]:
    if not strength.facts.get("peaks", 1):
        yield _NOT_FILTERED
    if np.count_nonzero(labels) > _FILLED * labels.size:
        yield _FILLS_FRAME


def confidence_of(strength: Strength, settings: BraggSettings) -> np.ndarray:
    """Half where the level is crossed, in proportion to the strength, from 0 to 1.

    Parameters
    ----------
    strength
        Its level is not ``None``.
    settings
        ``foreground`` counts here.

    Examples
    --------
    >>> values = np.array([[0, 1, 2, 9]], np.float32)
    >>> confidence_of(Strength(values, 1.0, "crystal", 5.0), BraggSettings()).tolist()
    [[0.0, 0.5, 1.0, 1.0]]
    """
    confidence = np.minimum(strength.values / np.float32(2 * (strength.level or 1e-30)), 1)
    if strength.of != settings.foreground:
        np.subtract(1, confidence, out=confidence)
    return confidence


def _looks(scene: Scene, labels: np.ndarray) -> Polarity:
    """Whether what was found is darker or brighter than the rest, on average."""
    inside, outside = labels > 0, (labels == 0) & scene.valid
    if not inside.any() or not outside.any():
        return "dark"
    darker = scene.deviation[inside].mean() <= scene.deviation[outside].mean()
    return "dark" if darker else "bright"
