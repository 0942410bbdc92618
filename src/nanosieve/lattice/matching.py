"""Which phase, seen along which direction, has the lattice planes that a particle shows.

A zone axis [uvw] shows the planes (hkl) with hu + kv + lw = 0, each at a fixed length and angle. A
phase is tried by taking two of the particle's peaks for two of its planes, which fixes the zone
axis and the turn in the image, and counting how many of the peaks then lie at planes of that zone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.lattice.phases import Miller, Phase, Reflections, reflections
from nanosieve.lattice.spacings import Spacings

TOLERANCE, ANGLE_TOLERANCE_DEG = 0.03, 3.0
"""By how much spacings, relative, and angles between planes may be off, beyond their errors."""

# Errors of measured spacings and angles count this many times.
_SIGMAS = 2.0
# Peaks of which two are taken for planes; with more, those of a second particle would come first
# only where they are weaker.
_BASES = 4
# Two peaks nearer to one line than this fix no zone axis.
_LEAST_ANGLE_DEG = 12.0
# A plane of the zone that should show, coarser than one that does, and does not, counts against it.
_MISSING = 0.5
# Strength of a plane, over that of the phase's strongest, from which it should show.
_SHOULD_SHOW = 0.5
# Of a particle's peaks a phase explains the strongest and this share, or it is another phase.
_EXPLAINED = 0.5
# Of two candidates with equally many peaks the one is no better whose misfit is smaller by less
# than this, in percent, on top of what the errors leave open.
_ALIKE_PERCENT = 1.0


@dataclass(frozen=True)
class Candidate:
    """One reading of a particle's peaks.

    Parameters
    ----------
    phase
        Its name.
    zone
        Direction along the beam; ``None`` where the peaks lie on one line, which fixes none.
    planes
        hkl of each peak, ``None`` for one that is not explained.
    d_nm
        Spacing of each of these planes in the phase.
    explained
        How many are.
    missing
        How many planes of the zone should show and do not.
    misfit_percent
        Root mean square distance of the explained peaks from their places, over their frequency.
    """

    phase: str
    zone: Miller | None
    planes: tuple[Miller | None, ...]
    d_nm: tuple[float | None, ...]
    explained: int
    missing: int
    misfit_percent: float

    @property
    def score(self) -> float:
        """Peaks explained, less half a peak for each that is missing."""
        return self.explained - _MISSING * self.missing

    @property
    def words(self) -> str:
        """Such as ``Au [110]``."""
        return self.phase if self.zone is None else f"{self.phase} {zone_words(self.zone)}"


@dataclass(frozen=True)
class Match:
    """What a particle may be.

    Parameters
    ----------
    candidates
        The best first; none where no phase has such planes.
    alike
        How many of these, from the first on, the peaks cannot tell apart.
    """

    candidates: tuple[Candidate, ...]
    alike: int

    @property
    def ambiguous(self) -> bool:
        """Whether there is more than one reading that is as good as the first."""
        return self.alike > 1


class _Allowed(NamedTuple):
    """How far each peak may be off: its length in 1/nm, its direction in rad."""

    length: np.ndarray
    angle: np.ndarray


def match_phases(
    found: Spacings,
    phases: Sequence[Phase],
    *,
    tolerance: float = TOLERANCE,
    angle_tolerance_deg: float = ANGLE_TOLERANCE_DEG,
) -> Match:
    """Match the lattice planes of a particle with phases.

    Parameters
    ----------
    found
        In nm.
    phases
        Each gives its best candidate.
    tolerance, angle_tolerance_deg
        By how much a spacing (relative) and an angle may be off, twice their standard
        uncertainties come on top.

    Returns
    -------
    Match
        Without candidates where no phase explains the strongest peak and half of all.

    Raises
    ------
    UsageError
        If spacings are in px.

    Examples
    --------
    >>> from nanosieve.lattice.phases import get_phase
    >>> zeros = np.zeros(2)
    >>> pair = Spacings(
    ...     np.array([0.2355, 0.2355]), zeros, np.array([10.0, 80.53]), zeros, zeros + 50, "nm"
    ... )
    >>> match = match_phases(pair, [get_phase("Au"), get_phase("Cu")])
    >>> [candidate.words for candidate in match.candidates]
    ['Au [110]']
    """
    if found.unit != "nm":
        raise UsageError("phases are told by spacings in nm: give --pixel-size")
    if not len(found):
        return Match((), 0)
    length = np.linalg.norm(found.vectors, axis=1)
    own = _SIGMAS * np.hypot(found.own_error, found.scale_error)
    allowed = _Allowed(
        length * (tolerance + own),
        np.deg2rad(angle_tolerance_deg + _SIGMAS * found.angle_error_deg),
    )
    best = [_best(found, allowed, phase) for phase in phases]
    ranked = sorted(
        (one for one in best if one is not None),
        key=lambda one: (-one.score, one.misfit_percent),
    )
    return Match(tuple(ranked), _alike(ranked, found))


def _alike(ranked: Sequence[Candidate], found: Spacings) -> int:
    if not ranked:
        return 0
    first = ranked[0]
    room = _ALIKE_PERCENT + 100 * (found.scale_error + float(np.median(found.own_error)))
    return sum(
        one.score >= first.score and one.misfit_percent <= first.misfit_percent + room
        for one in ranked
    )


def _best(found: Spacings, allowed: _Allowed, phase: Phase) -> Candidate | None:
    """Best reading of the peaks as planes of one phase."""
    finest = float(found.d.min()) * 0.9
    planes = reflections(phase, finest_nm=finest)
    if not len(planes.indices):
        return None

    def sound(readings: Iterable[Candidate | None]) -> list[Candidate]:
        return [
            one
            for one in readings
            if one is not None and one.planes[0] and one.explained >= _EXPLAINED * len(found)
        ]

    readings = sound(
        _in_zone(found, allowed, phase, planes, pair, basis)
        for pair, basis in _bases(found, allowed, planes)
    ) or sound(_on_a_line(found, allowed, phase, planes))
    return min(readings, key=lambda one: (-one.score, one.misfit_percent), default=None)


def _bases(
    found: Spacings, allowed: _Allowed, planes: Reflections
) -> Iterator[tuple[tuple[int, int], tuple[np.ndarray, np.ndarray]]]:
    """Two peaks and two planes whose lengths and angle agree, opposite signs included."""
    g = found.vectors
    length = np.linalg.norm(g, axis=1)
    q = np.linalg.norm(planes.vectors, axis=1)
    for i, j in combinations(range(min(_BASES, len(found))), 2):
        angle = _between(g[i], g[j])
        if not _LEAST_ANGLE_DEG < np.rad2deg(angle) < 180 - _LEAST_ANGLE_DEG:
            continue
        first = np.flatnonzero(np.abs(q - length[i]) < allowed.length[i])
        second = np.flatnonzero(np.abs(q - length[j]) < allowed.length[j])
        cosine = planes.vectors[first] @ planes.vectors[second].T / np.outer(q[first], q[second])
        angles = np.arccos(np.clip(cosine, -1, 1))
        room = allowed.angle[i] + allowed.angle[j]
        for sign, off in ((1, np.abs(angles - angle)), (-1, np.abs(np.pi - angles - angle))):
            for a, b in np.argwhere(off < room):
                yield (i, j), (planes.indices[first[a]], sign * planes.indices[second[b]])


def _in_zone(
    found: Spacings,
    allowed: _Allowed,
    phase: Phase,
    planes: Reflections,
    pair: tuple[int, int],
    basis: tuple[np.ndarray, np.ndarray],
) -> Candidate | None:
    """Read all peaks by the zone that two of them give."""
    zone = np.cross(*basis)
    if not zone.any():
        return None
    zone = zone // np.gcd.reduce(zone)
    within = planes.indices @ zone == 0
    indices, strengths = planes.indices[within], planes.strengths[within]
    flat = _flattened(planes.vectors[within], basis[0] @ phase.reciprocal, zone @ phase.cell)
    g = found.vectors
    # The basis' own places in the zone, turned onto the two peaks.
    own = _flattened(
        np.array(basis) @ phase.reciprocal, basis[0] @ phase.reciprocal, zone @ phase.cell
    )
    for mirror in (1.0, -1.0):
        turn = _turn(own * [1, mirror], g[list(pair)])
        places = (flat * [1, mirror]) @ turn.T
        reading = _read(g, places, allowed)
        if (reading[list(pair)] >= 0).all():
            return _candidate(found, phase, (indices, places, strengths), reading, zone)
    return None


def _flattened(vectors: np.ndarray, along: np.ndarray, beam: np.ndarray) -> np.ndarray:
    """``(n, 2)`` vectors in the plane across the beam, the first axis along one of them."""
    x = along / np.linalg.norm(along)
    y = np.cross(beam / np.linalg.norm(beam), x)
    return np.column_stack([vectors @ x, vectors @ y])


def _turn(places: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Rotation that brings places nearest to where they were measured."""
    of_places = places[:, 0] + 1j * places[:, 1]
    of_peaks = onto[:, 0] + 1j * onto[:, 1]
    angle = np.angle((of_places.conj() * of_peaks / np.abs(of_places) ** 2).sum())
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _read(g: np.ndarray, places: np.ndarray, allowed: _Allowed) -> np.ndarray:
    """``(n,)`` which place each peak is at, counted on where its opposite is; -1 for none."""
    both = np.concatenate([places, -places])
    away = np.linalg.norm(g[:, np.newaxis] - both, axis=-1)
    nearest = away.argmin(axis=1)
    at = both[nearest]
    length = np.abs(np.linalg.norm(at, axis=1) - np.linalg.norm(g, axis=1))
    angle = np.array([_between(one, other) for one, other in zip(g, at, strict=True)])
    good = (length < allowed.length) & (angle < allowed.angle)
    return np.where(good, nearest, -1)


