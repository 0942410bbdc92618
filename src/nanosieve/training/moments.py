"""When a frame was taken: told by ``dataset.csv``, or by names as cameras give them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_CLOCK = re.compile(
    r"(?P<movie>.*)_?Hour_(?P<hour>\d+)_Minute_(?P<minute>\d+)_Second_(?P<second>\d+)"
    r"_Frame_(?P<frame>\d+)",
    re.IGNORECASE,
)
_FRAME = re.compile(r"(?P<movie>.*?)[_-]?frame[_-]?(?P<frame>\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Moment:
    """Place of an image in a movie.

    Parameters
    ----------
    movie
        Frames of one movie share it; empty where unknown.
    time_s
        From any start; ``None`` where unknown.
    frame
        Number of the frame, or ``None``.
    """

    movie: str = ""
    time_s: float | None = None
    frame: int | None = None


UNKNOWN = Moment()


def moment_of(
    name: str,
    columns: Mapping[str, str],
    group: str,
    frame_interval_s: float | None,
    *,
    label: str = "",
) -> Moment:
    """Tell when an image was taken.

    Parameters
    ----------
    name
        Of the image; understood are ``..._Hour_HH_Minute_MM_Second_SS_Frame_FFFF``, as Gatan's
        in-situ software numbers frames within a second, and ``..._frame_12``.
    columns
        The user's own of ``dataset.csv``; ``movie``, ``time_s`` and ``frame`` go before the name.
    group
        The movie, where nothing else tells.
    frame_interval_s
        Time between frames, or ``None``.
    label
        Of the data set, put before a movie's name that is told from the frame's: two sets that
        number their frames alike hold two movies.

    Examples
    --------
    >>> moment_of("Capture1_Hour_00_Minute_01_Second_02_Frame_0003", {}, "all", 0.1)
    Moment(movie='Capture1', time_s=62.3, frame=3)
    >>> moment_of("a", {"time_s": "7.5"}, "all", None)
    Moment(movie='all', time_s=7.5, frame=None)
    """
    clock = _CLOCK.fullmatch(name)
    match = clock or _FRAME.fullmatch(name)
    named = match["movie"].rstrip("_-") if match else ""
    movie = columns.get("movie") or (label + named if named else group)
    frame = _whole(columns.get("frame", ""))
    if frame is None and match:
        frame = int(match["frame"])
    time_s = _number(columns.get("time_s", ""))
    if time_s is None and clock:
        seconds = int(clock["hour"]) * 3600 + int(clock["minute"]) * 60 + int(clock["second"])
        time_s = seconds + (frame or 0) * (frame_interval_s or 0.0)
    elif time_s is None and frame is not None and frame_interval_s is not None:
        time_s = frame * frame_interval_s
    return Moment(movie, time_s, frame)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _whole(cell: str) -> int | None:
    number = _number(cell)
    return int(number) if number is not None and number.is_integer() else None
