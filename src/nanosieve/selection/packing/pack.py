"""One file packed: its wanted pixels found, what was made of it told."""

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nanosieve._version import __version__
from nanosieve.batch.discover import Input
from nanosieve.batch.process import mask_file, one_line, status_of
from nanosieve.batch.store import LABELS, content_hash
from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Device, Settings
from nanosieve.files.atomic import output_errors
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.files.read import read
from nanosieve.files.tiff_writer import DTYPES
from nanosieve.pipeline import analyse_frames
from nanosieve.selection.packing.coarse import MEAN, Packing, coarsened, exact_pixels
from nanosieve.selection.packing.container import (
    SUFFIX,
    DamagedInput,
    PackedFrame,
    open_packed,
    write_packed,
)
from nanosieve.selection.wanted import BLIND, PARTICLES, SUPPORT, settle, wanted_pixels

# TIFF has no half floats; they are unpacked as float32, which holds them all.
_STORED = DTYPES | {"float16"}
# What a reader leaves behind, which no unpacking brings back.
_LOST = {
    "rgb_to_luminance": "colours became grey values",
    "several_images": "only one of the images in the file is packed",
}
# What is wanted, and what stays exact though nobody wants it.
_Masks = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class PackJob:
    """What is the same for all files of a run.

    Parameters
    ----------
    out
        Folder for the packed files.
    packing
        What is kept, and how coarse the rest becomes.
    settings
        Of the method that finds what is wanted.
    mask
        In place of a method: a mask for all files, or a folder of ``<name>.png|tif`` or
        ``<name>/labels.tif``.
    exclude
        Pixels that are never wanted, as `nanosieve.batch.process.Job` has it.
    device
        Where a network runs.
    overwrite
        Whether files are packed again that are there, over those of other images too.
    """

    out: Path
    packing: Packing
    settings: Settings
    mask: Path | None = None
    exclude: Path | None = None
    device: Device = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class PackOutcome:
    """What came of one file.

    ``state`` is ``unchanged`` where it was packed from the same file with the same settings before;
    ``lost`` says what the packed file lacks of the original besides; ``trace`` is a failure's
    traceback.
    """

    item: Input
    path: Path
    status: Literal["ok", "refused", "failed"]
    message: str = ""
    state: Literal["made", "unchanged"] = "made"
    about: Mapping[str, Any] = field(default_factory=dict)
    source_bytes: int = 0
    packed_bytes: int = 0
    lost: tuple[str, ...] = ()
    trace: str = ""

    @property
    def name(self) -> str:
        """Of its result."""
        return self.item.name

    @property
    def failed(self) -> bool:
        """Whether it makes the run end with exit code 1."""
        return self.status != "ok"

    @property
    def flags(self) -> tuple[str, ...]:
        """Codes about the image and its segmentation."""
        return tuple(self.about.get("flags", ()))

    @property
    def pixel_bytes(self) -> int:
        """Bytes of the pixels, not compressed."""
        size = np.dtype(self.about["dtype"]).itemsize if self.about else 0
        return int(np.prod(self.about.get("shape", (0,)))) * size


def pack(item: Input, job: PackJob) -> PackOutcome:
    """Pack one file into OUT; whatever is wrong with it becomes its outcome."""
    path = job.out / f"{item.name}{SUFFIX}"
    try:
        with output_errors(path):
            job.out.mkdir(parents=True, exist_ok=True)
        origin = _origin(item, job)
        known = None if job.overwrite else _known(path)
        if known is not None and known["origin"] == origin:
            return _outcome(item, path, known, "unchanged")
        if known is not None and known["origin"]["input_hash"] != origin["input_hash"]:
            raise FailedInput(
                f"{path} was packed from another file ({known['source']}), which it may be all "
                "that is left of; choose another -o, or --overwrite"
            )
        return _outcome(item, path, _packed(item, path, job, origin), "made")
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        message = one_line(error, item)
        return PackOutcome(item, path, status_of(error), message, trace=trace)


