"""Files of ``nanosieve atoms``, and what is told of bad input."""

import json
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from nanosieve.batch import atoms as room
from nanosieve.batch.atoms import AtomSettings, find_atoms, read_mask
from nanosieve.batch.atoms_write import FILES, RUN, extended_xyz, write_atoms
from nanosieve.cli.atoms import _settings, atoms
from nanosieve.core.errors import FailedInput, OutputError, RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration, Micrograph
from nanosieve.core.segmentation import Segmentation
from nanosieve.lattice.graphene.drawn import drawn_sheet
from nanosieve.lattice.graphene.scale import LATTICE_NM

SHAPE = (128, 144)
LATTICE = 11.0


@pytest.fixture(scope="module")
def image():
    return drawn_sheet(SHAPE, lattice_px=LATTICE, angle_deg=9.0)[0]


@pytest.fixture(scope="module")
def made(image):
    exclude = np.zeros((32, 36), np.uint8)
    exclude[:10, :10] = 1
    return find_atoms(
        Micrograph.from_array(image, name="sheet"),
        AtomSettings(contamination="none"),
        exclude=exclude,
    )


def test_every_file_is_written(made, tmp_path):
    told = write_atoms(tmp_path / "out", made, source="sheet.tif")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "out" / "run.json").read_text()) == json.loads(json.dumps(told))
    atoms_csv = pd.read_csv(tmp_path / "out" / "atoms.csv")
    bonds = pd.read_csv(tmp_path / "out" / "bonds.csv")
    rings = pd.read_csv(tmp_path / "out" / "rings.csv")
    assert len(atoms_csv) == told["atoms"] == len(made.found.network.positions)
    assert bonds["length_nm"].median() == pytest.approx(0.142, abs=0.002)
    assert set(rings["size"]) == {6}
    assert told["rings"] == {"6": len(rings)}
    assert atoms_csv["y_nm"].to_numpy() == pytest.approx(
        atoms_csv["y_px"] * told["pixel_size_nm"], rel=1e-4
    )


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_run_that_ends_early_leaves_the_files_of_the_one_before(
    made, tmp_path, monkeypatch, stop
):
    write_atoms(tmp_path, made, source="first.tif")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def ended(*_):
        raise stop

    # The figure comes after the tables.
    monkeypatch.setattr("nanosieve.batch.atoms_write.write_atoms_figure", ended)
    fewer = replace(made, found=replace(made.found, excluded=np.zeros((0, 2))))
    with pytest.raises((KeyboardInterrupt, OutputError)):
        write_atoms(tmp_path, fewer, source="second.tif")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_run_json_never_lies_beside_files_of_another_run(made, tmp_path, monkeypatch):
    write_atoms(tmp_path, made, source="first.tif")
    move = os.replace

    def stopped(source, target):
        if target == tmp_path / FILES[3]:
            raise KeyboardInterrupt
        move(source, target)

    monkeypatch.setattr("nanosieve.batch.atoms_write.os.replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_atoms(tmp_path, made, source="second.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(FILES) - {RUN})


def test_the_lattice_sets_the_pixel_size(made, tmp_path):
    assert made.found.pixel_size_nm == pytest.approx(LATTICE_NM / LATTICE, rel=3e-3)
    write_atoms(tmp_path, made)
    with tifffile.TiffFile(tmp_path / "orientation.tif") as tif:
        assert tif.imagej_metadata["unit"] == "nm"
        assert tif.asarray().shape == SHAPE
        assert tif.asarray().dtype == np.float32
    with Image.open(tmp_path / "atoms.png") as picture:
        assert picture.width >= 2 * SHAPE[1]


def test_a_coarser_mask_is_brought_to_the_image(made):
    places = made.found.excluded
    assert len(places) > 20
    assert (places < 40.5).all()
    kept = made.found.network.positions
    assert not ((kept < 39.4).all(axis=1)).any()
    assert made.covered_share == pytest.approx(1600 / (128 * 144), rel=1e-6)


def test_the_structure_is_as_ase_reads_it(made, tmp_path):
    read = pytest.importorskip("ase.io").read
    (tmp_path / "atoms.xyz").write_text(extended_xyz(made))
    structure = read(tmp_path / "atoms.xyz")
    size = made.found.pixel_size_nm * 10
    assert len(structure) == len(made.found.network.positions)
    assert structure.cell.lengths()[:2] == pytest.approx([144 * size, 128 * size], rel=1e-4)
    first = made.found.network.positions[0]
    assert structure.positions[0, :2] == pytest.approx(
        [(first[1] + 0.5) * size, (128 - 0.5 - first[0]) * size], abs=1e-3
    )


def test_a_pixel_size_that_is_a_little_off_is_told(image):
    size = LATTICE_NM / LATTICE * 1.04
    found = find_atoms(
        Micrograph.from_array(image, pixel_size_nm=size), AtomSettings(contamination="none")
    )
    assert any("the lattice constant is 0.2558 nm" in note for note in found.notes)
    assert found.found.pixel_size_nm == size


