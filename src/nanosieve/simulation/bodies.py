"""Bodies of known outline: their projected thickness, their labels, their diameters."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from nanosieve.core.errors import UsageError

SUBSAMPLES = 8


@dataclass(frozen=True)
class Bodies:
    """Ellipsoids lying flat on a support, seen from above; spheres where the axes are equal.

    Parameters
    ----------
    shape
        ``(y, x)`` of the image in px.
    centres
        ``(n, 2)`` rows and columns of the centres in px; pixel centres lie on whole numbers.
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
    >>> bodies = Bodies.spheres((40, 40), centres=[[20, 20]], radii=[10])
    >>> bodies.diameters_px
    array([20.])
    >>> round(float(bodies.thickness().max()), 1)
    20.0
    """

    shape: tuple[int, int]
    centres: np.ndarray
    semi_axes: np.ndarray
    angles_deg: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.centres)
        shapes = (self.centres.shape, self.semi_axes.shape, self.angles_deg.shape)
        if shapes != ((n, 2), (n, 2), (n,)):
            raise UsageError(
                "expected centres (n, 2), semi_axes (n, 2) and angles_deg (n,), "
                f"got {', '.join(str(shape) for shape in shapes)}"
            )
        if n and not self.semi_axes.min() > 0:
            raise UsageError(f"semi-axes must be positive, got {self.semi_axes.min()}")

    @classmethod
    def spheres(
        cls, shape: tuple[int, int], centres: np.typing.ArrayLike, radii: np.typing.ArrayLike
    ) -> Self:
        """Make spheres from ``(n, 2)`` centres and ``(n,)`` radii, both in px."""
        radius = np.asarray(radii, float).reshape(-1)
        return cls(
            shape,
            np.asarray(centres, float).reshape(-1, 2),
            np.stack([radius, radius], axis=1),
            np.zeros(len(radius)),
        )

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def diameters_px(self) -> np.ndarray:
        """``(n,)`` diameters in px of the circles with the outlines' areas."""
        return 2 * np.sqrt(self.semi_axes.prod(axis=1))

    def thickness(self) -> np.ndarray:
        """Projected thickness in px, ``(y, x)`` float32, a mean over each pixel; overlaps add.

        Near the rim, where the chord ``2 sqrt(r^2 - rho^2)`` falls steeply, a pixel is the mean of
        8 x 8 samples; elsewhere its centre serves.
        """
        total = np.zeros(self.shape, np.float32)
        for index in range(len(self)):
            box, yy, xx = self._box(index)
            if yy.size == 0 or xx.size == 0:
                continue
            depth = np.sqrt(np.clip(1 - self._radius2(index, yy, xx), 0, None))
            short = self.semi_axes[index].min()
            rim = depth < np.sqrt(min(1, 4 / short))
            rows, columns = np.nonzero(rim)
            depth[rim] = self._fine_depth(index, yy[rows, 0], xx[0, columns])
            total[box] += (2 * short * depth).astype(np.float32)
        return total

    def labels(self) -> np.ndarray:
        """Label every pixel whose centre lies inside an outline, ``(y, x)`` int32, 1..n.

        Where outlines overlap, a pixel belongs to the body that it lies deepest inside of.
        """
        labels = np.zeros(self.shape, np.int32)
        nearest = np.ones(self.shape)
        for index in range(len(self)):
            box, yy, xx = self._box(index)
            radius2 = self._radius2(index, yy, xx)
            inside = radius2 < nearest[box]
            labels[box][inside] = index + 1
            nearest[box][inside] = radius2[inside]
        return labels

    def _box(self, index: int) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """Slices around one body and the pixel coordinates in them, relative to its centre."""
        reach = self.semi_axes[index].max() + 2
        centre = self.centres[index]
        low = np.clip(np.floor(centre - reach).astype(int), 0, self.shape)
        high = np.clip(np.ceil(centre + reach).astype(int) + 1, 0, self.shape)
        yy = np.arange(low[0], high[0])[:, np.newaxis] - centre[0]
        xx = np.arange(low[1], high[1])[np.newaxis, :] - centre[1]
        return (slice(low[0], high[0]), slice(low[1], high[1])), yy, xx

    def _radius2(self, index: int, yy: np.ndarray, xx: np.ndarray) -> np.ndarray:
        """Squared distance from the centre as a share of the outline's: 1 on the outline."""
        angle = np.deg2rad(self.angles_deg[index])
        along = xx * np.cos(angle) - yy * np.sin(angle)
        across = xx * np.sin(angle) + yy * np.cos(angle)
        return (along / self.semi_axes[index, 0]) ** 2 + (across / self.semi_axes[index, 1]) ** 2

    def _fine_depth(self, index: int, yy: np.ndarray, xx: np.ndarray) -> np.ndarray:
        """Mean relative depth of single pixels, given by their relative coordinates."""
        offsets = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
        fine_y = yy[:, np.newaxis, np.newaxis] + offsets[:, np.newaxis]
        fine_x = xx[:, np.newaxis, np.newaxis] + offsets[np.newaxis, :]
        radius2 = self._radius2(index, fine_y, fine_x)
        return np.sqrt(np.clip(1 - radius2, 0, None)).mean(axis=(1, 2))


def scatter(
    shape: tuple[int, int],
    radii: np.typing.ArrayLike,
    *,
    rng: np.random.Generator,
    gap_px: float = 4.0,
    inside: bool = True,
) -> Bodies:
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
    placed = np.empty((0, 2))
    for count, radius in enumerate(ordered):
        margin = radius + gap_px if inside else 0.0
        centre = _free_place(shape, margin, placed, ordered[:count] + radius + gap_px, rng)
        if centre is None:
            raise UsageError(
                f"no room for {len(ordered)} spheres in {shape[0]} x {shape[1]} px; draw fewer"
            )
        placed = np.vstack([placed, centre])
    return Bodies.spheres(shape, placed, ordered)


def clusters(
    shape: tuple[int, int],
    radii: list[list[float]],
    *,
    rng: np.random.Generator,
    closeness: float = 0.95,
    gap_px: float = 6.0,
) -> Bodies:
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
    places = scatter(shape, reaches, rng=rng, gap_px=gap_px)
    centres = [grown[i] + places.centres[place] for place, i in enumerate(order)]
    sizes = [radius for i in order for radius in radii[i]]
    return Bodies.spheres(shape, np.vstack(centres), sizes)


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
