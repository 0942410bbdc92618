"""What particles look like: as the user says, as the image tells, and in doubt as the network does.

The outline tells it in most images (`nanosieve.segmentation.polarity`). Where that is no more than
a guess, the network is shown a sample of the image both ways, and the way in which it is surer of
its particles is kept.
"""

from dataclasses import dataclass, replace

import numpy as np

from nanosieve.core.segmentation import Polarity
from nanosieve.models.card import ModelCard
from nanosieve.models.load import Model
from nanosieve.segmentation.network_average import particle, run, sureness
from nanosieve.segmentation.network_view import View
from nanosieve.segmentation.polarity import find_polarity, is_certain
from nanosieve.segmentation.sample import sample_windows

# Sureness by which one polarity must be ahead for it to count more than the image itself.
_SURER = 0.05
_BOTH: tuple[Polarity, Polarity] = ("dark", "bright")


@dataclass(frozen=True)
class Told:
    """A polarity and where it comes from.

    Parameters
    ----------
    looks
        ``None`` where it was not asked for and not needed.
    score
        Of the image, where it was told from that.
    sureness
        Of the network with dark and with bright particles, where it was asked.
    """

    looks: Polarity | None
    score: float | None = None
    sureness: tuple[float, float] | None = None


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


def try_both(view: View, told: Told, model: Model, level: float) -> Told:
    """Where the image does not tell, take the polarity in which the network is surer.

    Parameters
    ----------
    view
        The frame.
    told
        As `tell` gives it: certain ones, and those a user set, are given back as they are.
    model
        As `nanosieve.models.load.load_model` gives it.
    level
        Probability from which a pixel is particle.

    Raises
    ------
    FailedInput
        As `nanosieve.segmentation.network_average.run`.
    """
    if told.score is None or is_certain(told.score):
        return told
    dark, bright = (_sureness(replace(view, looks=looks), model, level) for looks in _BOTH)
    looks = told.looks
    if abs(dark - bright) >= _SURER:
        looks = "dark" if dark > bright else "bright"
    return Told(looks, told.score, (dark, bright))


def _sureness(view: View, model: Model, level: float) -> float:
    """Of the network, in windows of the frame on its grid."""
    given = view.given(model.card)
    windows = sample_windows(given, np.ones(given.shape, bool))
    parts = [particle(run(given[window], model), model.card).ravel() for window in windows]
    return sureness(np.concatenate(parts)[np.newaxis], level)
