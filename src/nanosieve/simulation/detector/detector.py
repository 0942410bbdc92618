"""A detector of which everything is settled."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from nanosieve.simulation.detector.blemishes import Blemishes
from nanosieve.simulation.detector.output import Output
from nanosieve.simulation.detector.scan import Drift
from nanosieve.simulation.detector.transfer import Camera, Probe


@dataclass(frozen=True)
class Detector:
    """What `detect` does to one image.

    Parameters
    ----------
    model
        ``counting``, ``scintillator`` or ``stem``.
    dose_e_per_A2
        Electrons that fall on a square ångström of the specimen.
    efficiency
        Share of them that is detected: the detective quantum efficiency at frequency 0.
    transfer
        Blur of the signal, correlation of the noise.
    output
        Format of the numbers.
    blemishes
        X-rays and dead pixels.
    readout_e
        Standard deviation of the read-out noise, in detected electrons a pixel.
    pattern, stripes
        Standard deviation of the gain from pixel to pixel and from column to column, where the
        flat field was not taken out quite.
    line_noise
        Standard deviation of the probe's current from row to row, over the current.
    jitter_px
        Standard deviation of the position of rows, along the row.
    drift
        Of the specimen during a scanned frame: `nanosieve.simulation.detector.scan.shear` is
        applied with it to intensity and truth, before `detect`, which leaves it alone.
    """

    model: str
    dose_e_per_A2: float
    efficiency: float
    transfer: Camera | Probe
    output: Output
    blemishes: Blemishes
    readout_e: float = 0.0
    pattern: float = 0.0
    stripes: float = 0.0
    line_noise: float = 0.0
    jitter_px: float = 0.0
    drift: Drift = (0.0, 0.0)

    def beam_e(self, pixel_size_nm: float) -> float:
        """Detected electrons that the incident beam alone gives in a pixel."""
        return self.efficiency * self._dose_e_per_px(pixel_size_nm)

    def exposed(self, electrons_per_px: float, pixel_size_nm: float) -> Self:
        """Give the dose in electrons that fall on a pixel."""
        return replace(self, dose_e_per_A2=electrons_per_px / (10 * pixel_size_nm) ** 2)

    def parameters(self, *, pixel_size_nm: float) -> dict[str, Any]:
        """All of it, flat, for ``imaging.csv``; what a model has not is left out.

        Examples
        --------
        >>> from nanosieve.simulation.detector.settings import DetectorSettings
        >>> import numpy as np
        >>> settings = DetectorSettings(model="counting", dose_e_per_A2=100)
        >>> drawn = settings.draw(np.random.default_rng(0)).parameters(pixel_size_nm=0.02)
        >>> drawn["detector"], drawn["dose_e_per_A2"], round(drawn["dose_e_per_px"], 6)
        ('counting', 100.0, 4.0)
        """
        flat: dict[str, Any] = {
            "detector": self.model,
            "dose_e_per_A2": self.dose_e_per_A2,
            "dose_e_per_px": self._dose_e_per_px(pixel_size_nm),
            "efficiency": self.efficiency,
            "readout_e": self.readout_e,
        }
        kind = "mtf" if isinstance(self.transfer, Camera) else "probe"
        flat |= {f"{kind}_{name}": value for name, value in asdict(self.transfer).items()}
        if self.model == "scintillator":
            flat |= {"gain_pattern": self.pattern, "gain_stripes": self.stripes}
        if self.model == "stem":
            flat |= {
                "line_noise": self.line_noise,
                "row_jitter_px": self.jitter_px,
                "drift_down": self.drift[0],
                "drift_right": self.drift[1],
            }
        flat |= {f"output_{name}": value for name, value in asdict(self.output).items()}
        flat |= asdict(self.blemishes)
        return {name: value for name, value in flat.items() if value is not None}

    def _dose_e_per_px(self, pixel_size_nm: float) -> float:
        return self.dose_e_per_A2 * (10 * pixel_size_nm) ** 2
