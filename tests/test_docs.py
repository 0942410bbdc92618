"""Documentation that runs: every block of code, every link, every table made from the code."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nanosieve.cli import app
from nanosieve.models.load import PACKAGED
from nanosieve.simulation import presets
from nanosieve.simulation.columns import IMAGING
from nanosieve.simulation.detector.settings import DetectorSettings
from nanosieve.simulation.projected.kind import simulate
from nanosieve.simulation.projected.plain import Drawing, Imaging, draw
from nanosieve.simulation.projected.spheres import scatter
from nanosieve.simulation.wave.transfer import Optics

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
# Installing needs a network; the make targets measure or test for minutes.
REASONS = {"installs", "takes long", "a template"}


@dataclass(frozen=True)
class Block:
    """A fenced block of code on a page."""

    line: int
    language: str
    code: str
    reason: str | None


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, m.start()) + 1, m["language"], m["code"], m["reason"])
        for m in BLOCK.finditer(text)
    ]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _drawing(seed: int, size: int = 160) -> Drawing:
    rng = np.random.default_rng(seed)
    bodies = scatter((size, size), rng.uniform(8, 12, 7), rng=rng)
    return draw(bodies, Imaging("dark", contrast=0.5), rng=rng)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the inputs that the pages speak of."""
    metadata = {"unit": "nm", "axes": "YX"}
    (tmp_path / "micrographs").mkdir()
    for index in (1, 2):
        path = tmp_path / "micrographs" / f"au_{index:02d}.tif"
        image = _drawing(index).image
        tifffile.imwrite(path, image, imagej=True, resolution=(5, 5), metadata=metadata)
    movie = np.stack([_drawing(seed).image for seed in (4, 5, 6, 7)])
    tifffile.imwrite(
        tmp_path / "movie.tif", movie, imagej=True, resolution=(5, 5),
        metadata={"unit": "nm", "axes": "TYX", "finterval": 0.5},
    )  # fmt: skip
    for folder in ("images", "instances"):
        (tmp_path / "labelled" / folder).mkdir(parents=True)
    for seed in (8, 9):
        drawing = _drawing(seed)
        name = f"labelled_{seed}.png"
        Image.fromarray(drawing.image).save(tmp_path / "labelled" / "images" / name)
        truth = Image.fromarray(drawing.labels.astype(np.uint16))
        truth.save(tmp_path / "labelled" / "instances" / name)
    Image.fromarray(_drawing(1).image).save(tmp_path / "photo.png")
    programs = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", programs + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page)], ids=_name)
def test_every_block_runs(page, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    for block in _blocks(page):
        if block.reason or block.language not in RUN:
            continue
        where = f"{_name(page)}:{block.line}"
        commands = _commands(block)
        for arguments in commands:
            monkeypatch.setattr(sys, "argv", arguments)
            assert app._run() == 0, where
        if not commands:
            done = subprocess.run(
                [*RUN[block.language], block.code], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{where}\n{done.stdout}\n{done.stderr}"


def _commands(block: Block) -> list[list[str]]:
    """The arguments of a block that only calls nanosieve and needs no shell; else none.

    They run in this process: starting one for each takes longer than what most of them do.
    """
    lines = [shlex.split(line) for line in block.code.replace("\\\n", " ").splitlines()]
    plain = not set(block.code) & set("$*?|&;<>#'\"`~(")
    ours = plain and block.language == "sh" and all(line[:1] == ["nanosieve"] for line in lines)
    return lines if ours else []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_block_escapes(page):
    for block in _blocks(page):
        assert block.language in {*RUN, "text"}, f"{_name(page)}:{block.line}"
        assert block.reason in {None, *REASONS}, f"{_name(page)}:{block.line}"
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(_blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_target_named_exists(page):
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            assert (page.parent / link).exists(), link


def test_every_page_is_in_the_table_of_contents():
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [
        _name(page)
        for page in (ROOT / "docs").rglob("*.md")
        if page.relative_to(ROOT / "docs").as_posix() not in contents
    ]
    assert missing == []


def test_reference_pages_are_what_the_code_says(monkeypatch):
    monkeypatch.setattr("nanosieve.models.load.PACKAGED", PACKAGED)  # the real ones
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"run: make docs ({path})"


def test_columns_of_imaging_are_described():
    described = {name for names in IMAGING for name in names.split(", ")}
    written = set(Optics(energy_kv=300).parameters())
    for model in ("counting", "scintillator", "stem"):
        detector = DetectorSettings(model=model, output={"jpeg_share": 1, "format": "uint8"})
        drawn = detector.draw(np.random.default_rng(0))
        written |= drawn.parameters(pixel_size_nm=0.1).keys()
    for name in ("bf-supported", "haadf-supported", "horwath-au"):
        values = presets.load(name).values | {"shape": [64, 64]}
        if "median_px" in values:
            values["median_px"] = 10
        settings = presets.check(values, name=name).of_structure(0)
        written |= next(simulate(settings, name="a", rng=np.random.default_rng(0))).imaging.keys()
    assert written <= described


def test_citation_and_changelog_know_the_version():
    import nanosieve

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {nanosieve.__version__}" in citation
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## (Unreleased|{re.escape(nanosieve.__version__)})", changelog, re.M)
