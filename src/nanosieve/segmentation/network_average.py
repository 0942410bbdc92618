"""A model run at its magnifications, and what they say brought together on the frame's grid.

No training shows a network all that microscopes give: noise that pixels share, particles of 6 px
and of 600. At the magnification that suits it, it is surest of what it takes for particle, and that
one is taken as the base, which tells about all that is small.

A network sees no further than its field: well inside a wider particle it sees grey as even as the
support. Run on a coarser image it sees more. But there small particles are a pixel or two, or gone,
and those that touch are one. So a coarser scale votes only where something is wide: where a disc of
`_WIDE` pixels of its own grid fits into what any of the scales takes for particle; and a finer one
has no vote where all that it sees is particle. Votes are averaged, for the core as for the
particle. A group of small particles is no wide one: where the base sees narrow cores it is left
alone with its vote.
"""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import FailedInput
from nanosieve.models.card import ModelCard
from nanosieve.models.load import Model
from nanosieve.prepare.resample import resample, resample_back
from nanosieve.segmentation import kernels
from nanosieve.segmentation.network_view import Grid, View

# Diameter in px from which a scale tells about a particle.
_WIDE = 16.0
# Of a pixel of the coarsest grid: a core of a few fine pixels fills but a part of it.
_SOME_CORE = 0.2
# Strides along the shorter side below which an image is too small to be worth a look.
_LEAST_STRIDES = 2
# This many of the coarsest scales are no base: little would be left to tell about wide particles.
_NO_BASE = 2
# Diameter in px below which the image is enlarged, where the card has such a scale and the network
# is less sure than this; and the sides of the largest enlarged one. Enlarged edges are blurred: on
# drawn spheres of 8 to 16 px, of which it is sure, diameters came out 0.5 to 0.8 px larger.
_NARROW, _SURE, _LARGEST_ENLARGED = 20.0, 0.88, 4096
# Particle below which a network has seen nothing that it could be sure of.
_LEAST_PIXELS, _LEAST_SHARE = 12, 0.001
# Rows brought together at a time: what is allocated does not grow with the frame.
_STRIP = 512


@dataclass(frozen=True)
class Answer:
    """What a network says of a frame, on its grid.

    Parameters
    ----------
    probability, core
        ``(y, x)`` float16.
    classes
        ``(y, x)`` uint8 of `ModelCard.kinds`.
    scales
        Magnifications that had a vote, the base first.
    """

    probability: np.ndarray
    core: np.ndarray | None
    classes: np.ndarray | None
    scales: tuple[float, ...]


@dataclass(frozen=True)
class _Scale:
    """Channels at one magnification, each ``(y, x)`` float16, and `sureness` of the particle."""

    scale: float
    grid: Grid
    channels: list[np.ndarray]
    sure: float


def answer(
    view: View, model: Model, level: float, given: np.ndarray, base: float | None = None
) -> Answer:
    """Run a model at its magnifications, and bring together what it says from the base downwards.

    Parameters
    ----------
    view
        The frame.
    model
        As `nanosieve.models.load.load_model` gives it.
    level
        Probability from which a pixel is particle.
    given
        ``view.given(model.card)``.
    base
        Magnification to take as the base; by default the one at which the model is surest.

    Raises
    ------
    FailedInput
        If the model gives NaN, or cannot be run on an image of this size.
    UsageError
        If it does not keep what its card promises.
    """
    card = model.card

    def at(scale: float) -> _Scale:
        seen = given if scale == 1 else view.given(card, scale)
        channels = run(seen, model)
        return _Scale(scale, view.at(scale), channels, sureness(particle(channels, card), level))

    scales = [
        scale for scale in sorted(card.scales, reverse=True) if _is_worth_it(view, scale, card)
    ]
    if base in scales:
        runs = [at(scale) for scale in scales if scale <= base]
    else:
        runs = _from_base([at(scale) for scale in scales if scale <= 1], card)
        if scales[0] > 1 and _needs_more(runs[0], card, level):
            finer = at(scales[0])
            if finer.sure > runs[0].sure:
                runs = [finer, *runs]
    votes = _votes(runs, card, level)
    return _together(runs, votes, view, card, level)


