"""What is measured: each case takes ``quick`` and gives rows."""

import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from skimage.morphology import reconstruction

from bench import bragg_speed, models, networks
from bench.images import drawn, save
from bench.measure import best, nanosieve, run
from bench.table import Row
from nanosieve.segmentation.segment import segment

ROOT = Path(__file__).resolve().parent.parent


def startup(*, quick: bool) -> list[Row]:
    """``nanosieve --help`` and ``import nanosieve`` over bare Python."""
    repeats = 3 if quick else 9
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        bare = best(lambda: run([sys.executable, "-c", "pass"], log=log), repeats=repeats)
        imported = best(
            lambda: run([sys.executable, "-c", "import nanosieve"], log=log), repeats=repeats
        )
        helped = best(lambda: run(nanosieve("--help"), log=log), repeats=repeats)
    return [
        Row(what="`nanosieve --help`", measured=helped, unit="s", against="bare Python",
            reference=bare, goal="≤ 0.5 s"),
        Row(what="`import nanosieve`", measured=imported, unit="s", against="bare Python",
            reference=bare, goal="≤ 0.15 s over bare Python"),
    ]  # fmt: skip


def one_image(*, quick: bool) -> list[Row]:
    """Whole process on one 2048² image, and the method's share of it."""
    size = 1024 if quick else 2048
    image = drawn((size, size), seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / "image.tif", image)
        command = nanosieve(
            "segment", path, "-o", Path(folder) / "out", "--method", "hybrid", "--overwrite"
        )
        log = Path(folder) / "log"
        whole = best(lambda: run(command, log=log), repeats=1 if quick else 3)
    method = best(lambda: segment(image, method="hybrid"), repeats=1 if quick else 3)
    return [
        Row(what=f"`nanosieve segment`, one {size}² 16-bit TIFF, whole process", measured=whole,
            unit="s", against="the method alone", reference=method, goal="≤ 4 s"),
        Row(what=f"`hybrid` alone, {size}²", measured=method, unit="s",
            against="whole process", reference=whole, goal="≤ 1 s"),
    ]  # fmt: skip


def _scikit_steps(image: np.ndarray) -> np.ndarray:
    """The two reconstructions of the pseudo-label recipe by scikit-image, on a smoothed image."""
    seed = image.copy()
    seed[1:-1, 1:-1] = image.min()
    lowered = reconstruction(seed, image, method="dilation")
    seed = lowered.copy()
    seed[1:-1, 1:-1] = lowered.max()
    return reconstruction(seed, lowered, method="erosion")


def reconstruction_steps(*, quick: bool) -> list[Row]:
    """`reconstruction` against scikit-image's reconstruction steps."""
    shape = (896, 960) if quick else (1792, 1920)
    image = drawn(shape, seed=2)
    smooth = image.astype(np.float32)
    repeats = 1 if quick else 2
    theirs = best(lambda: _scikit_steps(smooth), repeats=repeats)
    ours = best(lambda: segment(image, method="reconstruction"), repeats=repeats)
    return [
        Row(what=f"`reconstruction`, all of it, {shape[0]}×{shape[1]}", measured=ours, unit="s",
            against="scikit-image's two reconstructions alone", reference=theirs,
            goal="ratio ≤ 0.33")
    ]  # fmt: skip


def folder_of_images(*, quick: bool) -> list[Row]:
    """A folder of 200 images of 1024², one process and two."""
    number, size = (12, 512) if quick else (200, 1024)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        originals = [drawn((size, size), seed=seed) for seed in range(4)]
        for index in range(number):
            # Shifted copies: every input has its own content hash.
            image = np.roll(originals[index % 4], 7 * (index // 4), axis=1)
            save(folder / "images" / f"image_{index:03d}.tif", image)
        seconds = {}
        for jobs in (1, 2):
            command = nanosieve(
                "segment", folder / "images", "-o", folder / f"out{jobs}",
                "--method", "hybrid", "--jobs", str(jobs),
            )  # fmt: skip
            seconds[jobs] = run(command, log=folder / "log").seconds / number
    return [
        Row(what=f"folder of {number} images of {size}², `--jobs 2`, per image",
            measured=seconds[2], unit="s", against="`--jobs 1`", reference=seconds[1],
            goal="both cores busy"),
    ]  # fmt: skip


def huge(*, quick: bool) -> list[Row]:
    """Peak memory on a 16384² image, labelling and measuring included."""
    size, tile = (4096, 2048) if quick else (16384, 2048)
    image = np.tile(drawn((tile, tile), seed=3), (size // tile, size // tile))
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / "huge.tif", image)
        del image
        command = nanosieve("segment", path, "-o", Path(folder) / "out", "--method", "hybrid")
        cost = run(command, log=Path(folder) / "log")
        file_mb = path.stat().st_size / 2**20
    return [
        Row(what=f"peak memory, one {size}² 16-bit TIFF", measured=cost.peak_mb, unit="MB",
            against="the file", reference=file_mb, goal="≤ 6 GB at 16384²"),
        Row(what=f"time, one {size}² 16-bit TIFF", measured=cost.seconds, unit="s", against="",
            reference=None, goal=""),
    ]  # fmt: skip


def environment(*, quick: bool) -> list[Row]:
    """Size of the core environment and the time to install it."""
    del quick
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "venv"
        start = time.perf_counter()
        venv.create(where, with_pip=True)
        python = where / "bin" / "python"
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt",
             ROOT],
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        used = subprocess.run(
            [shutil.which("du") or "du", "-sm", where], check=True, capture_output=True, text=True
        )
    return [
        Row(what="core environment, on disk", measured=float(used.stdout.split()[0]), unit="MB",
            against="", reference=None, goal="< 900 MB"),
        Row(what="`pip install .` into a new environment", measured=seconds, unit="s",
            against="", reference=None, goal="stated"),
    ]  # fmt: skip


CASES: dict[str, Callable[..., list[Row]]] = {
    "startup": startup,
    "one_image": one_image,
    "reconstruction": reconstruction_steps,
    "folder": folder_of_images,
    "huge": huge,
    "environment": environment,
    **networks.CASES,
    **models.CASES,
    **bragg_speed.CASES,
}
