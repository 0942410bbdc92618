"""Images with their truth, ready for a network: read, checked, brought to the network's input."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import FailedInput, InputError, UsageError
from nanosieve.core.segmentation import Polarity
from nanosieve.files.dataset import ONE_GROUP, Dataset, Sample, instances_from_mask
from nanosieve.files.dataset_index import IndexRow, no_groups_file, read_groups, read_index
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.prepare.annotations import find_annotations
from nanosieve.prepare.frame import Trail, finite_pixels
from nanosieve.prepare.network_input import network_input
from nanosieve.prepare.outliers import remove_outliers
from nanosieve.prepare.resample import resample, resample_labels_back
from nanosieve.segmentation.polarity import find_polarity
from nanosieve.training import checks, stacks
from nanosieve.training.config import TrainConfig
from nanosieve.training.config_sections import StackConfig
from nanosieve.training.fit_check import check_fit
from nanosieve.training.moments import UNKNOWN, Moment, moment_of

_RING_PX = 20  # width of the support round particles that they are compared with


@dataclass(frozen=True)
class TrainingImage:
    """One image as a network is trained on it.

    Parameters
    ----------
    name
        Unique; with the data set's name before it where there are several.
    group
        What must not be divided between training, validation and test.
    image
        ``(y, x)`` float32, made by `nanosieve.prepare.network_input.network_input`.
    classes
        ``(y, x)`` uint8 class numbers, 0 the support.
    instances
        ``(y, x)`` int32, 0 where no particle; 4-connected components where only a mask exists.
    ignore
        ``(y, x)`` bool, pixels that do not count; ``None`` if there are none.
    pixel_size_nm
        Of these pixels, after resampling; ``None`` where unknown.
    polarity
        What particles look like in the file; ``image`` may have been turned round.
    relative
        ``offset, gain``: ``offset + gain * image`` are grey values of the file over their mean,
        from which counts are drawn again; zero gain where that has no meaning.
    content
        Hash of the file's grey values.
    split
        As in ``dataset.csv``.
    moment
        Movie, time and frame number, as far as known.
    from_mask
        Whether ``instances`` are components of the mask: touching particles are then one.
    """

    name: str
    group: str
    image: np.ndarray
    classes: np.ndarray
    instances: np.ndarray
    ignore: np.ndarray | None = None
    pixel_size_nm: float | None = None
    polarity: Polarity = "dark"
    relative: tuple[float, float] = (1.0, 0.0)
    content: str = ""
    split: str = ""
    moment: Moment = UNKNOWN
    from_mask: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """``(y, x)``."""
        height, width = self.image.shape
        return height, width

    def class_counts(self, n_classes: int) -> np.ndarray:
        """``(n_classes,)`` pixels of each class that count."""
        counted = self.classes if self.ignore is None else self.classes[~self.ignore]
        return np.bincount(counted.ravel(), minlength=n_classes)


@dataclass(frozen=True)
class _Raw:
    """An image and its truth as they are in their files."""

    name: str
    group: str
    pixels: np.ndarray
    classes: np.ndarray
    instances: np.ndarray | None = None
    ignore: np.ndarray | None = None
    pixel_size_nm: float | None = None
    split: str = ""
    moment: Moment = UNKNOWN


def load_images(config: TrainConfig) -> list[TrainingImage]:
    """Read all images of the data sets and stacks, and check them.

    Each goes the way that it goes when a network is run: invalid pixels filled, captions found,
    X-ray outliers taken out, resampled, then `network_input` of the whole frame.

    Parameters
    ----------
    config
        Sections ``data``, ``input`` and ``tiles`` (``resize``) count.

    Returns
    -------
    list of TrainingImage
        In the order of the settings, by name within a data set.

    Raises
    ------
    UsageError
        For all faults at once, each with the file's name: no mask; a mask of another shape, with
        unexpected values, or of another image; mask and instances that do not match; an image that
        is constant or cannot be read; the same image in two groups; a class without a pixel. If
        there is no such table of groups.
    """
    _need_group_tables(config)
    faults: list[str] = []
    images = []
    for raw in _raws(config, faults):
        try:
            images.append(_training_image(raw, config))
        except InputError as error:
            faults.append(str(error))
    checks.refuse(faults, what="the training data are not sound")
    ungrouped = config.data.ungrouped
    faults = checks.check_images(images, classes=config.data.classes, ungrouped=ungrouped)
    faults += check_fit(images)
    checks.refuse(faults, what="the training data are not sound")
    return images


def _need_group_tables(config: TrainConfig) -> None:
    """Refuse at once, and in the words of the settings, a table of groups that is not there."""
    named = {"data.groups": config.data.groups} | {
        f"data.stacks.{number}.groups": stack.groups
        for number, stack in enumerate(config.data.stacks, start=1)
    }
    words = ("dataset", "image")
    for setting, groups in named.items():
        if groups not in words and not Path(groups).is_file():
            raise UsageError(no_groups_file(Path(groups), setting=setting, words=words))


def _raws(config: TrainConfig, faults: list[str]) -> Iterator[_Raw]:
    """All images, lazily; what cannot be read is added to ``faults``."""
    data = config.data
    folders = [Path(path) for path in data.path if not _is_stack(path)]
    given = [StackConfig(images=path, groups=data.groups) for path in data.path if _is_stack(path)]
    every = [*given, *data.stacks]
    labels = _distinct([*folders, *(Path(stack.images).with_suffix("") for stack in every)])
    for folder, label in zip(folders, labels, strict=False):
        yield from _folder(folder, label, config, faults)
    for stack, label in zip(every, labels[len(folders) :], strict=True):
        yield from _stack(stack, label, config, faults)


def _is_stack(path: str) -> bool:
    return Path(path).suffix.lower() in stacks.STACK_SUFFIXES and not Path(path).is_dir()


def _distinct(paths: list[Path]) -> list[str]:
    """A word for each data set, empty where there is but one."""
    if len(paths) == 1:
        return [""]
    names = [path.resolve().name for path in paths]
    return [
        f"{name}/" if names.count(name) == 1 else f"{path.resolve().parent.name}-{name}-{number}/"
        for number, (path, name) in enumerate(zip(paths, names, strict=True))
    ]


def _folder(folder: Path, label: str, config: TrainConfig, faults: list[str]) -> Iterator[_Raw]:
    groups = None if config.data.groups == "dataset" else config.data.groups
    try:
        dataset = Dataset.open(folder, groups=groups)
    except UsageError as error:
        faults.append(str(error))
        return
    index = read_index(folder / "dataset.csv", []) or {}
    for sample in dataset:
        row = index.get(sample.name, IndexRow(sample.name))
        try:
            yield _of_sample(sample, row, label, config)
        except InputError as error:
            faults.append(str(error))


def _of_sample(sample: Sample, row: IndexRow, label: str, config: TrainConfig) -> _Raw:
    where = f"{sample.path.parent.parent}: {sample.name}"
    file, instances = sample.files.get("masks"), sample.instances()
    if file is not None:
        values = read_label_pixels(file).reshape(sample.shape)
        numbers = checks.class_numbers(values, len(config.data.classes), where=str(file))
        if instances is not None:
            checks.check_instances(_particles(numbers, config), instances, where=where)
    elif instances is None:
        raise FailedInput(
            f"{where}: has neither mask nor instances to learn from; add masks/{sample.name}.png, "
            "or set keep to no in dataset.csv"
        )
    elif len(config.data.classes) > 2:
        raise FailedInput(f"{where}: has no mask, and instances tell no classes; add a mask")
    else:
        numbers = (instances > 0).astype(np.uint8)
    # One name is one group in all data sets, unless nobody chose it.
    unnamed = config.data.groups == "image" or sample.group == ONE_GROUP
    group = label + sample.group if unnamed else sample.group
    return _Raw(
        name=label + sample.name,
        group=group,
        pixels=sample.image(),
        classes=numbers,
        instances=instances,
        ignore=sample.ignore(),
        pixel_size_nm=sample.pixel_size_nm,
        split=sample.split,
        moment=moment_of(sample.name, row.more, group, config.data.frame_interval_s, label=label),
    )


def _stack(
    stack: StackConfig, label: str, config: TrainConfig, faults: list[str]
) -> Iterator[_Raw]:
    groups = {}
    n_classes = len(config.data.classes)
    try:
        if stack.groups not in ("dataset", "image"):
            groups = read_groups(Path(stack.groups), faults)
        with stacks.opened(stack, n_classes) as file:
            for index in range(file.n):
                name = file.name(index)
                own = {"dataset": label + file.path.stem, "image": label + name}
                group = own.get(stack.groups) or groups.get(name, "")
                if not group:
                    faults.append(f"{stack.groups}: the image {name!r} has no group")
                    continue
                try:
                    where = file.where(index)
                    values = checks.class_numbers(file.labels(index), n_classes, where=where)
                    pixels = file.image(index)
                except InputError as error:
                    faults.append(str(error))
                    continue
                moment = moment_of(name, {}, group, config.data.frame_interval_s)
                size = stack.pixel_size_nm
                yield _Raw(label + name, group, pixels, values, pixel_size_nm=size, moment=moment)
    except (UsageError, InputError) as error:
        faults.append(str(error))


def _training_image(raw: _Raw, config: TrainConfig) -> TrainingImage:
    trail = Trail([], [], [])
    filled = finite_pixels(raw.pixels, trail)
    if filled is None:
        raise FailedInput(
            f"{raw.name}: is {' and '.join(trail.flags)}; remove it or set keep to no"
        )
    drawn = find_annotations(filled) if config.data.annotations else np.zeros(filled.shape, bool)
    image, _ = remove_outliers(np.asarray(filled, np.float32))
    ignore = drawn if raw.ignore is None else drawn | raw.ignore
    classes, instances = raw.classes, raw.instances
    if instances is None:
        instances = instances_from_mask(_particles(classes, config))
    ratio = _ratio(raw, config)
    if ratio != 1:
        image = resample(image, 1.0, ratio)
        classes, instances = (
            resample_labels_back(one, image.shape, ratio, 1.0) for one in (classes, instances)
        )
        # What is left out in part is left out, as when a network is run.
        ignore, drawn = (resample(one, 1.0, ratio) > 0.01 for one in (ignore, drawn))
    polarity = _polarity(image, classes, drawn, config)
    valid = ~drawn
    prepared = network_input(image, config.input.spec, polarity=polarity, valid=valid)
    return TrainingImage(
        name=raw.name,
        group=raw.group,
        image=prepared,
        classes=classes,
        instances=instances,
        ignore=ignore if ignore.any() else None,
        pixel_size_nm=None if raw.pixel_size_nm is None else raw.pixel_size_nm * ratio,
        polarity=polarity,
        relative=_relative(image, prepared, valid),
        content=checks.content(raw.pixels),
        split=raw.split,
        moment=raw.moment,
        from_mask=raw.instances is None,
    )


def _particles(classes: np.ndarray, config: TrainConfig) -> np.ndarray:
    """Which pixels are of a class that counts as particle."""
    names = config.data.classes
    counted = config.data.foreground or names[1:]
    return np.isin(classes, [names.index(name) for name in counted if name in names])


def _ratio(raw: _Raw, config: TrainConfig) -> float:
    """Side of a new pixel in old ones."""
    ratio = 1.0
    wanted = config.input.pixel_size_nm
    if wanted is not None:
        if raw.pixel_size_nm is None:
            raise FailedInput(
                f"{raw.name}: has no pixel size, but input.pixel_size_nm asks for one; give it in "
                "dataset.csv"
            )
        ratio = wanted / raw.pixel_size_nm
    if config.tiles.resize == "resize":
        ratio = min(raw.pixels.shape) / config.tiles.size
    return ratio


def _polarity(
    image: np.ndarray, classes: np.ndarray, drawn: np.ndarray, config: TrainConfig
) -> Polarity:
    """What the truth says of particles against the support round them; else the image's word."""
    if config.data.polarity != "auto":
        return config.data.polarity
    particle = (classes > 0) & ~drawn
    ring = (classes == 0) & ~drawn
    if particle.any() and ring.any():
        ring &= ndimage.distance_transform_edt(~particle) <= _RING_PX
        if ring.any():
            return "dark" if image[particle].mean() < image[ring].mean() else "bright"
    return "dark" if find_polarity(image, ~drawn) <= 0 else "bright"


def _relative(image: np.ndarray, prepared: np.ndarray, valid: np.ndarray) -> tuple[float, float]:
    """How grey values over their mean follow from the network's input."""
    grey, own = image[valid].astype(float), prepared[valid].astype(float)
    # Counts are not negative: a camera's offset below zero is taken out.
    grey -= min(float(grey.min()), 0.0)
    mean, spread = float(grey.mean()), float(own.std())
    if mean <= 0 or spread == 0:
        return 1.0, 0.0
    same_way = float(np.mean((grey - mean) * (own - own.mean()))) >= 0
    gain = (1 if same_way else -1) * float(grey.std()) / spread / mean
    return 1.0 - gain * float(own.mean()), gain
