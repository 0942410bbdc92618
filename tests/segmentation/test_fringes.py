"""Lattice fringes are told from particles, noise, and what files and frames put in a spectrum."""

import numpy as np
import pytest
from scenes import apart, over
from scipy import ndimage

from nanosieve.core.micrograph import Micrograph
from nanosieve.files.read import read
from nanosieve.segmentation.fringes import find_lattice
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import spheres

Y, X = np.mgrid[:512, :512].astype(np.float32)


def waves(spacing: float, *angles: float, side: int = 512) -> np.ndarray:
    total = np.zeros((side, side), np.float32)
    for angle in angles:
        turn = np.deg2rad(angle)
        along = X[:side, :side] * np.cos(turn) + Y[:side, :side] * np.sin(turn)
        total += np.cos(2 * np.pi * along / spacing)
    return total


def noisy(image: np.ndarray, noise: float) -> np.ndarray:
    return (image + np.random.default_rng(0).normal(0, noise, image.shape)).astype(np.float32)


@pytest.mark.parametrize("angle", [10, 37, 62, 111, 155])
@pytest.mark.parametrize("spacing", [4.0, 9.3, 20.0])
def test_fringes_in_noise_are_measured(angle, spacing):
    found = find_lattice([noisy(waves(spacing, angle), 2)], 0.3 / spacing)
    assert found.resolved
    assert np.median(found.spacings_px) == pytest.approx(spacing, rel=0.02)
    assert found.hexagonal == 0


@pytest.mark.parametrize("side", [128, 300])
def test_a_small_frame_or_a_small_crystal_is_enough(side):
    image = noisy(waves(7.0, 25, 85, 145, side=side), 2)
    crystal = np.hypot(Y - side / 2, X - side / 2)[:side, :side] < side / 4
    found = find_lattice([image * crystal], 0.04)
    assert found.resolved
    assert np.median(found.spacings_px) == pytest.approx(7, rel=0.03)


def test_a_honeycomb_of_atoms_is_a_lattice():
    """Graphene, a = 0.246 nm at 0.02 nm a pixel: columns 0.142 nm apart."""
    a = 0.246 / 0.02
    image = np.zeros((512, 512), np.float32)
    angle = np.deg2rad(17)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    steps = turn @ np.array([[a, a / 2], [0, a * np.sqrt(3) / 2]])
    index = np.array([(i, j) for i in range(-80, 80) for j in range(-80, 80)])
    for shift in (np.zeros(2), turn @ np.array([0, a / np.sqrt(3)])):
        atoms = np.rint(index @ steps.T + shift + 256).astype(int)
        atoms = atoms[((atoms >= 0) & (atoms < 512)).all(axis=1)]
        image[atoms[:, 0], atoms[:, 1]] = 1
    image = noisy(ndimage.gaussian_filter(image, 2), 0.05)
    found = segment(image, pixel_size_nm=0.02)
    assert "lattice_resolved" in found.flags
    assert any("Bragg peaks" in note and "nm" in note for note in found.notes)
    lattice = find_lattice([image], 0.02)
    assert lattice.hexagonal == lattice.filled == 1
    assert lattice.hexagon_px * 0.02 == pytest.approx(0.2130, rel=0.01)
    # Without a pixel size it is as good a lattice.
    assert find_lattice([image]).hexagon_px == lattice.hexagon_px


def test_an_array_of_particles_is_no_lattice_of_atoms():
    centres = [
        (24 * row + 14.3, 24 * column + 12.8 + row % 2 * 9)
        for row in range(21)
        for column in range(20)
    ]
    image = over(spheres((512, 512), centres, [8] * len(centres)), "dark").image
    # Bragg peaks there are: 24 px at 0.2 nm is 5 nm.
    assert find_lattice([image]).spacings_px.size
    assert not find_lattice([image], 0.2).spacings_px.size
    assert "lattice_resolved" not in segment(image, pixel_size_nm=0.2).flags


