"""Presets and settings files: found, checked with every fault told, and written back."""

import sys
import tomllib
from importlib import import_module
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import disc_kind
from nanosieve.core.errors import UsageError
from nanosieve.simulation import device, presets
from nanosieve.simulation.device import choose_device


@pytest.fixture(autouse=True)
def _kinds(monkeypatch):
    monkeypatch.setattr(presets, "KINDS", dict(presets.KINDS))
    monkeypatch.setattr(disc_kind, "KINDS", presets.KINDS)
    disc_kind.register()


def write(folder, text, name="gold.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(**values):
    with pytest.raises(UsageError) as caught:
        presets.check({"kind": "discs", **values}, name="a")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_a_preset_named_after_it(tmp_path):
    path = write(tmp_path, "# Some discs\nkind = 'discs'\ndiameter_px = [8, 12]\n", "my gold.toml")
    preset = presets.load(path)
    assert (preset.name, preset.per_structure, preset.counts) == ("my-gold", 1, "images")
    assert presets.text_of(path).startswith("# Some discs")
    again = presets.check(tomllib.loads(preset.dump()), name="b")
    assert again.settings == preset.settings
    assert preset.values["film"] == {"name": "carbon", "thickness_nm": [2.0, 10.0]}


def test_movies_are_counted_as_movies():
    assert presets.check({"kind": "drift"}, name="a").counts == "movies"


def test_all_faults_at_once():
    message = refused(
        sidepx=3, discs=-1, output="int8", film={"thicknes_nm": 2}, diameter_px="big",
        **{"film-grain": 0, "film-grains": 1},
    )  # fmt: skip
    for part in (
        "settings: ",
        "sidepx: no such setting, did you mean side_px?",
        "discs: must be at least 0, got -1",
        "film-grain: must be more than 0, got 0",
        "film-grains: no such setting, did you mean film-grain?",
        "output: give 'uint8', 'uint16' or 'int16', got 'int8'",
        "film.thicknes_nm: no such setting, did you mean thickness_nm?",
        "diameter_px: expected a number, [low, high], {log = [low, high]}",
    ):
        assert part in message


def test_unknown_names_hide_no_other_fault():
    with pytest.raises(UsageError) as caught:
        presets.check(
            {
                "kind": "projected",
                "shape": 512,
                "material": {"Auu": 1, "Unobtainium": 1},
                "particles": {"diameter_nm": 5, "shapes": {"spere": 1}},
                "support": {"kind": {"flt": 1}},
                "modality": {"haadf": {"detector": {"model": "stem"}, "weight": "often"}},
            },
            name="a",
        )
    for part in (
        "shape: give a list in brackets",
        "such as [512, 512], got 512",
        "material: no material 'Auu', did you mean Au?; no material 'Unobtainium'; there are Au",
        "particles.shapes: no shape 'spere', did you mean sphere?",
        "support.kind: no support 'flt', did you mean flat?",
        "modality.haadf.weight: give a number, got 'often'",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"discs": "many"}, "discs: give a whole number, got 'many'"),
        ({"discs": 1.5}, "discs: give a whole number, got 1.5"),
        ({"grain": 1, "film": 3}, "film: give a table of settings, got 3"),
        ({"full": "maybe"}, "full: give true or false, got 'maybe'"),
        ({"fails": ["a", 3]}, "fails.2: give text in quotes, got 3"),
        ({"fails": "a"}, "fails: give a list in brackets, got 'a'"),
    ],
)
def test_faults_are_told_in_plain_words(values, message):
    assert message in refused(**values)


def test_what_is_missing_is_named():
    with pytest.raises(UsageError, match="modality: is missing; give it"):
        presets.check(
            {"kind": "projected", "particles": {}, "support": {"kind": {"flat": 1}}}, name="a"
        )


def test_an_unlike_name_is_told_what_there_is():
    assert "film.x: no such setting; there are name, slope, thickness_nm" in refused(film={"x": 1})


def test_impossible_settings_are_told_before_any_computing():
    assert refused(diameter_px=40) == (
        "settings: discs are larger than half the image; make side_px larger"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a: kind: is missing; give one of crystals, projected, graphene, coarsening"),
        ({"kind": "disks"}, "a: kind: no kind 'disks', did you mean discs?"),
        ({"kind": 3}, "a: kind: no kind 3; there are coarsening, crystals"),
    ],
)
def test_kinds_are_told(values, message):
    with pytest.raises(UsageError) as caught:
        presets.check(values, name="a", where="a")
    assert message in str(caught.value)


def test_unknown_presets_are_told_the_nearest(monkeypatch):
    monkeypatch.setattr(presets, "names", lambda: ["hrtem-au", "hrtem-cdse"])
    with pytest.raises(UsageError, match="no preset 'hrtem-a', did you mean hrtem-au"):
        presets.load("hrtem-a")
    with pytest.raises(UsageError, match="no preset 'x'; there are hrtem-au, hrtem-cdse"):
        presets.load("x")


def test_files_that_are_none(tmp_path):
    with pytest.raises(UsageError, match=r"is no TOML file: .*line 1"):
        presets.load(write(tmp_path, "= 3"))
    with pytest.raises(UsageError, match=r"nowhere\.toml: cannot be read"):
        presets.text_of("nowhere.toml")
    with pytest.raises(UsageError, match=r"gold\.toml: discs: must be at least 0"):
        presets.load(write(tmp_path, "kind = 'discs'\ndiscs = -1"))


