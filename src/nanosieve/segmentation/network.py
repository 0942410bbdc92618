"""A frame through a trained network: probability, particles, and what speaks against trusting it.

The probability at the model's threshold is the edge; the edge rules of the classical methods are
not for it. Touching particles are split by the model's own marks of their insides where it has
them, else by their outline (`nanosieve.segmentation.split`).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity, Segmentation
from nanosieve.models.card import LEAST_DIAMETER
from nanosieve.models.load import Model
from nanosieve.segmentation.network_average import answer
from nanosieve.segmentation.network_labels import edge_shift, label_particles, without_faint
from nanosieve.segmentation.network_polarity import Told, tell
from nanosieve.segmentation.network_view import View, check_size, grid_between
from nanosieve.segmentation.network_warnings import (
    about_enlargement,
    about_faint,
    about_foreground,
    about_image,
    about_polarity,
    about_scale,
    about_sizes,
)
from nanosieve.segmentation.scales import Scale, find_scale
from nanosieve.segmentation.trust import evidence_of


@dataclass(frozen=True)
class Maps:
    """What a network says of a frame, on the frame's own grid.

    Parameters
    ----------
    probability
        ``(y, x)`` float16: particle.
    core
        ``(y, x)`` float16: inside of a particle, away from its neighbours; ``None`` where the
        model has no such class.
    classes
        ``(y, x)`` uint8, values of ``ModelCard.kinds``; ``None`` with two kinds.
    polarity
        Of the image; ``None`` where it was not asked for and not needed.
    threshold
        Probability from which a pixel is particle.
    scale
        Pixels of the grid that the model looked at in one of the frame's.
    scales
        Magnifications that had a vote, the base first.
    flags, notes, settings
        As in `Segmentation`.
    """

    probability: np.ndarray
    core: np.ndarray | None
    classes: np.ndarray | None
    polarity: Polarity | None
    threshold: float
    scale: float
    scales: tuple[float, ...]
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def base(self) -> float | None:
        """The base, for the frames that follow; ``None`` of a frame that holds nothing."""
        return self.scales[0] if (self.probability >= self.threshold).any() else None


def segment_with_model(  # noqa: PLR0913 -- one keyword for each thing a user may set
    image: np.ndarray,
    model: Model,
    *,
    polarity: str = "auto",
    threshold: float | None = None,
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
    at_nm: float | None = None,
) -> Segmentation:
    """Separate particles from their support by a trained network.

    Parameters
    ----------
    image
        ``(y, x)`` finite grey values of any real dtype, X-ray outliers already taken out.
    model
        As `nanosieve.models.load.load_model` gives it.
    polarity
        ``dark`` or ``bright`` particles; ``auto`` tells it from the image where the model needs it.
    threshold
        Probability at the edge; by default the model's own.
    min_diameter_px
        Smaller particles are left out; by default what the model cannot tell, at least 3 px.
    split
        Whether touching particles are taken apart.
    exclude
        ``(y, x)`` bool, pixels that do not count.
    pixel_size_nm
        Of the image. Where the model knows its own, the image is resampled to that and the result
        back.
    at_nm
        Pixel size to resample to instead of the model's own.

    Returns
    -------
    Segmentation
        Labels numbered from 1 without gaps, on the grid of ``image``.

    Raises
    ------
    UsageError
        If a setting is not one of those named, ``exclude`` has another shape, or the model does
        not keep what its card promises.
    FailedInput
        If the image is too large for a model that must see it whole, would be too large at the
        model's pixel size, or the model gives NaN for it.
    """
    maps = probability_maps(
        image, model, polarity=polarity, threshold=threshold, exclude=exclude,
        pixel_size_nm=pixel_size_nm, at_nm=at_nm,
    )  # fmt: skip
    return particles_of(
        image, maps, model, min_diameter_px=min_diameter_px, split=split, exclude=exclude
    )


def probability_maps(  # noqa: PLR0913 -- one keyword for each thing a user may set
    image: np.ndarray,
    model: Model,
    *,
    polarity: str = "auto",
    threshold: float | None = None,
    exclude: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
    at_nm: float | None = None,
    base: float | None = None,
) -> Maps:
    """Run the network: the first half of `segment_with_model`, which keeps all cores busy.

    Parameters and errors are those of `segment_with_model`; ``base`` is the magnification to take
    as the base, by default the one at which the network is surest.
    """
    _check(image, polarity, exclude)
    card, found = model.card, None
    level = card.threshold if threshold is None else threshold
    valid = None if exclude is None or not exclude.any() else ~np.asarray(exclude, bool)
    told = tell(View(image, valid, None), polarity, card)
    view = View(image, valid, told.looks)
    if pixel_size_nm is None and at_nm is None and card.pixel_size_nm is not None:
        found = find_scale(view, model, level)
    assumed = pixel_size_nm if found is None else found.pixel_size_nm
    target = at_nm or card.pixel_size_nm
    view = replace(view, grid=grid_between(assumed, target))
    check_size(view, card)
    given = view.given(card)
    known_nm = None if found is not None else pixel_size_nm if view.grid is None else target
    said = answer(view, model, level, given, base)
    base = said.scales[0]
    seen = given if base == 1 else view.given(card, base)
    warnings = [
        about_polarity(told, card),
        about_image(seen, card, known_nm),
        about_enlargement(base),
    ]
    if card.pixel_size_nm is not None and pixel_size_nm is None:
        warnings.append(about_scale(found, card))
    settings: dict[str, Any] = {
        "model": card.name,
        "model_hash": model.digest,
        "runs_on": model.runner.words,
        **_choices(view, told, found),
    }
    if len(card.scales) > 1:
        settings["scales"] = said.scales
    flags = [flag for some, _ in warnings for flag in some]
    notes = [note for _, some in warnings for note in some]
    if view.grid is not None:
        flags.append("resampled")
    return Maps(
        said.probability, said.core, said.classes, told.looks, level,
        base if view.grid is None else base * view.grid[0] / view.grid[1], said.scales,
        tuple(flags), tuple(notes), settings,
    )  # fmt: skip


def _choices(view: View, told: Told, found: Scale | None) -> dict[str, Any]:
    """What was chosen for the image, as its settings have it."""
    chosen: dict[str, Any] = {}
    if found is not None:
        chosen["assumed_pixel_size_nm"] = round(found.pixel_size_nm, 5)
        chosen["scale_found"] = found.how
    if view.grid is not None:
        chosen["resampled_to_nm"] = view.grid[1]
    if told.score is not None:
        chosen["polarity_score"] = round(told.score, 3)
    return chosen


def _check(image: np.ndarray, polarity: str, exclude: np.ndarray | None) -> None:
    if polarity not in ("auto", "dark", "bright"):
        raise UsageError(f"polarity is one of auto, dark, bright, got {polarity!r}")
    if exclude is not None and np.shape(exclude) != np.shape(image):
        raise UsageError(
            f"exclude has shape {np.shape(exclude)}, the image {np.shape(image)}; they must agree"
        )


def particles_of(
    image: np.ndarray,
    maps: Maps,
    model: Model,
    *,
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
) -> Segmentation:
    """Label the particles: the second half of `segment_with_model`.

    Parameters are those of `segment_with_model`, and what `probability_maps` gave.
    """
    card = model.card
    level = maps.threshold
    least = max(LEAST_DIAMETER, card.least_diameter_px / maps.scale)
    smallest = least if min_diameter_px is None else min_diameter_px
    probability = maps.probability
    if exclude is not None:
        np.copyto(probability, 0, where=exclude)
    mask = probability >= np.float16(level)
    labels, parted = label_particles(
        mask, probability, maps.core, min_diameter_px=smallest, split=split
    )
    # Who lowers the threshold wants what is faint, too.
    least_mean = card.least_mean if level >= card.threshold else 0.0
    labels, parted, left_out = without_faint(labels, parted, probability, least_mean)
    n = int(labels.max(initial=0))
    evidence = evidence_of(labels, n, probability, maps.core, parted=parted, scale=maps.scale)
    shift = edge_shift(labels, n, probability, level)
    flags, notes = about_sizes(labels, n, card, scale=maps.scale, scales=maps.scales)
    notes += about_foreground(card) + about_faint(left_out, n, card)
    settings = maps.settings | {
        "threshold": round(level, 4),
        "edge_shift_px": None if shift is None else round(shift, 3),
        "min_diameter_px": round(smallest, 2),
        "split": split,
    }
    if least_mean:
        settings |= {"least_mean": least_mean, "faint_left_out": left_out}
    return Segmentation(
        labels,
        probability,
        card.name,
        maps.polarity or _looks(image, mask),
        settings=settings,
        excluded=exclude,
        split_labels=parted,
        flags=(*maps.flags, *flags),
        notes=(*maps.notes, *notes),
        classes=maps.classes,
        class_names=card.kinds if maps.classes is not None else (),
        certainty=None if card.trust is None else card.trust.certainty(evidence),
        evidence=evidence,
    )


def _looks(image: np.ndarray, mask: np.ndarray) -> Polarity:
    """Polarity as the result has it: dark where nothing was found."""
    if not mask.any() or mask.all():
        return "dark"
    inside = float(np.mean(image, where=mask, dtype=float))
    outside = float(np.mean(image, where=~mask, dtype=float))
    return "bright" if inside > outside else "dark"
