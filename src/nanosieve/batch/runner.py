"""Many inputs, one after another or in several processes."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from nanosieve.batch.discover import Input
from nanosieve.batch.process import Job, Outcome, give_up, process
from nanosieve.core.errors import UsageError
from nanosieve.core.workers import in_processes
from nanosieve.segmentation.kernels import one_thread


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
    if jobs <= 1 and job.settings.may_have_model and len(inputs) > 1:
        return _overlapping(inputs, job)
    if jobs <= 1:
        return (process(item, job) for item in inputs)
    return in_processes(process, inputs, (job,), jobs=jobs, died=lambda item: _died(item, job))


def _overlapping(inputs: Sequence[Input], job: Job) -> Iterator[Outcome]:
    """Two inputs at a time in threads: one is read or labelled while the network is at the other.

    Outcomes keep the order of the inputs.
    """
    with ThreadPoolExecutor(2, initializer=one_thread) as pool:
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


def _died(item: Input, job: Job) -> Outcome:
    return give_up(
        item,
        job,
        "its process was killed, most likely for want of memory; try it alone, with --jobs 1",
    )
