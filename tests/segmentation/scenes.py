"""Drawn frames with known truth, and how well labels agree with it."""

import numpy as np

from nanosieve.measurement.agreement.instances import overlaps
from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.plain import SUPPORT_KINDS, Drawing, Imaging, draw, support
from nanosieve.simulation.projected.spheres import scatter

CONTRAST = {"dark": 0.5, "bright": 2.0}
COUNTS = {"dark": 1500.0, "bright": 150.0}
# Enough particles to matter, few enough that they stay apart: (shape, number) by diameter.
ROOM = {6: ((192, 192), 24), 20: ((256, 256), 16), 130: ((640, 640), 5)}


def apart(
    diameter: int,
    polarity: str,
    *,
    kind: str = "textured",
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    n: int | None = None,
) -> Drawing:
    """Isolated spheres of one diameter on a bare support."""
    room, number = ROOM.get(diameter, ((256, 256), 9))
    rng = np.random.default_rng(seed)
    where = shape or room
    bodies = scatter(where, [diameter / 2] * (n or number), rng=rng, gap_px=6)
    return over(bodies, polarity, kind=kind, rng=rng)


def over(
    bodies: Scene, polarity: str, *, kind: str = "flat", rng: np.random.Generator | None = None
) -> Drawing:
    """Bodies with shot noise on a bare support."""
    rng = rng or np.random.default_rng(0)
    imaging = Imaging(polarity, contrast=CONTRAST[polarity], counts=COUNTS[polarity])
    return draw(bodies, imaging, support=support(bodies.shape, kind, rng=rng), rng=rng)


def nothing(shape: tuple[int, int], *, seed: int) -> list[np.ndarray]:
    """Plain supports without a particle: every kind in bright field and HAADF."""
    modes = Imaging("dark", counts=1500.0), Imaging("bright", counts=150.0, readout=4.0)
    rng = np.random.default_rng(seed)
    empty = Scene(shape)
    return [
        draw(empty, imaging, support=support(shape, kind, rng=rng), rng=rng).image
        for kind in SUPPORT_KINDS
        for imaging in modes
    ]


def dice(truth: np.ndarray, found: np.ndarray) -> float:
    """Dice coefficient of two masks."""
    both = np.count_nonzero((truth > 0) & (found > 0))
    return 2 * both / max(np.count_nonzero(truth) + np.count_nonzero(found), 1)


def worst_match(truth: np.ndarray, found: np.ndarray) -> float:
    """Lowest IoU of any particle with its best partner, on either side; 0 where one has none."""
    pairs = overlaps(truth, found)
    best_true = np.zeros(len(pairs.true_labels))
    best_found = np.zeros(len(pairs.predicted_labels))
    np.maximum.at(best_true, pairs.pairs[:, 0], pairs.iou)
    np.maximum.at(best_found, pairs.pairs[:, 1], pairs.iou)
    return float(min(best_true.min(initial=1), best_found.min(initial=1)))
