"""Cut and flipped bytes of real files: a micrograph whose frames can be read, or one clear line."""

import random
from pathlib import Path

import numpy as np
import pytest
from read_samples import picture, write_all, write_emi, write_ser

from nanosieve.core.errors import InputError
from nanosieve.files.read import read

ROUNDS = 12
REAL = (
    "08_carbon.dm3", "10nm-colloidal-gold-1.tif", "16_STOimage_1.ser", "Acquisition_18.emd",
    "HAADFscan.mrc", "JEOL HAADF Image.dm4", "SiO2 HAADF Image.hspy", "clumpedAgX.dm3",
    "dmTest_3D_int16_64,65,66.dm4", "olympus_SIS.tif", "openncem_temp.mrc",
    "test_loading_image_saved_with_DM_stack.tif", "velox_tem_stack.emd",
)  # fmt: skip
MADE = ("mrc", "ser", "emd", "hspy", "png", "jpg", "imagej.tif", "ome.tif", "lzw.tif")


def damage(content: bytes, chance: random.Random) -> bytes:
    """Cut a file short, or change bytes anywhere, or mostly in its header."""
    damaged = bytearray(content)
    how = chance.choice(["cut", "anywhere", "header", "header", "wiped"])
    if how == "cut":
        return bytes(damaged[: chance.randrange(1, len(damaged))])
    if how == "wiped":
        start = chance.randrange(len(damaged))
        end = min(len(damaged), start + chance.choice([4, 16, 200]))
        damaged[start:end] = bytes([chance.choice([0, 255])]) * (end - start)
        return bytes(damaged)
    reach = len(damaged) if how == "anywhere" else min(len(damaged), chance.choice([64, 512, 4096]))
    for _ in range(chance.randint(1, 12)):
        damaged[chance.randrange(reach)] = chance.choice([0, 1, 127, 255, chance.randrange(256)])
    return bytes(damaged)


def survive(content: bytes, path: Path) -> None:
    for number in range(ROUNDS):
        path.write_bytes(damage(content, random.Random(f"{path.name} {number}")))
        try:
            micrograph = read(path)
            for index in {0, len(micrograph) - 1}:
                frame = micrograph.frames[index]
                assert frame.shape == micrograph.shape[1:]
                assert frame.dtype == micrograph.dtype
                assert isinstance(frame, np.ndarray)
        except InputError as error:
            said = str(error)
        else:
            continue
        assert "\n" not in said
        assert path.name in said


@pytest.mark.parametrize("name", REAL)
def test_damaged_real_files(tmp_path: Path, shared_data: Path, name: str) -> None:
    survive((shared_data / "formats" / name).read_bytes(), tmp_path / name)


@pytest.mark.parametrize("name", MADE)
def test_damaged_files_of_our_own(tmp_path: Path, name: str) -> None:
    path = write_all(tmp_path)[name]
    survive(path.read_bytes(), path)


def test_damaged_header_of_a_sound_series(tmp_path: Path) -> None:
    write_ser(tmp_path / "a_1.ser", picture((2, 24, 31)))
    write_emi(tmp_path / "a.emi")
    survive((tmp_path / "a.emi").read_bytes(), tmp_path / "a.emi")