def _from_base(runs: list[_Scale], card: ModelCard) -> list[_Scale]:
    """Leave out what is finer than the scale at which the model is surest of its particles."""
    smaller = sorted(scale for scale in card.scales if scale <= 1)
    n = sum(one.scale == 1 or one.scale in smaller[_NO_BASE:] for one in runs)
    return runs[max(range(n), key=lambda k: runs[k].sure) :]


def _needs_more(one: _Scale, card: ModelCard, level: float) -> bool:
    """Whether the frame itself is the base, the network unsure there, and the particles narrow."""
    if one.scale != 1 or not 0 < one.sure < _SURE:
        return False
    inside = particle(one.channels, card) >= level
    steps = sum(int(np.count_nonzero(part[1:] != part[:-1])) for part in (inside, inside.T))
    # A disc of diameter d has 4 d steps.
    return bool(0 < 16 / np.pi * np.count_nonzero(inside) < _NARROW * steps)


def run(given: np.ndarray, model: Model) -> list[np.ndarray]:
    """Channels of a model for one input, each ``(y, x)`` float16.

    Raises
    ------
    FailedInput
        If one is NaN or infinite.
    """
    channels = [np.empty(given.shape, np.float16) for _ in model.card.channels]
    for at, part in model.stream(given):
        # NaN and infinity stay in a sum: in half precision large values become either.
        if not np.isfinite(part.sum()):
            raise FailedInput(
                f"{model.card.name} gives probabilities that are no numbers for this image; "
                "try --precision float32"
            )
        for channel, values in zip(channels, part, strict=True):
            channel[at] = values
    return channels


def particle(channels: list[np.ndarray], card: ModelCard) -> np.ndarray:
    """Probability of any of the classes that count as particle; ``(y, x)``."""
    parts = [channels[card.channels.index(name)] for name in card.foreground]
    if len(parts) == 1:
        return parts[0]
    together = np.stack(parts)
    return np.minimum(together.sum(0), 1) if card.activation == "softmax" else together.max(0)


def sureness(probability: np.ndarray, level: float) -> float:
    """How sure a network is of what it takes for particle: the mean probability there.

    Parameters
    ----------
    probability
        ``(y, x)`` floats.
    level
        From which a pixel is particle.

    Returns
    -------
    float
        0 where that is next to nothing: a thousandth of the pixels, or fewer than 12.

    Examples
    --------
    >>> sureness(np.repeat(np.float32([[0.1], [0.9]]), 12, axis=1), 0.5)
    0.9
    >>> sureness(np.full((9, 9), 0.1), 0.5)
    0.0
    """
    inside = probability >= level
    n = int(np.count_nonzero(inside))
    if n < max(_LEAST_PIXELS, _LEAST_SHARE * probability.size):
        return 0.0
    return round(float(np.mean(probability, where=inside, dtype=float)), 4)


def _is_worth_it(view: View, scale: float, card: ModelCard) -> bool:
    rows, columns = view.sides(scale)
    if scale > 1:
        return rows * columns <= _LARGEST_ENLARGED**2
    return scale == 1 or min(rows, columns) >= max(_LEAST_STRIDES * card.stride, 2 * _WIDE)


def _votes(runs: list[_Scale], card: ModelCard, level: float) -> list[np.ndarray]:
    """Weight of each scale, ``(y, x)`` float16 on the coarsest grid; empty with one scale."""
    if len(runs) == 1:
        return []
    base, coarsest = runs[0], runs[-1]
    found = particle(coarsest.channels, card) >= level
    for finer in runs[:-1]:
        step = finer.scale / coarsest.scale
        found |= _shrunk(particle(finer.channels, card), step, found.shape) >= level
    if card.core is not None:
        core = base.channels[card.channels.index(card.core)]
        found &= ~_group(_shrunk(core, base.scale / coarsest.scale, found.shape))
    votes = []
    for one in runs:
        px = coarsest.scale / one.scale
        vote = np.ones(found.shape, bool) if one is base else _wide(found, _WIDE * px)
        if one is not coarsest:
            vote &= ~kernels.erode(found, card.field_px * px / 2)
        votes.append(vote.astype(np.float16))
    return votes


