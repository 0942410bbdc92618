"""The corridor in order: frame, prepare, segment, measure. Movies go one frame at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nanosieve.core.analysis import Analysis, FrameResult
from nanosieve.core.errors import UsageError
from nanosieve.core.flags import join_flags
from nanosieve.core.micrograph import Calibration, Micrograph
from nanosieve.core.schema import class_column, summary_columns
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Device, Settings
from nanosieve.measurement.particles import empty_table, measure
from nanosieve.measurement.specks import specks
from nanosieve.measurement.summary import summarise
from nanosieve.prepare.frame import (
    Place,
    Trail,
    finite_pixels,
    no_image,
    smallest_px,
    take,
    with_annotations,
    without_outliers,
)
from nanosieve.prepare.resample import resample, resample_labels_back
from nanosieve.segmentation.chooser import Chooser
from nanosieve.segmentation.classical import segment_classically
from nanosieve.segmentation.kernels import one_thread

# Method of labels that came from elsewhere.
GIVEN = "given"


@dataclass(frozen=True)
class _Begun:
    """A frame that is ready to be labelled and measured: ``find`` gives its segmentation."""

    place: Place
    trail: Trail
    image: np.ndarray
    calibration: Calibration
    find: Callable[[], Segmentation]


def analyse(
    micrograph: Micrograph,
    settings: Settings | None = None,
    *,
    exclude: np.ndarray | None = None,
    device: Device = "auto",
) -> Analysis:
    """Segment and measure a micrograph.

    Parameters
    ----------
    micrograph
        A still or a movie.
    settings
        All defaults where not given.
    exclude
        ``(y, x)``; non-zero pixels are left out of the analysis.
    device
        Where a network runs: ``cpu``, ``gpu``, or ``auto``, a GPU where there is one to use.

    Raises
    ------
    UsageError
        If ``exclude`` does not have the frames' shape, the method is unknown, or a model file is
        not to be trusted.
    InputError
        If the micrograph holds no finite pixel, or settings in nm meet an unknown pixel size.

    Examples
    --------
    >>> rows, columns = np.mgrid[:96, :96]
    >>> disc = (rows - 48) ** 2 + (columns - 48) ** 2 < 20**2
    >>> noise = np.random.default_rng(0).normal(0, 3, disc.shape)
    >>> found = analyse(Micrograph.from_array(100 - 40 * disc + noise, pixel_size_nm=0.5))
    >>> len(found.particles), bool(abs(found.particles["diameter_nm"][0] - 20) < 1.5)
    (1, True)
    """
    settings = settings or Settings()
    frames = list(analyse_frames(micrograph, settings, exclude=exclude, device=device))
    unit = frames[0].calibration.unit
    tables = [frame.particles for frame in frames if len(frame.particles)]
    # A frame that holds one grey value has no shares of classes.
    columns = max((list(frame.row) for frame in frames), key=len)
    return Analysis(
        micrograph=micrograph,
        settings=settings,
        segmentations=tuple(frame.segmentation for frame in frames),
        particles=pd.concat(tables, ignore_index=True) if tables else empty_table(unit),
        summary=pd.DataFrame([frame.row for frame in frames], columns=columns),
        history=frames[0].history,
    )


def analyse_frames(
    micrograph: Micrograph,
    settings: Settings | None = None,
    *,
    exclude: np.ndarray | None = None,
    device: Device = "auto",
) -> Iterator[FrameResult]:
    """Segment and measure frame by frame: never is more than one frame's result in memory.

    Parameters and errors as in `analyse`. With ``settings.average_frames`` the mean of that many
    consecutive frames is analysed; the last mean may be of fewer. ``auto`` chooses once, from the
    first frame that holds an image, and so does a network its base magnification, from the first
    that holds particles. A network is at the next frame while one is labelled and measured.
    """
    settings = settings or Settings()
    micrograph = _with_pixel_size(micrograph, settings)
    mask = _mask(micrograph, exclude)
    chooser = Chooser(settings, micrograph.acquisition.mode)
    begun = (
        _begin(Place(micrograph, index, frames), mask, chooser, device)
        for index, frames in enumerate(_groups(micrograph, settings))
    )
    dead = True
    for frame in _ahead(begun) if chooser.may_infer else begun:
        dead &= frame.trail.dead
        yield _measured(
            frame.image, frame.find(), frame.calibration, settings, frame.place, frame.trail
        )
    if dead:
        raise no_image(micrograph)


def _begin(place: Place, mask: np.ndarray | None, chooser: Chooser, device: Device) -> _Begun:
    """Take a frame and run the method on it; of a network all but the labelling."""
    trail = Trail.of(place.micrograph)
    image, calibration, excluded = take(place, mask, chooser.settings, trail)
    filled = finite_pixels(image, trail)
    if filled is None:
        found = _nothing(image, chooser.settings, excluded)
        return _Begun(place, trail, image, calibration, lambda: found)
    excluded = with_annotations(filled, excluded, trail)
    settings = chooser.settle(filled, excluded, calibration.pixel_size_nm)
    if settings.has_model:
        # Classical methods start faster without it.
        from nanosieve.segmentation.inference import infer

        find, chooser.base = infer(
            filled, excluded, calibration, settings, place, trail,
            device=device, base=chooser.base,
        )  # fmt: skip
        return _Begun(place, trail, image, calibration, lambda: chooser.told(find()))
    found = chooser.told(_segmented(filled, excluded, calibration, settings, place, trail))
    return _Begun(place, trail, image, calibration, lambda: found)


def _ahead(begun: Iterator[_Begun]) -> Iterator[_Begun]:
    """Begin the next frame in a thread while the caller is at this one."""
    with ThreadPoolExecutor(1, initializer=one_thread) as thread:
        coming = thread.submit(next, begun, None)
        while (frame := coming.result()) is not None:
            coming = thread.submit(next, begun, None)
            yield frame


def measure_frames(
    micrograph: Micrograph,
    labels: np.ndarray,
    settings: Settings | None = None,
    *,
    exclude: np.ndarray | None = None,
) -> Iterator[FrameResult]:
    """Measure label images made or corrected elsewhere, frame by frame.

    Parameters
    ----------
    micrograph
        What the labels belong to.
    labels
        ``(y, x)`` or ``(t, y, x)`` integers, 0 background; values need not be consecutive, and
        stay.
    settings
        ``pixel_size_nm``, ``resample_nm`` (where pixels are not square), ``average_frames`` and
        ``isolated_only`` count here.
    exclude
        As in `analyse`.

    Raises
    ------
    UsageError
        If labels or ``exclude`` do not have the micrograph's shape.
    """
    settings = settings or Settings()
    micrograph = _with_pixel_size(micrograph, settings)
    mask = _mask(micrograph, exclude)
    groups = _groups(micrograph, settings)
    stack = labels if labels.ndim == 3 else labels[np.newaxis]
    if len(stack) != len(groups):
        raise UsageError(
            f"{micrograph.name}: {len(stack)} label images for {len(groups)} frames; give one each"
        )
    dead = True
    for index, (frames, given) in enumerate(zip(groups, stack, strict=True)):
        place = Place(micrograph, index, frames)
        trail = Trail.of(micrograph)
        image, calibration, excluded = take(place, mask, settings, trail)
        if given.shape != image.shape:
            raise UsageError(
                f"{micrograph.name}: the label image is {_size(given.shape)} (y x x), "
                f"the image {_size(image.shape)}; give labels of the image's size"
            )
        filled = finite_pixels(image, trail)
        if filled is not None:
            excluded = with_annotations(filled, excluded, trail)
        del filled
        certain = (given > 0).astype(np.float16)
        found = Segmentation(
            given, certain, GIVEN, "dark", excluded=excluded, split_labels=_touching(given)
        )
        dead &= trail.dead
        yield _measured(image, found, calibration, settings, place, trail)
    if dead:
        raise no_image(micrograph)


def _touching(labels: np.ndarray) -> frozenset[int]:
    """Labels next to another label: in given labels nothing else tells who was taken apart."""
    found: set[int] = set()
    for here, there in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = (here != there) & (here > 0) & (there > 0)
        found.update(np.unique(here[meet]).tolist(), np.unique(there[meet]).tolist())
    return frozenset(found)


def _with_pixel_size(micrograph: Micrograph, settings: Settings) -> Micrograph:
    given = settings.pixel_size_nm
    if given is None or micrograph.calibration.pixel_size_nm == given:
        return micrograph
    return micrograph.replace(
        calibration=Calibration(given, "user", micrograph.calibration.in_file),
        flags=(
            *(flag for flag in micrograph.flags if flag != "pixel_size_unknown"),
            "pixel_size_given",
        ),
    )


def _mask(micrograph: Micrograph, exclude: np.ndarray | None) -> np.ndarray | None:
    if exclude is None:
        return None
    if np.shape(exclude) != micrograph.shape[1:]:
        raise UsageError(
            f"{micrograph.name}: the mask of --exclude is {_size(np.shape(exclude))} (y x x), "
            f"the image {_size(micrograph.shape[1:])}; give a mask of the image's size"
        )
    return np.asarray(exclude) != 0


def _groups(micrograph: Micrograph, settings: Settings) -> list[range]:
    """Frames of each mean."""
    n, step = len(micrograph), settings.average_frames
    return [range(start, min(start + step, n)) for start in range(0, n, step)]


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)


def _segmented(
    image: np.ndarray,
    exclude: np.ndarray | None,
    calibration: Calibration,
    settings: Settings,
    place: Place,
    trail: Trail,
) -> Segmentation:
    """Outliers, resampling and the method, on an image whose pixels are finite and differ."""
    clean = without_outliers(image, trail)
    mask, size, target = exclude, calibration.pixel_size_nm, settings.resample_nm
    smallest = smallest_px(settings, place, grid_nm=target or size, own_nm=size)
    if size is not None and target is not None and size != target:
        clean = resample(clean, size, target)
        mask = None if exclude is None else resample(exclude, size, target) > 0
        trail.flags.append("resampled")
        trail.step("resample", from_nm=size, to_nm=target)
    found = segment_classically(
        clean,
        method=settings.method,
        polarity=settings.polarity,
        edge=settings.edge,
        min_diameter_px=smallest,
        split=settings.split,
        exclude=mask,
        pixel_size_nm=target or size,
        paper_exact=settings.paper_exact,
        bragg=settings.bragg,
    )
    if clean.shape == image.shape or size is None or target is None:
        return found
    return _on_grid(found, image.shape, exclude, size, target)


def _on_grid(
    found: Segmentation,
    shape: tuple[int, ...],
    excluded: np.ndarray | None,
    from_nm: float,
    to_nm: float,
) -> Segmentation:
    """Bring labels of a resampled frame back to the frame's own pixels."""
    height, width = shape
    labels, kept = _renumbered(resample_labels_back(found.labels, (height, width), from_nm, to_nm))
    return found.replace(
        labels=labels,
        confidence=resample_labels_back(found.confidence, (height, width), from_nm, to_nm),
        excluded=excluded,
        split_labels=_new_numbers(found.split_labels, kept),
    )


