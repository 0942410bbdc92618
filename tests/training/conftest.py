"""What the tests of training share."""

import gc
import socket

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def quick() -> None:
    """Threads for tiles of 16 x 16 cost more than they bring; so does looking for garbage."""
    torch.set_num_threads(1)
    # After each training memory is collected: half a second with all that torch has loaded.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    gc.freeze()


@pytest.fixture
def unused_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
