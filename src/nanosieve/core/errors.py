"""What can go wrong, as one line each: what, where, what to do."""


class NanosieveError(Exception):
    """Base of every error this package raises on purpose; its text is one line for the user."""


def install(extra: str) -> str:
    """Say how to install what an extra brings.

    Examples
    --------
    >>> install("train")
    'pip install "nanosieve[train]", in a clone pip install ".[train]"'
    """
    return f'pip install "nanosieve[{extra}]", in a clone pip install ".[{extra}]"'


class UsageError(NanosieveError):
    """The call itself is wrong (exit code 2)."""


class OutputError(NanosieveError):
    """An output cannot be written: full disk, no permission, no such folder."""


class InputError(NanosieveError):
    """One input cannot be analysed; the others go on. ``status`` stands in its summary row."""

    status = "failed"


class FailedInput(InputError):
    """The file is broken: zero bytes, truncated, 5-D, all NaN."""

    status = "failed"


class RefusedInput(InputError):
    """The file is sound but not a micrograph of particles with square pixels."""

    status = "refused"


class InterruptedRun(NanosieveError):
    """Ctrl-C, where more is to be said than for other commands (exit code 130)."""