def given_mask(mask: Path, name: str) -> Path | None:
    """Find the mask of a file: one for all, or in a folder by its name; ``None`` if there is none.

    A folder that ``nanosieve segment`` wrote has ``<name>/labels.tif``.
    """
    found = mask_file(mask, name)
    labels = mask / name / LABELS
    return labels if found is None and labels.is_file() else found


def check_job(job: PackJob) -> None:
    """Say before the first file what makes the whole run senseless.

    Raises
    ------
    UsageError
        If there is no such mask, or masks are asked for classes.
    """
    if job.mask is None:
        return
    if not job.mask.exists():
        raise UsageError(f"--mask {job.mask}: no such file or folder")
    for name in job.packing.wanted:
        if name not in (PARTICLES, SUPPORT):
            raise UsageError(
                f"--wanted {name}: of a --mask give {PARTICLES} (not zero, the default) or "
                f"{SUPPORT} (zero)"
            )


def _packed(item: Input, path: Path, job: PackJob, origin: Mapping[str, Any]) -> Mapping[str, Any]:
    given = job.settings.pixel_size_nm
    micrograph = read(item.path, pixel_size_nm=given, keep_anisotropic=True)
    micrograph = micrograph.replace(name=item.name)
    if micrograph.calibration.anisotropic_nm is not None:
        raise RefusedInput(
            f"pixels are not square ({micrograph.calibration.in_file}); give --pixel-size"
        )
    if micrograph.dtype.name not in _STORED:
        raise RefusedInput(
            f"{micrograph.dtype.name} pixels could not be unpacked to a TIFF; convert them to "
            "float32 or int32"
        )
    found = _Found(job.packing.wanted)
    masks = _given(micrograph, job, found) if job.mask else _segmented(micrograph, job, found)
    packing = job.packing

    def frames() -> Iterator[PackedFrame]:
        for index, (wanted, drawn) in enumerate(masks):
            # Not as it was segmented: a frame without a finite pixel is black there.
            image = micrograph.frames[index]
            exact = exact_pixels(image, wanted, packing.margin_px)
            if drawn is not None:
                exact |= drawn
            found.pixels += int(np.count_nonzero(wanted))
            yield PackedFrame(coarsened(image, exact, packing.block_px), wanted, exact)
        if not found.pixels:
            raise RefusedInput(
                f"no pixel of it is wanted ({found.by}), so none would "
                "be kept; give another --method, or a --mask"
            )

    def about() -> Mapping[str, Any]:
        return _about(item, micrograph, found, packing, origin)

    return write_packed(path, frames(), micrograph.shape, micrograph.dtype, about)


@dataclass
class _Found:
    """What is wanted, by what it was found, how many pixels of it there are, and its doubts."""

    wanted: tuple[str, ...]
    by: str = ""
    pixels: int = 0
    flags: set[str] = field(default_factory=set)


def _given(micrograph: Micrograph, job: PackJob, found: _Found) -> Iterator[_Masks]:
    """Masks that the user gave, frame by frame."""
    assert job.mask is not None
    name = micrograph.name
    path = given_mask(job.mask, name)
    if path is None:
        raise FailedInput(
            f"no mask in {job.mask}; name it {name}.png, {name}.tif or {name}/{LABELS}"
        )
    labels = read_label_pixels(path)
    if labels.shape not in (micrograph.shape, micrograph.shape[1:]):
        raise FailedInput(
            f"its mask {path} is {_size(labels.shape)}, the image {_size(micrograph.shape)}; give "
            "a mask of its size"
        )
    found.wanted, found.by = settle(found.wanted, ()), f"mask {path.name}"
    excluded = _excluded(micrograph, job)
    for index in range(len(micrograph)):
        mask = labels if labels.ndim == 2 else labels[index]
        wanted = np.zeros(mask.shape, bool)
        for kind in found.wanted:
            wanted |= mask != 0 if kind == PARTICLES else mask == 0
        yield (wanted if excluded is None else wanted & ~excluded), None


