"""What particles look like: as the user says, else as the image tells by their outline."""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.segmentation import Polarity
from nanosieve.models.card import ModelCard
from nanosieve.segmentation.network_view import View
from nanosieve.segmentation.polarity import find_polarity
from nanosieve.segmentation.sample import sample_windows


@dataclass(frozen=True)
class Told:
    """A polarity and where it comes from.

    Parameters
    ----------
    looks
        ``None`` where it was not asked for and not needed.
    score
        Of the image, where it was told from that.
    """

    looks: Polarity | None
    score: float | None = None


def tell(view: View, asked: str, card: ModelCard) -> Told:
    """Polarity as asked for, else by the outline of what is in the image.

    Parameters
    ----------
    view
        The frame; its own ``looks`` does not count.
    asked
        ``auto``, ``dark`` or ``bright``.
    card
        Of the model.
    """
    if asked != "auto":
        return Told("dark" if asked == "dark" else "bright")
    spec = card.input
    if spec.polarity == "any" and spec.normalisation != "support" and not spec.flat_field:
        return Told(None)
    image, valid = view.image, view.valid
    if valid is not None and not valid.any():
        return Told(None)
    pixels = np.asarray(image, np.float32)
    if valid is None:
        known = np.ones(image.shape, bool)
    else:
        # Smoothing must not carry a caption outwards.
        known, pixels = valid, np.where(valid, pixels, np.float32(np.median(pixels[valid])))
    windows = sample_windows(pixels, known)
    score = float(np.mean([find_polarity(pixels[w], known[w]) for w in windows]))
    return Told("dark" if score <= 0 else "bright", score)
