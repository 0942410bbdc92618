"""A frame through a trained network: probability, particles, and what speaks against trusting it.

The probability at the model's threshold is the edge; the edge rules of the classical methods are
not for it. Touching particles are split by the model's own marks of their insides where it has
them, else by their outline (`nanosieve.segmentation.split`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.segmentation import Polarity, Segmentation
from nanosieve.models.card import ModelCard
from nanosieve.models.domain import describe
from nanosieve.models.load import Model
from nanosieve.prepare.network_input import network_input
from nanosieve.prepare.resample import resample, resample_back, resample_labels_back
from nanosieve.segmentation import kernels
from nanosieve.segmentation.network_labels import edge_shift, label_particles
from nanosieve.segmentation.polarity import find_polarity, is_certain
from nanosieve.segmentation.sample import sample_windows

# Below three pixels nothing has a shape.
_LEAST_DIAMETER = 3.0
# Pixel sizes closer than this are one: resampling would only blur.
_SAME_SIZE = 0.01
# Of a resampled image, which costs 4 bytes a pixel, its map of probability 2 more.
_LARGEST_RESAMPLED = 16384**2
# Share of the particles outside the sizes trained on from which it is said.
_FEW = 0.1


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
        Pixels of the model's grid in one of the frame's.
    flags, notes, settings
        As in `Segmentation`.
    """

    probability: np.ndarray
    core: np.ndarray | None
    classes: np.ndarray | None
    polarity: Polarity | None
    threshold: float
    scale: float
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]


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
        Smaller particles are left out; 3 px by default.
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


def probability_maps(
    image: np.ndarray,
    model: Model,
    *,
    polarity: str = "auto",
    threshold: float | None = None,
    exclude: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
    at_nm: float | None = None,
) -> Maps:
    """Run the network: the first half of `segment_with_model`, which keeps all cores busy.

    Parameters and errors are those of `segment_with_model`.
    """
    if polarity not in ("auto", "dark", "bright"):
        raise UsageError(f"polarity is one of auto, dark, bright, got {polarity!r}")
    if exclude is not None and np.shape(exclude) != np.shape(image):
        raise UsageError(
            f"exclude has shape {np.shape(exclude)}, the image {np.shape(image)}; they must agree"
        )
    card = model.card
    valid = None if exclude is None or not exclude.any() else ~np.asarray(exclude, bool)
    looks, score = _polarity(image, valid, polarity, card)
    target = at_nm or card.pixel_size_nm
    sizes = None
    if (
        pixel_size_nm is not None
        and target is not None
        and abs(target / pixel_size_nm - 1) > _SAME_SIZE
    ):
        sizes = (pixel_size_nm, target)
        _check_resampled(image, *sizes, card)
    seen, known = image, valid
    if sizes is not None:
        seen = resample(image, *sizes)
        known = None if valid is None else resample(valid, *sizes) > 0.99
    given = network_input(seen, card.input, polarity=looks or "dark", valid=known)
    del seen, known
    flags, notes = _warnings(given, card, score, pixel_size_nm if sizes is None else target)
    if sizes is not None:
        flags.append("resampled")
    level = card.threshold if threshold is None else threshold
    probability, core, classes = _run(given, model, level)
    del given
    if sizes is not None:
        shape = (image.shape[0], image.shape[1])
        probability = resample_back(probability, shape, *sizes).astype(np.float16)
        core = None if core is None else resample_back(core, shape, *sizes).astype(np.float16)
        classes = None if classes is None else resample_labels_back(classes, shape, *sizes)
    settings: dict[str, Any] = {
        "model": card.name,
        "model_hash": model.digest,
        "runs_on": model.runner.words,
    }
    if sizes is not None:
        settings["resampled_to_nm"] = sizes[1]
    if score is not None:
        settings["polarity_score"] = round(score, 3)
    scale = 1.0 if sizes is None else sizes[0] / sizes[1]
    return Maps(
        probability, core, classes, looks, level, scale, tuple(flags), tuple(notes), settings
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
    smallest = _LEAST_DIAMETER if min_diameter_px is None else min_diameter_px
    probability = maps.probability
    if exclude is not None:
        np.copyto(probability, 0, where=exclude)
    mask = probability >= np.float16(level)
    labels, parted = label_particles(
        mask, probability, maps.core, min_diameter_px=smallest, split=split
    )
    n = int(labels.max(initial=0))
    shift = edge_shift(labels, n, probability, level)
    flags, notes = _about_sizes(labels, n, maps.scale, card)
    settings = maps.settings | {
        "threshold": round(level, 4),
        "edge_shift_px": None if shift is None else round(shift, 3),
        "min_diameter_px": round(smallest, 2),
        "split": split,
    }
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
    )


