"""Close-packed layers: discs pushed apart until they fit, cells that fill the plane."""

import numpy as np
from scipy.spatial import Voronoi, cKDTree

_SWEEPS = 40
_REFRESH = 5


def hexagonal(shape: tuple[int, int], spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Sites of a hexagonal lattice of any direction over a field and two spacings around it.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)`` rows and columns in px.

    Examples
    --------
    >>> sites = hexagonal((100, 100), 10.0, np.random.default_rng(0))
    >>> abs(len(sites) * 86.6 / 140**2 - 1) < 0.1
    True
    """
    half = np.hypot(*shape) / 2 + 3 * spacing
    count = int(np.ceil(half / spacing)) + 1
    rows, columns = np.mgrid[-2 * count : 2 * count + 1, -2 * count : 2 * count + 1]
    y = rows.ravel() * spacing * np.sqrt(3) / 2
    x = (columns.ravel() + 0.5 * (rows.ravel() % 2)) * spacing
    angle = rng.uniform(0, np.pi / 3)
    offset = rng.uniform(0, spacing, 2)
    sites = np.column_stack(
        [np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x]
    )
    sites += np.array(shape) / 2 + offset
    inside = ((sites > -2 * spacing) & (sites < np.array(shape) + 2 * spacing)).all(axis=1)
    return sites[inside]


def relax(centres: np.ndarray, radii: np.ndarray, *, sweeps: int = _SWEEPS) -> np.ndarray:
    """Push overlapping discs apart, each pair by what it overlaps.

    Parameters
    ----------
    centres, radii
        ``(n, 2)`` and ``(n,)`` in px.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)`` new centres.

    Examples
    --------
    >>> moved = relax(np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([2.0, 2.0]))
    >>> round(float(np.linalg.norm(moved[1] - moved[0])), 2)
    4.0
    """
    centres = centres.copy()
    if len(centres) < 2:
        return centres
    pairs = np.empty((0, 2), int)
    for sweep in range(sweeps):
        if sweep % _REFRESH == 0:
            pairs = cKDTree(centres).query_pairs(2.1 * radii.max(), output_type="ndarray")
            near = radii[pairs].sum(axis=1) * 1.3
            between = np.linalg.norm(centres[pairs[:, 1]] - centres[pairs[:, 0]], axis=1)
            pairs = pairs[between < near]
        first, second = pairs.T
        apart = centres[second] - centres[first]
        distance = np.maximum(np.linalg.norm(apart, axis=1), 1e-6)
        overlap = np.clip(radii[first] + radii[second] - distance, 0, None)
        push = apart * (0.5 * overlap / distance)[:, np.newaxis]
        for axis in range(2):
            centres[:, axis] += np.bincount(second, push[:, axis], len(radii))
            centres[:, axis] -= np.bincount(first, push[:, axis], len(radii))
    return centres


def fitting(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Factors, at most 1, by which discs are to shrink so that none overlap.

    Examples
    --------
    >>> fitting(np.array([[0.0, 0.0], [0.0, 3.0], [9.0, 9.0]]), np.array([2.0, 2.0, 2.0]))
    array([0.75, 0.75, 1.  ])
    """
    factors = np.ones(len(radii))
    pairs = cKDTree(centres).query_pairs(2 * radii.max(), output_type="ndarray")
    first, second = pairs.T
    share = np.linalg.norm(centres[first] - centres[second], axis=1) / (
        radii[first] + radii[second]
    )
    np.minimum.at(factors, first, share)
    np.minimum.at(factors, second, share)
    return factors


def cells(sites: np.ndarray) -> list[np.ndarray]:
    """Convex cells, the points nearer to a site than to another, ``(k, 2)`` corners each.

    Cells at the rim of the sites, which are open or long, are left out.

    Examples
    --------
    >>> grid = np.array([[y, x] for y in range(3) for x in range(3)], float)
    >>> [sorted(cell.round(1).tolist()) for cell in cells(grid)]
    [[[0.5, 0.5], [0.5, 1.5], [1.5, 0.5], [1.5, 1.5]]]
    """
    diagram = Voronoi(sites)
    low, high = sites.min(axis=0), sites.max(axis=0)
    found = []
    for region in diagram.point_region:
        corners = diagram.regions[region]
        if not corners or -1 in corners:
            continue
        cell = diagram.vertices[corners]
        if ((cell >= low) & (cell <= high)).all():
            found.append(cell)
    return found
