"""Every network, small, with settled statistics: what the shared tests run on."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

from nanosieve.networks import Network, build

SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "horwath-hourglass": ("horwath-hourglass", {}),
    "horwath-unet512": ("horwath-unet512", {}),
    "horwath-unet512 paper": ("horwath-unet512", {"paper_exact": True}),
    "horwath-unet1024": ("horwath-unet1024", {}),
    "horwath-unet1024 two_conv paper": (
        "horwath-unet1024",
        {"norm": False, "two_conv": True, "activation": "relu", "paper_exact": True},
    ),
    "horwath-unet1024 7x7": ("horwath-unet1024", {"kernel": 7}),
    "horwath-single": ("horwath-single", {}),
    "horwath-single 3 classes": ("horwath-single", {"kernel": 7, "classes": ["a", "b", "c"]}),
    "horwath-wide": ("horwath-wide", {}),
    "horwath-wide norm": ("horwath-wide", {"norm": True, "activation": "relu"}),
    "groschner-unet": ("groschner-unet", {}),
    "groschner-unet paper": ("groschner-unet", {"paper_exact": True, "output": "sigmoid"}),
    "sadre-unet": ("sadre-unet", {"blocks": 5, "width": 4}),
    "sadre-unet paper": ("sadre-unet", {"width": 2, "paper_exact": True}),
    "sytwu-resunet": ("sytwu-resunet", {}),
    "sytwu-resunet pools": ("sytwu-resunet", {"pools": [4, 8], "dilation": 2}),
    "sytwu-resunet 4": ("sytwu-resunet", {"blocks": 4, "width": 2}),
    "groom-unet": ("groom-unet", {"width": 4, "pretrained": False}),
    "groom-fpn": ("groom-fpn", {"width": 4, "pretrained": False}),
    "groom-linknet": ("groom-linknet", {"width": 4, "pretrained": False}),
    "groom-unet7": ("groom-unet7", {"width": 4, "pretrained": False}),
    "nanosieve": ("nanosieve", {"width": 8, "levels": 3}),
    "nanosieve sub-pixels": ("nanosieve", {"width": 4, "levels": 1, "detail": 0}),
    "nanosieve quarter": ("nanosieve", {"width": 6, "levels": 2, "first": 4, "blocks": 2}),
    "nanosieve blur": ("nanosieve", {"width": 8, "levels": 4, "widest": 12, "pool": "blur"}),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Nets this small lose more by waiting for threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def _settled(case: str) -> Network:
    name, settings = SMALL[case]
    torch.manual_seed(7)
    network = build(name, **settings)
    side = 2 * network.stride
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 1, side, side))
    return network.eval()


@pytest.fixture(params=SMALL)
def network(request: pytest.FixtureRequest) -> Network:
    """A small network in evaluation mode whose batch norm has seen some noise."""
    settled = copy.deepcopy(_settled(request.param))
    torch.manual_seed(8)
    return settled


@pytest.fixture
def small() -> dict[str, tuple[str, dict[str, Any]]]:
    """The networks that `network` runs through, by a word for each."""
    return SMALL
