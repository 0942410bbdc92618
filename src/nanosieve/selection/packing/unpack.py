"""One packed file unpacked: TIFF with its pixel size, masks, and what the original said."""

import glob
import os
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nanosieve._version import __version__
from nanosieve.batch.discover import Input, natural
from nanosieve.batch.process import one_line
from nanosieve.batch.store import staged, to_json
from nanosieve.core.errors import OutputError, UsageError
from nanosieve.core.micrograph import Calibration, Step
from nanosieve.files.atomic import output_errors
from nanosieve.files.tiff_writer import write_tiff
from nanosieve.selection.packing.container import SUFFIX, Packed, open_packed

MASKS, EXACT, METADATA = "masks", "exact", "metadata"


@dataclass(frozen=True)
class UnpackOutcome:
    """What came of one packed file; fields as in `nanosieve.selection.packing.pack.PackOutcome`."""

    source: Path
    path: Path
    status: Literal["ok", "failed"]
    message: str = ""
    state: Literal["made", "unchanged"] = "made"
    exact_share: float | None = None
    flags: tuple[str, ...] = ()
    trace: str = ""

    @property
    def name(self) -> str:
        """Of the packed file."""
        return self.source.name

    @property
    def failed(self) -> bool:
        """Whether it makes the run end with exit code 1."""
        return self.status != "ok"


def packed_files(arguments: Sequence[str]) -> list[Path]:
    """Find packed files: those named, those in folders (not walked), those that globs match.

    Raises
    ------
    UsageError
        If there is none, or two would be unpacked to one name.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            matches = sorted(path.glob(f"*{SUFFIX}"))
        elif not path.exists() and glob.has_magic(argument):
            matches = [Path(one) for one in sorted(glob.glob(argument, recursive=True))]
        else:
            matches = [path]
        found |= {os.path.realpath(one): one for one in matches}
    if not any(path.exists() for path in found.values()):
        raise UsageError(
            f"no packed file in {', '.join(arguments)}; give *{SUFFIX} files that nanosieve pack "
            "wrote, or folders of them"
        )
    files = sorted(found.values(), key=lambda one: natural(one.name))
    by_name: dict[str, Path] = {}
    # What is no packed file is told when it is its turn.
    for file in (one for one in files if one.name.endswith(SUFFIX)):
        other = by_name.setdefault(_name(file).casefold(), file)
        if other is not file:
            raise UsageError(
                f"{other} and {file} would both be unpacked to {_name(file)}.tif; unpack one of "
                "them to another -o"
            )
    return files


def unpack(source: Path, out: Path, *, overwrite: bool = False) -> UnpackOutcome:
    """Unpack one file; whatever is wrong with it becomes its outcome.

    Parameters
    ----------
    source
        What ``nanosieve pack`` wrote.
    out
        Folder, made where it is missing, for ``<name>.tif``, ``masks/<name>.tif``,
        ``exact/<name>.tif`` and ``metadata/<name>.json``.
    overwrite
        Whether files that hold something else are replaced, which may be the original.
    """
    name = _name(source)
    path = out / f"{name}.tif"
    try:
        with output_errors(path):
            out.mkdir(parents=True, exist_ok=True)
        with open_packed(source) as packed, staged(out, name) as stage:
            _write(packed, stage, name)
            share, flags = float(packed.about["exact_share"]), tuple(packed.about["flags"])
            state = _place(stage, out, overwrite=overwrite)
        return UnpackOutcome(source, path, "ok", "", state, share, flags)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        message = one_line(error, Input(source, name))
        return UnpackOutcome(source, path, "failed", message, trace=trace)


def _write(packed: Packed, stage: Path, name: str) -> None:
    about = packed.about
    calibration = Calibration(
        about["pixel_size_nm"], about["pixel_size_source"], about["pixel_size_in_file"]
    )
    dtype = np.dtype(np.float32) if packed.dtype == np.float16 else packed.dtype
    what = {key: about[key] for key in ("source", "exact_share", "margin_px", "rest", "version")}
    step = Step("unpack", {**what, "rest_is": "approximate"}, __version__)
    for folder in (MASKS, EXACT, METADATA):
        (stage / folder).mkdir()

    def masks(place: int) -> Iterator[np.ndarray]:
        return (np.where(frame[place], np.uint8(255), np.uint8(0)) for frame in packed)

    images = (frame.image for frame in packed)
    file = f"{name}.tif"
    shape = packed.shape
    write_tiff(stage / file, images, shape, dtype, calibration=calibration, history=(step,))
    for place, folder in ((1, MASKS), (2, EXACT)):
        write_tiff(stage / folder / file, masks(place), shape, np.uint8, calibration=calibration)
    text = to_json(about).encode("utf-8", "backslashreplace")
    (stage / METADATA / f"{name}.json").write_bytes(text)


def _place(stage: Path, out: Path, *, overwrite: bool) -> Literal["made", "unchanged"]:
    """Move files to OUT, all or none; what is there already and equal stays.

    The micrograph comes last: where it is, the others are.
    """
    files = sorted(
        (one for one in stage.rglob("*") if one.is_file()), key=lambda one: one.parent == stage
    )
    new = []
    for file in files:
        target = out / file.relative_to(stage)
        if target.exists() and target.read_bytes() == file.read_bytes():
            continue
        if target.exists() and not overwrite:
            raise OutputError(
                f"{target} is there with other content, which may be the original; choose another "
                "-o, or --overwrite"
            )
        new.append((file, target))
    for file, target in new:
        with output_errors(target):
            target.parent.mkdir(exist_ok=True)
            os.replace(file, target)
    return "made" if new else "unchanged"


def _name(path: Path) -> str:
    if path.name.endswith(SUFFIX):
        return path.name.removesuffix(SUFFIX)
    return path.stem
