"""Mean-field ripening: large particles grow at the expense of small ones, the volume stays.

Every particle of radius r changes as

    dr/dt = K / r^m (1 / r_c - 1 / r)

and the critical radius r_c, at which a particle neither grows nor shrinks, follows at each moment
from the conservation of volume: 1 / r_c = sum(r^(1 - m)) / sum(r^(2 - m)).
"""

from typing import Literal

import numpy as np

Law = Literal["diffusion", "interface", "surface"]

# The power m of the law. Late in time the mean radius to the power m + 2 grows linearly.
POWERS: dict[Law, int] = {
    # Diffusion through a volume: Lifshitz & Slyozov, J. Phys. Chem. Solids 19, 35 (1961).
    "diffusion": 1,
    # Attachment at the particle's surface: Wagner, Z. Elektrochem. 65, 581 (1961).
    "interface": 0,
    # Diffusion over a support: Chakraverty, J. Phys. Chem. Solids 28, 2401 (1967), his screening
    # logarithm taken as constant.
    "surface": 2,
}

# No particle of more than twice the smallest diameter loses a larger share of its volume in one
# step of the integration; those below are about to vanish.
LARGEST_LOSS = 0.2


def critical_radius(cubes: np.ndarray, law: Law) -> float:
    """Radius in nm of a particle that neither grows nor shrinks.

    Parameters
    ----------
    cubes
        ``(n,)`` diameters to the third power, nm^3.
    law
        ``diffusion``, ``interface`` or ``surface``.

    Examples
    --------
    For diffusion it is the mean radius.

    >>> critical_radius(np.array([2.0, 6.0]) ** 3, "diffusion")
    2.0
    """
    radii = np.cbrt(cubes) / 2
    power = POWERS[law]
    return float((radii ** (2 - power)).sum() / (radii ** (1 - power)).sum())


def growth(cubes: np.ndarray, law: Law, constant: float) -> np.ndarray:
    """Rates d(d^3)/dt in nm^3/s; their sum is 0 but for rounding.

    Parameters
    ----------
    cubes
        ``(n,)`` diameters to the third power, nm^3.
    law
        ``diffusion``, ``interface`` or ``surface``.
    constant
        K in nm^3/s, nm^2/s or nm^4/s.
    """
    radii = np.cbrt(cubes) / 2
    gathering = radii ** (2 - POWERS[law])
    return 24 * constant * gathering * (1 / critical_radius(cubes, law) - 1 / radii)


def ripen(
    cubes: np.ndarray,
    duration: float,
    *,
    law: Law,
    constant: float,
    smallest: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Let particles ripen.

    Runge and Kutta's fourth-order method, with steps in which nobody loses more than a fifth of its
    volume, but for those that are nearly gone. Particles below the smallest size vanish; what was
    left of them goes to the others in proportion to r^(2 - m), as the atoms that a particle gives
    off do.

    Parameters
    ----------
    cubes
        ``(n,)`` diameters to the third power, nm^3, all positive.
    duration
        In s.
    law
        ``diffusion``, ``interface`` or ``surface``.
    constant
        K in nm^3/s, nm^2/s or nm^4/s.
    smallest
        Diameter to the third power, nm^3, below which a particle vanishes; the last one stays.

    Returns
    -------
    tuple of numpy.ndarray
        ``(n,)`` diameters to the third power, 0 where a particle vanished, their sum unchanged;
        and ``(n,)`` the time in s at which it did, NaN where it did not.

    Examples
    --------
    >>> ripened, when = ripen(
    ...     np.array([8.0, 27.0]), 1.0, law="diffusion", constant=0.05, smallest=0.1
    ... )
    >>> float(ripened[0]) < 8, float(ripened.sum()), bool(np.isnan(when).all())
    (True, 35.0, True)
    """
    ripened = cubes.astype(float)
    vanished = np.full(len(cubes), np.nan)
    elapsed = 0.0
    while elapsed < duration:
        living = np.flatnonzero(ripened)
        sizes = ripened[living]
        rates = growth(sizes, law, constant)
        # Equal sizes hold each other in balance but for rounding, a lone one has nobody to feed.
        if len(living) < 2 or not (rates < 0).any():
            break
        radius = np.cbrt(max(float(sizes.min()), 8 * smallest)) / 2
        fastest = radius ** (POWERS[law] + 2) / (3 * constant)
        step = min(LARGEST_LOSS * fastest, duration - elapsed)
        total = rates
        stage = rates
        for share, weight in ((0.5, 2), (0.5, 2), (1.0, 1)):
            # Those that end within the step give more than they have; `_hand_over` settles it.
            stage = growth(np.maximum(sizes + share * step * stage, 0.1 * smallest), law, constant)
            total = total + weight * stage
        sizes = sizes + step / 6 * total
        elapsed += step
        gone = sizes < smallest
        gone[np.argmax(sizes)] = False
        if gone.any():
            vanished[living[gone]] = min(elapsed, duration)
            sizes = _hand_over(sizes, gone, law)
        ripened[living] = sizes
    return ripened, vanished


def _hand_over(sizes: np.ndarray, gone: np.ndarray, law: Law) -> np.ndarray:
    shares = np.where(gone, 0.0, np.cbrt(sizes) ** (2 - POWERS[law]))
    return np.where(gone, 0.0, sizes + sizes[gone].sum() * shares / shares.sum())
