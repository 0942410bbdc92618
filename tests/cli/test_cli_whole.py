"""The command as a whole: version, help, demo, doctor, encodings, real files."""

import re
import sys

import pandas as pd
import pytest

from discs import discs, write
from nanosieve import __version__
from nanosieve.cli import doctor
from nanosieve.simulation import samples


def test_version(nanosieve):
    assert nanosieve("--version").out == f"nanosieve {__version__}\n"


def test_help_names_every_command_in_full(nanosieve):
    ended = nanosieve("--help")
    assert ended.code == 0
    for command in ("demo", "segment", "measure", "report", "evaluate", "doctor"):
        line = re.search(rf"^  {command}  .*$", ended.out, re.MULTILINE)
        assert line is not None
        assert nanosieve(command, "--help").code == 0


def test_no_command_shows_the_help(nanosieve):
    ended = nanosieve()
    assert "Usage: nanosieve" in ended.out + ended.err
    assert ended.code in (0, 2)


def test_an_unknown_command_is_one_line(nanosieve):
    ended = nanosieve("segmnt")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "segmnt" in ended.err


def test_demo_shows_found_beside_true_and_names_the_report(nanosieve, tmp_path, monkeypatch):
    few = [samples.sample(name) for name in ("dark", "empty_support")]
    monkeypatch.setattr(samples, "samples", lambda: few)
    ended = nanosieve("demo", "-o", tmp_path / "demo")
    assert ended.code == 0, ended.err
    assert str(tmp_path / "demo" / "report.html") in ended.out
    assert (tmp_path / "demo" / "images" / "dark.tif").is_file()
    summary = pd.read_csv(tmp_path / "demo" / "summary.csv").set_index("image")
    assert summary["pixel_size_nm"].notna().all()
    assert summary["status"].to_dict() == {"dark": "ok", "empty_support": "empty"}
    assert summary.loc["dark", "n"] == 48
    assert " 48 " in ended.out


def test_doctor_lists_versions_and_what_is_missing(nanosieve, monkeypatch):
    honest = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "scipy" else honest(name))
    loaded = set(sys.modules)
    ended = nanosieve("doctor")
    assert ended.code == 1
    assert re.search(r"scipy .*MISSING: pip install", ended.out)
    assert re.search(rf"nanosieve .*{re.escape(__version__)}", ended.out)
    assert "extra zspy" in ended.out
    assert "Something is missing" in ended.out
    # Other tests of this process may have loaded torch before.
    assert "torch" not in set(sys.modules) - loaded


def test_doctor_is_content_where_all_is_there(nanosieve):
    ended = nanosieve("doctor")
    assert ended.code == 0
    assert "All that is needed is there." in ended.out
    assert "writable: " in ended.out


def test_doctor_says_where_nothing_can_be_written(nanosieve, monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    ended = nanosieve("doctor")
    assert ended.code == 1
    assert "NOT WRITABLE" in ended.out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_the_letters_gets_stand_ins(process, tmp_path, encoding):
    write(tmp_path / "粒子 Å.tif", discs(((32, 32),), shape=(64, 64)))
    (tmp_path / "Ω.tif").touch()
    child = process("segment", tmp_path, "-o", tmp_path / "out", PYTHONIOENCODING=encoding)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 1, err
    assert err.count("\n") == 1
    assert "failed: " in err
    assert r"\u7c92\u5b50" in out


EXPECTED = {
    "08_carbon": "refused",
    "10nm-colloidal-gold-1": "found",
    "16_STOimage_1": "found",
    "Acquisition_18": "found",
    "HAADFscan": "found",
    "JEOL HAADF Image": "found",
    "SiO2 HAADF Image": "found",
    "clumpedAgX": "found",
    "dmTest_3D_int16_64,65,66": "refused",
    "dmTest_float32_nonSquare_diffPixelSize": "refused",
    "latex": "found",
    "olympus_SIS": "found",
    "openncem_temp": "found",
    "qm-02424-01": "found",
    "test_dm_image_um_unit": "found",
    "test_loading_image_saved_with_DM_stack": "refused",
    "test_loading_image_saved_with_imageJ": "found",
    "velox_tem_stack": "empty",
}


def test_the_real_files_in_one_run(nanosieve, shared_data, tmp_path):
    out = tmp_path / "out"
    ended = nanosieve("segment", shared_data / "formats", "-o", out)
    assert ended.code == 1
    summary = pd.read_csv(out / "summary.csv").drop_duplicates("image").set_index("image")
    assert set(summary.index) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        allowed = ("ok", "empty") if expected == "found" else (expected,)
        assert summary.loc[name, "status"] in allowed, name
    refused = [name for name, expected in EXPECTED.items() if expected == "refused"]
    assert len(ended.err.splitlines()) == len(refused) == 4
    for name in refused:
        assert f"{name}." in ended.err
    assert "spectrum" in summary.loc["08_carbon", "message"]


def test_pixels_that_are_not_square_run_with_a_size_or_resampled(nanosieve, shared_data, tmp_path):
    formats = shared_data / "formats"
    flat = formats / "dmTest_float32_nonSquare_diffPixelSize.dm3"
    stack = formats / "dmTest_3D_int16_64,65,66.dm4"
    assert nanosieve("segment", flat, "-o", tmp_path / "a", "--pixel-size", 1).code == 0
    assert nanosieve("segment", flat, "-o", tmp_path / "b", "--resample", 0.5).code == 0
    ended = nanosieve("segment", stack, "-o", tmp_path / "c", "--resample", 1)
    assert ended.code == 1
    assert ended.err.count("\n") == 1
