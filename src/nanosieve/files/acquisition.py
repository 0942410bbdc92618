"""How an image was taken, from each format's own metadata; only what the file states."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nanosieve.core.micrograph import Acquisition
from nanosieve.files.metadata import item, positive, text

_DOSE_UNIT = re.compile(r"dose.*\be?-?\s?/\s?([Åa]|angstrom|nm)\s?\^?(2|²)", re.IGNORECASE)


def of_digital_micrograph(tags: Mapping[str, Any]) -> Acquisition:
    """Read the ``ImageTags`` of one DigitalMicrograph image."""
    microscope = item(tags, "Microscope Info")
    parameters = item(tags, "Acquisition", "Parameters")
    mode = text(item(microscope, "Illumination Mode")) or text(item(microscope, "Operation Mode"))
    return Acquisition(
        high_tension_kv=positive(item(microscope, "Voltage"), 1e-3),
        mode=mode,
        dose_e_per_A2=dose(tags),
        exposure_s=_first(
            item(parameters, "High Level", "Exposure (s)"),
            item(parameters, "Detector", "exposure (s)"),
            item(tags, "DataBar", "Exposure Time (s)"),
        ),
        magnification=positive(item(microscope, "Indicated Magnification")),
    )


def of_velox(metadata: Mapping[str, Any]) -> Acquisition:
    """Read the metadata of one image of a Velox EMD file."""
    optics = item(metadata, "Optics")
    stem = str(item(optics, "OperatingMode")) == "2"
    index = item(metadata, "BinaryResult", "DetectorIndex")
    detector = item(metadata, "Detectors", f"Detector-{index}")
    submode = text(item(optics, "TemOperatingSubMode")) or ""
    modes = {"1": f"TEM {submode}".strip(), "2": "STEM"}
    stem_magnification = item(metadata, "CustomProperties", "StemMagnification", "value")
    return Acquisition(
        high_tension_kv=positive(item(optics, "AccelerationVoltage"), 1e-3),
        mode=modes.get(str(item(optics, "OperatingMode"))),
        dose_e_per_A2=dose(metadata),
        exposure_s=positive(
            item(metadata, "Scan", "FrameTime") if stem else item(detector, "ExposureTime")
        ),
        magnification=positive(
            stem_magnification if stem else item(optics, "NominalMagnification")
        ),
    )


def of_berkeley(metadata: Mapping[str, Any]) -> Acquisition:
    """Read the ``microscope`` group of a Berkeley EMD file; its units are SI."""
    microscope = {
        key.replace("_", " ").casefold(): value
        for key, value in (item(metadata, "microscope") or {}).items()
    }
    return Acquisition(
        high_tension_kv=_first(
            microscope.get("high tension"), microscope.get("voltage"), factor=1e-3
        ),
        mode=text(microscope.get("mode")),
        dose_e_per_A2=dose(microscope),
        exposure_s=_first(microscope.get("exposure time"), microscope.get("exposure")),
        magnification=positive(microscope.get("magnification")),
    )


def of_hyperspy(metadata: Mapping[str, Any]) -> Acquisition:
    """Read HyperSpy's ``metadata`` tree, whose units HyperSpy documents (kV, s)."""
    instrument = item(metadata, "Acquisition_instrument")
    column = item(instrument, "TEM") or item(instrument, "SEM")
    return Acquisition(
        high_tension_kv=positive(item(column, "beam_energy")),
        mode=text(item(column, "acquisition_mode")),
        dose_e_per_A2=dose(column),
        exposure_s=_first(
            item(column, "Detector", "Camera", "exposure"), item(column, "Camera", "exposure")
        ),
        magnification=positive(item(column, "magnification")),
    )


def of_tia(metadata: Mapping[str, Any]) -> Acquisition:
    """Read the experimental description that an EMI file holds of its series."""
    experiment = item(metadata, "ObjectInfo", "ExperimentalDescription")
    acquire = item(metadata, "ObjectInfo", "AcquireInfo")
    return Acquisition(
        high_tension_kv=positive(item(experiment, "High tension_kV")),
        mode=text(item(experiment, "Mode")),
        dose_e_per_A2=dose(experiment),
        exposure_s=_first(item(acquire, "IntegrationTime"), item(acquire, "DwellTimePath")),
        magnification=positive(item(experiment, "Magnification_x")),
    )


def of_mrc(header: Mapping[str, Any]) -> Acquisition:
    """Read the extended header that FEI software writes; others state none of this."""
    fei = item(header, "fei_header")
    return Acquisition(
        exposure_s=positive(_scalar(item(fei, "exp_time"))),
        magnification=positive(_scalar(item(fei, "magnification"))),
    )


def of_fei_tiff(metadata: Mapping[str, Any]) -> Acquisition:
    """Read the ``FEI_SFEG`` or ``FEI_HELIOS`` tag of a TIFF file."""
    beam = item(metadata, "Beam")
    return Acquisition(
        high_tension_kv=positive(item(beam, "HV"), 1e-3),
        mode=text(item(beam, "ImageMode")) or text(item(metadata, "Detectors", "Mode")),
        exposure_s=_first(item(metadata, "Scan", "FrameTime"), item(metadata, "Scan", "Frametime")),
        magnification=positive(item(metadata, "Image", "MagnificationSample")),
    )


def of_sis(metadata: Mapping[str, Any]) -> Acquisition:
    """Read the Olympus SIS tag of a TIFF file."""
    return Acquisition(magnification=positive(item(metadata, "magnification")))


def dose(metadata: Any) -> float | None:
    """Find a dose whose name states its unit, e.g. ``Dose (e/Å2)`` or ``dose_e_per_A2``.

    Examples
    --------
    >>> dose({"Camera": {"Dose (e-/nm^2)": 2500.0}}), dose({"Dose rate": 3.0})
    (25.0, None)
    """
    if not isinstance(metadata, Mapping):
        return None
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            inner = dose(value)
            if inner is not None:
                return inner
            continue
        name = str(key)
        if name == "dose_e_per_A2":
            return positive(value)
        match = _DOSE_UNIT.search(name)
        if match and "rate" not in name.casefold():
            return positive(value, 0.01 if match[1].casefold() == "nm" else 1.0)
    return None


def frame_times(count: int, interval_s: float | None) -> tuple[float, ...] | None:
    """Times of evenly spaced frames from 0 s, or ``None`` where no interval is stated.

    >>> frame_times(3, 0.5), frame_times(3, None)
    ((0.0, 0.5, 1.0), None)
    """
    if interval_s is None:
        return None
    return tuple(float(f"{index * interval_s:.12g}") for index in range(count))


def with_times(stated: Acquisition, count: int, interval_s: float | None) -> Acquisition:
    """Add the times of evenly spaced frames, where their interval is known."""
    return replace(stated, frame_times_s=frame_times(count, interval_s))


def seconds(value: Any, unit: str | None) -> float | None:
    """A duration in s, or ``None`` where the unit is not one of time.

    >>> seconds(20, "ms"), seconds(1, "nm")
    (0.02, None)
    """
    factors = {
        "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3,
        "milliseconds": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0,
        "minutes": 60.0, "h": 3600.0, "hours": 3600.0,
    }  # fmt: skip
    factor = factors.get((unit or "").strip().casefold())
    return None if factor is None else positive(value, factor)


def _first(*values: Any, factor: float = 1.0) -> float | None:
    numbers = (positive(value, factor) for value in values)
    return next((number for number in numbers if number is not None), None)


def _scalar(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