def _segmented(micrograph: Micrograph, job: PackJob, found: _Found) -> Iterator[_Masks]:
    """Masks of the method, frame by frame, and the captions and scale bars that it left out."""
    asked, excluded = found.wanted, _excluded(micrograph, job)
    frames = analyse_frames(micrograph, job.settings, exclude=excluded, device=job.device)
    for frame in frames:
        segmentation = frame.segmentation
        found.by = f"method {segmentation.method}"
        found.flags.update(frame.flags)
        if BLIND & {*frame.flags}:
            yield np.zeros(frame.image.shape, bool), None
            continue
        try:
            found.wanted = settle(asked, segmentation.class_names)
        except UsageError as error:
            raise RefusedInput(f"segmented by {segmentation.method}: {error}") from error
        drawn = segmentation.excluded
        if drawn is not None and excluded is not None:
            drawn = drawn & ~excluded
        yield wanted_pixels(segmentation, found.wanted), drawn


def _excluded(micrograph: Micrograph, job: PackJob) -> np.ndarray | None:
    path = mask_file(job.exclude, micrograph.name)
    if path is None:
        return None
    excluded = read(path, keep_anisotropic=True).frames[0] != 0
    if excluded.shape != micrograph.shape[1:]:
        raise FailedInput(
            f"the mask of --exclude is {_size(excluded.shape)}, the image "
            f"{_size(micrograph.shape)}; give a mask of its size"
        )
    return excluded


def _about(
    item: Input,
    micrograph: Micrograph,
    found: _Found,
    packing: Packing,
    origin: Mapping[str, Any],
) -> dict[str, Any]:
    calibration = micrograph.calibration
    return {
        "name": item.name,
        "source": item.path.name,
        "shape": list(micrograph.shape),
        "dtype": micrograph.dtype.name,
        "is_movie": micrograph.is_movie,
        "pixel_size_nm": calibration.pixel_size_nm,
        "pixel_size_source": calibration.source,
        "pixel_size_in_file": calibration.in_file,
        "acquisition": asdict(micrograph.acquisition),
        "metadata": micrograph.metadata,
        "flags": sorted({*micrograph.flags, *found.flags}),
        "notes": list(micrograph.notes),
        "wanted": list(found.wanted),
        "wanted_by": found.by,
        "margin_px": packing.margin_px,
        "rest": MEAN if packing.block_px is None else packing.block_px,
        "origin": origin,
        "version": __version__,
    }


def _origin(item: Input, job: PackJob) -> dict[str, Any]:
    """What the packed file depends on, as plain values."""
    mask = None if job.mask is None else given_mask(job.mask, item.name)
    exclude = mask_file(job.exclude, item.name)
    return {
        "input_hash": _hash(item.path),
        "mask_hash": "" if mask is None else _hash(mask),
        "exclude_hash": "" if exclude is None else _hash(exclude),
        "settings": {} if job.mask else job.settings.identity(),
        "pixel_size_nm": job.settings.pixel_size_nm,
        "packing": asdict(job.packing) | {"wanted": list(job.packing.wanted)},
        "version": __version__,
    }


def _known(path: Path) -> Mapping[str, Any] | None:
    """What a packed file that is there says of itself; ``None`` where there is none, or damaged.

    Raises
    ------
    FailedInput
        If it is something else, which nobody asked to be replaced.
    """
    if not path.exists():
        return None
    try:
        with open_packed(path) as packed:
            if "origin" not in packed.about:
                raise FailedInput("it does not say what it was packed from")
            return packed.about
    except DamagedInput:
        return None
    except FailedInput as error:
        raise FailedInput(
            f"{path} is there and is not replaced: {error}; move it away, choose another -o, or "
            "--overwrite"
        ) from error


def _outcome(
    item: Input, path: Path, about: Mapping[str, Any], state: Literal["made", "unchanged"]
) -> PackOutcome:
    made = PackOutcome(item, path, "ok", state=state, about=about)
    return replace(
        made,
        source_bytes=_bytes(item.path),
        packed_bytes=path.stat().st_size,
        lost=tuple(text for flag, text in _LOST.items() if flag in about["flags"]),
    )


def _bytes(path: Path) -> int:
    """Size of a file, or of a folder that is one data set."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def _hash(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError as error:
        raise FailedInput(f"{path}: cannot be read: {error.strerror or error}") from error


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
