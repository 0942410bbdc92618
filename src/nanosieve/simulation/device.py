"""Where waves are computed: the processor, or a GPU through CuPy."""

from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Device
from nanosieve.simulation.presets import Preset


def choose_device(device: Device, preset: Preset) -> Literal["cpu", "gpu"]:
    """Choose where to compute.

    Parameters
    ----------
    device
        ``auto`` takes a GPU where the preset can use one and one is there.
    preset
        What is to be simulated.

    Raises
    ------
    UsageError
        If a GPU is asked for and none can be used.
    """
    if device == "cpu" or (device == "auto" and not preset.kind.uses_gpu):
        return "cpu"
    if not preset.kind.uses_gpu:
        raise UsageError(f"{preset.name} is computed on the processor alone; leave --device out")
    missing = _missing()
    if not missing:
        return "gpu"
    if device == "gpu":
        raise UsageError(f"--device gpu: {missing}; or give --device cpu")
    return "cpu"


def _missing() -> str:
    """Say what a GPU run wants; nothing where all is there."""
    if find_spec("cupy") is None:
        return "simulation on a GPU needs CuPy: pip install cupy-cuda12x"
    try:
        # CuPy raises errors of its own where there is no driver.
        count = import_module("cupy").cuda.runtime.getDeviceCount()
    except Exception as error:
        return f"CuPy finds no GPU: {str(error).splitlines()[0] or type(error).__name__}"
    return "" if count else "CuPy finds no GPU"
