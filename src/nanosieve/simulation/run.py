"""Simulate a preset into a data-set folder: structure by structure, in one or more processes."""

import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nanosieve.core.errors import NanosieveError, OutputError, UsageError
from nanosieve.core.settings import Device
from nanosieve.core.workers import in_processes
from nanosieve.simulation.device import choose_device
from nanosieve.simulation.extra import need_extra
from nanosieve.simulation.folder import write_movie, write_simulated
from nanosieve.simulation.presets import Preset, load
from nanosieve.simulation.records import SimulationFolder
from nanosieve.simulation.simulated import Simulated


@dataclass(frozen=True)
class Outcome:
    """What came of one structure.

    Parameters
    ----------
    name
        Of the structure.
    images
        How many images were made.
    message
        Why it failed; blank if it did not.
    trace
        Where it failed.
    """

    name: str
    images: int = 0
    message: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Parameters
    ----------
    done, wanted
        Images (frames of movies) that are complete, of all that are wanted.
    made
        Of those, the ones that this run has made.
    outcome
        Of the structure that has just ended; ``None`` before the first.
    """

    done: int
    wanted: int
    made: int = 0
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Made:
    """What a run leaves.

    Parameters
    ----------
    folder
        The data set.
    images
        Images in it.
    made
        Images that this run has made; the others were there.
    failed
        Structures that could not be made.
    empty
        Images in it that show no particle; none where pixels have classes.
    classes
        Names of the classes 0, 1, ... where there are more than support and particle.
    """

    folder: Path
    images: int
    made: int
    failed: tuple[Outcome, ...]
    empty: int = 0
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Order:
    """What is the same for all structures of a run."""

    folder: SimulationFolder
    n: int
    device: str

    @property
    def structures(self) -> int:
        """How many are needed for all that is wanted."""
        counted = self.folder.preset.counts == "movies"
        return self.n if counted else -(-self.n // self.folder.preset.per_structure)

    def images(self, index: int) -> int:
        """Images of a structure: the last one may give fewer than it could."""
        each = self.folder.preset.per_structure
        if self.folder.preset.counts == "movies":
            return each
        return min(each, self.n - index * each)


def simulate(
    preset: Preset | str | Path,
    n: int,
    out: str | Path,
    *,
    seed: int = 0,
    jobs: int = 1,
    device: Device = "cpu",
    watch: Callable[[Status], None] = lambda _: None,
) -> Made:
    """Simulate images with their truth into a data-set folder.

    What is there already, made with the same settings and seed, stays; only what is missing is
    made. Structure ``i`` draws from ``default_rng([seed, i])`` alone, so that an image depends
    neither on ``n`` nor on ``jobs``. Every structure is made in a process with one thread, even
    with ``jobs=1``: sums of several threads differ in the last bit.

    Parameters
    ----------
    preset
        A preset, its name, or a settings file.
    n
        Images; movies where the preset makes movies.
    out
        The data set; made if it does not exist.
    seed
        Of all random numbers.
    jobs
        Number of processes; each holds one structure at a time.
    device
        ``auto`` takes a GPU where the preset can use one and one is there.
    watch
        Told before the first structure and after each.

    Raises
    ------
    UsageError
        If ``n``, ``seed`` or ``jobs`` is out of range, the settings have faults, the extra or the
        GPU is missing, or ``out`` holds something else.
    OutputError
        If a file cannot be written; all that is complete is usable.
    KeyboardInterrupt
        Ctrl-C; likewise.
    """
    preset = preset if isinstance(preset, Preset) else load(preset)
    where = check_order(preset, n, seed=seed, jobs=jobs, device=device)
    folder = SimulationFolder(Path(out), preset, seed)
    order = _Order(folder, n, where)
    folder.begin(n)
    there = folder.complete()
    missing = [
        index
        for index in range(order.structures)
        if there.get(folder.structure(index), 0) < order.images(index)
    ]
    wanted = sum(order.images(index) for index in range(order.structures))
    kept = wanted - sum(order.images(index) for index in missing)
    made = 0
    failed: list[Outcome] = []
    watch(Status(kept, wanted))
    try:
        with closing(_outcomes(missing, order, jobs)) as outcomes:
            for outcome in outcomes:
                made += outcome.images
                failed += [outcome] if outcome.message else []
                watch(Status(kept + made, wanted, made, outcome))
    finally:
        held = folder.conclude()
    return Made(folder.path, held.images, made, tuple(failed), held.empty, held.classes)


def check_order(
    preset: Preset, n: int, *, seed: int, jobs: int, device: Device
) -> Literal["cpu", "gpu"]:
    """Check what can be checked before anything is written; return where to compute.

    Raises
    ------
    UsageError
        As `simulate`.
    """
    for option, value, least in (("-n", n, 1), ("--seed", seed, 0), ("--jobs", jobs, 1)):
        if value < least:
            raise UsageError(f"{option} must be at least {least}, got {value}")
    if preset.kind.needs_extra:
        need_extra()
    return choose_device(device, preset)


def _outcomes(missing: list[int], order: _Order, jobs: int) -> Generator[Outcome, None, None]:
    if missing:
        yield from in_processes(
            make_structure,
            missing,
            (order,),
            jobs=min(jobs, len(missing)),
            died=partial(_died, order=order),
            threads=1,
        )


def make_structure(index: int, order: _Order) -> Outcome:
    """Simulate one structure, write its images, and record it once all of them are there.

    Raises
    ------
    OutputError
        If a file cannot be written: other structures could not be written either.
    """
    folder = order.folder
    name = folder.structure(index)
    try:
        movie = name if folder.preset.counts == "movies" else ""
        images = [
            write_simulated(folder.path, one, movie=movie) for one in _simulated(index, order)
        ]
        wanted = order.images(index)
        if len(images) != wanted:
            raise RuntimeError(f"{len(images)} images came of it, not {wanted}")
        if movie:
            movie = write_movie(folder.path, name, [image["files"][0] for image in images])
        folder.add(name, images, movie=movie)
    except OutputError:
        raise
    except NanosieveError as error:
        return Outcome(name, message=str(error), trace=traceback.format_exc())
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}"
        return Outcome(name, message=message, trace=traceback.format_exc())
    return Outcome(name, len(images))


def _simulated(index: int, order: _Order) -> Iterator[Simulated]:
    preset = order.folder.preset
    kind: Any = import_module(preset.kind.module)
    images = kind.simulate(
        preset.of_structure(index),
        name=order.folder.structure(index),
        rng=np.random.default_rng([order.folder.seed, index]),
        device=order.device,
    )
    return islice(images, order.images(index))


def _died(index: int, order: _Order) -> Outcome:
    return Outcome(
        order.folder.structure(index),
        message="its process was killed, most likely for want of memory, "
        "alone too: make the field smaller or the sampling coarser",
    )
