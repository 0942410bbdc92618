"""Many inputs, one after another or in several processes."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process

from nanosieve.batch.discover import Input
from nanosieve.batch.process import Job, Outcome, give_up, process
from nanosieve.core.errors import UsageError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(inputs: Sequence[Input], job: Job, *, jobs: int = 1) -> Iterator[Outcome]:
    """Process inputs; yield what came of each as it is done.

    One process by default, in which a failure is easiest to see. With more, each gets its share
    of the cores, and a process that dies (killed for memory, say) fails the inputs that it was
    at; the others are done.

    Parameters
    ----------
    inputs
        What to process.
    job
        What is the same for all of them.
    jobs
        Number of processes.

    Raises
    ------
    UsageError
        If ``jobs`` is not positive.
    """
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}")
    jobs = min(jobs, len(inputs))
    if jobs <= 1 and job.settings.has_model and len(inputs) > 1:
        return _overlapping(inputs, job)
    if jobs <= 1:
        return (process(item, job) for item in inputs)
    return _in_processes(inputs, job, jobs)


def _overlapping(inputs: Sequence[Input], job: Job) -> Iterator[Outcome]:
    """Two inputs at a time in threads: one is read or labelled while the network is at the other.

    Outcomes keep the order of the inputs.
    """
    with ThreadPoolExecutor(2) as pool:
        running: deque[Future[Outcome]] = deque()
        try:
            for item in inputs:
                running.append(pool.submit(process, item, job))
                if len(running) == 2:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BaseException:
            # Ctrl-C: what has not begun does not begin; what has is finished and stays.
            for future in running:
                future.cancel()
            raise


def _in_processes(inputs: Sequence[Input], job: Job, jobs: int) -> Iterator[Outcome]:
    left = list(inputs)
    while left:
        running: dict[Future[Outcome], Input] = {}
        with worker_pool(jobs) as pool:
            try:
                yield from _drained(pool, left, running, job, jobs)
            except BrokenProcessPool:
                pass
            except BaseException:
                # Ctrl-C, or the caller has had enough: no process goes on alone.
                for child in active_children():
                    child.terminate()
                raise
        # Any of these can have been the one that died: each has another try, alone.
        for item in running.values():
            yield from _alone(item, job)


def _drained(
    pool: ProcessPoolExecutor,
    left: list[Input],
    running: dict[Future[Outcome], Input],
    job: Job,
    jobs: int,
) -> Iterator[Outcome]:
    """Hand out inputs, only as many as there are processes, so that what runs is known."""
    while left or running:
        while left and len(running) < jobs:
            future = pool.submit(process, left[0], job)
            running[future] = left.pop(0)
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            outcome = future.result()
            del running[future]
            yield outcome


def _alone(item: Input, job: Job) -> Iterator[Outcome]:
    with worker_pool(1) as pool:
        try:
            yield pool.submit(process, item, job).result()
        except BrokenProcessPool:
            yield _died(item, job)


def _died(item: Input, job: Job) -> Outcome:
    return give_up(
        item,
        job,
        "its process was killed, most likely for want of memory; try it alone, with --jobs 1",
    )


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that share the cores, leave Ctrl-C to their parent, and end when it does."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    before = {name: os.environ.get(name) for name in _THREADS}
    # Libraries read these when they are loaded, which in a spawned process is after this.
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        with ProcessPoolExecutor(
            jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(threads,)
        ) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start(threads: int) -> None:
    import diplib

    diplib.SetNumberOfThreads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot stop its processes: they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
