"""What TIFF tags say of pixel size and acquisition, in the dialects that microscopists meet.

Print resolutions (dpi) say nothing of the specimen and are never used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

from nanosieve.core.micrograph import Acquisition
from nanosieve.files import acquisition
from nanosieve.files.calibration import UNSTATED, Side
from nanosieve.files.metadata import item, plain, positive

_X_RESOLUTION, _Y_RESOLUTION = 282, 283
_SIS, _TVIPS, _ZEISS = 33560, 37706, 34118
_FEI = (34680, 34682)
_DM_UNITS, _DM_SCALES = (65004, 65003, 65005), (65010, 65009, 65011)  # y, x, z
_PRINTER_UNITS = frozenset({"inch", "inches", "in", "cm", "pixel", "pixels", ""})


@dataclass(frozen=True)
class Stated:
    """What a file states of one of its series.

    ``sides`` are those of ``y`` and ``x``; ``channels_named`` says whether its channels are more
    than a number of images.
    """

    sides: tuple[Side, Side] = (UNSTATED, UNSTATED)
    acquisition: Acquisition = field(default_factory=Acquisition)
    interval_s: float | None = None
    channels_named: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def of_frames(self, count: int) -> Acquisition:
        """Give the acquisition of a series of so many frames."""
        times = self.acquisition.frame_times_s
        if times is not None and len(times) == count:
            return self.acquisition
        interval = self.interval_s if count > 1 else None
        return acquisition.with_times(self.acquisition, count, interval)


def describe(tif: Any) -> list[Stated]:
    """Read the tags of each series of an open ``tifffile.TiffFile``."""
    if tif.is_ome:
        return _ome(tif)
    return [_series(tif, series) for series in tif.series]


def _series(tif: Any, series: Any) -> Stated:
    page = series.keyframe
    tags = {tag.name: tag.value for tag in page.tags}
    for dialect in (_imagej, _sis, _fei, _zeiss, _tvips, _digital_micrograph):
        stated = dialect(tif, page)
        if stated is not None:
            return replace(stated, metadata=plain({**tags, **stated.metadata}))
    return Stated(metadata=plain(tags))


def _imagej(tif: Any, page: Any) -> Stated | None:
    metadata = tif.imagej_metadata if tif.is_imagej else None
    if metadata is None:
        return None
    x_unit = str(metadata.get("unit", "")).strip()
    y_unit = str(metadata.get("yunit", x_unit)).strip()
    sides = (
        _from_resolution(page.tags.valueof(_Y_RESOLUTION), y_unit),
        _from_resolution(page.tags.valueof(_X_RESOLUTION), x_unit),
    )
    interval = acquisition.seconds(metadata.get("finterval"), str(metadata.get("tunit", "s")))
    return Stated(
        sides,
        interval_s=interval,
        channels_named=metadata.get("mode") in ("composite", "color"),
        metadata={"ImageJ": metadata},
    )


def _sis(_tif: Any, page: Any) -> Stated | None:
    metadata = page.tags.valueof(_SIS)
    if not isinstance(metadata, Mapping):
        return None
    sides = _metres(metadata.get("pixelsizey")), _metres(metadata.get("pixelsizex"))
    return Stated(sides, acquisition=acquisition.of_sis(metadata))


def _fei(_tif: Any, page: Any) -> Stated | None:
    metadata = next((page.tags.valueof(code) for code in _FEI if code in page.tags), None)
    if not isinstance(metadata, Mapping):
        return None
    scan = item(metadata, "Scan")
    sides = _metres(item(scan, "PixelHeight")), _metres(item(scan, "PixelWidth"))
    return Stated(sides, acquisition=acquisition.of_fei_tiff(metadata))


def _zeiss(_tif: Any, page: Any) -> Stated | None:
    metadata = page.tags.valueof(_ZEISS)
    if not isinstance(metadata, Mapping):
        return None
    entry = metadata.get("ap_image_pixel_size") or metadata.get("ap_pixel_size")
    if not isinstance(entry, tuple) or len(entry) != 3:
        return Stated()
    side = Side(positive(entry[1]), str(entry[2]))
    return Stated((side, side))


def _tvips(_tif: Any, page: Any) -> Stated | None:
    metadata = page.tags.valueof(_TVIPS)
    if not isinstance(metadata, Mapping):
        return None
    y, x = (Side(positive(metadata.get(f"PixelSize{axis}")), "nm") for axis in "YX")
    return Stated((y, x))


def _digital_micrograph(_tif: Any, page: Any) -> Stated | None:
    if not all(scale in page.tags for scale in _DM_SCALES[:2]):
        return None
    y, x, z = (
        Side(positive(page.tags.valueof(scale)), str(page.tags.valueof(unit) or ""))
        for scale, unit in zip(_DM_SCALES, _DM_UNITS, strict=True)
    )
    return Stated((y, x), interval_s=acquisition.seconds(z.value, z.unit))


def _ome(tif: Any) -> list[Stated]:
    xml = tif.ome_metadata or ""
    pixels = [node for node in ElementTree.fromstring(xml).iter() if _name(node) == "Pixels"]
    if len(pixels) != len(tif.series):
        # One description for several series is theirs; otherwise nobody knows whose it is.
        pixels = pixels * len(tif.series) if len(pixels) == 1 else []
    stated = [_ome_pixels(node) for node in pixels] or [Stated()] * len(tif.series)
    return [replace(one, metadata={"OME": xml}) for one in stated]


def _ome_pixels(pixels: Any) -> Stated:
    planes = [node for node in pixels if _name(node) == "Plane" and node.get("TheC", "0") == "0"]
    exposures = (_time(plane, "ExposureTime") for plane in planes)
    times = [_time(plane, "DeltaT") for plane in planes]
    known = tuple(time for time in times if time is not None)
    return Stated(
        (_ome_side(pixels, "Y"), _ome_side(pixels, "X")),
        acquisition=Acquisition(
            exposure_s=next(exposures, None),
            frame_times_s=known if len(known) == len(times) > 1 else None,
        ),
        interval_s=_time(pixels, "TimeIncrement"),
        channels_named=any(node.get("Name") for node in pixels if _name(node) == "Channel"),
    )


def _ome_side(pixels: Any, axis: str) -> Side:
    size = pixels.get(f"PhysicalSize{axis}")
    if size is None:
        return UNSTATED
    return Side(positive(size), pixels.get(f"PhysicalSize{axis}Unit", "µm"))  # schema's default


def _time(node: Any, name: str) -> float | None:
    value, unit = node.get(name), node.get(f"{name}Unit", "s")
    if value is not None and value.strip("0.") == "":
        return 0.0
    return acquisition.seconds(value, unit)


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _metres(value: Any) -> Side:
    size = positive(value, 1e9)
    return Side(size, "nm") if size is not None else UNSTATED


def _from_resolution(pixels_per_unit: Any, unit: str) -> Side:
    """Side of a pixel from TIFF's rational number of pixels per unit."""
    if unit.casefold() in _PRINTER_UNITS or not isinstance(pixels_per_unit, tuple):
        return UNSTATED
    above, below = pixels_per_unit
    return Side(positive(below / above), unit) if above else UNSTATED