def _polarity(
    image: np.ndarray, valid: np.ndarray | None, asked: str, card: ModelCard
) -> tuple[Polarity | None, float | None]:
    """Polarity and, where it was told from the image, its score."""
    if asked != "auto":
        return ("dark" if asked == "dark" else "bright"), None
    spec = card.input
    if spec.polarity == "any" and spec.normalisation != "support" and not spec.flat_field:
        return None, None
    if valid is not None and not valid.any():
        return None, None
    pixels = np.asarray(image, np.float32)
    if valid is None:
        known = np.ones(image.shape, bool)
    else:
        # Smoothing must not carry a caption outwards.
        known, pixels = valid, np.where(valid, pixels, np.float32(np.median(pixels[valid])))
    windows = sample_windows(pixels, known)
    score = float(np.mean([find_polarity(pixels[w], known[w]) for w in windows]))
    return ("dark" if score <= 0 else "bright"), score


def _check_resampled(image: np.ndarray, from_nm: float, to_nm: float, card: ModelCard) -> None:
    """Refuse what would fill the memory: an overview for a model of fine pixels."""
    sides = [side * from_nm / to_nm for side in image.shape]
    if sides[0] * sides[1] > _LARGEST_RESAMPLED:
        raise FailedInput(
            f"{card.name} wants pixels of {to_nm:.3g} nm, the image has {from_nm:.3g} nm: "
            f"{sides[0]:.0f} x {sides[1]:.0f} px would be too many; use another model, or "
            "--resample"
        )


def _looks(image: np.ndarray, mask: np.ndarray) -> Polarity:
    """Polarity as the result has it: dark where nothing was found."""
    if not mask.any() or mask.all():
        return "dark"
    inside = float(np.mean(image, where=mask, dtype=float))
    outside = float(np.mean(image, where=~mask, dtype=float))
    return "bright" if inside > outside else "dark"


def _warnings(
    given: np.ndarray, card: ModelCard, score: float | None, pixel_size_nm: float | None
) -> tuple[list[str], list[str]]:
    """What can be said before the network has run."""
    flags, notes = [], []
    if score is not None and not is_certain(score):
        flags.append("polarity_uncertain")
        looks = "dark" if score <= 0 else "bright"
        notes.append(f"Particles were taken to be {looks}, but only just; set --polarity if wrong.")
    trained = card.pixel_size_range_nm
    if trained is not None and pixel_size_nm is not None:
        low, high = trained
        if not (1 - _SAME_SIZE) * low <= pixel_size_nm <= (1 + _SAME_SIZE) * high:
            flags.append("pixel_size_outside_training")
            notes.append(
                f"{card.name} saw pixel sizes of {low:.3g} to {high:.3g} nm in training, this "
                f"image has {pixel_size_nm:.3g} nm; --resample brings it into that range."
            )
    if card.pixel_size_nm is not None and pixel_size_nm is None:
        notes.append(
            f"{card.name} works at {card.pixel_size_nm:.3g} nm a pixel, but the pixel size of this "
            "image is unknown: it was run as it is; give --pixel-size."
        )
    if card.domain is not None:
        figures = describe(given)
        value = card.domain.score(figures)
        if value > card.domain.threshold:
            name, off = card.domain.strangest(figures)
            flags.append("out_of_domain")
            notes.append(
                f"This image is unlike those {card.name} was trained on: out-of-domain score "
                f"{value:.3g}, of images like them {card.domain.false_alarm:.0%} exceed "
                f"{card.domain.threshold:.3g}; most of all its {name} is {abs(off):.1f} standard "
                f"deviations {'above' if off > 0 else 'below'} theirs."
            )
    if not card.tile_exact:
        notes.append(f"{card.name} sees statistics of the whole image, which was run as one.")
    return flags, notes