def test_a_pixel_size_that_is_set_goes_before_that_of_the_image(image):
    size = LATTICE_NM / LATTICE
    setting = AtomSettings(pixel_size_nm=size, contamination="none")
    said = Micrograph.from_array(image, pixel_size_nm=size * 1.04)
    askew = said.replace(calibration=Calibration(None, "file", anisotropic_nm=(size, 2 * size)))
    for micrograph in (said, askew):
        made = find_atoms(micrograph, setting)
        assert made.found.pixel_size_nm == size
        # The maps are written with this one.
        assert made.micrograph.calibration.pixel_size_nm == size
    with pytest.raises(RefusedInput, match=r"pixels are not square; .* --pixel-size"):
        find_atoms(askew, AtomSettings(contamination="none"))


def test_nothing_but_contamination_and_vacuum_is_one_line(image, monkeypatch):
    half = np.zeros(SHAPE, bool)
    half[:60] = True
    monkeypatch.setattr(room, "_classes", lambda *_: ("model.onnx", half, ~half))
    with pytest.raises(FailedInput, match="all of the image is contamination, vacuum or left out"):
        find_atoms(Micrograph.from_array(image))


def test_classes_of_a_model_leave_atoms_out():
    classes = np.zeros(SHAPE, np.uint8)
    classes[:, :50], classes[:, 100:] = 3, 2
    names = ("lattice", "boundary", "vacuum", "contamination")
    labels = (classes == 3).astype(np.int32)
    said = Segmentation(
        labels, labels * 1.0, "graphene", "dark", classes=classes, class_names=names
    )
    covered, vacuum = room._maps(said, "graphene")
    assert np.array_equal(covered, classes == 3)
    assert np.array_equal(vacuum, classes == 2)
    with pytest.raises(UsageError, match="that model knows no contamination, only particles"):
        room._maps(said.replace(classes=None), "particles")
    with pytest.raises(UsageError, match="its classes are a, b; give a model"):
        room._maps(said.replace(class_names=("a", "b")), "other.onnx")
    assert room._maps(said.replace(classes=None), "bragg")[0].any()


def test_without_a_model_contamination_is_said_to_be_open(image):
    found = find_atoms(Micrograph.from_array(image))
    assert found.contamination == "none"
    assert any("contamination was not looked for" in note for note in found.notes)


def test_bad_input_is_one_line(image, tmp_path):
    micrograph = Micrograph.from_array(image, name="sheet")
    open_ = AtomSettings(contamination="none")
    with pytest.raises(FailedInput, match="sheet: all of the image is contamination"):
        find_atoms(micrograph, open_, exclude=np.ones(SHAPE, bool))
    with pytest.raises(UsageError, match=r"is 20 x 90 .* the image 128 x 144"):
        find_atoms(micrograph, open_, exclude=np.ones((20, 90), bool))
    with pytest.raises(UsageError, match="--contamination magic: give auto"):
        find_atoms(micrograph, AtomSettings(contamination="magic"))
    with pytest.raises(FailedInput, match="of one grey value"):
        find_atoms(Micrograph.from_array(np.ones((64, 64)), name="flat"))
    with pytest.raises(FailedInput, match="illumination reaches zero"):
        find_atoms(Micrograph.from_array(image - 1.2))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="it is a file; choose another -o"):
        write_atoms(tmp_path / "file", find_atoms(micrograph, open_))


def test_of_a_movie_the_first_frame_is_taken(image):
    found = find_atoms(
        Micrograph.from_array(np.stack([image, 2 - image])), AtomSettings(contamination="none")
    )
    assert found.found.contrast == "white"
    assert any("first frame was taken" in note for note in found.notes)


def test_masks_that_cannot_be_used(image, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_mask(tmp_path / "none.png")
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "empty.png")
    with pytest.raises(UsageError, match="--exclude is empty, every pixel is 0; mark what"):
        find_atoms(Micrograph.from_array(image), exclude=read_mask(tmp_path / "empty.png"))
    tifffile.imwrite(tmp_path / "movie.tif", np.ones((3, 8, 8), np.uint8), imagej=True)
    with pytest.raises(
        UsageError, match=r"--exclude has shape \(3, 8, 8\); give one \(y, x\) mask"
    ):
        find_atoms(Micrograph.from_array(image), exclude=read_mask(tmp_path / "movie.tif"))


def test_the_command(image, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "sheet.tif", image)
    assert atoms(tmp_path / "sheet.tif", tmp_path / "out", contamination="none") == 0
    printed = capsys.readouterr().out
    assert "atoms are white" in printed
    assert "Grains: 1" in printed
    with pytest.raises(UsageError, match="no such file"):
        atoms(tmp_path / "other.tif")
    with pytest.raises(UsageError, match="--contrast grey: give auto, white or black"):
        _settings(None, "grey", "auto", "auto")
    with pytest.raises(UsageError, match="--pixel-size -1: give a positive number of nm"):
        _settings(-1, "auto", "auto", "auto")


def test_a_lattice_hardly_out_of_the_noise_is_told():
    image, _ = drawn_sheet((300, 300), lattice_px=7.0, angle_deg=11, noise=0.4)
    found = find_atoms(Micrograph.from_array(image), AtomSettings(contamination="none"))
    assert any("hardly stands out of the noise" in note for note in found.notes)
    [step] = [step for step in found.steps if step.name == "find_atoms"]
    assert step.parameters["neighbourhood"] > 3
