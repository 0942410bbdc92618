"""Settings of detectors, as a settings file states them."""

from collections.abc import Callable
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from nanosieve.simulation.detector.blemishes import Blemishes
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.detector.output import FORMATS, Output
from nanosieve.simulation.detector.transfer import Camera, Probe
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section

MODELS = ("counting", "scintillator", "stem")
_SCALINGS = ("counts", "vacuum", "image")


def _within(low: float, high: float = np.inf) -> AfterValidator:
    """Refuse a range that leaves what a setting can be."""
    words = f"at least {low:g}" if high == np.inf else f"between {low:g} and {high:g}"

    def check(value: Any) -> Any:
        if value.low < low or value.high > high:
            raise ValueError(f"expected {words}, got {value.low:g} to {value.high:g}")
        return value

    return AfterValidator(check)


def _above_0(value: Any) -> Any:
    if value.low <= 0:
        raise ValueError(f"expected more than 0, got {value.low:g} to {value.high:g}")
    return value


def _named(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


def _one(name: str) -> Callable[[], Weights]:
    return lambda: Weights({name: 1.0})


_AboveZero = AfterValidator(_above_0)
_OneOrMore = BeforeValidator(_named)
_Positive = Annotated[Range, _AboveZero]
_NotNegative = Annotated[Range, _within(0)]
_Share = Annotated[Range, _within(0, 1)]
_PositiveShare = Annotated[Range, _within(0, 1), _AboveZero]
_Binning = Annotated[Range, _within(1, 8)]


class Counting(Section):
    """A camera that counts electrons: blur, then Poisson noise, then binning; white noise.

    Parameters
    ----------
    efficiency
        Share of electrons that is counted.
    mtf_half
        Frequency, as a share of the physical pixels' Nyquist frequency, at which the modulation
        transfer function has fallen halfway to its floor. Ranges of Ragone et al. (2020).
    mtf_power
        How steeply it falls.
    mtf_floor
        What is left of it at high frequencies.
    binning
        Physical pixels along the side of one pixel of the image, rounded.
    """

    efficiency: _PositiveShare = as_range([0.75, 0.95])
    mtf_half: _Positive = as_range([0.8, 1.2])
    mtf_power: _Positive = as_range([2.0, 3.0])
    mtf_floor: _Share = as_range([0.0, 0.01])
    binning: _Binning = as_range(1)


class Scintillator(Section):
    """A camera behind a scintillator: Poisson noise, then blur; correlated noise.

    Parameters
    ----------
    efficiency
        Share of electrons that is recorded.
    mtf_half
        Frequency, as a share of the physical pixels' Nyquist frequency, at which the modulation
        transfer function has fallen halfway to its floor.
    mtf_power
        How steeply it falls.
    mtf_floor
        What is left of it at high frequencies.
    binning
        Physical pixels along the side of one pixel of the image, rounded.
    noise_widening
        Noise transfer function over modulation transfer function, in width.
    readout_e
        Standard deviation of the read-out noise in electrons a pixel.
    pattern
        Standard deviation of the gain from pixel to pixel.
    stripes
        Standard deviation of the gain from column to column.
    """

    efficiency: _PositiveShare = as_range([0.5, 0.9])
    mtf_half: _Positive = as_range([0.3, 0.7])
    mtf_power: _Positive = as_range([1.3, 2.2])
    mtf_floor: _Share = as_range([0.0, 0.03])
    binning: _Binning = as_range({"choice": [1, 2]})
    noise_widening: Annotated[Range, _within(1, 4)] = as_range([1.1, 1.6])
    readout_e: _NotNegative = as_range([0.05, 0.3])
    pattern: _Share = as_range([0.0, 0.01])
    stripes: _Share = as_range([0.0, 0.004])


class Stem(Section):
    """A scanned probe and its detector; white noise, noise of rows, positions that jitter.

    Parameters
    ----------
    efficiency
        Share of the electrons on the detector that it records.
    probe_nm
        Full width at half maximum of the probe.
    tail_share
        Share of the current in the probe's tails.
    tail_nm
        Width of the tails: a radius that holds 29 % of their current.
    line_noise
        Standard deviation of the current from row to row, over the current.
    readout_e
        Standard deviation of the amplifier's noise in electrons a pixel.
    jitter_px
        Standard deviation of the position of rows; up to half a pixel, since the truth does not
        follow it.
    drift
        How far the specimen drifts during the frame, over the frame's height, in a random
        direction.
    """

    efficiency: _PositiveShare = as_range([0.5, 0.95])
    probe_nm: _Positive = as_range([0.08, 0.3])
    tail_share: _Share = as_range([0.0, 0.3])
    tail_nm: _NotNegative = as_range([0.3, 1.5])
    line_noise: _Share = as_range([0.0, 0.02])
    readout_e: _NotNegative = as_range([0.0, 1.0])
    jitter_px: Annotated[Range, _within(0, 0.5)] = as_range([0.0, 0.3])
    drift: Annotated[Range, _within(0, 0.2)] = as_range([0.0, 0.01])


class Files(Section):
    """The numbers that are written: `nanosieve.simulation.detector.output.Output`.

    Parameters
    ----------
    format
        ``uint8``, ``uint12``, ``uint16``, ``int16``, or weights of them.
    scaling
        What grey levels follow: ``counts`` (electrons times ``gain``), ``vacuum`` (the incident
        beam lies at ``level``), ``image`` (the image lies between ``black`` and ``white``), or
        weights of them.
    gain
        Grey levels an electron, where scaling is ``counts``.
    level
        Share of the range that the incident beam takes, where it is ``vacuum``.
    offset
        Share of the range at which no electrons lie, where it is ``counts`` or ``vacuum``.
    black
        Share of the range at which the darkest of the image lies, where it is ``image``.
    white
        Share of the range at which the brightest lies, where it is ``image``.
    jpeg_share
        Share of 8-bit images that are compressed.
    jpeg_quality
        Quality of the JPEG compression, 1 to 100.
    """

    format: Annotated[Weights, _OneOrMore, named("format", FORMATS)] = Field(
        default_factory=_one("uint16")
    )
    scaling: Annotated[Weights, _OneOrMore, named("scaling", _SCALINGS)] = Field(
        default_factory=_one("vacuum")
    )
    gain: _Positive = as_range([1.0, 30.0])
    level: _PositiveShare = as_range([0.3, 0.7])
    offset: Annotated[Range, _within(0, 0.25)] = as_range(0)
    black: Annotated[Range, _within(-0.5, 0.45)] = as_range([0.0, 0.1])
    white: Annotated[Range, _within(0.55, 1.5)] = as_range([0.9, 1.0])
    jpeg_share: float = Field(default=0.0, ge=0, le=1)
    jpeg_quality: Annotated[Range, _within(1, 100)] = as_range([60, 95])

    @model_validator(mode="after")
    def _bright_beam(self) -> Self:
        if "vacuum" in self.scaling.names and self.offset.high >= self.level.low:
            raise ValueError(
                f"an offset of {self.offset.high:g} is no less than the beam's level of "
                f"{self.level.low:g}: lower offset or raise level"
            )
        return self


class SinglePixels(Section):
    """X-rays and dead pixels: `nanosieve.simulation.detector.blemishes.Blemishes`.

    Parameters
    ----------
    xrays_per_mpx
        Mean number of spikes in a million pixels.
    xray_e
        Least height of a spike, in electrons.
    xray_tail
        Exponent of the Pareto law of heights.
    xray_clusters
        Share of spikes that spread to their neighbours.
    dead_per_mpx
        Mean number of dead pixels in a million.
    dead_columns
        Mean number of dead columns in an image.
    """

    xrays_per_mpx: _NotNegative = as_range(0)
    xray_e: _Positive = as_range(30)
    xray_tail: Annotated[Range, _within(0.5, 10)] = as_range(1.5)
    xray_clusters: _Share = as_range(0.3)
    dead_per_mpx: _NotNegative = as_range(0)
    dead_columns: _NotNegative = as_range(0)


class DetectorSettings(Section):
    """A detector, or several to draw from.

    Parameters
    ----------
    model
        ``counting``, ``scintillator``, ``stem``, or weights of them.
    dose_e_per_A2
        Electrons that fall on a square ångström of the specimen.
    counting, scintillator, stem
        Settings of each; those of models that are not drawn do not count.
    output
        Format of the numbers.
    blemishes
        X-rays and dead pixels.

    Examples
    --------
    >>> settings = DetectorSettings(model={"counting": 1, "stem": 1}, dose_e_per_A2=400)
    >>> detector = settings.draw(np.random.default_rng(1))
    >>> detector.model, detector.dose_e_per_A2
    ('stem', 400.0)
    """

    model: Annotated[Weights, _OneOrMore, named("detector", MODELS)]
    dose_e_per_A2: _Positive = as_range({"log": [20, 20_000]})
    counting: Counting = Counting()
    scintillator: Scintillator = Scintillator()
    stem: Stem = Stem()
    output: Files = Files()
    blemishes: SinglePixels = SinglePixels()

    def draw(self, rng: np.random.Generator) -> Detector:
        """Settle all of it for one image."""
        model = self.model.draw(rng)
        part: Counting | Scintillator | Stem = getattr(self, model)
        # Of every part all ranges are drawn, in the order in which they stand.
        return Detector(
            model=model,
            dose_e_per_A2=self.dose_e_per_A2.draw(rng),
            output=_output(self.output, rng),
            blemishes=Blemishes(**_drawn(self.blemishes, rng)),
            **_PARTS[model](_drawn(part, rng), rng),
        )


def _drawn(part: Section, rng: np.random.Generator) -> dict[str, float]:
    return {name: getattr(part, name).draw(rng) for name in type(part).model_fields}


def _output(files: Files, rng: np.random.Generator) -> Output:
    numbers = {
        name: getattr(files, name).draw(rng)
        for name in ("gain", "level", "offset", "black", "white")
    }
    compressed, quality = rng.random() < files.jpeg_share, files.jpeg_quality.draw(rng)
    written = files.format.draw(rng)
    return Output(
        format=written,
        scaling=files.scaling.draw(rng),
        jpeg_quality=round(quality) if compressed and written == "uint8" else None,
        **numbers,
    )


def _camera(drawn: dict[str, float], noise_widening: float | None) -> Camera:
    return Camera(
        half=drawn.pop("mtf_half"),
        power=drawn.pop("mtf_power"),
        floor=drawn.pop("mtf_floor"),
        binning=round(drawn.pop("binning")),
        noise_widening=noise_widening,
    )


def _counting(drawn: dict[str, float], rng: np.random.Generator) -> dict[str, Any]:  # noqa: ARG001
    return {"transfer": _camera(drawn, None), **drawn}


def _scintillator(drawn: dict[str, float], rng: np.random.Generator) -> dict[str, Any]:  # noqa: ARG001
    return {"transfer": _camera(drawn, drawn.pop("noise_widening")), **drawn}


def _stem(drawn: dict[str, float], rng: np.random.Generator) -> dict[str, Any]:
    probe = Probe(drawn.pop("probe_nm"), drawn.pop("tail_share"), drawn.pop("tail_nm"))
    length, angle = drawn.pop("drift"), rng.uniform(0, 2 * np.pi)
    drift = float(length * np.sin(angle)), float(length * np.cos(angle))
    return {"transfer": probe, "drift": drift, **drawn}


_PARTS: dict[str, Callable[[dict[str, float], np.random.Generator], dict[str, Any]]] = {
    "counting": _counting,
    "scintillator": _scintillator,
    "stem": _stem,
}
