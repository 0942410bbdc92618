"""Models by name or file: found, looked through, loaded once a process, and run on any image."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from nanosieve.core.errors import FailedInput, UsageError, install
from nanosieve.core.settings import Device
from nanosieve.models.card import CARD_KEY, ModelCard, parse_card
from nanosieve.models.check import CHECK_KEY, Check, parse_check
from nanosieve.models.onnx_file import OnnxFile, read_onnx
from nanosieve.models.tiler import WHOLE_PIXELS, Tile, cut, halo_of, side_of, tiles

Precision = Literal["auto", "float32"]
Core = tuple[slice, slice]

PACKAGED = Path(__file__).parent / "packaged"
SUFFIX = ".onnx"
# Of a network that cannot be tiled; 16 feature maps of it take 1 GB.
LARGEST_WHOLE = 4096**2
_MODELS = 4
# Of probabilities: half precision stays far below, another training does not.
_FAR = 0.1


class Runner(Protocol):
    """Runs ``(y, x)`` float32 tiles of one shape; gives ``(k, y, x)`` float32 in their order."""

    precision: str

    @property
    def words(self) -> str: ...
    def run(self, tiles: Iterator[np.ndarray]) -> Iterator[np.ndarray]: ...


@dataclass(frozen=True)
class Model:
    """A model ready to run.

    Parameters
    ----------
    path
        Its file.
    card
        What it is and wants.
    digest
        Content hash of the file.
    runner
        What runs it.
    """

    path: Path
    card: ModelCard
    digest: str
    runner: Runner

    def stream(self, image: np.ndarray) -> Iterator[tuple[Core, np.ndarray]]:
        """Run on an image of any size, part by part, while the caller works on the last part.

        Parameters
        ----------
        image
            ``(y, x)`` float32 of `nanosieve.prepare.network_input.network_input`.

        Yields
        ------
        core
            Rows and columns of the part.
        probability
            ``(k, y, x)`` float32 of the part, valid until the next is asked for.

        Raises
        ------
        UsageError
            If the model does not keep what its card promises.
        FailedInput
            If the image is too large for a model that must see it whole.
        """
        layout = self._layout((image.shape[0], image.shape[1]))
        parts = self.runner.run(cut(image, tile) for tile in layout)
        for tile, part in zip(layout, parts, strict=True):
            yield tile.core, part[(slice(None), *tile.inner)]

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Run on an image of any size; ``(k, y, x)`` float32, errors as in `stream`."""
        result = np.empty((len(self.card.channels), *image.shape), np.float32)
        for core, part in self.stream(image):
            result[(slice(None), *core)] = part
        return result

    def _layout(self, shape: tuple[int, int]) -> list[Tile]:
        card = self.card
        if not card.tile_exact:
            if shape[0] * shape[1] > LARGEST_WHOLE:
                raise FailedInput(
                    f"{self.path.name} must see an image whole, and {shape[0]} x {shape[1]} px "
                    f"are more than {LARGEST_WHOLE} px; use another model, or --resample"
                )
            return tiles(shape, halo=0, stride=card.stride, side=None)
        if shape[0] * shape[1] <= WHOLE_PIXELS:
            return tiles(shape, halo=0, stride=card.stride, side=None)
        halo = halo_of(card.receptive_field_px, card.stride, card.reach_px)
        return tiles(shape, halo=halo, stride=card.stride, side=side_of(halo, card.stride))


def packaged() -> dict[str, Path]:
    """Models that come with nanosieve, by name."""
    return {path.stem: path for path in sorted(PACKAGED.glob(f"*{SUFFIX}"))}


def is_model(name: str) -> bool:
    """Whether a method's name is that of a packaged model, or looks like a model's file."""
    return name.lower().endswith(SUFFIX) or name in packaged()


