"""The folder of a run: what belongs to it, whether it may go on, whether it is complete."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.files.atomic import atomic_path, output_errors, remove_leftovers
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage

RECORD = "run.json"
FILES = (
    RECORD, "settings.toml", "splits.csv", "sheet.png", "history.csv", "scores.csv",
    "summary.csv", "model.onnx", "model.safetensors", "report.html",
)  # fmt: skip
FOLDERS = ("trainings", "final")
# What may change between a run and its resumption: no number depends on it.
_FREE = ("workers", "tensorboard", "search")


def is_complete(
    out: Path, config: TrainConfig, *, resume: bool, overwrite: bool, scores_only: bool = False
) -> bool:
    """Tell whether the run is complete already; nothing is written.

    A run that was made for its scores alone is not complete where a model is wanted.

    Raises
    ------
    UsageError
        If the folder holds a run of other settings, or one that is not complete and neither is to
        be resumed nor overwritten.
    """
    record = None if overwrite else read_record(out)
    if record is None:
        return False
    differing = _differences(record["settings"], _fixed(config))
    if record["version"] != __version__:
        differing = [f"the version of nanosieve ({record['version']})", *differing]
    if differing:
        raise UsageError(
            f"{out}: holds a run of other settings, which differ in {', '.join(differing[:5])}; "
            "choose another -o, or --overwrite to train anew"
        )
    complete = record["complete"] and (scores_only or "threshold" in record["result"])
    if not (complete or resume):
        raise UsageError(
            f"{out}: holds a run that was not finished; --resume goes on with it, --overwrite "
            "trains anew"
        )
    return bool(complete)


def begin(
    out: Path, config: TrainConfig, images: Sequence[TrainingImage], *, overwrite: bool
) -> None:
    """Make the folder of a run, or get the one of a run that goes on ready.

    Raises
    ------
    UsageError
        If the data have changed since.
    """
    record, data = None if overwrite else read_record(out), data_digest(images)
    if record is None:
        _clear(out)
        with output_errors(out):
            out.mkdir(parents=True, exist_ok=True)
        with atomic_path(out / "settings.toml") as temporary:
            temporary.write_text(config.dump(), encoding="utf-8")
        record = {"version": __version__, "settings": _fixed(config), "data": data}
        write_record(out, record | {"complete": False})
        return
    if record.get("data") != data:
        raise UsageError(
            f"{out}: the data have changed since this run began; --overwrite trains anew on what "
            "they are now"
        )
    remove_leftovers(out)


def read_record(out: Path) -> dict[str, Any] | None:
    """Read ``run.json``; ``None`` where there is none.

    Raises
    ------
    NanosieveError
        If it is broken.
    """
    path = out / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not {"version", "settings", "complete"} <= record.keys():
            raise ValueError("parts are missing")
    except (ValueError, AttributeError, OSError) as error:
        raise NanosieveError(
            f"{path}: cannot be read ({error}); --overwrite trains anew"
        ) from error
    return dict(record)


def write_record(out: Path, record: Mapping[str, Any]) -> None:
    """Write ``run.json`` atomically."""
    with atomic_path(out / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")


def data_digest(images: Sequence[TrainingImage]) -> str:
    """Hash of all that is learned from: names, groups, pixels and truth."""
    digest = hashlib.blake2b(digest_size=16)
    for image in images:
        digest.update(repr((image.name, image.group, image.split, image.moment)).encode())
        for array in (image.image, image.classes, image.instances, image.ignore):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _fixed(config: TrainConfig) -> dict[str, Any]:
    return {name: value for name, value in config.to_dict().items() if name not in _FREE}


def _differences(one: Any, two: Any, place: str = "") -> list[str]:
    """Dotted names of settings that are not the same."""
    if not (isinstance(one, dict) and isinstance(two, dict)):
        return [] if one == two else [place]
    return [
        name
        for key in sorted(one.keys() | two.keys())
        for name in _differences(one.get(key), two.get(key), f"{place}.{key}" if place else key)
    ]


def _clear(out: Path) -> None:
    """Remove what an earlier run wrote, and nothing else."""
    with output_errors(out):
        for name in FOLDERS:
            if (out / name).is_dir():
                shutil.rmtree(out / name)
        for name in FILES:
            with suppress(FileNotFoundError):
                (out / name).unlink()