def _renumbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number labels 1..n without gaps; also the old number of each new one."""
    kept = np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1
    lookup = np.zeros(labels.max(initial=0) + 1, labels.dtype)
    lookup[kept] = np.arange(1, len(kept) + 1)
    return lookup[labels], kept


def _new_numbers(old: frozenset[int], kept: np.ndarray) -> frozenset[int]:
    return frozenset((np.flatnonzero(np.isin(kept, list(old))) + 1).tolist())


def _nothing(image: np.ndarray, settings: Settings, exclude: np.ndarray | None) -> Segmentation:
    """Segmentation of a frame that cannot hold a particle."""
    return Segmentation(
        np.zeros(image.shape, np.int32),
        np.zeros(image.shape, np.float16),
        settings.identity()["method"],
        "bright" if settings.polarity == "bright" else "dark",
        excluded=exclude,
    )


def _measured(
    image: np.ndarray,
    found: Segmentation,
    calibration: Calibration,
    settings: Settings,
    place: Place,
    trail: Trail,
) -> FrameResult:
    given = found.method == GIVEN
    trail.flags += found.flags
    trail.notes += found.notes
    trail.step("measure_given_labels" if given else "segment", **_choices(found, given))
    particles = measure(
        found.labels,
        image,
        pixel_size_nm=calibration.pixel_size_nm,
        excluded=found.excluded,
        confidence=None if given else found.confidence,
        certainty=found.certainty,
        split_labels=found.split_labels,
        image_name=place.micrograph.name,
        frame=place.index,
    )
    if given:
        particles["flags"] = [
            join_flags(filter(None, [*cell.split(";"), "edited"])) for cell in particles["flags"]
        ]
    every, left_out = particles, np.zeros(0)
    if settings.isolated_only:
        left_out = particles.loc[~particles["isolated"], f"diameter_{calibration.unit}"].to_numpy()
        found, particles = _isolated_only(found, particles)
        trail.step("isolated_only", left_out=len(left_out))
    _tell_specks(particles, calibration, trail)
    row = _row(found, particles, calibration, place, trail)
    if settings.isolated_only and len(every):
        row["coverage"] = _coverage(every, found, calibration)
    return FrameResult(
        place.index, image, calibration, found, particles, row, left_out,
        tuple(sorted(set(trail.flags))), tuple(trail.notes), tuple(trail.steps),
    )  # fmt: skip


def _tell_specks(particles: pd.DataFrame, calibration: Calibration, trail: Trail) -> None:
    unit = calibration.unit
    count, limit = specks(particles[f"diameter_{unit}"].to_numpy())
    if count:
        trail.flags.append("specks")
        option = f"{limit:.3g}px" if unit == "px" else f"{limit:.3g}"
        trail.notes.append(
            f"{count} of {len(particles)} particles are narrower than {limit:.3g} {unit}, a "
            "quarter of those that hold most of the area. If they are dirt or noise, "
            f"--min-diameter {option} leaves them out."
        )


def _choices(found: Segmentation, given: bool) -> dict[str, Any]:
    if given:
        return {}
    return {"method": found.method, "polarity": found.polarity, **found.settings}


def _was_tried(found: Segmentation, trail: Trail) -> bool:
    return found.method != GIVEN and not {"tiny", "constant"} & set(trail.flags)


def _isolated_only(
    found: Segmentation, particles: pd.DataFrame
) -> tuple[Segmentation, pd.DataFrame]:
    """Take out of labels and table what is not isolated; number the rest anew where we did."""
    kept = particles.loc[particles["isolated"]].reset_index(drop=True)
    new = kept["label"] if found.method == GIVEN else np.arange(1, len(kept) + 1)
    lookup = np.zeros(found.labels.max(initial=0) + 1, np.int32)
    lookup[kept["label"]] = new
    kept["label"] = new
    certainty, evidence = (
        None if one is None else one[lookup[1:] > 0] for one in (found.certainty, found.evidence)
    )
    return found.replace(
        labels=lookup[found.labels],
        # No isolated particle was split from a neighbour.
        split_labels=frozenset(),
        certainty=certainty,
        evidence=evidence,
    ), kept


def _coverage(particles: pd.DataFrame, found: Segmentation, calibration: Calibration) -> float:
    """Share of the analysed area under all particles, those left out afterwards too."""
    excluded = 0 if found.excluded is None else int(np.count_nonzero(found.excluded))
    area = particles[f"area_{calibration.unit}2"].sum() / (calibration.pixel_size_nm or 1.0) ** 2
    return float(area / (found.labels.size - excluded))


def _row(
    found: Segmentation,
    particles: pd.DataFrame,
    calibration: Calibration,
    place: Place,
    trail: Trail,
) -> dict[str, Any]:
    """Row of the summary table."""
    acquisition = place.micrograph.acquisition
    excluded = 0 if found.excluded is None else int(np.count_nonzero(found.excluded))
    values = {
        "image": place.micrograph.name,
        "frame": place.index,
        "time_s": place.time_s,
        "status": "ok" if len(particles) else "empty",
        "message": None,
        "pixel_size_nm": calibration.pixel_size_nm,
        "method": found.method,
        "polarity": found.polarity if _was_tried(found, trail) else None,
        "high_tension_kv": acquisition.high_tension_kv,
        "mode": acquisition.mode,
        "dose_e_per_A2": acquisition.dose_e_per_A2,
        "exposure_s": acquisition.exposure_s,
        "magnification": acquisition.magnification,
        "flags": join_flags(trail.flags),
    }
    values |= summarise(
        particles,
        analysed_area_px=found.labels.size - excluded,
        pixel_size_nm=calibration.pixel_size_nm,
    )
    values |= _class_shares(found)
    columns = summary_columns(calibration.unit, classes=found.class_names)
    return {name: values[name] for name in columns}


def _class_shares(found: Segmentation) -> dict[str, float]:
    """Share of the analysed area of each class, where there are more than two."""
    if found.classes is None:
        return {}
    counted = found.classes if found.excluded is None else found.classes[~found.excluded]
    counts = np.bincount(counted.ravel(), minlength=len(found.class_names))
    total = max(int(counts.sum()), 1)
    return {
        class_column(name): float(count) / total
        for name, count in zip(found.class_names, counts, strict=True)
    }
