"""Settings of the objective lens and the illumination, and the values drawn from them."""

from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from nanosieve.simulation.ranges import Range, as_range
from nanosieve.simulation.section import Section

REST_ENERGY_KEV = 510.99895
"""Of the electron (CODATA 2018)."""

PLANCK_TIMES_LIGHT_KEV_NM = 1.23984198
"""The product hc (CODATA 2018)."""


def wavelength_nm(energy_kv: float) -> float:
    """Wavelength of the electron in nm, relativistic.

    Examples
    --------
    >>> round(wavelength_nm(300) * 1000, 4)
    1.9687
    """
    momentum = np.sqrt(energy_kv * (2 * REST_ENERGY_KEV + energy_kv))
    return float(PLANCK_TIMES_LIGHT_KEV_NM / momentum)


def interaction_constant(energy_kv: float) -> float:
    """Phase shift in rad for each V nm of projected potential, relativistic.

    Examples
    --------
    >>> round(interaction_constant(300), 6)
    0.006526
    """
    total = REST_ENERGY_KEV + energy_kv
    per_kev = 2 * np.pi / wavelength_nm(energy_kv) / energy_kv
    return float(per_kev * total / (REST_ENERGY_KEV + total) / 1000)


def scherzer_defocus_nm(cs_mm: float, energy_kv: float) -> float:
    """Underfocus at which one broad band is passed with one sign: ``sqrt(4/3 Cs wavelength)``.

    For a negative Cs it is an overfocus, below 0. Source: Williams and Carter, *Transmission
    Electron Microscopy*, 2nd ed., section 28.7, with the factor 1.155 for 1.2.

    Examples
    --------
    >>> round(scherzer_defocus_nm(1.2, 300), 1)
    56.1
    """
    cs_nm = cs_mm * 1e6
    return float(np.sign(cs_nm) * np.sqrt(4 / 3 * abs(cs_nm) * wavelength_nm(energy_kv)))


@dataclass(frozen=True)
class Optics:
    """How one image is formed.

    **A positive defocus is an underfocus** (a weakened lens): the coefficient C10 is minus the
    defocus, and with a positive Cs the Scherzer defocus is positive. Atoms are then dark.

    Parameters
    ----------
    energy_kv
        Of the electrons.
    defocus_nm
        Positive for an underfocus. Counted from the plane in which the wave is given: behind a
        multislice, that of the last atom, so that the middle of a film of thickness t is less
        underfocused by t / 2.
    cs_mm
        Spherical aberration (C30).
    astigmatism_nm, astigmatism_deg
        Two-fold (C12), with the direction in which it adds to C10.
    coma_nm, coma_deg
        Axial coma (C21).
    trefoil_nm, trefoil_deg
        Three-fold astigmatism (C23). Directions are counter-clockwise from +x.
    focal_spread_nm
        Standard deviation of the defocus: energy spread and instabilities times Cc.
    convergence_mrad
        Half-angle of the illumination at which its Gaussian has fallen to 1/e.
    image_spread_nm
        Standard deviation of the image's movement: vibration, drift, thermal magnetic noise.
    aperture_mrad
        Half-angle of the objective aperture; not given without one.
    contrast
        Factor on the modulation around the mean, for what no elastic model gives
        (Hytch and Stobbs, Ultramicroscopy 53 (1994) 191).
    """

    energy_kv: float
    defocus_nm: float = 0.0
    cs_mm: float = 0.0
    astigmatism_nm: float = 0.0
    astigmatism_deg: float = 0.0
    coma_nm: float = 0.0
    coma_deg: float = 0.0
    trefoil_nm: float = 0.0
    trefoil_deg: float = 0.0
    focal_spread_nm: float = 0.0
    convergence_mrad: float = 0.0
    image_spread_nm: float = 0.0
    aperture_mrad: float | None = None
    contrast: float = 1.0

    def parameters(self) -> dict[str, float | str]:
        """All values by name, as ``imaging.csv`` holds them; blank without an aperture."""
        return {name: "" if value is None else value for name, value in asdict(self).items()}


class OpticsSettings(Section):
    """Ranges from which the optics of each image are drawn; see `Optics` for the meaning.

    Parameters
    ----------
    defocus_from
        Where ``defocus_nm`` counts from: ``zero``, or ``scherzer`` for the Scherzer defocus of
        the drawn Cs.
    """

    energy_kv: Range = as_range(300)
    cs_mm: Range = as_range(0)
    defocus_nm: Range = as_range(0)
    defocus_from: Literal["zero", "scherzer"] = "zero"
    astigmatism_nm: Range = as_range(0)
    coma_nm: Range = as_range(0)
    trefoil_nm: Range = as_range(0)
    focal_spread_nm: Range = as_range(0)
    convergence_mrad: Range = as_range(0)
    image_spread_nm: Range = as_range(0)
    aperture_mrad: Range | None = None
    contrast: Range = as_range(1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.energy_kv.low < 10 or self.energy_kv.high > 3000:
            raise ValueError("energy_kv lies between 10 and 3000: give kilovolts")
        for name in ("focal_spread_nm", "convergence_mrad", "image_spread_nm"):
            if getattr(self, name).low < 0:
                raise ValueError(f"{name} is not negative")
        if self.aperture_mrad is not None and self.aperture_mrad.low <= 0:
            raise ValueError("aperture_mrad is positive; leave it out where there is none")
        if self.contrast.low <= 0 or self.contrast.high > 1:
            raise ValueError("contrast lies above 0 and is at most 1")
        return self

    def draw(self, rng: np.random.Generator, *, energy_kv: float | None = None) -> Optics:
        """Draw the optics of one image; the energy is given where the wave is made already."""
        energy = self.energy_kv.draw(rng) if energy_kv is None else energy_kv
        cs = self.cs_mm.draw(rng)
        start = scherzer_defocus_nm(cs, energy) if self.defocus_from == "scherzer" else 0.0
        return Optics(
            energy_kv=energy,
            cs_mm=cs,
            defocus_nm=start + self.defocus_nm.draw(rng),
            astigmatism_nm=self.astigmatism_nm.draw(rng),
            astigmatism_deg=rng.uniform(0, 180),
            coma_nm=self.coma_nm.draw(rng),
            coma_deg=rng.uniform(0, 360),
            trefoil_nm=self.trefoil_nm.draw(rng),
            trefoil_deg=rng.uniform(0, 120),
            focal_spread_nm=self.focal_spread_nm.draw(rng),
            convergence_mrad=self.convergence_mrad.draw(rng),
            image_spread_nm=self.image_spread_nm.draw(rng),
            aperture_mrad=None if self.aperture_mrad is None else self.aperture_mrad.draw(rng),
            contrast=self.contrast.draw(rng),
        )
