"""Segment one frame by thresholds: choose from the image, find particles, put edges, split."""

from typing import Any

import numpy as np

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.segmentation import Edge, Segmentation
from nanosieve.segmentation import kernels
from nanosieve.segmentation.bragg import segment_bragg
from nanosieve.segmentation.field import Choice, choose, make_field
from nanosieve.segmentation.look import look
from nanosieve.segmentation.methods import BRAGG, CLASSICAL, check
from nanosieve.segmentation.particles import (
    Particles,
    Recipe,
    find_particles,
    noise_diameter,
    nothing,
)
from nanosieve.segmentation.polarity import is_certain
from nanosieve.segmentation.reconstruction import published
from nanosieve.segmentation.tiles import WHOLE_PIXELS, find_in_tiles

_EDGES = ("base", "half", "otsu")
_POLARITIES = ("auto", "dark", "bright")


def segment_classically(  # noqa: PLR0913 -- one keyword for each thing a user may set
    image: np.ndarray,
    *,
    method: str = CLASSICAL,
    polarity: str = "auto",
    edge: Edge = "base",
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
    paper_exact: bool = False,
    bragg: BraggSettings | None = None,
) -> Segmentation:
    """Separate particles from their support in one frame by a classical method.

    Parameters
    ----------
    method
        ``otsu``, ``local``, ``hybrid``, ``reconstruction`` or ``bragg``.

    The other parameters, the result and the errors are those of
    `nanosieve.segmentation.segment.segment`.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128]
    >>> disc = (y - 60) ** 2 + (x - 64) ** 2 < 20**2
    >>> image = 100 - 40 * disc + np.random.default_rng(0).normal(0, 5, disc.shape)
    >>> segment_classically(image, method="otsu").n
    1
    """
    name = check(method)
    check_frame(image, exclude, polarity=polarity)
    if edge not in _EDGES:
        raise UsageError(f"edge is one of {', '.join(_EDGES)}, got {edge!r}")
    if paper_exact and name != "reconstruction":
        raise UsageError(f"paper_exact goes with method 'reconstruction', not {name!r}")
    if exclude is not None and not exclude.any():
        exclude = None
    valid = np.ones(image.shape, bool) if exclude is None else ~np.asarray(exclude, bool)
    inside = image[valid]
    if inside.size == 0 or min(image.shape) < 3 or inside.min() == inside.max():
        return _nothing(image.shape, name, polarity, exclude)
    del inside
    if paper_exact:
        return _as_published(image, name, polarity, exclude)
    clean = np.asarray(image, np.float32)
    if exclude is not None:
        # Smoothing must not carry a caption outwards.
        clean = np.where(valid, clean, np.float32(np.median(clean[valid])))
    if name == BRAGG:
        return segment_bragg(
            clean, valid, bragg or BraggSettings(), min_diameter_px=min_diameter_px, split=split,
            pixel_size_nm=pixel_size_nm,
        ).replace(excluded=exclude)  # fmt: skip
    choice = choose(clean, valid, polarity)
    flags, notes = _warnings(clean, valid, choice, polarity, pixel_size_nm)
    smallest = min_diameter_px or noise_diameter(choice.scale.sigma)
    recipe = Recipe(name, edge, split, smallest)
    found = _found(clean, valid, choice, recipe) if choice.separate else nothing(image.shape)
    if not found.labels.any():
        flags.append("one_population")
    if found.cut:
        flags.append("cut_by_tile")
    return Segmentation(
        found.labels,
        found.confidence,
        name,
        choice.polarity,
        settings=_settings(choice, recipe, found),
        excluded=exclude,
        split_labels=frozenset(np.flatnonzero(found.parted).tolist()),
        flags=tuple(flags),
        notes=tuple(notes),
    )


def _found(image: np.ndarray, valid: np.ndarray, choice: Choice, recipe: Recipe) -> Particles:
    if image.size > WHOLE_PIXELS:
        return find_in_tiles(image, valid, choice, recipe).distinct()
    return find_particles(make_field(image, valid, choice), recipe).distinct()


def check_frame(image: np.ndarray, exclude: np.ndarray | None, *, polarity: str) -> None:
    """Refuse what no method takes; errors as in `segment_classically`."""
    if polarity not in _POLARITIES:
        raise UsageError(f"polarity is one of {', '.join(_POLARITIES)}, got {polarity!r}")
    if np.ndim(image) != 2:
        raise FailedInput(f"expected a (y, x) frame, got {np.ndim(image)} dimensions")
    if exclude is not None and np.shape(exclude) != np.shape(image):
        raise UsageError(
            f"exclude has shape {np.shape(exclude)}, the image {np.shape(image)}; they must agree"
        )
    if np.issubdtype(image.dtype, np.floating) and not np.isfinite(image).all():
        raise FailedInput("the frame holds NaN or infinite pixels; fill them first")


def _warnings(
    image: np.ndarray,
    valid: np.ndarray,
    choice: Choice,
    polarity: str,
    pixel_size_nm: float | None,
) -> tuple[list[str], list[str]]:
    flags, notes = [], []
    if polarity == "auto" and choice.separate and not is_certain(choice.polarity_score):
        flags.append("polarity_uncertain")
        notes.append(
            f"Particles were taken to be {choice.polarity}, but only just; set --polarity if wrong."
        )
    seen = look(image, pixel_size_nm=pixel_size_nm, exclude=~valid, polarity=choice.polarity)
    if seen is not None and seen.shows_atoms:
        flags.append("lattice_resolved")
        coarsest = float(seen.lattice.spacings_px[-1])
        size = "" if pixel_size_nm is None else f" ({coarsest * pixel_size_nm:.3g} nm)"
        notes.append(
            f"Bragg peaks stand in the spectrum, the coarsest at {coarsest:.3g} px{size}: "
            "thresholds take lattice fringes for particles here."
        )
    return flags, notes


def _settings(choice: Choice, recipe: Recipe, found: Particles) -> dict[str, Any]:
    shift = found.shift[1:]
    return {
        "sigma_px": round(choice.scale.sigma, 3),
        "half_contrast_over_noise": round(choice.scale.reach, 2),
        "polarity_score": round(choice.polarity_score, 3),
        "edge": recipe.edge,
        "edge_shift_px": round(float(shift.mean()), 3) if shift.size else None,
        "min_diameter_px": round(recipe.min_diameter_px, 2),
        "split": recipe.split,
    }


def _nothing(
    shape: tuple[int, ...], name: str, polarity: str, exclude: np.ndarray | None
) -> Segmentation:
    """What a frame gives that holds one grey value, or nothing that counts."""
    found = nothing(shape)
    chosen = "bright" if polarity == "bright" else "dark"
    return Segmentation(
        found.labels,
        found.confidence,
        name,
        chosen,  # type: ignore[arg-type]
        excluded=exclude,
        flags=("one_population",),
    )


def _as_published(
    image: np.ndarray, name: str, polarity: str, exclude: np.ndarray | None
) -> Segmentation:
    bright = polarity == "bright"
    mask = published(-np.asarray(image, np.float32) if bright else image)
    if exclude is not None:
        mask &= ~exclude
    labels, _ = kernels.label(mask)
    return Segmentation(
        labels,
        mask.astype(np.float32),
        name,
        "bright" if bright else "dark",
        settings={"paper_exact": True},
        excluded=exclude,
    )
