"""What is done to a tile, drawn from its own generator: the same for the same seed."""

import math

import numpy as np

from nanosieve.training.augment_config import AugmentConfig, Range
from nanosieve.training.augment_geometry import Geometry, frame_from_tile
from nanosieve.training.augment_grey import Grey


def draw(config: AugmentConfig, rng: np.random.Generator, *, size: int) -> tuple[Geometry, Grey]:
    """Draw what a tile undergoes.

    Every number is drawn whether its change is on or off, in one order: to switch one off leaves
    the others as they were.

    Parameters
    ----------
    config
        Which changes, and their ranges.
    rng
        The tile's own generator.
    size
        Side of the tile, px.

    Examples
    --------
    >>> geometry, grey = draw(AugmentConfig.none(), np.random.default_rng(0), size=64)
    >>> geometry == Geometry(), grey == Grey()
    (True, True)
    """
    return _geometry(config, rng.random(8), size), _grey(config, rng.random(16))


def _geometry(config: AugmentConfig, u: np.ndarray, size: int) -> Geometry:
    eighth = int(u[0] * 8) if config.dihedral else 0
    shift = [round(_at(config.translation, place) * size) for place in u[1:3]]
    rotation, shear = _at(config.rotation, u[3]), _at(config.shear, u[4])
    scale = _between_logs(config.scale, u[5], neutral=1.0)
    # One resampling for all three, so one choice whether there is any.
    still = (rotation, shear, scale) == (0.0, 0.0, 1.0) or u[6] >= config.share
    return Geometry(
        turns=eighth % 4,
        mirrored=eighth >= 4,
        shift=(shift[0], shift[1]),
        matrix=None if still else frame_from_tile(rotation, shear, scale),
        wrapped=config.paper_exact,
    )


def _grey(config: AugmentConfig, u: np.ndarray) -> Grey:
    chosen = u[:8] < config.share
    steepness = _at(config.illumination if chosen[2] else None, u[10])
    direction = 2 * math.pi * u[11]
    return Grey(
        blur=_at(config.blur if chosen[0] else None, u[8]),
        defocus=_at(config.defocus if chosen[1] else None, u[9]),
        slope=(steepness * math.sin(direction), steepness * math.cos(direction)),
        counts=_between_logs(config.poisson if chosen[3] else None, u[12], neutral=0.0),
        noise=_at(config.noise if chosen[4] else None, u[13]),
        contrast=_between_logs(config.contrast if chosen[5] else None, u[14], neutral=1.0),
        brightness=_at(config.brightness if chosen[6] else None, u[15]),
        inverted=bool(config.invert and chosen[7]),
    )


def _at(ends: Range | None, share: float) -> float:
    return 0.0 if ends is None else float(ends[0] + share * (ends[1] - ends[0]))


def _between_logs(ends: Range | None, share: float, *, neutral: float) -> float:
    return neutral if ends is None else float(ends[0] * (ends[1] / ends[0]) ** share)