def _run(
    given: np.ndarray, model: Model, level: float
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Probability, core and classes, part by part as the network gives them."""
    card, shape = model.card, given.shape
    channels = card.channels
    front = [channels.index(name) for name in card.foreground]
    marker = None if card.core is None else channels.index(card.core)
    probability = np.empty(shape, np.float16)
    core = None if marker is None else np.empty(shape, np.float16)
    classes = np.zeros(shape, np.uint8) if len(card.kinds) > 2 else None
    for at, part in model.stream(given):
        # NaN and infinity stay in a sum: in half precision large values become either.
        if not np.isfinite(part.sum()):
            raise FailedInput(
                f"{card.name} gives probabilities that are no numbers for this image; "
                "try --precision float32"
            )
        probability[at] = _foreground(part[front], card)
        if core is not None:
            core[at] = part[marker]
        if classes is not None:
            classes[at] = _classes(part, level, card)
    return probability, core, classes


def _foreground(parts: np.ndarray, card: ModelCard) -> np.ndarray:
    """Probability of any of the classes that count as particle."""
    if len(parts) == 1:
        return parts[0]
    return np.minimum(parts.sum(0), 1) if card.activation == "softmax" else parts.max(0)


def _classes(part: np.ndarray, level: float, card: ModelCard) -> np.ndarray:
    """Likeliest kind: on particles one of the foreground, elsewhere one of the others."""
    front = [card.channels.index(name) for name in card.foreground]
    inside = _foreground(part[front], card) >= level
    back = [
        index
        for index, name in enumerate(card.channels)
        if name not in card.foreground and name != card.core
    ]
    value = np.array(
        [card.kinds.index(name) if name in card.kinds else 0 for name in card.channels]
    )
    found = value[np.array(front)[part[front].argmax(0)]]
    if card.activation == "softmax":
        rest = value[np.array(back)[part[back].argmax(0)]]
    elif back:
        best = part[back].argmax(0)
        rest = np.where(part[back].max(0) >= level, value[np.array(back)[best]], 0)
    else:
        rest = np.zeros(inside.shape, np.intp)
    return np.where(inside, found, rest).astype(np.uint8)


def _about_sizes(
    labels: np.ndarray, n: int, scale: float, card: ModelCard
) -> tuple[list[str], list[str]]:
    """Particles of sizes that the model cannot know."""
    if n == 0:
        return [], []
    flags, notes = [], []
    diameters = 2 * np.sqrt(kernels.sums(labels, n)[1:] / np.pi) * scale
    wide = int(np.count_nonzero(diameters > card.field_px))
    if wide:
        flags.append("beyond_receptive_field")
        notes.append(
            f"{wide} of {n} particles are wider than the {card.field_px:.3g} px that "
            f"{card.name} sees at once: their insides may be missed."
        )
    if card.diameter_range_px is not None:
        low, high = card.diameter_range_px
        outside = int(np.count_nonzero((diameters < low) | (diameters > high)))
        if outside > _FEW * n:
            flags.append("sizes_outside_training")
            notes.append(
                f"{outside} of {n} particles lie outside the {low:.3g} to {high:.3g} px that "
                f"{card.name} saw in training."
            )
    return flags, notes
