"""Which of many moving discs touch first."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree


class Contact(NamedTuple):
    """Two discs that meet: their indices, and after which share of their steps."""

    first: int
    second: int
    share: float


def nearest_image(differences: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Shortest of the differences ``(n, 2)`` between places in a periodic region ``(2,)``."""
    return differences - region * np.round(differences / region)


def first_contact(
    places: np.ndarray,
    steps: np.ndarray,
    radii: np.ndarray,
    owners: np.ndarray,
    *,
    region: np.ndarray,
) -> Contact | None:
    """Find which discs of different owners are the first to touch on their straight ways.

    Parameters
    ----------
    places
        ``(n, 2)`` y and x at the start, nm.
    steps
        ``(n, 2)`` y and x of the way, nm.
    radii
        ``(n,)`` nm.
    owners
        ``(n,)`` int: discs of one owner do not meet.
    region
        ``(2,)`` height and width of the periodic region, nm.

    Examples
    --------
    >>> places, steps = np.array([[5.0, 2.0], [5.0, 8.0]]), np.array([[0.0, 4.0], [0.0, 0.0]])
    >>> region = np.array([20.0, 20.0])
    >>> first_contact(places, steps, np.ones(2), np.arange(2), region=region)
    Contact(first=0, second=1, share=1.0)
    """
    if len(places) < 2:
        return None
    farthest = 2 * (radii.max() + np.hypot(*steps.T).max())
    tree = cKDTree(np.mod(places, region), boxsize=region)
    first, second = tree.query_pairs(farthest, output_type="ndarray").T
    apart = owners[first] != owners[second]
    first, second = first[apart], second[apart]
    shares = _shares(
        nearest_image(places[second] - places[first], region),
        steps[second] - steps[first],
        radii[first] + radii[second],
    )
    if not np.isfinite(shares).any():
        return None
    # Of several at one moment, the first in order: the answer may not hang on the tree.
    best = np.lexsort([second, first, shares])[0]
    return Contact(int(first[best]), int(second[best]), float(shares[best]))


def _shares(between: np.ndarray, step: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Share of the step after which ``|between + share * step| = reach``; infinite if never."""
    a = (step**2).sum(axis=1)
    b = (between * step).sum(axis=1)
    c = (between**2).sum(axis=1) - reach**2
    root = b**2 - a * c
    meets = (root >= 0) & (b < 0) & (a > 0)
    shares = np.full(len(a), np.inf)
    # Citardauq's form of the lesser root stays exact for short steps.
    shares[meets] = c[meets] / (-b[meets] + np.sqrt(root[meets]))
    shares[shares > 1] = np.inf
    shares[c <= 0] = 0.0
    return shares
