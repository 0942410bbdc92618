"""Sadre's Bragg filter: how long, how much memory, and how many images a second."""

import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np

from bench.measure import best
from bench.table import Row
from nanosieve.core.bragg import BraggSettings
from nanosieve.segmentation.bragg import segment_bragg
from nanosieve.segmentation.bragg_sadre import roughness, sadre
from nanosieve.segmentation.bragg_scene import Scene, make_scene

SETTINGS = BraggSettings(foreground="amorphous")
ROUGHNESS = BraggSettings(form="roughness", foreground="amorphous")


def bragg(*, quick: bool) -> list[Row]:
    """The filter alone, with all that `segment` does besides, and beside no Fourier transform."""
    rows = []
    for size, goal in ((256, "≤ 20 ms"), (1024, "≤ 200 ms: 5 images a second")):
        image = sheet(size)
        everywhere = np.ones(image.shape, bool)
        scene = make_scene(image, everywhere, None)
        alone = _milliseconds(partial(sadre, scene, SETTINGS), quick=quick)
        whole = _milliseconds(partial(segment_bragg, image, everywhere, SETTINGS), quick=quick)
        plain = _milliseconds(partial(roughness, scene, ROUGHNESS), quick=quick)
        rows += [
            Row(what=f"`bragg`, form sadre, {size}², the filter", measured=alone, unit="ms",
                against="form roughness", reference=plain, goal=goal),
            Row(what=f"`bragg`, form sadre, {size}², with flat field and labels", measured=whole,
                unit="ms", against="the filter", reference=alone, goal="" if size == 256 else goal),
            Row(what=f"`bragg`, form sadre, {size}², peak memory", measured=_peak_mb(scene),
                unit="MB", against="the image in float32", reference=image.nbytes / 1e6,
                goal="ratio ≤ 10"),
        ]  # fmt: skip
    return rows


def sheet(size: int) -> np.ndarray:
    """A hexagonal lattice with shot noise and a patch that is rougher, float32."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    angles = np.deg2rad([10, 70, 130])
    waves = [np.cos(2 * np.pi * 0.11 * (np.sin(a) * y + np.cos(a) * x)) for a in angles]
    patch = np.hypot(y - 0.4 * size, x - 0.5 * size) < 0.2 * size
    relative = 1 + 0.03 * np.sum(waves, axis=0) + 0.1 * patch * rng.normal(size=(size, size))
    return rng.poisson(400 * np.maximum(relative, 0)).astype(np.float32)


def _milliseconds(action: Callable[[], object], *, quick: bool) -> float:
    return 1000 * best(action, repeats=3 if quick else 20)


def _peak_mb(scene: Scene) -> float:
    """What is allocated beside the image, at the most."""
    tracemalloc.start()
    sadre(scene, SETTINGS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


CASES = {"bragg": bragg}
