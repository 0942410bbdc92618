"""DigitalMicrograph, ``.dm3`` and ``.dm4``: RosettaSciIO, and ncempy where that stumbles."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, InputError, RefusedInput
from nanosieve.core.micrograph import Acquisition
from nanosieve.files import acquisition, ncem
from nanosieve.files.calibration import Side
from nanosieve.files.found import Found, check_length, unusual
from nanosieve.files.frames import raw_frame
from nanosieve.files.metadata import item, plain, positive

_COLOUR = (8, 23)  # DM's data types of blue, green, red, alpha as bytes
_DTYPES = {
    1: "i2", 2: "f4", 3: "c8", 5: "c8", 6: "u1", 7: "i4", 8: "u1", 9: "i1", 10: "u2", 11: "u4",
    12: "f8", 13: "c16", 14: "u1", 23: "u1", 27: "c8", 28: "c16",
}  # fmt: skip
_LONGEST_STRING = 2**16
_MOST_FIELDS = 2**12


def images(path: Path) -> list[Found]:
    """List the images of a file, without its thumbnails.

    Raises
    ------
    FailedInput
        If the tags are damaged or announce more pixels than there are.
    """
    from rsciio.digitalmicrograph import file_reader

    tags = _checked_tags(path)
    stored = _images(tags)
    colour = any(item(image, "ImageData", "DataType") in _COLOUR for image in stored)
    try:
        # RosettaSciIO has no lazy way to colours; such images are screen shots and small.
        signals = file_reader(str(path), lazy=not colour)
    except (KeyError, AttributeError):
        if len(stored) != 1 or not _is_complete(stored[0]):
            raise
        return [_from_ncempy(path, tags, stored[0])]
    return [_from_rosetta(path, signal) for signal in signals]


def _from_rosetta(path: Path, signal: Mapping[str, Any]) -> Found:
    image = signal["original_metadata"]["ImageList"]["TagGroup0"]
    axes = signal["axes"]
    sides = [Side(float(axis["scale"]), axis["units"] or "") for axis in axes]
    data = image["ImageData"]
    return _found(
        path,
        image,
        offset=int(data["Data"]["offset"]),
        shape=tuple(int(axis["size"]) for axis in axes),
        sides=sides,
        metadata=signal["original_metadata"],
    )


def _from_ncempy(path: Path, tags: Mapping[str, Any], image: Mapping[str, Any]) -> Found:
    stored = ncem.locate(path)
    sides = [Side(*pair) for pair in zip(stored.scales, stored.units, strict=True)]
    return _found(path, image, offset=stored.offset, shape=stored.shape, sides=sides, metadata=tags)


def _found(
    path: Path,
    image: Mapping[str, Any],
    *,
    offset: int,
    shape: tuple[int, ...],
    sides: Sequence[Side],
    metadata: Mapping[str, Any],
) -> Found:
    kind = image["ImageData"]["DataType"]
    if kind not in _DTYPES:
        raise FailedInput(f"{path.name}: pixels of DigitalMicrograph's unknown type {kind}")
    dtype = np.dtype(_DTYPES[kind]).newbyteorder("<" if _is_little(image) else ">")
    refusal = unusual(shape) or _diffraction(image, sides)
    samples = (4,) if kind in _COLOUR else ()
    frame = (*shape[-2:], *samples)
    if refusal is None and dtype.kind != "c":
        check_length(path, offset + int(np.prod((*shape, *samples))) * dtype.itemsize)
    stack = shape if len(shape) == 3 else (1, *shape)
    return Found(
        title=str(item(image, "Name") or ""),
        shape=stack,
        dtype=dtype.newbyteorder("="),
        load=partial(raw_frame, path=path, offset=offset, shape=frame, dtype=dtype),
        sides=tuple(sides),
        is_movie=stack[0] > 1,
        colour="bgr" if samples else "",
        refusal=refusal,
        acquisition=_acquisition(image, stack[0], sides),
        metadata=plain(metadata),
    )


def _acquisition(image: Mapping[str, Any], count: int, sides: Sequence[Side]) -> Acquisition:
    tags = item(image, "ImageTags") or {}
    stated = acquisition.of_digital_micrograph(tags)
    if len(sides) != 3:
        return stated
    interval = acquisition.seconds(sides[0].value, sides[0].unit) or positive(
        item(tags, "Acquisition", "Frame", "Sequence", "Frame Time (ns)"), 1e-9
    )
    return acquisition.with_times(stated, count, interval)


def _diffraction(image: Mapping[str, Any], sides: Sequence[Side]) -> InputError | None:
    """Refuse a pattern that was never calibrated; in STEM the column is always in diffraction."""
    microscope = item(image, "ImageTags", "Microscope Info")
    if (
        item(microscope, "Illumination Mode") == "TEM"
        and item(microscope, "Imaging Mode") == "DIFFRACTION"
        and not any(side.unit for side in sides[-2:])
    ):
        return RefusedInput("a diffraction pattern (its imaging mode is DIFFRACTION), not an image")
    return None


def _checked_tags(path: Path) -> dict[str, Any]:
    """Walk the tags once with bounds: a damaged count sends a reader off for hours."""
    from rsciio.digitalmicrograph._api import DigitalMicrographReader

    size = path.stat().st_size

    class Bounded(DigitalMicrographReader):
        def _check(self, count: int, most: int, least: int = 0) -> None:
            if not least <= count <= most:
                raise FailedInput(
                    f"{path.name}: damaged near byte {self.f.tell()}; copy it again from its source"
                )

        def read_string(self, length: int, skip: bool = False) -> Any:
            self._check(length, _LONGEST_STRING)
            return super().read_string(length, skip=skip)

        def parse_struct_definition(self) -> Any:
            place = self.f.tell()
            self.read_l_or_q(self.f, "big")
            self._check(self.read_l_or_q(self.f, "big"), _MOST_FIELDS, least=1)
            self.f.seek(place)
            return super().parse_struct_definition()

        def parse_array_definition(self) -> Any:
            length, kind = super().parse_array_definition()
            self._check(length, size)
            return length, kind

        def read_array(self, size: int, *rest: Any, **more: Any) -> Any:
            self._check(size, path.stat().st_size)
            return super().read_array(size, *rest, **more)

    with path.open("rb") as file:
        reader = Bounded(file)
        reader.parse_file()
    return reader.tags_dict


def _images(tags: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    thumbnails = {
        f"TagGroup{item(entry, 'ImageIndex')}"
        for entry in (item(tags, "Thumbnails") or {}).values()
    }
    listed = item(tags, "ImageList") or {}
    return [image for name, image in listed.items() if name not in thumbnails]


def _is_complete(image: Mapping[str, Any]) -> bool:
    data = item(image, "ImageData")
    return None not in (
        item(data, "Dimensions"),
        item(data, "Data", "offset"),
        item(data, "DataType"),
        item(data, "Calibrations", "Dimension"),
    )


def _is_little(image: Mapping[str, Any]) -> bool:
    return item(image, "ImageData", "Data", "endian") != "big"
