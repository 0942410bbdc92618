"""What is taken while particles are placed: masks a little larger than the field."""

from typing import NamedTuple

import numpy as np

from nanosieve.simulation.projected.bodies import Box, Stamp

_POINTS = 56


class Laid(NamedTuple):
    """A stamp with its place: the pixel of its middle in the field, its lowest point in px."""

    stamp: Stamp
    pixel: tuple[int, int]
    elevation_px: float


class Probe(NamedTuple):
    """A stamp with the pixels of its outline, and some of them to try places with."""

    stamp: Stamp
    outline: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, stamp: Stamp) -> "Probe":
        """Take points from the edge and a few from within."""
        outline = stamp.level < 1
        edge = outline.copy()
        edge[1:-1, 1:-1] &= ~(
            outline[2:, 1:-1] & outline[:-2, 1:-1] & outline[1:-1, 2:] & outline[1:-1, :-2]
        )
        points = np.argwhere(edge)
        inner = np.argwhere(outline)
        points = np.concatenate(
            [points[:: max(1, len(points) // 40)], inner[:: max(1, len(inner) // 12)]]
        )
        return cls(stamp, outline, points[:_POINTS] + stamp.corner)


class Canvas:
    """A field with a margin, and what lies on it.

    Parameters
    ----------
    shape
        ``(y, x)`` of the field in px.
    allowed
        ``(y, x)`` bool, where there is support; everywhere if ``None``.
    margin
        Pixels around the field that particles may reach into.
    overhang
        Share of a particle that may lie beyond the support.
    cut_by_frame
        Whether particles may reach beyond the field.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        allowed: np.ndarray | None,
        *,
        margin: int,
        overhang: float,
        cut_by_frame: bool = True,
    ) -> None:
        self.shape = shape
        self.margin = margin
        self.overhang = overhang
        support = np.ones(shape, bool) if allowed is None else np.asarray(allowed, bool)
        self.everywhere = bool(support.all())
        self.field = np.pad(support, margin)
        self.support = np.pad(support, margin, mode="edge")
        self.reach = margin if cut_by_frame else 0
        # Where nothing may lie counts as filled.
        self.filled = np.pad(np.zeros(shape, bool), margin, constant_values=not cut_by_frame)
        self.clear = self.filled.copy()
        self.top = np.zeros(self.support.shape, np.float32)
        self.room = max(int(np.count_nonzero(support)), 1)
        self.covered = 0
        self.laid: list[Laid] = []

    @property
    def coverage(self) -> float:
        """Share of the support in the field that is covered."""
        return self.covered / self.room

    def places(self, number: int, reach: float, rng: np.random.Generator) -> np.ndarray:
        """Draw pixels, ``(n, 2)``, on the support and in nothing: at most ``number`` of them.

        Parameters
        ----------
        reach
            How far beyond the field a middle may lie, px; negative keeps it within.
        """
        low = np.full(2, -reach)
        high = np.array(self.shape) - 1 + reach
        if (high < low).any():
            return np.empty((0, 2), int)
        pixels = np.rint(rng.uniform(low, high, (number, 2))).astype(int)
        at = tuple((pixels + self.margin).T)
        return pixels[self.support[at] & ~self.clear[at]]

    def free(self, probe: Probe, pixels: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Tell at which pixels, ``(n, 2)``, points of a body meet nothing that is taken."""
        if not len(probe.points):  # so thin that it holds no pixel's centre
            return np.zeros(len(pixels), bool)
        at = pixels[:, np.newaxis] + probe.points + self.margin
        limit = np.array(taken.shape)
        within = ((at >= 0) & (at < limit)).all(axis=2).all(axis=1)
        at = np.clip(at, 0, limit - 1)
        rows, columns = at[..., 0], at[..., 1]
        free = within & ~taken[rows, columns].any(axis=1)
        if not self.everywhere:
            free &= self.support[rows, columns].mean(axis=1) >= 1 - self.overhang
        return free

    def meets(self, probe: Probe, pixel: tuple[int, int], taken: np.ndarray) -> bool:
        """Tell whether the outline meets anything that is taken."""
        return bool(taken[self._box(probe.stamp, pixel)][probe.outline].any())

    def first(self, probe: Probe, pixels: np.ndarray, taken: np.ndarray) -> tuple[int, int] | None:
        """Find the first of the pixels at which a body meets nothing."""
        for row, column in pixels[self.free(probe, pixels, taken)].tolist():
            if not self.meets(probe, (row, column), taken):
                return row, column
        return None

    def lay(
        self,
        probe: Probe,
        pixel: tuple[int, int],
        *,
        gap_px: float | None = None,
        elevation_px: float | None = None,
    ) -> None:
        """Lay a body on what is already there, or at an elevation of its own.

        Parameters
        ----------
        gap_px
            What is kept clear around it; others may lie on it if ``None``.
        """
        box, stamp = self._box(probe.stamp, pixel), probe.stamp
        outline, top = probe.outline, self.top[box]
        if elevation_px is None:
            elevation_px = float(top[outline].max(initial=0))
            top[outline] = elevation_px + stamp.solid.depth
        self.covered += int(np.count_nonzero(outline & self.field[box] & ~self.filled[box]))
        self.filled[box] |= outline
        if gap_px is not None:
            self.clear[box] |= stamp.level < (1 + gap_px / stamp.solid.inradius) ** 2
        self.laid.append(Laid(stamp, pixel, elevation_px))

    def holds(self, stamp: Stamp, pixel: tuple[int, int]) -> bool:
        """Tell whether a body lies on the canvas, some of it within the field, on support."""
        rows, columns = stamp.box(pixel)
        lies = all(
            side.start >= -self.reach
            and side.stop <= size + self.reach
            and side.start < size
            and side.stop > 0
            for side, size in zip((rows, columns), self.shape, strict=True)
        )
        at = (pixel[0] + self.margin, pixel[1] + self.margin)
        return lies and bool(self.support[at])

    def _box(self, stamp: Stamp, pixel: tuple[int, int]) -> Box:
        return stamp.box((pixel[0] + self.margin, pixel[1] + self.margin))
