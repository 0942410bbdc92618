"""Processes that work side by side: they share the cores, obey Ctrl-C and may die."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def in_processes(
    work: Callable[..., Result],
    items: Sequence[Item],
    shared: tuple[Any, ...] = (),
    *,
    jobs: int,
    died: Callable[[Item], Result],
    threads: int | None = None,
) -> Iterator[Result]:
    """Yield ``work(item, *shared)`` of each item as it is done, each in one of several processes.

    A process that dies (killed for memory, say) takes those beside it along; what they were at is
    tried again, each item alone. Whoever stops asking, Ctrl-C included, ends all processes.

    Parameters
    ----------
    work
        Found by its name in the processes, which are started anew and inherit nothing.
    items, shared
        What it is called with; pickled.
    jobs
        Number of processes.
    died
        What to yield for an item whose process died.
    threads
        Of numerical libraries in each process; by default its share of the cores.
    """
    left = list(items)
    while left:
        running: dict[Future[Result], Item] = {}
        with worker_pool(jobs, threads=threads) as pool:
            try:
                yield from _drained(pool, left, running, (work, shared), jobs)
            except BrokenProcessPool:
                pass
            except BaseException:
                # Ctrl-C, or the caller has had enough: no process goes on alone.
                for child in active_children():
                    child.terminate()
                raise
        # Any of these can have been the one that died: each has another try, alone.
        for item in running.values():
            with worker_pool(1, threads=threads) as pool:
                try:
                    yield pool.submit(work, item, *shared).result()
                except BrokenProcessPool:
                    yield died(item)


def _drained(
    pool: ProcessPoolExecutor,
    left: list[Item],
    running: dict[Future[Result], Item],
    call: tuple[Callable[..., Result], tuple[Any, ...]],
    jobs: int,
) -> Iterator[Result]:
    """Hand out items, only as many as there are processes, so that what runs is known."""
    work, shared = call
    while left or running:
        while left and len(running) < jobs:
            future = pool.submit(work, left[0], *shared)
            running[future] = left.pop(0)
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            result = future.result()
            del running[future]
            yield result


@contextmanager
def worker_pool(jobs: int, *, threads: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Processes that share the cores, leave Ctrl-C to their parent, and end when it does.

    Parameters
    ----------
    jobs
        Number of processes.
    threads
        Of numerical libraries in each process; by default its share of the cores.
    """
    threads = threads or max(1, (os.cpu_count() or 1) // jobs)
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
