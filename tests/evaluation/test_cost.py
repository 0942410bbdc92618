"""What a call took: its own memory, not what the process held before."""

import sys

import numpy as np
import pytest

from nanosieve.evaluation.cost import measured


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_memory_is_what_the_call_itself_took():
    held = np.ones(96 << 20, np.uint8)
    total, large = measured(lambda: np.ones(64 << 20, np.uint8).sum())
    assert (total, held.size) == (64 << 20, 96 << 20)
    assert large.memory_mb == pytest.approx(64, abs=16)
    _, nothing = measured(lambda: None)
    assert nothing.memory_mb == pytest.approx(0, abs=4)
