"""``nanosieve doctor``: what is installed, what the machine can do, what is missing."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from nanosieve._version import __version__
from nanosieve.cli.console import print_table
from nanosieve.core.errors import install

# Processor features that matter here, as Linux names them.
_FOR_DEVELOPERS = ("test", "check", "docs")
_FEATURES = ("sse4_2", "avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd")


def doctor() -> int:
    """Show versions, processor, GPU, and what is missing.

    Exit code 1 if a part that is needed is missing or nothing can be written.
    """
    from rich.table import Table

    needed, optional = _requirements()
    missing = [name for name in needed if _version(name) is None]
    rows = [
        ("nanosieve", __version__),
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processor", _processor()),
        ("memory", _memory()),
        ("GPU", _gpu()),
        ("models", _models()),
        ("temporary folder", _temporary()),
        ("terminal", f"{sys.stdout.encoding}, {shutil.get_terminal_size().columns} columns"),
        *((name, _version(name) or "MISSING: pip install nanosieve") for name in needed),
    ]
    for extra, names in optional.items():
        absent = [name for name in names if _version(name) is None]
        have = f"missing: {install(extra)}" if absent else "installed"
        rows.append((f"extra {extra}", have))
    table = Table("part", "state")
    for row in rows:
        table.add_row(*row)
    print_table(table)
    writable = _temporary().startswith("writable")
    print("All that is needed is there." if writable and not missing else "Something is missing.")
    return int(bool(missing) or not writable)


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Distributions that are needed, and those that each extra for users brings."""
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    for requirement, extra in _stated("nanosieve"):
        name, inner = _parts(requirement)
        if extra is None:
            needed.append(name)
        elif extra not in _FOR_DEVELOPERS:
            # "rosettasciio[zspy]" brings what that package states for its own extra.
            more = [_parts(text)[0] for text, of in _stated(name) if of is not None and of in inner]
            extras.setdefault(extra, []).extend([name, *more])
    return needed, extras


def _stated(name: str) -> list[tuple[str, str | None]]:
    """Requirements of a distribution, each with the extra it belongs to."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for text in texts:
        requirement, _, marker = text.partition(";")
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", marker)
        found.append((requirement, None if extra is None else extra.group(1)))
    return found


def _parts(requirement: str) -> tuple[str, list[str]]:
    """Name and extras of a requirement.

    >>> _parts("rosettasciio[zspy]>=0.7")
    ('rosettasciio', ['zspy'])
    """
    name, _, rest = re.split(r"[\s<>=!~(@]", requirement.strip())[0].partition("[")
    return name, [extra for extra in rest.rstrip("]").split(",") if extra]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cores = f"{os.cpu_count()} cores"
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{platform.processor() or platform.machine()}, {cores}"
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in lines.items()}
    flags = fields.get("flags", fields.get("Features", "")).split()
    have = [feature for feature in _FEATURES if feature in flags]
    return ", ".join([fields.get("model name", platform.machine()), cores, *have])


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "not known"
    return f"{total / 2**30:.1f} GiB"


def _gpu() -> str:
    """Name of the GPU as its driver's own tool gives it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none found; networks run on the processor"
    try:
        said = subprocess.run(
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi does not answer: {type(error).__name__}"
    return "; ".join(said.split("\n")).strip("; ") + "; networks run on it with the extra train"


def _models() -> str:
    from nanosieve.models.load import packaged

    return ", ".join(packaged()) or "none comes with this version; nanosieve train makes one"


def _temporary() -> str:
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile():
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"NOT WRITABLE: {folder}: {error.strerror or error}; set TMPDIR to another folder"
    return f"writable: {folder}, {free / 2**30:.1f} GiB free"