def test_a_file_may_be_based_on_another(tmp_path):
    write(tmp_path, "kind = 'discs'\nfilm = { name = 'graded', slope = 2 }\n", "first.toml")
    text = "base = 'first.toml'\nchanges = { 'film.slope' = 3, 'discs' = 2 }\n"
    write(tmp_path, text, "second.toml")
    text = "base = 'second.toml'\n[changes]\nfilm = { thickness_nm = 4 }\n"
    write(tmp_path, text, "third.toml")
    second, third = (presets.load(tmp_path / f"{name}.toml") for name in ("second", "third"))
    assert (second.name, third.name) == ("second", "third")
    assert (second.values["discs"], third.values["discs"]) == (2, 2)
    assert second.values["film"] == {"name": "graded", "slope": 3}
    assert third.values["film"] == {"name": "carbon", "thickness_nm": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base = 3", "stands a section [changes] and nothing else"),
        ("base = 'x.toml'\ndiscs = 1\nkind = 'discs'", "nothing else; put discs, kind there"),
        ("base = 'nowhere.toml'", "nowhere.toml: cannot be read"),
        ("base = 'grafene'", "gold.toml: base: no preset 'grafene', did you mean graphene?"),
        ("base = 'gold.toml'", "gold.toml: base: gold.toml is based on this file"),
        ("base = 'round.toml'", "round.toml: base: gold.toml is based on this file"),
        ("base = 'wrong.toml'\nchanges = { discs = 1 }", "wrong.toml: disks: no such setting"),
        ("base = 'graphene'\nchanges = { 'margin' = 1 }", "margin: no such setting, did you mean"),
        ("base = 'graphene'\nchanges = { 'kind.b' = 1 }", "gold.toml: kind.b: kind is no section"),
    ],
)
def test_faults_of_files_based_on_others(tmp_path, text, message):
    write(tmp_path, "base = 'gold.toml'", "round.toml")
    write(tmp_path, "kind = 'discs'\ndisks = 3", "wrong.toml")
    with pytest.raises(UsageError) as caught:
        presets.load(write(tmp_path, text, "gold.toml"))
    assert message in str(caught.value)


@pytest.fixture
def preset():
    return presets.Preset("a", presets.Kind("m", uses_gpu=True), disc_kind.Settings(kind="discs"))


def test_a_gpu_that_is_not_there_is_told(monkeypatch, preset):
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    assert choose_device("cpu", preset) == "cpu"
    assert choose_device("auto", preset) == "cpu"
    with pytest.raises(UsageError, match=r"--device gpu: .* needs CuPy: pip install .* cpu"):
        choose_device("gpu", preset)
    idle = presets.Preset("a", presets.Kind("m"), preset.settings)
    assert choose_device("auto", idle) == "cpu"
    with pytest.raises(UsageError, match="a is computed on the processor alone; leave --device"):
        choose_device("gpu", idle)


@pytest.mark.parametrize(("count", "chosen"), [(1, "gpu"), (0, "cpu"), (None, "cpu")])
def test_a_gpu_is_taken_where_cupy_finds_one(monkeypatch, preset, count, chosen):
    def devices():
        if count is None:
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device\nis detected")
        return count

    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=devices))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(device, "find_spec", lambda _: object())
    assert choose_device("auto", preset) == chosen
    if chosen == "cpu":
        with pytest.raises(UsageError, match="--device gpu: CuPy finds no GPU"):
            choose_device("gpu", preset)


# Every preset of the package.


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_is_sound(name):
    text = presets.text_of(name)
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines[0].startswith("# ")
    assert 20 < len(presets.description(name)) < 110
    # Somebody shall be able to change it without the reference page at hand.
    assert sum("#" in line for line in lines) >= 6
    preset = presets.load(name)
    assert preset.name == name
    assert preset.per_structure >= 1
    again = presets.check(tomllib.loads(preset.dump()), name=name)
    assert again == preset


def first_image(preset):
    kind = import_module(preset.kind.module)
    rng = np.random.default_rng([7, 0])
    return next(iter(kind.simulate(preset.of_structure(0), name="a_00000", rng=rng)))


@pytest.mark.slow
@pytest.mark.parametrize("name", presets.names())
def test_a_preset_simulates(name):
    """The first image of a structure: named, shaped and told as the folder needs it, twice."""
    preset = presets.load(name)
    first, second = first_image(preset), first_image(preset)
    assert first.name.startswith("a_00000")
    assert first.group == "a_00000"
    assert first.image.ndim == 2
    assert first.image.dtype.name in ("uint8", "uint16", "int16")
    assert first.image.std() > 0
    assert first.pixel_size_nm > 0
    assert first.instances.shape == first.image.shape
    assert set(np.unique(first.instances)) <= {0, *(one.particle for one in first.particles)}
    assert len(first.outlines) in (0, len(first.particles))
    plain = (str, float, int, bool, np.generic)
    assert all(isinstance(value, plain) for value in first.imaging.values())
    np.testing.assert_array_equal(first.image, second.image)
    assert repr(first.particles) == repr(second.particles)