@pytest.mark.parametrize("diameter", [6, 20, 130])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_particles_are_no_lattice(diameter, polarity):
    image = apart(diameter, polarity).image
    assert "lattice_resolved" not in segment(image, pixel_size_nm=0.05).flags
    assert not find_lattice([image]).resolved


def test_noise_blocks_lines_and_frames_are_no_lattice():
    rng = np.random.default_rng(4)
    white = rng.normal(0, 1, (512, 512)).astype(np.float32)
    blocks = white + np.kron(rng.normal(0, 1, (64, 64)), np.ones((8, 8)))
    scan = white + 3 * np.cos(2 * np.pi * Y / 5)
    frame = white + 50 * (X > 256)
    brown = ndimage.gaussian_filter(white, 3) * 20 + 0.1 * white
    enlarged = np.kron(white[:128, :128], np.ones((4, 4)))
    for image in (white, blocks, scan, frame, brown, enlarged):
        assert not find_lattice([image]).resolved
        assert not find_lattice([image], 0.05).resolved


def test_a_crystal_of_a_hundredth_of_the_frame_is_enough():
    crystal = np.hypot(Y - 300, X - 200) < 28
    image = noisy(2 * waves(6.5, 25, 95) * crystal, 1.5)
    found = find_lattice([image])
    assert found.resolved
    assert found.share < 0.1
    assert found.filled < 0.5


def test_a_ripple_that_nobody_sees_is_no_lattice():
    """A smooth image has no noise to stand out of: 0.02 of a grey value beside blobs of 50."""
    blobs = 50 * ndimage.gaussian_filter(np.random.default_rng(2).normal(0, 20, (512, 512)), 20)
    assert not find_lattice([blobs + 0.02 * waves(7.0, 25)]).resolved


def test_a_frame_too_small_for_a_spectrum_has_none():
    for image in (np.zeros((31, 400), np.float32), np.full((64, 64), 5, np.uint8)):
        found = find_lattice([image])
        assert (found.share, found.finest_px, found.hexagon_px) == (0, None, None)


def test_parts_are_looked_at_together():
    crystal = noisy(waves(7.0, 25), 1)
    flat = noisy(np.zeros((512, 512), np.float32), 1)
    assert find_lattice([crystal, flat]).share == pytest.approx(0.5, abs=0.01)


def test_atoms_are_told_by_the_pixel_size():
    image = noisy(waves(20.0, 37), 1)
    assert find_lattice([image], 0.02).resolved
    assert not find_lattice([image], 0.2).resolved
    assert not find_lattice([image], 0.002).resolved


def first_frame(micrograph: Micrograph) -> tuple[np.ndarray, float | None]:
    return micrograph.frames[0].astype(np.float32), micrograph.calibration.pixel_size_nm


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["formats/16_STOimage_1.ser", "formats/Acquisition_18.emd", "graphene_hrtem"],
)
def test_real_lattices_are_seen(shared_data, name):
    where = shared_data / name
    paths = sorted(where.glob("*.tif")) if where.is_dir() else [where]
    assert paths
    for path in paths:
        image, size = first_frame(read(path))
        assert find_lattice([image], size).resolved, path.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["latex.tif", "qm-02424-01.tif", "10nm-colloidal-gold-1.tif", "clumpedAgX.dm3"]
)
def test_real_particles_are_no_lattice(shared_data, name):
    image, size = first_frame(read(shared_data / "formats" / name))
    assert not find_lattice([image], size).resolved
    assert "lattice_resolved" not in segment(image, method="hybrid").flags


@pytest.mark.slow
def test_real_sintering_particles_are_no_lattice(shared_data):
    # Some tiles do show fringes, of 4 px, within single particles.
    for path in sorted((shared_data / "sinter800" / "images").iterdir()):
        image, _ = first_frame(read(path))
        assert "lattice_resolved" not in segment(image, method="hybrid").flags, path.name
