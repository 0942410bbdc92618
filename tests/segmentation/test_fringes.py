"""Lattice fringes are told from particles, noise, and what files and frames put in a spectrum."""

import numpy as np
import pytest
from scenes import apart, over
from scipy import ndimage

from nanosieve.core.micrograph import Micrograph
from nanosieve.files.read import read
from nanosieve.segmentation.fringes import is_lattice, lattice_spacings
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
    found = lattice_spacings(noisy(waves(spacing, angle), 2))
    assert found.size
    assert np.abs(found - spacing).min() < 0.02 * spacing
    assert is_lattice(found, 0.3 / spacing)


@pytest.mark.parametrize("side", [128, 300])
def test_a_small_frame_or_a_small_crystal_is_enough(side):
    image = noisy(waves(7.0, 25, 85, 145, side=side), 2)
    crystal = np.hypot(Y - side / 2, X - side / 2)[:side, :side] < side / 4
    assert is_lattice(lattice_spacings(image * crystal), 0.04)


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
    spacings = lattice_spacings(image) * 0.02
    assert np.abs(spacings - 0.213).min() < 0.01


def test_an_array_of_particles_is_no_lattice_of_atoms():
    centres = [
        (24 * row + 14.3, 24 * column + 12.8 + row % 2 * 9)
        for row in range(21)
        for column in range(20)
    ]
    image = over(spheres((512, 512), centres, [8] * len(centres)), "dark").image
    # Bragg peaks there are: 24 px at 0.2 nm is 5 nm.
    assert lattice_spacings(image).size
    assert "lattice_resolved" not in segment(image, pixel_size_nm=0.2).flags


@pytest.mark.parametrize("diameter", [6, 20, 130])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_particles_are_no_lattice(diameter, polarity):
    image = apart(diameter, polarity).image
    assert "lattice_resolved" not in segment(image, pixel_size_nm=0.05).flags
    assert not is_lattice(lattice_spacings(image), None)


def test_noise_blocks_lines_and_frames_are_no_lattice():
    rng = np.random.default_rng(4)
    white = rng.normal(0, 1, (512, 512)).astype(np.float32)
    blocks = white + np.kron(rng.normal(0, 1, (64, 64)), np.ones((8, 8)))
    scan = white + 3 * np.cos(2 * np.pi * Y / 5)
    frame = white + 50 * (X > 256)
    brown = ndimage.gaussian_filter(white, 3) * 20 + 0.1 * white
    enlarged = np.kron(white[:128, :128], np.ones((4, 4)))
    for image in (white, blocks, scan, frame, brown, enlarged):
        assert not is_lattice(lattice_spacings(image), None)
        assert not is_lattice(lattice_spacings(image), 0.05)


def test_a_frame_too_small_for_a_spectrum_has_none():
    assert lattice_spacings(np.zeros((31, 400), np.float32)).size == 0
    assert lattice_spacings(np.full((64, 64), 5, np.uint8)).size == 0


def test_atoms_are_told_by_the_pixel_size_or_by_how_fine_they_are():
    assert is_lattice(np.array([20.0]), 0.02)
    assert not is_lattice(np.array([20.0]), 0.2)
    assert not is_lattice(np.array([3.0]), 0.01)
    assert is_lattice(np.array([8.0]), None)
    assert not is_lattice(np.array([18.0]), None)
    assert is_lattice(np.array([13.0, 15.0, 17.0, 19.0, 22.0]), None)
    assert not is_lattice(np.zeros(0), None)
    assert not is_lattice(np.zeros(0), 0.1)


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
        assert is_lattice(lattice_spacings(image), size), path.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["latex.tif", "qm-02424-01.tif", "10nm-colloidal-gold-1.tif", "clumpedAgX.dm3"]
)
def test_real_particles_are_no_lattice(shared_data, name):
    image, size = first_frame(read(shared_data / "formats" / name))
    assert not is_lattice(lattice_spacings(image), size)
    assert not is_lattice(lattice_spacings(image), None)


@pytest.mark.slow
def test_real_sintering_particles_are_no_lattice(shared_data):
    # The first tiles do show fringes, of 4 px, within one particle.
    paths = sorted((shared_data / "sinter800" / "images").iterdir())
    for path in paths[5::5]:
        image, _ = first_frame(read(path))
        assert not is_lattice(lattice_spacings(image), None), path.name
