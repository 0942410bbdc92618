"""Perfect sheets drawn with known atoms: for examples and tests, without any physics."""

import numpy as np


def drawn_sheet(
    shape: tuple[int, int],
    *,
    lattice_px: float,
    angle_deg: float,
    white: bool = True,
    noise: float = 0.02,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a single crystal of Gaussian atoms.

    Parameters
    ----------
    shape
        Of the image.
    lattice_px
        Lattice constant.
    angle_deg
        Direction of bonds, counter-clockwise from +x.
    white
        Whether atoms are brighter than the rest.
    noise
        Standard deviation, where the mean of the image is 1 and atoms are 0.1 high.
    seed
        Of the noise.

    Returns
    -------
    image : (y, x) float32
        The picture.
    atoms : (n, 2)
        Places of the atoms within it, ``(y, x)`` in px.
    """
    atoms = honeycomb(shape, lattice_px=lattice_px, angle_deg=angle_deg)
    image = 1 + (0.1 if white else -0.1) * drawn_atoms(shape, atoms, lattice_px)
    image += np.random.default_rng(seed).normal(0, noise, shape)
    return image.astype(np.float32), inside(atoms, shape)


def honeycomb(shape: tuple[int, int], *, lattice_px: float, angle_deg: float) -> np.ndarray:
    """Return atoms ``(n, 2)`` of a sheet that reaches beyond an image, ``(y, x)`` in px."""
    turn = np.deg2rad(angle_deg)
    bond = lattice_px / 3**0.5 * np.array([-np.sin(turn), np.cos(turn)])
    first, second = (
        lattice_px * np.array([-np.sin(turn + side), np.cos(turn + side)])
        for side in (np.pi / 6, -np.pi / 6)
    )
    reach = int(np.ceil(1.5 * max(shape) / lattice_px)) + 2
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), axis=-1).reshape(-1, 2)
    corners = np.array(shape) / 2 + 0.3 + steps[:, :1] * first + steps[:, 1:] * second
    both = np.concatenate([corners, corners + bond])
    return both[inside_mask(both, shape, margin=2 * lattice_px)]


def drawn_atoms(shape: tuple[int, int], atoms: np.ndarray, lattice_px: float) -> np.ndarray:
    """Draw Gaussians of height 1 and a standard deviation of 0.35 bonds at atoms."""
    width = 0.35 * lattice_px / 3**0.5
    image = np.zeros(shape)
    reach = int(4 * width) + 1
    for y, x in atoms:
        rows = np.arange(max(0, int(y) - reach), min(shape[0], int(y) + reach + 2))
        columns = np.arange(max(0, int(x) - reach), min(shape[1], int(x) + reach + 2))
        if rows.size and columns.size:
            spot = np.outer(
                np.exp(-0.5 * ((rows - y) / width) ** 2),
                np.exp(-0.5 * ((columns - x) / width) ** 2),
            )
            image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += spot
    return image


def inside_mask(points: np.ndarray, shape: tuple[int, int], *, margin: float = 0.0) -> np.ndarray:
    """Return ``(n,)`` bool: points within an image, or so far outside."""
    low, high = -0.5 - margin, np.array(shape) - 0.5 + margin
    return np.asarray(((points >= low) & (points < high)).all(axis=1))


def inside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the points within an image."""
    return points[inside_mask(points, shape)]
