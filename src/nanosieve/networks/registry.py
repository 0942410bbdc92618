"""The networks by name. To add one: write a `Network` with keyword settings, name it here."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import Network
from nanosieve.networks.default import NanosieveNet
from nanosieve.networks.groom import GroomFPN, GroomLinkNet, GroomUNet
from nanosieve.networks.groschner import GroschnerUNet
from nanosieve.networks.horwath import Hourglass, SingleFilter, UNet512, UNet1024, WideFilters
from nanosieve.networks.sadre import SadreUNet
from nanosieve.networks.sytwu import SytwuResUNet

_BUILDERS: dict[str, Callable[..., Network]] = {
    "horwath-hourglass": Hourglass,
    "horwath-unet512": UNet512,
    "horwath-unet1024": UNet1024,
    "horwath-single": SingleFilter,
    "horwath-wide": WideFilters,
    "groschner-unet": GroschnerUNet,
    "sadre-unet": SadreUNet,
    "sytwu-resunet": SytwuResUNet,
    "groom-unet": GroomUNet,
    "groom-fpn": GroomFPN,
    "groom-linknet": GroomLinkNet,
    "groom-unet7": partial(GroomUNet, kernel=7),
    "nanosieve": NanosieveNet,
}
NAMES: tuple[str, ...] = tuple(_BUILDERS)
# Settings that files of weights do not have which are older than they, and what these mean.
ADDED: dict[str, dict[str, Any]] = {"nanosieve": {"first": 2, "blocks": 1}}


def build(name: str, **settings: Any) -> Network:
    """Build a network with fresh weights.

    Parameters
    ----------
    name
        One of `NAMES`.
    **settings
        What differs from the network's defaults; `default_settings` lists them.

    Returns
    -------
    Network
        In training mode, on the CPU (or on the device of the surrounding ``with torch.device``).

    Raises
    ------
    UsageError
        If there is no such network or setting, or a value does not fit.

    Examples
    --------
    >>> network = build("sytwu-resunet", pools=[4, 8])
    >>> network.n_parameters, network.receptive_field, network.settings["blocks"]
    (8074, 200, 2)
    """
    defaults = default_settings(name)
    unknown = sorted(set(settings) - set(defaults))
    if unknown:
        raise UsageError(
            f"{name} has no setting {unknown[0]!r}; it has {', '.join(sorted(defaults))}"
        )
    network = _BUILDERS[name](**settings)
    complete = defaults | settings | network.resolved | {"classes": network.classes}
    network.name = name
    network.settings = {key: _plain(value) for key, value in complete.items()}
    return network


def default_settings(name: str) -> dict[str, Any]:
    """Settings of a network with their defaults; None is filled in when it is built.

    Raises
    ------
    UsageError
        If there is no such network.

    Examples
    --------
    >>> default_settings("horwath-single")
    {'kernel': 9, 'classes': ['support', 'particle']}
    """
    if name not in _BUILDERS:
        raise UsageError(f"no network is called {name!r}; choose {', '.join(NAMES)}")
    parameters = inspect.signature(_BUILDERS[name]).parameters.values()
    return {parameter.name: _plain(parameter.default) for parameter in parameters}


def _plain(value: Any) -> Any:
    """Return settings as JSON and TOML know them: lists, no tuples."""
    return list(value) if isinstance(value, tuple) else value