def _group(core: np.ndarray) -> np.ndarray:
    """Where the finest scale sees several small particles: its own narrow cores, and around them.

    Side by side they fill a wide area, but none of them is wide.
    """
    inside = core >= _SOME_CORE
    return kernels.dilate(inside & ~_wide(inside, _WIDE / 2), _WIDE / 2)


def _shrunk(values: np.ndarray, step: float, shape: tuple[int, int]) -> np.ndarray:
    """Averaged to a grid ``step`` times coarser, whose last row or column may be rounding."""
    small = resample(values, 1.0, step)[: shape[0], : shape[1]]
    missing = [(0, want - have) for want, have in zip(shape, small.shape, strict=True)]
    return np.pad(small, missing, mode="edge")


def _wide(mask: np.ndarray, diameter: float) -> np.ndarray:
    """Opening by a disc: where one of this diameter fits."""
    return kernels.dilate(kernels.erode(mask, diameter / 2), diameter / 2)


def _together(
    runs: list[_Scale], votes: list[np.ndarray], view: View, card: ModelCard, level: float
) -> Answer:
    """Average the votes strip by strip."""
    shape, finest = view.shape, runs[0]
    # Rows are read before they are written, so what is on the frame's grid is used again.
    store = finest.channels
    if finest.grid is not None:
        store = [np.empty(shape, np.float16) for _ in finest.channels]
    probability = store[card.channels.index(card.foreground[0])]
    core = None if card.core is None else store[card.channels.index(card.core)]
    classes = np.zeros(shape, np.uint8) if len(card.kinds) > 2 else None
    for top in range(0, shape[0], _STRIP):
        rows = slice(top, min(top + _STRIP, shape[0]))
        part = _strip(runs, votes, shape, rows)
        probability[rows] = particle(part, card)
        if core is not None and card.core is not None:
            core[rows] = part[card.channels.index(card.core)]
        if classes is not None:
            classes[rows] = _classes(np.stack(part), level, card)
    return Answer(probability, core, classes, tuple(one.scale for one in runs))


def _strip(
    runs: list[_Scale], votes: list[np.ndarray], shape: tuple[int, int], rows: slice
) -> list[np.ndarray]:
    """Weighted mean of each channel over the scales, on some rows of the frame; float32."""
    finest, *coarser = runs
    if not coarser:
        return [_back(channel, shape, finest.grid, rows) for channel in finest.channels]
    weights = [_back(vote, shape, runs[-1].grid, rows) for vote in votes]
    total = np.sum(weights, axis=0)
    # Between a wide particle and the rest the votes of neighbours overlap; nowhere is there none.
    weights[0] += total <= 0
    total = np.maximum(np.sum(weights, axis=0), 1e-6)
    return [
        sum(
            weight * _back(one.channels[index], shape, one.grid, rows)
            for one, weight in zip(runs, weights, strict=True)
        )
        / total
        for index in range(len(finest.channels))
    ]


def _back(values: np.ndarray, shape: tuple[int, int], grid: Grid, rows: slice) -> np.ndarray:
    if grid is None:
        return values[rows].astype(np.float32)
    return resample_back(values, shape, *grid, rows=rows)


def _classes(part: np.ndarray, level: float, card: ModelCard) -> np.ndarray:
    """Likeliest kind: on particles one of the foreground, elsewhere one of the others."""
    front = [card.channels.index(name) for name in card.foreground]
    inside = particle(list(part), card) >= level
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
