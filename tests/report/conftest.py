"""A small run to put on a page, made by hand."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nanosieve.report.view import (
    Estimate,
    ImageView,
    LogNormal,
    MovieView,
    PopulationView,
    RunView,
    SizeView,
    Thumbnail,
    UncertaintyTerm,
    UncertaintyView,
)


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (60, 40), 128).save(stream, format="JPEG")
    return stream.getvalue()


@pytest.fixture
def size() -> SizeView:
    diameters = np.exp(np.random.default_rng(3).normal(np.log(8), 0.25, 300))
    return SizeView(
        "all particles",
        "nm",
        diameters,
        mean=Estimate(8.26, 8.02, 8.51),
        median=Estimate(8.0, 7.8, 8.2),
        d10=Estimate(5.8),
        d90=Estimate(11.0),
        std=Estimate(2.1),
        sauter=Estimate(9.3),
        feret_max=Estimate(9.0),
        feret_min=Estimate(7.7),
        lognormal=LogNormal(8.0, 1.28),
        interval="bootstrap over 2 images",
        n_images=2,
    )


@pytest.fixture
def image(size: SizeView, jpeg: bytes) -> ImageView:
    return ImageView(
        "gold",
        source="gold.tif",
        n=300,
        n_isolated=250,
        coverage=0.12,
        pixel_size_nm=0.23,
        pixel_size_source="file: 2.3 Å",
        method="hybrid",
        polarity="dark",
        size=size,
        particle_flags={"border": 40},
        pictures=(Thumbnail(jpeg),),
        overlay="gold/overlay.png",
    )


@pytest.fixture
def movie_view() -> MovieView:
    t = np.arange(4) * 0.5
    d = np.array([5.0, np.nan, 5.5, 6.0])
    return MovieView(
        t,
        np.array([9, 0, 8, 7]),
        d,
        d - 1,
        d + 1,
        np.full(4, 0.1),
        "nm",
        "s",
        ((1, "no particle"),),
    )


@pytest.fixture
def population(size: SizeView) -> PopulationView:
    fewer = replace(size, diameters=size.diameters[:200])
    isolated = replace(fewer, label="isolated only", mean=Estimate(7.434, 7.2, 7.7))
    weights = np.linspace(1, 2, 200)
    corrected = replace(fewer, label="corrected for the border", weights=weights)
    terms = (
        UncertaintyTerm("sampling", 0.12, "bootstrap over 2 images"),
        UncertaintyTerm("pixel size", None, "give --pixel-size-uncertainty"),
    )
    return PopulationView(
        "all images",
        size,
        corrected,
        isolated,
        "Miles–Lantuéjoul weights",
        UncertaintyView(terms, 0.12, 0.24),
    )


@pytest.fixture
def run(image: ImageView, population: PopulationView) -> RunView:
    return RunView(
        "Particle sizes",
        "1.2.3",
        images=(image,),
        overall=(population,),
        edge_rule="the outline lies at half maximum.",
        counting_rule="every particle above 2 nm.",
        settings={"method": "hybrid"},
        warnings=("the disk was nearly full",),
        n_skipped=3,
        tables={"particles.csv": "particles.csv"},
    )
