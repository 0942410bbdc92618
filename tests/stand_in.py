"""In place of processing an input: processes that are started find it here by name."""

import os
import time

from nanosieve.batch.discover import Input
from nanosieve.batch.process import Job, Outcome


def stand_in(item: Input, _: Job) -> Outcome:
    """Die, or say how many threads libraries may use."""
    if item.name.startswith("dies"):
        os._exit(9)
    time.sleep(0.1)
    return Outcome(item.name, str(item.path), "ok", os.environ.get("OMP_NUM_THREADS", ""))
