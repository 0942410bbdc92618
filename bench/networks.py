"""Networks: OpenVINO beside torch on the same weights, the default beside a paper's, and memory.

The weights are drawn at random, which costs the same; masks are compared with packaged models only.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bench.images import drawn, save
from bench.measure import best, nanosieve, run
from bench.table import Row
from nanosieve._version import __version__
from nanosieve.models.card import CARD_KEY, ModelCard
from nanosieve.models.load import Model, Precision, load_model, packaged
from nanosieve.prepare.network_input import InputSpec, network_input

DEFAULT, PAPER = "nanosieve", "horwath-unet1024"


def has_torch() -> bool:
    """Whether torch is installed; says so if not."""
    if find_spec("torch") is None:
        print('needs torch: pip install "nanosieve[train]"', file=sys.stderr)
        return False
    return True


def _export(name: str, path: Path) -> Path:
    """Write a network with random weights as a model."""
    import torch

    from nanosieve.networks import build
    from nanosieve.networks.export import export_onnx

    torch.manual_seed(0)
    network = build(name).eval()
    card = ModelCard(
        name=name, version=__version__, network=network.name, settings=network.settings,
        classes=network.classes, activation=network.activation, foreground=("particle",),
        core="core" if "core" in network.classes else None, polarity="dark", input=InputSpec(),
        receptive_field_px=network.receptive_field, reach_px=network.reach, stride=network.stride,
        tile_exact=network.tile_exact, threshold=0.5, n_parameters=network.n_parameters,
        licence="none: random weights",
    )  # fmt: skip
    export_onnx(network, path, metadata={CARD_KEY: card.to_json()})
    return path


def _eager(name: str, image: np.ndarray, repeats: int) -> float:
    import torch

    from nanosieve.networks import build

    network = build(name).eval()
    given = torch.from_numpy(image)[None, None]
    with torch.inference_mode():
        return best(lambda: network.probabilities(given), repeats=repeats)


def _seconds(model: Model, image: np.ndarray, repeats: int) -> float:
    return best(lambda: model.predict(image), repeats=repeats)


def speed(*, quick: bool) -> list[Row]:
    """OpenVINO against torch eager float32, same network, one frame."""
    if not has_torch():
        return []
    rows = []
    precisions: tuple[Precision, ...] = ("auto", "float32")
    repeats = 2 if quick else 5
    with tempfile.TemporaryDirectory() as folder:
        for name in (PAPER, DEFAULT):
            path = _export(name, Path(folder) / f"{name}.onnx")
            for size in (512,) if quick else (1024, 2048):
                image = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
                eager = _eager(name, image, repeats)
                for precision in precisions:
                    model = load_model(path, precision=precision)
                    rows.append(
                        Row(what=f"`{name}`, {size}², {model.runner.words}",
                            measured=_seconds(model, image, repeats), unit="s",
                            against="torch eager float32", reference=eager,
                            goal="ratio ≤ 0.2" if precision == "auto" else "")
                    )  # fmt: skip
    return rows


def default_cost(*, quick: bool) -> list[Row]:
    """The default network against `horwath-unet1024`, same path, 1024²."""
    if not has_torch():
        return []
    size, repeats = (512, 2) if quick else (1024, 10)
    image = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (
            _seconds(load_model(_export(name, Path(folder) / f"{name}.onnx")), image, repeats)
            for name in (DEFAULT, PAPER)
        )
    return [
        Row(what=f"`{DEFAULT}`, {size}²", measured=1e3 * ours, unit="ms", against=f"`{PAPER}`",
            reference=1e3 * theirs, goal="ratio ≤ 1.5; ≤ 60 ms with AMX, ≤ 120 ms without")
    ]  # fmt: skip


def half_precision(*, quick: bool) -> list[Row]:
    """Masks of packaged models in half precision against float32."""
    size = 512 if quick else 2048
    image = network_input(drawn((size, size), seed=5), InputSpec(), polarity="dark")
    rows = []
    for name in packaged():
        exact, usual = (load_model(name, precision=each) for each in ("float32", "auto"))
        channel = exact.card.channels.index(exact.card.foreground[0])
        a, b = (model.predict(image)[channel] >= model.card.threshold for model in (exact, usual))
        dice = 2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1)
        rows.append(
            Row(what=f"packaged `{name}`, {size}²: Dice of {usual.runner.words} with float32",
                measured=float(dice), unit="", against="", reference=None, goal="≥ 0.999")
        )  # fmt: skip
    return rows


def memory(*, quick: bool) -> list[Row]:
    """Peak memory of a whole run with the default network on an 8192² image."""
    if not has_torch():
        return []
    size, tile = (2048, 1024) if quick else (8192, 2048)
    image = np.tile(drawn((tile, tile), seed=3), (size // tile, size // tile))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = save(folder / "large.tif", image)
        del image
        rows = []
        known = packaged()
        for network in (DEFAULT, PAPER):
            model = known.get(network) or _export(network, folder / f"{network}.onnx")
            command = nanosieve("segment", path, "-o", folder / network, "--method", model)
            cost = run(command, log=folder / "log")
            rows.append(
                Row(what=f"peak memory, `{network}`, one {size}² 16-bit TIFF, whole process",
                    measured=cost.peak_mb, unit="MB", against="the file",
                    reference=path.stat().st_size / 2**20, goal="≤ 3 GB at 8192²")
            )  # fmt: skip
    return rows


CASES = {
    "network_speed": speed,
    "network_default": default_cost,
    "network_half_precision": half_precision,
    "network_memory": memory,
}
