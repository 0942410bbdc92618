"""Graphene against sheets drawn with known atoms, bonds, rings and directions."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.lattice.graphene.drawn import drawn_atoms, drawn_sheet, honeycomb, inside
from nanosieve.lattice.graphene.find import find_graphene
from nanosieve.lattice.graphene.grains import draw_grains, find_grains, turn_between
from nanosieve.lattice.graphene.network import Network, dual_network
from nanosieve.lattice.graphene.refine import refine
from nanosieve.lattice.graphene.rings import Rings, bonds_within, find_rings
from nanosieve.lattice.graphene.scale import BOND_NM, LATTICE_NM, LatticeScale, find_scale
from nanosieve.lattice.graphene.waves import lattice_waves

SHAPE = (144, 160)
LATTICE = 12.0


@pytest.fixture(scope="module")
def sheet():
    return drawn_sheet(SHAPE, lattice_px=LATTICE, angle_deg=13.0)


@pytest.fixture(scope="module")
def found(sheet):
    return find_graphene(sheet[0])


@pytest.fixture(scope="module")
def bicrystal():
    """Left of column 96 bonds at 5 degrees, right of it at 25; 20 degrees between them."""
    atoms = [honeycomb((176, 192), lattice_px=LATTICE, angle_deg=angle) for angle in (5.0, 25.0)]
    left, right = atoms[0][atoms[0][:, 1] < 96], atoms[1][atoms[1][:, 1] >= 96]
    # Where both grains' atoms would nearly meet, that of the right grain goes.
    apart, _ = cKDTree(left).query(right)
    both = np.concatenate([left, right[apart > 0.7 * LATTICE / 3**0.5]])
    image = 1 - 0.1 * drawn_atoms((176, 192), both, LATTICE)
    image += np.random.default_rng(1).normal(0, 0.02, image.shape)
    return image.astype(np.float32)


@pytest.mark.parametrize(("lattice_px", "angle_deg"), [(7.3, 4.0), (12.0, 31.0), (21.0, 55.0)])
def test_lattice_constant_from_the_transform(lattice_px, angle_deg):
    image, _ = drawn_sheet((192, 160), lattice_px=lattice_px, angle_deg=angle_deg, noise=0.05)
    scale = find_scale(image)
    assert scale.lattice_px == pytest.approx(lattice_px, rel=3e-3)
    assert abs(scale.lattice_px - lattice_px) < 4 * scale.uncertainty_px
    assert scale.pixel_size_nm == pytest.approx(LATTICE_NM / lattice_px, rel=3e-3)


def test_atoms_within_a_tenth_of_a_bond(sheet, found):
    _, true = sheet
    places = found.network.positions
    apart, nearest = cKDTree(true).query(places)
    assert (apart < 0.1 * LATTICE / 3**0.5).all()
    assert len(np.unique(nearest)) == len(places)
    inner = inside_by(true, 8)
    missed, _ = cKDTree(places).query(true[inner])
    assert (missed < 0.1 * LATTICE / 3**0.5).all()


def inside_by(points, margin):
    return ((points > margin) & (points < np.array(SHAPE) - 1 - margin)).all(axis=1)


def test_rings_bonds_and_direction_of_a_perfect_sheet(found):
    assert set(found.rings.counts()) == {6}
    assert found.network.lengths() == pytest.approx(LATTICE / 3**0.5, rel=0.06)
    assert turn_between(found.grains.angle_deg, 13.0) == pytest.approx(0, abs=0.2)
    middle = found.orientation_deg[40:100, 40:120]
    assert turn_between(middle, 13.0).max() < 0.5
    assert len(found.boundaries.points) == 0


def test_the_order_is_high_in_the_middle_of_rings(found):
    rows, columns = np.rint(found.rings.centre).astype(int).T
    ring = found.order[rows, columns]
    rows, columns = np.rint(found.network.positions).astype(int).T
    assert np.median(ring) > 0 > np.median(found.order[rows, columns])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_makes_no_odd_rings(seed):
    # Averaged over a fixed 1.2 lattice constants each of these had at least fourteen.
    image, _ = drawn_sheet((200, 200), lattice_px=7.0, angle_deg=11, noise=0.15, seed=seed)
    rings = find_graphene(image).rings
    assert np.count_nonzero(rings.size != 6) <= 3
    assert np.count_nonzero(rings.size == 6) > 800


def test_no_more_is_averaged_than_noise_asks_for(sheet):
    noisy, _ = drawn_sheet((200, 200), lattice_px=7.0, angle_deg=11, noise=0.15)
    clean, more = lattice_waves(sheet[0], 12.0), lattice_waves(noisy, 7.0)
    assert clean.neighbourhood < more.neighbourhood
    assert clean.chance < 0.05
    assert more.chance < lattice_waves(noisy, 7.0, neighbourhood=1.2).chance


def test_vacuum_is_not_taken_for_noise():
    image, _ = drawn_sheet((300, 300), lattice_px=8.0, angle_deg=11, noise=0.08)
    vacuum = np.zeros(image.shape, bool)
    vacuum[:, 90:] = True
    noise = np.random.default_rng(1).normal(1, 0.08, image.shape)
    found = find_graphene(np.where(vacuum, noise, image).astype(np.float32), vacuum=vacuum)
    assert found.neighbourhood == lattice_waves(image, 8.0).neighbourhood
    # Beyond what is blurred by averaging.
    assert found.network.positions[:, 1].max() < 90 + 1.5 * 8


def test_a_known_pixel_size_helps_to_see_a_faint_lattice():
    image, _ = drawn_sheet((200, 200), lattice_px=7.0, angle_deg=11, noise=0.28, seed=5)
    with pytest.raises(FailedInput, match="no hexagon"):
        find_scale(image)
    assert find_scale(image, near_px=7.0).lattice_px == pytest.approx(7.0, rel=0.01)


@pytest.mark.parametrize("white", [True, False])
def test_contrast_is_told(white):
    image, _ = drawn_sheet((128, 128), lattice_px=10.0, angle_deg=3.0, white=white)
    found = find_graphene(image)
    assert found.contrast == ("white" if white else "black")
    assert found.sureness > 0.5


def test_forced_contrast_is_kept():
    image, _ = drawn_sheet((128, 128), lattice_px=10.0, angle_deg=3.0, white=True)
    assert find_graphene(image, contrast="black").contrast == "black"


def test_a_bicrystal_has_two_grains_and_their_boundary(bicrystal):
    found = find_graphene(bicrystal)
    assert len(found.grains.angle_deg) == 2
    assert turn_between(np.sort(found.grains.angle_deg), [5.0, 25.0]).max() < 0.5
    lines = found.boundaries.points
    assert np.median(np.abs(lines[:, 1] - 95.5)) < 0.2 / LATTICE_NM * LATTICE
    assert np.ptp(lines[:, 0]) > 140
    counts = found.rings.counts()
    assert counts[5] > 2
    assert counts[7] > 2
    left = found.orientation_deg[60:120, 20:60]
    assert turn_between(left, 5.0).max() < 1


def test_vacuum_over_most_of_the_field_holds_no_atoms(sheet):
    image, _ = sheet
    vacuum = np.zeros(SHAPE, bool)
    vacuum[:, int(0.35 * SHAPE[1]) :] = True
    rng = np.random.default_rng(0)
    found = find_graphene(
        np.where(vacuum, 1 + rng.normal(0, 0.01, SHAPE), image).astype(np.float32), vacuum=vacuum
    )
    rows, columns = np.rint(found.network.positions).astype(int).T
    assert (columns < int(0.35 * SHAPE[1]) + LATTICE).all()
    assert len(rows) > 50


def test_contamination_and_vacuum(sheet):
    image, _ = sheet
    covered = np.zeros(SHAPE, bool)
    covered[:60, :60] = True
    vacuum = np.zeros(SHAPE, bool)
    vacuum[90:, 110:] = True
    # Said of an empty corner, and of a sound one where it must not count.
    image = np.where(vacuum, 1 + 0.2 * (image - 1), image)
    vacuum[20:60, 80:120] = True
    found = find_graphene(image, covered=covered, vacuum=vacuum)
    rows, columns = np.rint(found.network.positions).astype(int).T
    assert not covered[rows, columns].any()
    inside = vacuum[rows, columns]
    assert not (inside & (rows > 100) & (columns > 120)).any()
    assert (inside & (rows < 60)).sum() > 25
    rows, columns = np.rint(found.excluded).astype(int).T
    assert covered[rows, columns].all()
    # Two atoms of each lattice cell.
    cell = 3**0.5 / 2 * LATTICE**2
    assert len(found.excluded) == pytest.approx(2 * 3600 / cell, rel=0.25)


def test_a_hole_holds_no_atoms():
    shape, lattice = (192, 192), 10.0
    atoms = honeycomb(shape, lattice_px=lattice, angle_deg=20.0)
    atoms = atoms[np.hypot(*(atoms - 96).T) > 45]
    image = 1 + 0.1 * drawn_atoms(shape, atoms, lattice)
    image += np.random.default_rng(3).normal(0, 0.02, shape)
    found = find_graphene(image.astype(np.float32))
    # At most a ring of atoms that are none lies along the rim.
    assert (np.hypot(*(found.network.positions - 96).T) > 45 - lattice).all()


def test_a_missing_centre_is_filled_in():
    from nanosieve.lattice.graphene.centres import find_centres

    y, x = np.mgrid[:80, :80]
    places = [
        (40 + 12 * r * 3**0.5 / 2, 40 + 12 * (c + r / 2)) for r in (-1, 0, 1) for c in (-1, 0, 1)
    ]
    heights = np.where(np.arange(9) == 4, 0.15, 1.0)
    order = sum(
        h * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 18)
        for h, (a, b) in zip(heights, places, strict=True)
    )
    centres = find_centres(order, 12.0)
    apart, _ = cKDTree(centres).query(np.array(places))
    assert apart.max() < 1.5


def test_refinement_finds_moved_atoms():
    image, true = drawn_sheet((100, 100), lattice_px=14.0, angle_deg=8.0, noise=0.002)
    network = bonds_within(true, 14.0 / 3**0.5)
    shaken = network.moved(true + np.random.default_rng(0).normal(0, 0.5, true.shape))
    fit = refine(image, shaken, 14.0 / 3**0.5)
    inner = ((true > 12) & (true < 87)).all(axis=1)
    before = np.hypot(*(shaken.positions - true)[inner].T)
    after = np.hypot(*(fit.network.positions - true)[inner].T)
    assert np.median(after) < 0.15
    assert np.median(before) > 0.4
    assert np.median(fit.height) > 0


def test_rings_of_a_pair_of_five_and_seven():
    # A pentagon and a heptagon that share a side, as polygons with sides of 10.
    def polygon(count, first, second):
        """Corners of a polygon to the left of the side from first to second."""
        corners = [first, second]
        turn = 2j * np.pi / count
        side = second - first
        for _ in range(count - 2):
            side *= np.exp(turn)
            corners.append(corners[-1] + side)
        return corners

    five = polygon(5, 0 + 0j, 10 + 0j)
    seven = polygon(7, 10 + 0j, 0 + 0j)
    points = np.array([*five, *seven[2:]])
    rings = find_rings(bonds_within(np.stack([points.imag, points.real], axis=1), 10.0))
    assert rings.counts() == {5: 1, 7: 1}
    assert rings.atoms[rings.size == 5][0, 5:].tolist() == [-1] * 7


def test_a_far_pair_is_no_bond_and_no_atom_has_four():
    star = np.array([[0, 0], [0, 10], [10, 0], [0, -10.5], [-11, 0]], float)
    network = bonds_within(star, 10.0)
    assert network.coordination().tolist() == [3, 1, 1, 1, 0]
    assert len(bonds_within(np.array([[0, 0], [0, 13.1]]), 10.0).bonds) == 0


def test_nothing_gives_empty_networks():
    empty = np.zeros((0, 2))
    assert len(bonds_within(empty, 8.0).bonds) == 0
    rings = find_rings(Network(empty, np.zeros((0, 2), int)))
    assert rings.counts() == {}
    assert len(find_grains(rings, 12.0).angle_deg) == 0
    assert len(dual_network(empty, 12.0).positions) == 0


def test_no_lattice_is_told():
    noise = np.random.default_rng(0).normal(1, 0.1, (128, 128))
    with pytest.raises(FailedInput, match="no lattice of graphene found"):
        find_scale(noise)


def test_coarse_pixels_are_told():
    y, x = np.mgrid[:192, :192]
    turns = np.deg2rad([3, 63, 123])
    waves = [np.cos(2 * np.pi * (x * np.cos(t) + y * np.sin(t)) / 3.2) for t in turns]
    with pytest.raises(FailedInput, match=r"too coarse: a bond of graphene has 2\.1\d px"):
        find_scale(sum(waves) + np.random.default_rng(0).normal(size=x.shape))
    with pytest.raises(FailedInput, match=r"too coarse: at 0\.096 nm a pixel"):
        find_graphene(np.ones((64, 64)), pixel_size_nm=0.096)


def test_another_lattice_is_told(sheet):
    with pytest.raises(RefusedInput, match=r"lattice constant is 0\.36\d\d nm, not .*0\.02049"):
        find_graphene(sheet[0], pixel_size_nm=0.0305)


def test_a_given_pixel_size_stays(sheet):
    size = LATTICE_NM / LATTICE * 1.02
    found = find_graphene(sheet[0], pixel_size_nm=size)
    assert found.pixel_size_nm == size
    assert found.scale.pixel_size_nm == pytest.approx(BOND_NM * 3**0.5 / LATTICE, rel=3e-3)


def test_settings_that_do_not_fit(sheet):
    with pytest.raises(UsageError, match="contrast is one of auto, white, black, got 'grey'"):
        find_graphene(sheet[0], contrast="grey")
    with pytest.raises(UsageError, match="a mask has shape"):
        find_graphene(sheet[0], covered=np.zeros((3, 3), bool))
    for size in (0, -0.02, np.nan):
        with pytest.raises(UsageError, match="pixel size must be a positive number of nm"):
            find_graphene(sheet[0], pixel_size_nm=size)
    hollow = sheet[0].copy()
    hollow[3, 3] = np.nan
    for image in (hollow, sheet[0][None]):
        with pytest.raises(UsageError, match=r"one \(y, x\) image of finite values"):
            find_graphene(image)


def test_too_small_for_an_atom_is_told():
    scale = LatticeScale(9.0, 0.1, np.zeros((0, 2)))
    for side in (8, 16):
        noise = np.random.default_rng(0).normal(1, 0.1, (side, side))
        with pytest.raises(FailedInput, match="no atoms found: the lattice shows in the transform"):
            find_graphene(noise, scale=scale)


def test_lines_and_directions_of_three_grains():
    # Hexagons on a grid: above row 60 bonds at 2 degrees, below it at 20 and, right, at 58.
    y, x = np.mgrid[5:120:10, 5:120:10]
    centre = np.stack([y.ravel(), x.ravel()], axis=1).astype(float)
    angle = np.where(centre[:, 0] < 60, 2.0, np.where(centre[:, 1] < 60, 20.0, 58.0))
    size = np.full(len(centre), 6)
    rings = Rings(size, centre, np.full((len(centre), 12), -1), angle)
    grains = find_grains(rings, 10.0)
    # The hexagon in the corner of three is outvoted.
    assert np.sort(grains.angle_deg) == pytest.approx([2, 20, 58], abs=0.1)
    lines, orientation = draw_grains(rings, grains, 10.0, (120, 120))
    assert orientation.shape == (120, 120)
    assert turn_between(orientation[10:40, 10:110], 2.0).max() < 0.1
    assert turn_between(orientation[80:110, 80:110], 58.0).max() < 1e-3
    assert (lines.pair[:, 0] < lines.pair[:, 1]).all()
    assert set(map(tuple, lines.pair.tolist())) == {(0, 1), (0, 2), (1, 2)}
    turned = turn_between(*grains.angle_deg[lines.pair].T)
    upper = np.abs(turned - 22) > 1
    # Where all three meet, smoothing rounds the corner.
    apart = np.abs(lines.points[:, 1] - 60) > 15
    assert np.abs(lines.points[upper & apart, 0] - 60).max() < 2.5
    low = lines.points[:, 0] > 75
    assert np.abs(lines.points[~upper & low, 1] - 60).max() < 2.5


def test_a_fragment_of_a_grain_is_no_grain():
    # Hexagons on a grid at 10 degrees; a column without any cuts off two columns of them.
    y, x = np.mgrid[5:120:10, 5:120:10]
    centre = np.stack([y.ravel(), x.ravel()], axis=1).astype(float)
    here = np.abs(centre[:, 1] - 95) > 4
    here &= (centre[:, 1] < 95) | (centre[:, 0] < 60)
    centre = centre[here]
    angle = 10 + np.random.default_rng(0).normal(0, 0.3, len(centre))
    rings = Rings(np.full(len(centre), 6), centre, np.full((len(centre), 12), -1), angle)
    grains = find_grains(rings, 10.0)
    assert grains.rings.tolist() == [len(centre)]
    assert (grains.ring_grain == 0).all()
    lines, _ = draw_grains(rings, grains, 10.0, (120, 120))
    assert len(lines.points) == 0


def test_drawn_atoms_lie_within_the_image(sheet):
    assert len(inside(sheet[1], SHAPE)) == len(sheet[1])
    # Two atoms of each lattice cell.
    assert len(sheet[1]) == pytest.approx(2 * SHAPE[0] * SHAPE[1] / (3**0.5 / 2 * 144), rel=0.03)
