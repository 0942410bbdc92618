"""Supports that hold no particle: what methods and networks must find nothing on."""

from collections.abc import Iterator

import numpy as np

from nanosieve.core.micrograph import Micrograph
from nanosieve.simulation.presets import load
from nanosieve.simulation.projected.annotations import AnnotationSettings
from nanosieve.simulation.projected.kind import Settings, simulate


def empty_supports(
    preset: str = "bf-supported",
    *,
    n: int = 50,
    seed: int = 0,
    shape: tuple[int, int] = (512, 512),
    kind: str | None = None,
) -> Iterator[Micrograph]:
    """Simulate supports of a preset without particles, and without print.

    Parameters
    ----------
    preset
        A preset of the kind ``projected``.
    shape
        ``(y, x)`` in px.
    kind
        Of support, such as ``flat``; those of the preset if ``None``.

    Yields
    ------
    Micrograph
        Its name tells the support, such as ``bf-supported_lacey_3``.

    Examples
    --------
    >>> [image] = empty_supports(n=1, shape=(64, 64), kind="lacey")
    >>> image.name, image.shape
    ('bf-supported_lacey_0', (1, 64, 64))
    """
    settings = load(preset).settings
    assert isinstance(settings, Settings)
    update: dict[str, object] = {
        "empty_share": 1.0,
        "shape": shape,
        "annotations": AnnotationSettings(),
    }
    if kind is not None:
        weights = type(settings.support.kind)({kind: 1})
        update["support"] = settings.support.model_copy(update={"kind": weights})
    settings = settings.model_copy(update=update)
    for index in range(n):
        rng = np.random.default_rng([seed, index])
        for one in simulate(settings.of_structure(index), name=preset, rng=rng):
            name = f"{preset}_{one.imaging['support']}_{index}"
            yield Micrograph.from_array(one.image, pixel_size_nm=one.pixel_size_nm, name=name)
