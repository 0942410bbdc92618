"""Settings of the tests that run small networks."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Threads for images of 160 x 176 cost more than they bring."""
    torch.set_num_threads(1)