def find_model(name: str) -> Path:
    """Find a model's file.

    Parameters
    ----------
    name
        Of a packaged model, or the path of an ``.onnx`` file.

    Raises
    ------
    UsageError
        If there is none.
    """
    known = packaged()
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix.lower() != SUFFIX:
        models = f"packaged are {', '.join(known)}" if known else "no model is packaged"
        raise UsageError(
            f"no model is called {name!r}: {models}; or give a file that ends in .onnx"
        )
    if not path.is_file():
        raise UsageError(f"{name}: no such file; nanosieve train writes model.onnx")
    return path


def read_card(path: Path) -> tuple[ModelCard, Check | None, OnnxFile]:
    """Look through a model file, without running it.

    Returns
    -------
    card, check, file
        Its card, its test image (``None`` where it has none), and the file itself.

    Raises
    ------
    UsageError
        If it is not to be trusted, or has no card that this version understands.
    """
    file = read_onnx(path)
    card = parse_card(file.metadata.get(CARD_KEY), str(path))
    text = file.metadata.get(CHECK_KEY)
    if text is None:
        return card, None, file
    return card, parse_check(text, str(path), n_channels=len(card.channels)), file


def packaged_digests() -> dict[str, str]:
    """Content hashes of the models that come with nanosieve, by name."""
    return {name: _digest(path, *_state(path)) for name, path in packaged().items()}


@lru_cache(maxsize=_MODELS)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    return read_card(path)[2].digest


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file does."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def load_model(path: str | Path, *, device: Device = "cpu", precision: Precision = "auto") -> Model:
    """Load a model.

    Parameters
    ----------
    path
        Packaged name, or path of an ``.onnx`` file.
    device
        ``cpu``, ``gpu``, or ``auto``: a GPU where torch finds one and the weights lie beside.
    precision
        ``auto`` computes in half precision where the device has it; ``float32`` never does.

    Raises
    ------
    UsageError
        If there is no such model, it is not to be trusted, there is no GPU where one is asked for,
        or the weights beside it are not those of the model.
    """
    found = find_model(str(path))
    card, check, file = read_card(found)
    gpu = _gpu(found, device)
    model = Model(found, card, file.digest, _runner(found, card, file, gpu, precision))
    if gpu is not None and check is not None:
        _check_weights(model, check)
    return model


def shared_model(name: str, *, device: Device = "cpu", precision: Precision = "auto") -> Model:
    """As `load_model`, but loaded once a process as long as the file stays as it is."""
    path = find_model(name).resolve()
    return _shared(path, device, precision, _state(path))


@lru_cache(maxsize=_MODELS)
def _shared(path: Path, device: Device, precision: Precision, _: tuple[int, int]) -> Model:
    return load_model(path, device=device, precision=precision)


def _runner(
    path: Path, card: ModelCard, file: OnnxFile, gpu: str | None, precision: Precision
) -> Runner:
    if gpu is not None:
        from nanosieve.models.torch_runner import TorchRunner

        return TorchRunner(path, card, device=gpu, precision=precision)
    from nanosieve.models.openvino_runner import OpenVinoRunner

    return OpenVinoRunner(
        file.content, name=str(path), n_channels=len(card.channels), precision=precision
    )


def _check_weights(model: Model, check: Check) -> None:
    """Refuse weights of another training, which fit the card as well."""
    off = float(np.abs(model.predict(check.image) - check.output).max())
    if not off <= _FAR:
        raise UsageError(
            f"{model.path.with_suffix('.safetensors')}: on the test image its probabilities are "
            f"{off:.2g} from those of {model.path.name}; copy the two files of one training"
        )


def _gpu(path: Path, device: Device) -> str | None:
    """Torch's device where the GPU is to be used."""
    if device == "cpu":
        return None
    if device == "auto" and (
        # Importing torch takes seconds: only where there can be a GPU for it.
        shutil.which("nvidia-smi") is None or not path.with_suffix(".safetensors").is_file()
    ):
        return None
    from nanosieve.models.torch_runner import find_gpu

    found = find_gpu()
    if found is None and device == "gpu":
        raise UsageError(
            f"--device gpu: torch finds no GPU; it needs one and {install('train')}; use --device "
            "cpu, or auto"
        )
    return found
