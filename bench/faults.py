"""How well faults of simulated CdSe are told: ``python -m bench.faults``.

Particles of five kinds, whose faults and twins stand edge-on where they are to be seen, are cut out
by their true outlines; a forest tells the five classes by the paper's figures and by all. The same
command goes on where it was stopped; ``--structures 11`` tries it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from bench.page import table
from nanosieve.files.atomic import atomic_path
from nanosieve.selection.faults.classes import Labelled
from nanosieve.selection.faults.crops import Crop, Cutter
from nanosieve.selection.faults.run import TrainOptions, train_crops
from nanosieve.selection.faults.samples import Samples
from nanosieve.simulation import presets
from nanosieve.simulation.atoms.arrange import Placed
from nanosieve.simulation.atoms.build import assemble
from nanosieve.simulation.atoms.crystals import cut
from nanosieve.simulation.atoms.defects import planes
from nanosieve.simulation.atoms.lattices import DEBYE_WALLER_A2, Lattice, get_lattice
from nanosieve.simulation.atoms.orientation import any_orientation, near_zone_axis, shortest_turn
from nanosieve.simulation.atoms.particles import Particle, draw_gauge
from nanosieve.simulation.atoms.specimen import Specimen
from nanosieve.simulation.atoms.support import Support, Surface
from nanosieve.simulation.crystals.kind import images_of, structure_of
from nanosieve.simulation.crystals.settings import Settings
from nanosieve.simulation.wave.exit_wave import Wave, particle_phase

OUT = Path(__file__).parent / "out" / "faults"
# Of eleven structures: a fault or twin edge-on; none, near a zone axis; a fault that does not show;
# none, standing anyhow; two or three particles on each other.
KINDS = ("fault",) * 3 + ("whole",) * 2 + ("hidden",) + ("turned",) * 3 + ("agglomerate",) * 2
MATERIALS = ("CdSe-wurtzite", "CdSe-zincblende")
SHAPES = ("sphere", "ellipsoid", "faceted", "wulff")
DIAMETER_NM, SIDE_PX, IMAGES = (2.6, 4.6), 300, 3
# Nothing is seen of fringes below this many times the noise, nor of planes this far from edge-on.
FRINGES, HIDDEN = 5.0, 0.3
# Carbon atoms in a cubic nm, of 2 g/cm3.
CARBON = 100
SAMPLING_NM = 0.03


def settings() -> Settings:
    """The preset of CdSe, for one particle in a smaller field."""
    preset = presets.load("hrtem-cdse").settings
    assert isinstance(preset, Settings)
    specimen = preset.specimen.model_copy(update={"margin_nm": 0.9})
    return preset.model_copy(
        update={"shape": (SIDE_PX, SIDE_PX), "images": IMAGES, "specimen": specimen}
    )


def simulate(number: int, folder: Path) -> Path:
    """Write the images of one structure, unless they are there."""
    path = folder / f"{number:04d}.npz"
    if path.exists():
        return path
    made, rng = settings(), np.random.default_rng([2026, number])
    kind, pixel_size_nm = KINDS[number % len(KINDS)], made.draw_grid(rng)[0]
    microscope = made.microscopes.draw(rng)
    specimen = draw_specimen(kind, made, SIDE_PX * pixel_size_nm, rng)
    wave = one_slice(specimen, made.optics[microscope].energy_kv.draw(rng))
    structure = structure_of(
        specimen, wave, made, pixel_size_nm=pixel_size_nm, microscope=microscope
    )
    images = list(images_of(structure, made, name=path.stem, rng=rng))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            images=np.stack([one.image for one in images]),
            labels=images[0].instances,
            fringes=[max(part.fringe_snr for part in one.particles) for one in images],
            pixel_size_nm=pixel_size_nm,
            kind=kind,
        )
    return path


def one_slice(specimen: Specimen, energy_kv: float) -> Wave:
    """Wave behind all atoms as one projected slice: particles are a few nm thick."""
    phase, sampling = particle_phase(
        specimen, energy_kv=energy_kv, debye_waller=DEBYE_WALLER_A2, sampling_nm=SAMPLING_NM
    )
    return Wave(np.exp(1j * phase).astype(np.complex64), sampling, energy_kv)


def draw_specimen(kind: str, made: Settings, side_nm: float, rng: np.random.Generator) -> Specimen:
    """One particle, or two or three on each other, on either side of a film of carbon."""
    lattice, margin = get_lattice(str(rng.choice(MATERIALS))), made.specimen.margin_nm
    size = (side_nm + 2 * margin,) * 2
    support = film(made.specimen.support.carbon_nm.draw(rng), size, rng)
    # The beam enters at the top, where z is 0.
    below = rng.random() < 0.4
    side, surface = (1, support.thickness_nm) if below else (-1, 0.0)
    middle = side_nm / 2 + rng.uniform(-0.3, 0.3, 2)
    n = int(rng.integers(2, 4)) if kind == "agglomerate" else 1
    placed = []
    for index in range(n):
        particle = draw_particle(kind, lattice, made, rng)
        centre, height = middle, 0.9 * particle.positions[:, 2].max()
        if n > 1:
            turn = 2 * np.pi * index / n + rng.uniform(0, 0.8)
            away = rng.uniform(0.9, 1.7) * (0.7 if n == 2 else 1)
            centre = middle + away * np.array([np.cos(turn), np.sin(turn)])
            height += index * rng.uniform(0, 1.5)
        where = np.array([*centre, surface + side * height])
        placed.append(Placed(particle, where, "bottom" if below else "top"))
    return assemble(support, placed, size, margin)


def film(thickness_nm: float, size: tuple[float, float], rng: np.random.Generator) -> Support:
    """Carbon atoms anywhere between two planes."""
    n = rng.poisson(CARBON * size[0] * size[1] * thickness_nm)
    top, bottom = (Surface(np.full((1, 1), level), size) for level in (0.0, thickness_nm))
    positions = rng.uniform(0, 1, (n, 3)) * [*size, thickness_nm]
    return Support("carbon", positions, np.full(n, 6), top, bottom)


def draw_particle(
    kind: str, lattice: Lattice, made: Settings, rng: np.random.Generator
) -> Particle:
    """A particle that shows its fault, hides it, or has none."""
    shape = str(rng.choice(SHAPES))
    gauge = draw_gauge(made.specimen.particles, lattice, shape, rng)
    twinned = kind == "fault" and lattice.stacking == "abc" and rng.random() < 0.5
    defect = "twin" if twinned else "stacking_fault" if kind in ("fault", "hidden") else ""
    count = int(rng.integers(1, 3)) if kind == "fault" else 1
    cluster = cut(lattice, gauge, rng.uniform(*DIAMETER_NM), rng=rng, defect=defect, count=count)
    turn = draw_turn(kind, lattice, cluster.cells, rng)
    grains = tuple(cell @ turn.T for cell in cluster.cells)
    return Particle(
        cluster.positions @ turn.T, cluster.numbers, grains, lattice, shape, cluster.defects
    )


def draw_turn(
    kind: str, lattice: Lattice, cells: tuple[np.ndarray, ...], rng: np.random.Generator
) -> np.ndarray:
    """Rotation of a particle of a kind."""
    tilt = rng.uniform(0, 3)
    if kind == "fault" or (kind == "whole" and rng.random() < 0.6):
        return edge_on(lattice, tilt, rng)
    if kind == "turned" or (kind == "agglomerate" and rng.random() < 0.4):
        return any_orientation(rng)
    while True:
        turn = near_zone_axis(lattice, cells, tilt_deg=tilt, rng=rng)
        if kind != "hidden" or abs((turn @ planes(lattice).normal)[2]) > HIDDEN:
            return turn


def edge_on(lattice: Lattice, tilt_deg: float, rng: np.random.Generator) -> np.ndarray:
    """Rotation that brings a direction within the close-packed planes along the beam, nearly."""
    cubic, hexagonal = [(1, -1, 0), (0, 1, -1), (1, 0, -1)], [(1, 0, 0), (0, 1, 0), (1, 1, 0)]
    along = np.array((cubic if lattice.stacking == "abc" else hexagonal)[rng.integers(3)])
    start = any_orientation(rng)
    azimuth = rng.uniform(0, 2 * np.pi)
    tilt = np.deg2rad(tilt_deg) * np.array([np.cos(azimuth), np.sin(azimuth), 0])
    turn = shortest_turn(start @ (along @ lattice.cell)) @ start
    return np.asarray(Rotation.from_rotvec(tilt).as_matrix() @ turn)


def samples(paths: list[Path]) -> Samples:
    """Crops of all images, and of every second structure bare support in squares half as wide."""
    rng = np.random.default_rng(0)
    found = [row for number, path in enumerate(paths) for row in crops(path, number, rng)]
    return Samples(tuple(row for row, _ in found), tuple(crop for _, crop in found), 0)


def crops(path: Path, number: int, rng: np.random.Generator) -> Iterator[tuple[Labelled, Crop]]:
    """Crops of one structure; what shows no fringes is called so, whatever it holds."""
    with np.load(path) as held:
        images, kind, fringes = held["images"], str(held["kind"]), held["fringes"]
        labels, size = (held["labels"] > 0).astype(np.int32), float(held["pixel_size_nm"])
    of_class = kind if kind in ("fault", "agglomerate") else "no fault"
    for index, image in enumerate(images):
        cutter = Cutter(image, labels, pixel_size_nm=size)
        crop = cutter.crop(1)
        if crop is None:
            continue
        faint = kind != "agglomerate" and fringes[index] < FRINGES
        told = "no fringe" if faint else of_class
        yield Labelled(path.stem, index, 1, told, path.stem, 0), crop
        if index == 0 and number % 2 == 0:
            half = Crop(crop.pixels[::2, ::2], np.ascontiguousarray(crop.inside[::2, ::2]))
            bare = cutter.bare(half, rng=rng)
            if bare is not None:
                yield Labelled(path.stem, index, 0, "empty", path.stem, 0), bare


def main() -> int:
    """Simulate what is missing, train, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--structures", type=int, default=132)
    parser.add_argument("--out", type=Path, default=OUT, help="where simulated images are kept")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(options.structures):
        paths.append(simulate(number, options.out))
        print(f"{number + 1} of {options.structures}", file=sys.stderr, flush=True)
    cut_out = samples(paths)
    rows = []
    for name, features in (("the paper's five", "paper"), ("all", "all")):
        trained = train_crops(cut_out, TrainOptions(features=features))  # type: ignore[arg-type]
        grouped, bag = trained.scores
        low, high = grouped.accuracy_ends
        accuracy = f"{grouped.accuracy:.2f} ({low:.2f}-{high:.2f})"
        rows.append([name, accuracy, f"{grouped.balanced_accuracy:.2f}", f"{bag.accuracy:.2f}"])
    heads = ["figures", "grouped cross-validation", "balanced", "out of bag"]
    print(f"{len(cut_out.crops)} crops", table(heads, rows), grouped.table.to_string(), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
