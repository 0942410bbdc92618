"""Spheres where one wants them: given, scattered, in groups that touch."""

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.bodies import Scene, lay
from nanosieve.simulation.projected.solids import Ellipsoid


def spheres(
    shape: tuple[int, int], centres: np.typing.ArrayLike, radii: np.typing.ArrayLike
) -> Scene:
    """Lay spheres.

    Parameters
    ----------
    shape
        ``(y, x)`` of the field in px.
    centres
        ``(n, 2)`` rows and columns in px.
    radii
        ``(n,)`` in px.

    Raises
    ------
    UsageError
        If the arrays do not fit together or a radius is not positive.

    Examples
    --------
    >>> spheres((40, 40), centres=[[20, 20]], radii=[10]).diameters_px
    array([20.])
    """
    radius = np.asarray(radii, float).reshape(-1)
    axes = np.stack([radius, radius], axis=1)
    return ellipsoids(shape, np.asarray(centres, float).reshape(-1, 2), axes, np.zeros(len(radius)))


def ellipsoids(
    shape: tuple[int, int], centres: np.ndarray, semi_axes: np.ndarray, angles_deg: np.ndarray
) -> Scene:
    """Lay ellipsoids flat.

    Parameters
    ----------
    shape
        ``(y, x)`` of the field in px.
    centres
        ``(n, 2)`` rows and columns in px.
    semi_axes
        ``(n, 2)`` half the long and half the short axis in the image plane, px. The axis along
        the beam equals the short one.
    angles_deg
        ``(n,)`` direction of the long axis, degrees counter-clockwise from +x.

    Raises
    ------
    UsageError
        If the arrays do not fit together or a semi-axis is not positive.

    Examples
    --------
    >>> rod = ellipsoids((40, 40), np.array([[20, 20]]), np.array([[16, 4]]), np.array([45]))
    >>> rod.diameters_px
    array([16.])
    """
    n = len(centres)
    shapes = (np.shape(centres), np.shape(semi_axes), np.shape(angles_deg))
    if shapes != ((n, 2), (n, 2), (n,)):
        raise UsageError(
            "expected centres (n, 2), semi_axes (n, 2) and angles_deg (n,), "
            f"got {', '.join(str(shape) for shape in shapes)}"
        )
    bodies = []
    for (y, x), (first, second), angle in zip(centres, semi_axes, angles_deg, strict=True):
        short = float(min(first, second))
        name = "sphere" if first == second else "ellipsoid"
        solid = Ellipsoid((float(first), float(second)), float(angle), short, short, name)
        bodies.append(lay(solid, (float(y), float(x)), shape))
    return Scene(shape, tuple(bodies))


def scatter(
    shape: tuple[int, int],
    radii: np.typing.ArrayLike,
    *,
    rng: np.random.Generator,
    gap_px: float = 4.0,
    inside: bool = True,
) -> Scene:
    """Place spheres at random so that none touch.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    radii
        Radii in px; the largest are placed first.
    gap_px
        Least distance between two outlines.
    inside
        Whether all outlines stay within the image, or centres alone do.

    Raises
    ------
    UsageError
        If there is no room for all of them.

    Examples
    --------
    >>> len(scatter((200, 200), [10] * 12, rng=np.random.default_rng(0)))
    12
    """
    ordered = np.sort(np.asarray(radii, float))[::-1]
    return spheres(shape, _scattered(shape, ordered, gap_px, inside, rng), ordered)


def clusters(
    shape: tuple[int, int],
    radii: list[list[float]],
    *,
    rng: np.random.Generator,
    closeness: float = 0.95,
    gap_px: float = 6.0,
) -> Scene:
    """Place groups of touching or overlapping spheres so that no two groups touch.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    radii
        Radii in px of each group's members.
    closeness
        Distance of neighbouring centres over the sum of their radii: 1 touches, less overlaps.
    gap_px
        Least distance between groups.

    Raises
    ------
    UsageError
        If there is no room for all of them.

    Examples
    --------
    >>> pairs = clusters((200, 200), [[12, 9], [10]], rng=np.random.default_rng(0))
    >>> len(pairs)
    3
    """
    grown = [_grow(np.asarray(group, float), closeness, rng) for group in radii]
    reaches = np.array(
        [max(np.hypot(*c) + r for c, r in zip(centres, group, strict=True))
         for centres, group in zip(grown, radii, strict=True)]
    )  # fmt: skip
    order = np.argsort(reaches)[::-1]
    places = _scattered(shape, np.sort(reaches)[::-1], gap_px, True, rng)
    centres = [grown[i] + place for place, i in zip(places, order, strict=True)]
    sizes = [radius for i in order for radius in radii[i]]
    return spheres(shape, np.vstack(centres), sizes)


def _scattered(
    shape: tuple[int, int],
    radii: np.ndarray,
    gap_px: float,
    inside: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Centres of discs, the largest first."""
    placed = np.empty((0, 2))
    for count, radius in enumerate(radii):
        margin = radius + gap_px if inside else 0.0
        centre = _free_place(shape, margin, placed, radii[:count] + radius + gap_px, rng)
        if centre is None:
            raise UsageError(
                f"no room for {len(radii)} spheres in {shape[0]} x {shape[1]} px; draw fewer"
            )
        placed = np.vstack([placed, centre])
    return placed


def _free_place(
    shape: tuple[int, int],
    margin: float,
    others: np.ndarray,
    distances: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray | None:
    high = np.array(shape) - 1 - margin
    if (high < margin).any():
        return None
    for candidate in rng.uniform(margin, high, size=(2000, 2)):
        if (np.hypot(*(others - candidate).T) >= distances).all():
            return candidate
    return None


def _grow(radii: np.ndarray, closeness: float, rng: np.random.Generator) -> np.ndarray:
    """Centres of one group: each new sphere sits on an earlier one and overlaps no other more."""
    centres = np.zeros((1, 2))
    for count, radius in enumerate(radii[1:], start=1):
        contact = closeness * (radii[:count] + radius)
        while True:
            host = rng.integers(count)
            angle = rng.uniform(0, 2 * np.pi)
            centre = centres[host] + contact[host] * np.array([np.sin(angle), np.cos(angle)])
            if (np.hypot(*(centres - centre).T) >= contact - 1e-9).all():
                break
        centres = np.vstack([centres, centre])
    return centres - centres.mean(axis=0)
