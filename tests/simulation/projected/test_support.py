"""Supports are what their names say, and nothing on them passes for a particle."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nanosieve.simulation.projected.support import (
    KINDS,
    LEAST_BEAD,
    Grid,
    Support,
    SupportSettings,
    make_support,
    thin,
)
from nanosieve.simulation.projected.support_bodies import carbon_black, tubes
from nanosieve.simulation.projected.support_films import folded, stained, torn

SHAPE = (192, 224)
CALM = {"gradient": 0, "edge_share": 0, "fold_share": 0, "dirt_share": 0}


def _made(kind, seed=0, *, pixel_size_nm=0.5, particle_nm=5.0, **settings):
    drawn = SupportSettings(kind={kind: 1}, **(CALM | settings))
    grid = Grid(SHAPE, pixel_size_nm, particle_nm)
    return make_support(drawn, grid, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_thickness_where_it_exists_and_is_made_again_alike(kind):
    made, again, other = _made(kind), _made(kind), _made(kind, seed=1)
    assert made.kind == kind
    assert made.thickness_nm.shape == made.exists.shape == SHAPE
    assert made.thickness_nm.dtype == np.float32
    assert np.isfinite(made.thickness_nm).all()
    assert made.thickness_nm.min() >= 0
    assert made.exists.any()
    assert (made.thickness_nm[made.exists] > 0).all()
    np.testing.assert_array_equal(made.thickness_nm, again.thickness_nm)
    assert not np.array_equal(made.thickness_nm, other.thickness_nm)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_drawn_with_all_faults_at_low_and_high_magnification(kind):
    faults = {"gradient": 0.5, "edge_share": 1, "fold_share": 1, "dirt_share": 1}
    for pixel_size_nm, particle_nm in ((0.03, 2.0), (8.0, 60.0)):
        made = _made(kind, pixel_size_nm=pixel_size_nm, particle_nm=particle_nm, **faults)
        assert np.isfinite(made.thickness_nm).all()
        assert made.thickness_nm.min() >= 0


def test_a_flat_film_has_its_thickness_and_its_roughness():
    made = _made("flat", film_nm=10, roughness=0.05)
    assert made.thickness_nm.mean() == pytest.approx(10, rel=0.01)
    assert made.thickness_nm.std() == pytest.approx(0.5, rel=0.1)
    assert made.exists.all()


@pytest.mark.parametrize("kind", ["holey", "lacey", "carbon-black", "tubes"])
def test_vacuum_stays_between(kind):
    vacuum = [(_made(kind, seed, crowding=0.5).thickness_nm < 0.05).mean() for seed in range(8)]
    assert np.median(vacuum) > 0.02


def test_a_tube_has_two_dark_walls():
    thickness = tubes((201, 201), 40, 0.25, np.random.default_rng(0))
    # A single tube of 160 px: each profile across it is hollow.
    columns = [row for row in (*thickness, *thickness.T) if 0 < np.count_nonzero(row) < 201]
    hollow = [row[np.flatnonzero(row)].min() for row in columns]
    assert len(columns) > 20
    assert np.median([row.max() for row in columns]) > 1.5 * np.median(hollow)


def test_beads_are_wider_than_particles_and_cover_what_is_asked():
    covered = carbon_black((256, 256), 30, 0.6, 1.0, np.random.default_rng(2)) > 1
    assert 0.3 < covered.mean() < 0.85
    small, large = (
        _made("carbon-black", seed=3, bead_nm=5, particle_nm=particle, crowding=0.4)
        for particle in (1.0, 20.0)
    )
    # The radius of the largest disc within: at least that of a bead.
    radius = ndimage.distance_transform_edt(large.exists).max() * 0.5
    assert radius > 0.4 * LEAST_BEAD * 20
    assert ndimage.label(small.exists)[1] > ndimage.label(large.exists)[1]


def _dotted(depth):
    """A film with one round bump of a particle's size."""
    y, x = np.mgrid[:128, :128]
    chord = 2 * np.sqrt(np.clip(10**2 - (y - 64) ** 2 - (x - 64) ** 2, 0, None)) / 20
    thickness = (1 + depth * chord).astype(np.float32)
    return Support("flat", "carbon", thickness, thickness > 0)


@pytest.mark.parametrize("depth", [0.1, 1.0, 10.0])
def test_bumps_as_large_as_particles_are_thinned_below_the_limit(depth):
    settings = SupportSettings(kind={"flat": 1}, feature_limit=0.3, depth_limit=100)
    thinned = thin(
        _dotted(depth),
        settings,
        particle_px=20,
        particle_depth=1.0,
        per_nm=1.0,
        rng=np.random.default_rng(0),
    )
    bump = float(thinned.thickness_nm.max() - thinned.thickness_nm.min())
    assert bump < 0.45
    if depth == 0.1:
        assert bump == pytest.approx(0.1, rel=1e-3)  # weak ones stay as they are


def test_wide_slopes_are_left_alone_but_not_above_the_depth_limit():
    slope = np.broadcast_to(np.linspace(0, 3, 256, dtype=np.float32), (256, 256)) + 1
    support = Support("flat", "carbon", slope, slope > 0)
    still = {"particle_px": 12, "particle_depth": 0.5, "per_nm": 1.0}
    for limit, factor in ((10.0, 1.0), (1.0, 1 / 2.5)):
        settings = SupportSettings(kind={"flat": 1}, feature_limit=0.5, depth_limit=limit)
        thinned = thin(support, settings, rng=np.random.default_rng(0), **still)
        np.testing.assert_allclose(thinned.thickness_nm, factor * slope, rtol=0.02)


def test_a_tear_leaves_vacuum_a_fold_doubles_and_stains_add():
    film = np.full((256, 256), 10, np.float32)
    rng = np.random.default_rng(4)
    edge = torn(film, rng)
    assert edge.min() == 0
    assert edge.max() == 10
    fold = folded(film, rng)
    assert fold.min() == 10
    assert 19 < fold.max() <= 30.001
    stains = [stained(film, 5.0, np.random.default_rng(seed)) for seed in range(12)]
    assert np.median([stain.max() for stain in stains]) > 11
    assert max(stain.max() for stain in stains) <= 15.001
    assert min(stain.min() for stain in stains) >= 10 * (1 - 0.6) - 1e-3
    assert all(np.median(stain) == 10 for stain in stains)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": {"paper": 1}}, "no support 'paper'; there are flat, holey"),
        ({"kind": {"flat": 1}, "film_material": {"tin": 1}}, "no material 'tin'"),
    ],
)
def test_impossible_settings_are_an_error(settings, message):
    with pytest.raises(ValidationError, match=message):
        SupportSettings(**settings)
