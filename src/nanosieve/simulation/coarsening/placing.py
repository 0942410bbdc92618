"""Where particles lie at first."""

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.simulation.coarsening.contact import nearest_image

TRIES = 500


def free_place(
    region: np.ndarray, others: np.ndarray, distances: np.ndarray, *, rng: np.random.Generator
) -> np.ndarray | None:
    """Draw a place at given least distances from others, ``(2,)`` nm; ``None`` if none is found.

    Parameters
    ----------
    region
        ``(2,)`` height and width of the periodic region, nm.
    others
        ``(n, 2)`` y and x, nm.
    distances
        ``(n,)`` least distances, nm.
    rng
        Source of the places tried.
    """
    for place in rng.uniform(0, region, (TRIES, 2)):
        away = np.hypot(*nearest_image(others - place, region).T)
        if (away >= distances).all():
            return np.asarray(place)
    return None


def scatter(
    region: np.ndarray, diameters: np.ndarray, *, gap_nm: float, rng: np.random.Generator
) -> np.ndarray:
    """Place particles at random so that none touch, the largest first.

    Parameters
    ----------
    region
        ``(2,)`` height and width of the periodic region, nm.
    diameters
        ``(n,)`` in nm.
    gap_nm
        Least distance between outlines.
    rng
        Source of the places.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)`` y and x of the centres in nm, in the order of the diameters.

    Raises
    ------
    UsageError
        If there is no room for all of them.
    """
    places = np.zeros((len(diameters), 2))
    order = np.argsort(-diameters, kind="stable")
    for count, index in enumerate(order):
        placed = order[:count]
        distances = (diameters[placed] + diameters[index]) / 2 + gap_nm
        place = free_place(region, places[placed], distances, rng=rng)
        if place is None:
            raise UsageError(
                f"coarsening: no room for {len(diameters)} particles that do not touch; "
                "lower population.coverage"
            )
        places[index] = place
    return places
