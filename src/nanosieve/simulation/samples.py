"""The bundled demo micrographs: drawn on the spot, always the same, with known truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanosieve.core.micrograph import Micrograph
from nanosieve.simulation.projected.drawing import draw
from nanosieve.simulation.projected.plain import Imaging, SupportKind, support
from nanosieve.simulation.projected.scene import Scene
from nanosieve.simulation.projected.spheres import clusters, scatter, spheres


@dataclass(frozen=True)
class Sample:
    """A drawn micrograph and what is true of it.

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


@dataclass(frozen=True)
class _Recipe:
    place: Callable[[np.random.Generator], Scene]
    imaging: Imaging
    kind: SupportKind
    pixel_size_nm: float


def _dark(rng: np.random.Generator) -> Scene:
    return scatter((768, 768), rng.lognormal(np.log(18), 0.22, 45), rng=rng)


def _bright_touching(rng: np.random.Generator) -> Scene:
    sizes = [rng.lognormal(np.log(17), 0.15, n).tolist() for n in (1,) * 8 + (2,) * 6 + (3, 3, 4)]
    return clusters((640, 640), sizes, rng=rng, closeness=0.93)


def _uneven(rng: np.random.Generator) -> Scene:
    return scatter((640, 640), rng.lognormal(np.log(14), 0.25, 35), rng=rng, inside=False)


def _low_dose(rng: np.random.Generator) -> Scene:
    return scatter((512, 512), rng.lognormal(np.log(16), 0.2, 24), rng=rng)


def _small_bright(rng: np.random.Generator) -> Scene:
    return scatter((512, 512), rng.lognormal(np.log(3.2), 0.12, 160), rng=rng)


def _large_dark(rng: np.random.Generator) -> Scene:
    return scatter((1024, 1024), rng.lognormal(np.log(65), 0.1, 14), rng=rng)


def _empty(_: np.random.Generator) -> Scene:
    return spheres((512, 512), [], [])


_RECIPES = {
    "dark": _Recipe(_dark, Imaging("dark", contrast=0.45), "textured", 0.2),
    "bright_touching": _Recipe(
        _bright_touching, Imaging("bright", contrast=4.0, counts=120.0), "textured", 0.15
    ),
    "uneven_background": _Recipe(_uneven, Imaging("dark", contrast=0.4), "gradient", 0.25),
    "low_dose": _Recipe(_low_dose, Imaging("dark", contrast=0.5, counts=40.0), "flat", 0.2),
    "small_bright": _Recipe(
        _small_bright, Imaging("bright", contrast=3.0, counts=150.0), "flat", 0.4
    ),
    "large_dark": _Recipe(_large_dark, Imaging("dark", contrast=0.6), "textured", 0.1),
    "empty_support": _Recipe(_empty, Imaging("dark"), "textured", 0.2),
}

SAMPLE_NAMES = tuple(_RECIPES)


def sample(name: str) -> Sample:
    """Draw one bundled sample.

    Parameters
    ----------
    name
        One of `SAMPLE_NAMES`.

    Examples
    --------
    >>> small = sample("small_bright")
    >>> small.micrograph.shape, len(small.diameters_nm)
    ((1, 512, 512), 160)
    """
    recipe = _RECIPES[name]
    # A seed of its own for each: adding a sample changes none of the others.
    rng = np.random.default_rng([ord(letter) for letter in name])
    bodies = recipe.place(rng)
    bare = support(bodies.shape, recipe.kind, rng=rng)
    drawing = draw(bodies, recipe.imaging, support=bare, rng=rng)
    micrograph = Micrograph.from_array(drawing.image, pixel_size_nm=recipe.pixel_size_nm, name=name)
    return Sample(name, micrograph, drawing.labels, drawing.diameters_px * recipe.pixel_size_nm)


def samples() -> list[Sample]:
    """Draw all bundled samples.

    Examples
    --------
    >>> [s.name for s in samples()][:3]
    ['dark', 'bright_touching', 'uneven_background']
    """
    return [sample(name) for name in SAMPLE_NAMES]
