"""A kind of simulation that draws discs in an instant: processes that are started find it here."""

import os
import time
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from nanosieve.simulation.presets import KINDS, Kind
from nanosieve.simulation.ranges import Range, as_range
from nanosieve.simulation.section import Section
from nanosieve.simulation.simulated import ParticleTruth, Simulated

_EDGE = 20
_CLASSES = ("lattice", "boundary", "vacuum")


class Film(Section):
    """Stand-in of a nested section."""

    name: Literal["carbon"] = "carbon"
    thickness_nm: Range = as_range([2, 10])


class Graded(Section):
    """Another form of the same section."""

    name: Literal["graded"]
    slope: float = 1


class Settings(Section):
    """Discs of one size on a noisy film."""

    kind: Literal["discs"]
    side_px: int = Field(default=64, ge=32)
    discs: int = Field(default=3, ge=0)
    diameter_px: Range = as_range(14)
    images: int = Field(default=1, ge=1)
    output: Literal["uint8", "uint16", "int16"] = "uint16"
    grain: float = Field(default=5, alias="film-grain", gt=0)
    film: Film | Graded = Film()
    full: bool = False
    classes: bool = False
    fails: tuple[str, ...] = ()
    dies: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.diameter_px.high > self.side_px / 2:
            raise ValueError("discs are larger than half the image; make side_px larger")
        return self

    @property
    def per_structure(self) -> int:
        return self.images


class MovieSettings(Settings):
    """Discs that drift."""

    kind: Literal["drift"]
    counts: ClassVar[str] = "movies"


def simulate(
    settings: Settings, *, name: str, rng: np.random.Generator, device: str = "cpu"
) -> Iterator[Simulated]:
    """Draw the images of one structure."""
    assert device == "cpu"
    if name in settings.dies:
        os._exit(9)
    side = settings.side_px
    radius = settings.diameter_px.draw(rng) / 2
    places = rng.uniform(radius, side - radius, (settings.discs, 2))
    for k in range(settings.images):
        if name in settings.fails and k == settings.images - 1:
            raise ValueError("its crystal\nhas no faces")
        if name in settings.waits and k == settings.images - 1:
            time.sleep(60)
        yield _image(settings, (name, k), places + k, radius, rng)


def _image(
    settings: Settings,
    names: tuple[str, int],
    places: np.ndarray,
    radius: float,
    rng: np.random.Generator,
) -> Simulated:
    name, k = names
    side = settings.side_px
    y, x = np.mgrid[:side, :side]
    outlines = [(y - cy) ** 2 + (x - cx) ** 2 < radius**2 for cy, cx in places]
    instances = np.zeros((side, side), np.int32)
    for number, outline in enumerate(outlines, 1):
        instances[outline] = number
    values = np.where(instances > 0, 60, 120) + rng.normal(0, settings.grain, instances.shape)
    ignore = np.zeros_like(instances, bool)
    ignore[:2, :2] = settings.full
    truth = [
        ParticleTruth(n, float(cy), float(cx), 2 * radius, np.pi * radius**2, "disc", "Au",
                      fringe_snr=np.nan, visible=bool(n % 2))
        for n, (cy, cx) in enumerate(places, 1)
    ]  # fmt: skip
    whole = settings.images == 1
    return Simulated(
        name=name if whole else f"{name}_{k}",
        group=name,
        image=values.astype(settings.output),
        pixel_size_nm=0.5,
        instances=np.zeros_like(instances) if settings.classes else instances,
        particles=() if settings.classes else tuple(truth),
        imaging={"dose_e_per_A2": np.float64(rng.uniform(10, 20)), "mode": "BF"},
        outlines=tuple(outlines) if settings.full else (),
        ignore=ignore if settings.full else None,
        amount=(instances > 0).astype(np.float32) if settings.full else None,
        amount_unit="nm" if settings.full else "",
        classes=(x > _EDGE).astype(np.uint8) + (x > 2 * _EDGE) if settings.classes else None,
        class_names=("lattice", "boundary", "vacuum")
        if settings.classes
        else ("support", "particle"),
        frame=0 if whole else k,
        tables={"atoms": pd.DataFrame({"y_nm": [0.1], "x_nm": [0.2]})} if settings.full else {},
    )


def register() -> None:
    """Make the kinds known to this process."""
    KINDS["discs"] = Kind("disc_kind")
    KINDS["drift"] = Kind("drift_kind")
