"""Sheets and settings that the tests of this room share."""

import tomllib
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

from nanosieve.simulation.graphene.bending import draw_bending
from nanosieve.simulation.graphene.grains import Grains
from nanosieve.simulation.graphene.kind import Settings
from nanosieve.simulation.graphene.network import near_places, polycrystal
from nanosieve.simulation.graphene.relax import relax
from nanosieve.simulation.graphene.sheet import Sheet, find_rings
from nanosieve.simulation.presets import text_of


def grains_of(*angles_deg: float, size_nm: float = 6.0) -> Grains:
    """Grains side by side, each a band of the sheet from top to bottom, with straight borders."""
    count = len(angles_deg)
    seeds = [(size_nm / 2, size_nm * (i + 0.5) / count) for i in range(count)]
    rng = np.random.default_rng(5)
    return Grains(
        angles_deg=np.array(angles_deg),
        offsets_nm=rng.uniform(0, 0.2, (count, 2)),
        seeds=np.array(seeds),
        islands=np.zeros((0, 3)),
        bend=draw_bending(0.0, wavelength_nm=5.0, rng=rng),
    )


@pytest.fixture(scope="session")
def crystal() -> Sheet:
    """One grain whose bonds point along 10 degrees, 6 nm wide."""
    return polycrystal(grains_of(10.0), size_nm=(6, 6))


@pytest.fixture(scope="session")
def bicrystal() -> Sheet:
    """Two grains turned by 22 degrees, 10 nm wide, relaxed along their boundary at x = 5 nm."""
    sheet = polycrystal(grains_of(3.0, 25.0, size_nm=10.0), size_nm=(10, 10))
    rings = find_rings(sheet)
    inside = ((sheet.positions > -0.7) & (sheet.positions < 10.7)).all(axis=1)
    near = near_places(sheet, rings.centre[rings.size != 6], 1.5)
    return relax(sheet, near & inside)


@pytest.fixture
def settings_with() -> Callable[..., Settings]:
    """Give the preset's settings for small clean images, with changes by dotted names."""

    def change(**changes: Any) -> Settings:
        values = tomllib.loads(text_of("graphene"))
        values |= {"images": 1, "margin_nm": 1.0}
        values["frames"] = [{"weight": 1, "shape_px": [128, 128], "pixel_size_nm": 0.03}]
        values["sheet"] |= {"grains": 1, "islands": 0, "holes": 0, "edge": 0}
        for name in ("stone_wales", "monovacancies", "divacancies", "trivacancies", "silicon"):
            values["sheet"][name] = 0
        values["contamination"]["clean"] = 1
        for name, value in changes.items():
            *path, last = name.split("__")
            reduce(dict.__getitem__, path, values)[last] = value
        return Settings.model_validate(values)

    return change
