"""Promises about the whole: what an import loads, sizes of functions and files, no network."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile

from nanosieve.core import settings
from nanosieve.segmentation import methods
from nanosieve.simulation.samples import sample

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for folder in ("src", "tests", "bench") for path in (ROOT / folder).rglob("*.py")
)
HEAVY = ("torch", "matplotlib", "openvino", "pandas", "skimage", "diplib", "scipy", "numpy")

LOADED = """
import json, sys
{action}
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""

BLOCKED = """
import os, sys

NETWORK = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
           "socket.gethostbyname", "socket.bind"}

def refuse(event, arguments):
    if event in NETWORK:
        sys.stderr.write(f"{event} {arguments}")
        sys.stderr.flush()
        os._exit(97)  # an exception could be caught on its way

sys.addaudithook(refuse)
{action}
"""


def _loaded(action: str) -> list[str]:
    code = LOADED.format(action=action, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_import_loads_nothing_heavy():
    assert _loaded("import nanosieve") == []


def test_the_measure_of_what_is_loaded_can_see_something():
    assert _loaded("import nanosieve, pandas; nanosieve.Micrograph") == ["pandas", "numpy"]


def test_help_loads_nothing_heavy():
    action = """
import contextlib, io
from nanosieve.cli import main
sys.argv = ["nanosieve", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
    assert _loaded(action) == []


def test_every_public_name_resolves():
    code = (
        "import nanosieve; print([getattr(nanosieve, name) is None for name in nanosieve.__all__])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "True" not in done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pieces_are_small(path):
    """Files up to 500 lines, functions up to 60 besides their docstring."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    long = [
        f"{node.name}: {lines} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := _lines_without_docstring(node)) > 60
    ]
    assert long == []


def _lines_without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    doc = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def _run_blocked(action: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.replace("{action}", action)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_settings_know_every_method():
    assert set(settings.METHODS) == {"auto", *methods.METHODS, methods.BRAGG}


def test_segment_uses_no_network(tmp_path):
    tifffile.imwrite(tmp_path / "small.tif", sample("small_bright").micrograph.frames[0])
    action = "from nanosieve.cli import main; sys.exit(main())"
    done = _run_blocked(action, "segment", "small.tif", "-o", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "particles.csv").exists()


def test_a_model_uses_no_network(tmp_path):
    tifffile.imwrite(tmp_path / "small.tif", sample("small_bright").micrograph.frames[0])
    action = "from nanosieve.cli import main; sys.exit(main())"
    model = str(ROOT / "tests" / "models" / "data" / "discs_v1.onnx")
    arguments = ("segment", "small.tif", "-o", "out", "--method", model)
    done = _run_blocked(action, *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "particles.csv").exists()


def test_the_block_on_the_network_holds(tmp_path):
    action = "import socket; socket.getaddrinfo('localhost', 80)"
    done = _run_blocked(action, folder=tmp_path)
    assert done.returncode == 97
    assert "socket.getaddrinfo" in done.stderr
