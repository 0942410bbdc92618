"""The extra that only images at lattice resolution need."""

from importlib.util import find_spec

from nanosieve.core.errors import UsageError, install


def need_extra() -> None:
    """Check that abTEM and ASE are installed.

    Raises
    ------
    UsageError
        If one of them is missing, with the command that installs both.
    """
    missing = [name for name in ("abtem", "ase") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"images at lattice resolution need {' and '.join(missing)}: {install('simulate')}"
        )
