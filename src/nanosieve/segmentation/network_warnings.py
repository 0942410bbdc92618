"""What speaks against trusting a network on a frame: flags for the tables, sentences for people."""

import numpy as np

from nanosieve.models.card import ModelCard
from nanosieve.models.domain import describe
from nanosieve.segmentation import kernels
from nanosieve.segmentation.network_polarity import Told
from nanosieve.segmentation.network_view import SAME_SIZE
from nanosieve.segmentation.polarity import is_certain
from nanosieve.segmentation.scales import Scale

# Share of the particles outside the sizes trained on from which it is said.
_FEW = 0.1

Warnings = tuple[list[str], list[str]]


def about_image(given: np.ndarray, card: ModelCard, pixel_size_nm: float | None) -> Warnings:
    """Flags and notes about the image and its pixel size.

    Parameters
    ----------
    given
        ``(y, x)`` float32: input of the network at its base.
    card
        Of the model.
    pixel_size_nm
        Of the image at magnification 1; ``None`` where it is unknown.
    """
    flags, notes = [], []
    trained = card.pixel_size_range_nm
    if trained is not None and pixel_size_nm is not None:
        low, high = trained
        if not (1 - SAME_SIZE) * low <= pixel_size_nm <= (1 + SAME_SIZE) * high:
            flags.append("pixel_size_outside_training")
            notes.append(
                f"{card.name} saw pixel sizes of {low:.3g} to {high:.3g} nm in training, this "
                f"image has {pixel_size_nm:.3g} nm; --resample brings it into that range."
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


def about_enlargement(base: float) -> Warnings:
    """Note of an enlarged base."""
    if base <= 1:
        return [], []
    return [], [
        f"Particles are narrow: the network was run on the image enlarged {base:g} times, which "
        "makes diameters about 0.6 px larger."
    ]


def about_foreground(card: ModelCard) -> list[str]:
    """Note of a model whose outlines are of something else than particles."""
    if card.foreground == ("particle",):
        return []
    said = f"What {card.name} outlines and sizes is {' and '.join(card.foreground)}."
    if card.lattice_nm is not None:
        said += " `nanosieve atoms` finds atoms, rings and grain boundaries."
    return [said]


def about_faint(left_out: int, n: int, card: ModelCard) -> list[str]:
    """Note where more was left out as too faint than kept."""
    if left_out <= n:
        return []
    return [
        f"{left_out} of {left_out + n} detections were left out, for the network {card.name} is "
        f"hardly surer of them than not; --threshold {0.9 * card.threshold:.2g} shows them and "
        "more."
    ]


def about_polarity(told: Told, card: ModelCard) -> Warnings:
    """Flags and notes about a polarity that the image hardly tells, where the model needs one."""
    if card.input.polarity == "any" or told.score is None or is_certain(told.score):
        return [], []
    return ["polarity_uncertain"], [
        f"Particles were taken to be {told.looks}, but only just; set --polarity if wrong."
    ]


def about_scale(found: Scale | None, card: ModelCard) -> Warnings:
    """Flags and notes about an image of unknown pixel size, for a model that has one of its own."""
    start = (
        f"{card.name} works at {card.pixel_size_nm:.3g} nm a pixel, but the pixel size of this "
        "image is unknown: "
    )
    if found is None:
        return ["scale_uncertain"], [
            f"{start}it was run as it is, for no particle was seen at any other scale; give "
            "--pixel-size."
        ]
    if found.by_lattice:
        return [], [
            f"{start}it was run as if that were {found.pixel_size_nm:.3g} nm, for the lattice that "
            f"is seen, {found.fringes_px:.3g} px apart, was taken for the {card.lattice_nm:.3g} nm "
            "of the one it knows. Sizes stay in pixels; give --pixel-size if you know it."
        ]
    words = f"{start}it was run as if that were {found.pixel_size_nm:.3g} nm, at which the model "
    words += "is surest of its particles"
    if found.fringes_px is not None:
        words += f" and the lattice fringes, {found.fringes_px:.3g} px apart, can be fringes"
    if found.sure:
        return [], [f"{words}. Sizes stay in pixels; give --pixel-size if you know it."]
    return ["scale_uncertain"], [
        f"{words}. This is little more than a guess: look at the overlay, and give --pixel-size."
    ]


def about_sizes(
    labels: np.ndarray, n: int, card: ModelCard, *, scale: float, scales: tuple[float, ...]
) -> Warnings:
    """Flags and notes about particles of sizes that the model cannot know.

    Parameters
    ----------
    labels, n
        ``(y, x)`` int32 labels 1..n.
    card
        Of the model.
    scale
        Pixels of the network's grid in one of the frame's.
    scales
        Magnifications that had a vote, the base first.
    """
    if n == 0:
        return [], []
    flags, notes = [], []
    # In px of the frame, as people see it; on the coarsest image the network saw that much more.
    diameters = 2 * np.sqrt(kernels.sums(labels, n)[1:] / np.pi)
    reach = scales[0] / scales[-1]
    field = card.field_px * reach / scale
    wide = int(np.count_nonzero(diameters > field))
    if wide:
        flags.append("beyond_receptive_field")
        notes.append(
            f"{wide} of {n} particles are wider than the {field:.3g} px that "
            f"{card.name} sees at once: their insides may be missed."
        )
    if card.diameter_range_px is not None:
        low, high = card.diameter_range_px[0] / scale, card.diameter_range_px[1] * reach / scale
        outside = int(np.count_nonzero((diameters < low) | (diameters > high)))
        if outside > _FEW * n:
            flags.append("sizes_outside_training")
            notes.append(
                f"{outside} of {n} particles lie outside the {low:.3g} to {high:.3g} px that "
                f"{card.name} saw in training."
            )
    return flags, notes
