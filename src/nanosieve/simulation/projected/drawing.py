"""Bodies on a plain support as one call: the image and its truth."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.projected.plain import Imaging, expose
from nanosieve.simulation.projected.scene import Scene
from nanosieve.simulation.projected.spheres import spheres


@dataclass(frozen=True)
class Drawing:
    """A drawn image and what is true of it.

    Parameters
    ----------
    image
        ``(y, x)`` uint16 counts.
    labels
        ``(y, x)`` int32; 0 support, 1..n the pixels whose centre lies inside a true outline.
    diameters_px
        ``(n,)`` true diameters in px, in the order of the labels.
    """

    image: np.ndarray
    labels: np.ndarray
    diameters_px: np.ndarray


def draw(
    scene: Scene,
    imaging: Imaging | None = None,
    *,
    support: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Drawing:
    """Image bodies on a support.

    Parameters
    ----------
    scene
        What lies there.
    imaging
        Contrast, blur, noise; dark particles by default.
    support
        ``(y, x)`` relative intensity of the bare support, mean 1; flat if ``None``.
    rng
        Source of the noise; seed 0 if ``None``.

    Examples
    --------
    >>> drawing = draw(spheres((64, 64), [[32, 32]], [12]), Imaging(noise=False))
    >>> drawing.diameters_px, int(drawing.labels.max())
    (array([24.]), 1)
    """
    imaging = imaging or Imaging()
    rng = rng or np.random.default_rng(0)
    bare = np.ones(scene.shape, np.float32) if support is None else support
    thickest = max((body.depth_px for body in scene.bodies), default=1.0)
    image = expose(scene.thickness(), bare, imaging, thickest=thickest, rng=rng)
    return Drawing(image, scene.labels(), scene.diameters_px)


def draw_spheres(
    shape: tuple[int, int],
    centres: np.typing.ArrayLike,
    radii: np.typing.ArrayLike,
    imaging: Imaging | None = None,
    *,
    support: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Drawing:
    """Image spheres of projected thickness.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    centres
        ``(n, 2)`` rows and columns in px.
    radii
        ``(n,)`` in px.
    imaging, support, rng
        As for `draw`.

    Examples
    --------
    >>> drawing = draw_spheres((64, 64), [[20, 20], [44, 40]], [8, 10])
    >>> drawing.image.dtype.name, drawing.diameters_px
    ('uint16', array([16., 20.]))
    """
    return draw(spheres(shape, centres, radii), imaging, support=support, rng=rng)
