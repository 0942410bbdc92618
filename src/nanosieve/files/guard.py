"""The border to other people's readers: their exceptions, warnings and log lines stop here."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nanosieve.core.errors import FailedInput, InputError

_LOGGERS = ("rsciio", "tifffile", "PIL", "h5py", "ncempy", "zarr")
_LONGEST = 160
_CATCHING = threading.RLock()


@contextmanager
def guarded(path: Path) -> Iterator[list[str]]:
    """Turn whatever a reader raises into one line, and collect what it would print.

    Yields
    ------
    list of str
        Filled on leaving with the reader's warnings, each once.

    Raises
    ------
    FailedInput
        In place of any exception but this package's own; the original is its ``__cause__``.

    Examples
    --------
    >>> with guarded(Path("a.tif")):
    ...     raise KeyError("Alpha")
    Traceback (most recent call last):
    nanosieve.core.errors.FailedInput: a.tif: cannot be read, it is damaged or not of the kind \
its suffix says (KeyError: 'Alpha'); open it in the microscope's software and save it again
    """
    said: list[str] = []
    try:
        with _captured(said):
            yield said
    except InputError:
        raise
    except PermissionError as error:
        raise FailedInput(f"{path.name}: no permission to read it; change its rights") from error
    except FileNotFoundError as error:
        raise FailedInput(f"{path.name}: no such file; check the path") from error
    except MemoryError as error:
        raise FailedInput(
            f"{path.name}: more memory is needed than there is; the file is damaged or too large "
            "for this computer"
        ) from error
    except Exception as error:
        raise FailedInput(
            f"{path.name}: cannot be read, it is damaged or not of the kind its suffix says "
            f"({_one_line(error)}); open it in the microscope's software and save it again"
        ) from error


@contextmanager
def _captured(said: list[str]) -> Iterator[None]:
    handler = _Collector(said)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        # What is caught is the whole program's: one thread at a time.
        with _CATCHING, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for logger, propagate in before:
            logger.removeHandler(handler)
            logger.propagate = propagate
    for warning in caught:
        # Deprecations and files left for the garbage collector are the readers' own affair.
        if issubclass(warning.category, UserWarning | RuntimeWarning):
            _add(said, str(warning.message))


class _Collector(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        _add(self._said, record.getMessage())


def _add(said: list[str], text: str) -> None:
    line = _shorten(text)
    if line and line not in said:
        said.append(line)


def _one_line(error: BaseException) -> str:
    return _shorten(f"{type(error).__name__}: {error}".rstrip(": "))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