def _candidate(
    found: Spacings,
    phase: Phase,
    zone_planes: tuple[np.ndarray, np.ndarray, np.ndarray],
    reading: np.ndarray,
    zone: np.ndarray,
) -> Candidate:
    indices, places, strengths = zone_planes
    n = len(indices)
    there = reading >= 0
    signed = np.concatenate([indices, -indices])
    both = np.concatenate([places, -places])
    g = found.vectors
    off = np.linalg.norm(both[reading[there]] - g[there], axis=1) / np.linalg.norm(g[there], axis=1)
    read = np.zeros(n, bool)
    read[reading[there] % n] = True
    length = np.linalg.norm(places, axis=1)
    should = (strengths >= _SHOULD_SHOW * strengths.max()) & (length < length[read].max() * 0.999)
    return Candidate(
        phase=phase.name,
        zone=_positive(zone),
        planes=tuple(_miller(signed[place]) if place >= 0 else None for place in reading),
        d_nm=tuple(float(1 / length[place % n]) if place >= 0 else None for place in reading),
        explained=int(there.sum()),
        missing=int((should & ~read).sum()),
        misfit_percent=100 * float(np.sqrt((off**2).mean())),
    )


def _on_a_line(
    found: Spacings, allowed: _Allowed, phase: Phase, planes: Reflections
) -> Iterator[Candidate]:
    """Read the strongest peak alone, and its multiples along the same line."""
    length = np.linalg.norm(found.vectors, axis=1)
    q = np.linalg.norm(planes.vectors, axis=1)
    for plane in np.flatnonzero(np.abs(q - length[0]) < allowed.length[0]):
        step = planes.vectors[plane]
        read: list[int | None] = []
        for n in range(len(found)):
            angle = _between(found.vectors[0], found.vectors[n])
            room = allowed.angle[0] + allowed.angle[n]
            close = np.flatnonzero(
                (np.abs(q - length[n]) < allowed.length[n])
                & (np.linalg.norm(np.cross(planes.vectors, step), axis=1) < 1e-6 * q * q[plane])
            )
            parallel = min(angle, np.pi - angle) < room
            read.append(int(close[0]) if parallel and len(close) else None)
        known = [(n, place) for n, place in enumerate(read) if place is not None]
        off = [q[place] / length[n] - 1 for n, place in known]
        yield Candidate(
            phase=phase.name,
            zone=None,
            planes=tuple(
                None if place is None else _miller(planes.indices[place]) for place in read
            ),
            d_nm=tuple(None if place is None else float(1 / q[place]) for place in read),
            explained=len(known),
            missing=0,
            misfit_percent=100 * float(np.sqrt(np.mean(np.square(off)))),
        )


def _between(one: np.ndarray, other: np.ndarray) -> float:
    """Angle between two vectors in rad."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.arccos(np.clip(cosine, -1, 1)))


def _miller(indices: np.ndarray) -> Miller:
    h, k, l = (int(index) for index in indices)  # noqa: E741 - their names
    return h, k, l


def _positive(zone: np.ndarray) -> Miller:
    """Of the two opposite directions the one whose first index that is not zero is positive."""
    first = zone[np.flatnonzero(zone)[0]]
    return _miller(zone if first > 0 else -zone)


def plane_words(plane: Miller) -> str:
    """Such as ``(1-11)``.

    >>> plane_words((1, -1, 1)), plane_words((10, 0, 2))
    ('(1-11)', '(10 0 2)')
    """
    return f"({_joined(plane)})"


def zone_words(zone: Miller) -> str:
    """Such as ``[110]``.

    >>> zone_words((1, -1, 0))
    '[1-10]'
    """
    return f"[{_joined(zone)}]"


def _joined(indices: Miller) -> str:
    between = " " if max(abs(index) for index in indices) > 9 else ""
    return between.join(str(index) for index in indices)
