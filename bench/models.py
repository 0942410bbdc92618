"""The packaged models and `auto`: whole cold processes, and the networks alone beside torch."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import tifffile

from bench.images import drawn
from bench.measure import best, nanosieve, run
from bench.networks import has_torch
from bench.table import Row
from nanosieve.files.dataset import Dataset
from nanosieve.models.load import load_model, packaged, read_card
from recipes.test_sets import known

KINDS = {"lattice": "hrtem/left-out", "graphene": "graphene/sheets"}


def auto_cold(*, quick: bool) -> list[Row]:
    """``nanosieve segment`` with nothing set, a new process each time, on images of each kind."""
    size, repeats = (512, 1) if quick else (2048, 3)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contrast = drawn((size, size), seed=1)
        images: dict[str, tuple[np.ndarray, float]] = {"contrast": (contrast, 0.2)}
        for kind, made in KINDS.items():
            one = known()[made]
            one.make(n=one.load().per_structure)
            sample = Dataset.open(one.folder).samples[0]
            assert sample.pixel_size_nm is not None
            images[kind] = (mirrored(sample.image(), size), sample.pixel_size_nm)
        log, plain = folder / "log", ["segment", folder / "a.tif", "-o", folder / "out"]
        for kind, (image, pixel_size_nm) in images.items():
            tifffile.imwrite(
                folder / "a.tif", image, imagej=True, resolution=(1 / pixel_size_nm,) * 2,
                metadata={"unit": "nm", "axes": "YX"},
            )  # fmt: skip
            seconds = [
                best(partial(run, nanosieve(*plain, "--overwrite", *more), log=log),
                     repeats=repeats)
                for more in ([], ["--method", "hybrid"])
            ]  # fmt: skip
            rows.append(
                Row(what=f"`nanosieve segment`, {kind}, {size}², nothing set, whole process",
                    measured=seconds[0], unit="s", against="`--method hybrid`",
                    reference=seconds[1], goal="≤ 5 s")
            )  # fmt: skip
    return rows


def mirrored(image: np.ndarray, size: int) -> np.ndarray:
    """Continue an image by its mirror image to a square.

    >>> mirrored(np.array([[1, 2], [3, 4]], np.uint8), 3).tolist()
    [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    """
    beyond = [(0, max(size - side, 0)) for side in image.shape]
    return np.pad(image, beyond, mode="symmetric")[:size, :size]


def together(*, quick: bool) -> list[Row]:
    """Each packaged model at all its magnifications, beside torch eager in the same process."""
    if not has_torch():
        return []
    import torch

    from nanosieve.networks.files import load_weights

    size, repeats = (512, 1) if quick else (2048, 3)
    rows = []
    for name, path in packaged().items():
        card, _, _ = read_card(path)
        model, network = load_model(path), load_weights(path.with_suffix(".safetensors"))
        # Enlarged images are for narrow particles of which a network is unsure.
        usual = [scale for scale in card.scales if scale <= 1]
        images = [_noise(int(size * scale) // card.stride * card.stride) for scale in usual]
        ours = sum(best(partial(model.predict, one), repeats=repeats) for one in images)
        with torch.inference_mode():
            given = [torch.from_numpy(one)[None, None] for one in images]
            theirs = sum(
                best(partial(network.probabilities, one), repeats=repeats) for one in given
            )
        scales = ", ".join(f"{scale:g}" for scale in usual)
        rows.append(
            Row(what=f"packaged `{name}` at {scales}, {size}², {model.runner.words}",
                measured=ours, unit="s", against="torch eager float32", reference=theirs,
                goal="≤ 0.6 s with AMX, ≤ 1 s without; ratio ≤ 0.14")
        )  # fmt: skip
    return rows


def _noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)


CASES = {"auto_cold": auto_cold, "packaged_together": together}
