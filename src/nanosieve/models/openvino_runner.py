"""Networks on the processor, through OpenVINO: bf16 where the processor has it."""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal

import numpy as np

from nanosieve.core.errors import UsageError

Precision = Literal["auto", "float32"]

# While one tile runs, the next is cut and the last is labelled.
_REQUESTS = 2
# Compiled for a shape of tile; a folder of images has few.
_SHAPES = 2
# Of one array between two layers; the widest network here needs a tenth of it.
_LARGEST_ARRAY = 1 << 32


class OpenVinoRunner:
    """Run an ONNX model on tiles.

    Parameters
    ----------
    content
        Bytes of the ONNX file, looked through by `nanosieve.models.onnx_file.read_onnx`.
    name
        What errors call it.
    n_channels
        Channels that the output must have.
    precision
        ``auto`` takes bf16 where the processor computes with it; ``float32`` never.

    Raises
    ------
    UsageError
        If OpenVINO cannot read it, or inputs and outputs are not one image and one map each.
    """

    def __init__(
        self, content: bytes, *, name: str, n_channels: int, precision: Precision = "auto"
    ) -> None:
        self._content = content
        self._name = name
        self._n_channels = n_channels
        self.precision = "bf16" if precision == "auto" and has_bf16() else "float32"
        # With the requests that no run is using.
        self._compiled: dict[tuple[int, int], tuple[Any, list[list[Any]]]] = {}
        model = self._read()
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UsageError(
                f"{name}: takes {len(model.inputs)} inputs and gives {len(model.outputs)} outputs; "
                "a model here takes one image and gives one map"
            )

    @property
    def words(self) -> str:
        """What it runs on."""
        return f"OpenVINO, {self.precision}"

    def run(self, tiles: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Run tiles of one shape, two at a time.

        Parameters
        ----------
        tiles
            ``(y, x)`` float32, contiguous.

        Yields
        ------
        numpy.ndarray
            ``(k, y, x)`` float32 in the order of the tiles, valid until the next is asked for.
        """
        waiting: deque[Any] = deque()
        requests: list[Any] = []
        idle: list[list[Any]] = []
        for number, tile in enumerate(tiles):
            if not requests:
                compiled, idle = self._ready((tile.shape[0], tile.shape[1]))
                requests = (
                    idle.pop()
                    if idle
                    else [compiled.create_infer_request() for _ in range(_REQUESTS)]
                )
            request = requests[number % _REQUESTS]
            if len(waiting) == _REQUESTS:
                yield _result(waiting.popleft())
            request.start_async({0: tile[np.newaxis, np.newaxis]})
            waiting.append(request)
        while waiting:
            yield _result(waiting.popleft())
        if requests:
            # Those of a run that was given up are never used again: they may still be at work.
            idle.append(requests)

    def _ready(self, shape: tuple[int, int]) -> tuple[Any, list[list[Any]]]:
        """Compiled model, and the requests of it that wait for work."""
        found = self._compiled.get(shape)
        if found is None:
            while len(self._compiled) >= _SHAPES:
                del self._compiled[next(iter(self._compiled))]
            found = self._compiled[shape] = self._compile(shape), []
        return found

    def _read(self) -> Any:
        try:
            return _core().read_model(self._content, b"")
        except RuntimeError as error:
            raise UsageError(
                f"{self._name}: OpenVINO cannot read it: {_first_line(error)}"
            ) from error

    def _compile(self, shape: tuple[int, int]) -> Any:
        model = self._read()
        try:
            model.reshape([1, 1, *shape])
            self._check_sizes(model, shape)
            return _core().compile_model(model, "CPU", _options(self.precision))
        except RuntimeError as error:
            raise UsageError(
                f"{self._name}: OpenVINO cannot run it on {shape[0]} x {shape[1]} px: "
                f"{_first_line(error)}"
            ) from error

    def _check_sizes(self, model: Any, shape: tuple[int, int]) -> None:
        """Refuse what would give another shape, or fill the memory, before anything is run."""
        given = model.outputs[0].get_partial_shape()
        wanted = [1, self._n_channels, *shape]
        if given.is_dynamic or [int(side.get_length()) for side in given] != wanted:
            raise UsageError(
                f"{self._name}: gives an output of shape {given} for an image of "
                f"{shape[0]} x {shape[1]} px; its card promises {wanted}"
            )
        for layer in model.get_ops():
            for output in layer.outputs():
                if output.get_partial_shape().is_dynamic:
                    continue
                size = int(np.prod(list(output.get_shape()), dtype=object))
                if 4 * size > _LARGEST_ARRAY:
                    raise UsageError(
                        f"{self._name}: needs an array of {size} numbers for an image of "
                        f"{shape[0]} x {shape[1]} px; no network here needs that: not run"
                    )


def has_bf16() -> bool:
    """Tell whether the processor computes with bf16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _result(request: Any) -> np.ndarray:
    request.wait()
    result: np.ndarray = request.get_output_tensor(0).data[0]
    return result


def _options(precision: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "LATENCY",
        # Several processes would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) > 0:
        options["INFERENCE_NUM_THREADS"] = int(threads)
    return options


@cache
def _core() -> Any:
    return _openvino().Core()


def _openvino() -> Any:
    """Import OpenVINO without its telemetry, which would report the import itself."""
    name = "openvino_telemetry"
    if name in sys.modules or "openvino" in sys.modules:
        import openvino

        return openvino
    # None makes the import fail; OpenVINO then takes its own stand-in, which sends nothing.
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        del sys.modules[name]
    return openvino


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
