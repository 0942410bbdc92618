"""Tables of a movie: every particle in every frame, and every event between two frames."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from nanosieve.simulation.coarsening.film import Snapshot
from nanosieve.simulation.coarsening.sheet import Happening
from nanosieve.simulation.simulated import ParticleTruth

EVENT_COLUMNS = (
    "frame_before", "frame_after", "time_s", "kind", "particle", "into", "volume_before_nm3",
    "into_before_nm3", "volume_after_nm3", "y_nm", "x_nm", "in_frame",
)  # fmt: skip

_UNKNOWN = float("nan")


def volume_nm3(cube: float, height: float) -> float:
    """Volume in nm^3 of a particle, from d^3 in nm^3 and its height over its diameter.

    Examples
    --------
    >>> round(volume_nm3(8.0, 1.0), 4)
    4.1888
    """
    return float(np.pi / 6 * height * cube)


def track_rows(
    particles: Sequence[ParticleTruth], snapshot: Snapshot, *, height: float
) -> list[dict[str, Any]]:
    """List where the particles of one frame are, for the table of the movie.

    ``volume_nm3`` is the particle's own, also while it coalesces, and ``merging`` says whether it
    does; ``diameter_nm`` is that of its outline.
    """
    return [
        {
            "particle": row.particle,
            "frame": snapshot.frame,
            "time_s": snapshot.time_s,
            "y_nm": row.y_nm,
            "x_nm": row.x_nm,
            "diameter_nm": row.diameter_nm,
            "volume_nm3": volume_nm3(_cube(snapshot, row.particle), height),
            "merging": row.shape == "merging",
            "touches_border": row.touches_border,
        }
        for row in particles
    ]


def events(
    snapshots: Sequence[Snapshot], seen: Sequence[set[int]], *, height: float
) -> pd.DataFrame:
    """List what happened to particles that were in view, frame interval by frame interval.

    ``merge``: a particle and the larger one it goes ``into``; its place is where they touch.
    ``vanish``: a particle ripened away. ``appear``: a nucleus formed. ``leave`` and ``enter``: it
    went out of the frame or came in, whether it moved or the stage did.

    Places are in the image of ``frame_before``; of what enters or appears, in that of
    ``frame_after``. Times of leaving and entering are not known better than the frames': they are
    that of ``frame_after``. Volumes before are those at ``frame_before``, of merges those at the
    moment; the volume after is the particle's at ``frame_after``, of merges the sum. A merge is
    listed where one of the two was in view before or after; ``in_frame`` says whether
    ``particle`` itself was.

    Parameters
    ----------
    snapshots
        The sheet at every frame.
    seen
        Numbers of the particles with a pixel in each frame.
    height
        Height of a particle over its diameter.

    Returns
    -------
    pandas.DataFrame
        Columns `EVENT_COLUMNS`.
    """
    rows = [
        {"frame_before": after.frame - 1, "frame_after": after.frame, **row}
        for before, after in pairwise(snapshots)
        for row in _between(before, after, seen[before.frame], seen[after.frame], height)
    ]
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS))


def _between(
    before: Snapshot, after: Snapshot, old: set[int], new: set[int], height: float
) -> Iterator[dict[str, Any]]:
    explained: set[int] = set()
    for happening in after.happened:
        explained |= {happening.particle} if happening.kind != "wrap" else set()
        row = _happening(happening, before, after, old, new)
        if row:
            yield _in_nm3(row, height)
    for particle in sorted(old - new - explained):
        yield _in_nm3(_passing(particle, "leave", before, after), height)
    for particle in sorted(new - old - explained):
        yield _in_nm3(_passing(particle, "enter", before, after), height)


def _happening(
    happening: Happening, before: Snapshot, after: Snapshot, old: set[int], new: set[int]
) -> dict[str, Any] | None:
    """Row of what happened to a particle in view, volumes as d^3; ``None`` if none was."""
    particle = happening.particle
    row: dict[str, Any] = {
        "time_s": happening.time_s,
        "kind": happening.kind,
        "particle": particle,
        "into": happening.into,
        "place": happening.place,
        "in_frame": True,
    }
    if happening.kind == "merge" and {particle, happening.into} & (old | new):
        total = happening.cube + happening.into_cube
        cubes = (happening.cube, happening.into_cube, total)
        return {**row, "in_frame": particle in old, "cubes": cubes}
    if happening.kind == "vanish" and particle in old:
        return {**row, "cubes": (_cube(before, particle), _UNKNOWN, 0.0)}
    if happening.kind == "appear" and particle in new:
        place = after.places[np.searchsorted(after.ids, particle)]
        return {**row, "place": place, "cubes": (0.0, _UNKNOWN, _cube(after, particle))}
    return None


def _passing(particle: int, kind: str, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Row of a particle that passes the frame's edge."""
    seen = before if kind == "leave" else after
    return {
        "time_s": after.time_s,
        "kind": kind,
        "particle": particle,
        "into": 0,
        "place": seen.places[np.searchsorted(seen.ids, particle)],
        "in_frame": True,
        "cubes": (_cube(before, particle), _UNKNOWN, _cube(after, particle)),
    }


def _cube(snapshot: Snapshot, particle: int) -> float:
    row = int(np.searchsorted(snapshot.ids, particle))
    there = row < len(snapshot.ids) and snapshot.ids[row] == particle
    return float(snapshot.cubes[row]) if there else _UNKNOWN


def _in_nm3(row: dict[str, Any], height: float) -> dict[str, Any]:
    place, cubes = row.pop("place"), row.pop("cubes")
    names = ("volume_before_nm3", "into_before_nm3", "volume_after_nm3")
    volumes = {n: volume_nm3(c, height) for n, c in zip(names, cubes, strict=True)}
    return {**row, **volumes, "y_nm": float(place[0]), "x_nm": float(place[1])}
