"""The bundled demo micrographs: simulated on the spot, always the same, with known truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanosieve.core.micrograph import Micrograph
from nanosieve.simulation.projected.kind import Settings, simulate


@dataclass(frozen=True)
class Sample:
    """A simulated micrograph and what is true of it.

    Parameters
    ----------
    name
        Name of the sample.
    micrograph
        A still, uint16, with its pixel size.
    labels
        ``(y, x)`` int32; 0 support, 1..n the particles.
    diameters_nm
        ``(n,)`` true diameters, in the order of the labels.
    """

    name: str
    micrograph: Micrograph
    labels: np.ndarray
    diameters_nm: np.ndarray


_OUTPUT = {"format": "uint16", "scaling": "counts", "gain": 10, "offset": 0.002}
_BRIGHT_FIELD = {
    "stopped": 0.6,
    "veil": 0.05,
    "electrons_per_px": 900,
    "defocus_px": 1.2,
    "overfocus_share": 0,
    "fringes": 0.8,
    "rim_limit": 0.08,
    "support_grain": 0.6,
    "particle_grain": 0.15,
    "blur_px": 0.6,
    "diffraction": {"spread": 0.12, "twin_share": 0.2, "bend_share": 0.1, "mottle": 0.08},
    "illumination": {"gradient": 0.05, "vignette": 0.05},
    "detector": {"model": "scintillator", "output": _OUTPUT},
}
_DARK_FIELD = {
    "of_gold": 0.2,
    "veil": 0.002,
    "electrons_per_px": 12_000,
    "blur_px": 0.5,
    "diffraction": {"spread": 0.1, "mottle": 0.06},
    "detector": {
        "model": "stem",
        "stem": {"probe_nm": 0.15, "line_noise": 0.006, "jitter_px": 0.15, "drift": 0.003},
        "output": _OUTPUT,
    },
}
_GRAINS = {"sphere": 2, "ellipsoid": 1, "rough": 2, "cuboctahedron": 1, "icosahedron": 1}


def _recipe(
    side: int,
    pixel_size_nm: float,
    particles: dict[str, Any],
    *,
    bright: bool = False,
    imaging: dict[str, Any] | None = None,
    support: dict[str, Any] | None = None,
    empty: bool = False,
) -> Settings:
    """Settings of one sample: what differs from the usual."""
    modality = {"haadf": _DARK_FIELD} if bright else {"bf-tem": _BRIGHT_FIELD}
    settings = {
        "kind": "projected",
        "shape": (side, side),
        "pixel_size_nm": pixel_size_nm,
        "empty_share": float(empty),
        "particles": {"shapes": _GRAINS, "mixed": 1, "second": 0, "elongation": 1.3} | particles,
        "support": {"kind": {"flat": 1}, "film_nm": 10, "roughness": 0.04} | (support or {}),
        "modality": {name: one | (imaging or {}) for name, one in modality.items()},
    }
    return Settings.model_validate(settings)


def _apart(diameter_nm: float, coverage: float, **others: Any) -> dict[str, Any]:
    return {
        "diameter_nm": diameter_nm,
        "coverage": coverage,
        "spread": 0.2,
        "arrangement": {"isolated": 1},
        "gap_px": 4,
        "cut_by_frame": False,
    } | others


_GROUPS = {"arrangement": {"touching": 1}, "group": [1, 4], "gap_px": 6}
_RECIPES = {
    "dark": _recipe(768, 0.2, _apart(7.2, 0.09)),
    "bright_touching": _recipe(
        640, 0.15, _apart(5.0, 0.09, spread=0.15, **_GROUPS), bright=True, support={"film_nm": 40}
    ),
    "uneven_background": _recipe(
        640,
        0.25,
        _apart(7.0, 0.07, cut_by_frame=True),
        imaging={"illumination": {"gradient": 0.35, "vignette": 0.2}},
        support={"gradient": 0.6, "film_nm": 15},
    ),
    "low_dose": _recipe(512, 0.2, _apart(6.4, 0.08), imaging={"electrons_per_px": 40}),
    "small_bright": _recipe(
        512,
        0.4,
        _apart(2.6, 0.02, spread=0.12, shapes={"sphere": 1}, gap_px=3),
        bright=True,
    ),
    "large_dark": _recipe(1024, 0.1, _apart(12.5, 0.18, spread=0.1)),
    "empty_support": _recipe(512, 0.2, _apart(7.0, 0.1), empty=True),
}

SAMPLE_NAMES = tuple(_RECIPES)


def sample(name: str) -> Sample:
    """Simulate one bundled sample.

    Parameters
    ----------
    name
        One of `SAMPLE_NAMES`.

    Examples
    --------
    >>> small = sample("small_bright")
    >>> small.micrograph.shape, len(small.diameters_nm)
    ((1, 512, 512), 152)
    """
    # A seed of its own for each: adding a sample changes none of the others.
    rng = np.random.default_rng([ord(letter) for letter in name])
    (made,) = simulate(_RECIPES[name], name=name, rng=rng)
    micrograph = Micrograph.from_array(made.image, pixel_size_nm=made.pixel_size_nm, name=name)
    diameters = np.array([particle.diameter_nm for particle in made.particles], float)
    return Sample(name, micrograph, made.instances, diameters)


def samples() -> list[Sample]:
    """Simulate all bundled samples.

    Examples
    --------
    >>> [s.name for s in samples()][:3]
    ['dark', 'bright_touching', 'uneven_background']
    """
    return [sample(name) for name in SAMPLE_NAMES]
