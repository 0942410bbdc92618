"""Splits: groups stay whole, each is tested once, movies keep their gap, few groups are refused."""

from collections.abc import Sequence

import numpy as np
import pytest
from made import config, image

from nanosieve.core.errors import UsageError
from nanosieve.training.data import TrainingImage
from nanosieve.training.moments import Moment
from nanosieve.training.splits import Split, splits


def grouped(*sizes: int) -> list[TrainingImage]:
    """Groups a, b, c, ... of so many images."""
    return [
        image(f"{letter}{number}", letter)
        for letter, size in zip("abcdefghijkl", sizes, strict=False)
        for number in range(size)
    ]


def movie(
    n: int, *, step_s: float = 1.0, movie: str = "m", group: str = "m"
) -> list[TrainingImage]:
    return [image(f"{movie}{i:03d}", group, moment=Moment(movie, i * step_s, i)) for i in range(n)]


def parts(split: Split) -> list[set[int]]:
    return [set(split.train), set(split.validation), set(split.test), set(split.left_out)]


def check(
    found: Sequence[Split], images: Sequence[TrainingImage], *, divided: bool = False
) -> None:
    """All images are in one part of each split, and no group in two."""
    for split in found:
        assert sum(map(len, parts(split))) == len(images)
        assert set.union(*parts(split)) == set(range(len(images)))
        names = split.groups(images)
        both = set(names["train"]) & (set(names["validation"]) | set(names["test"]))
        assert bool(both) == divided
        assert split.leaks == divided
        assert bool(split.warning()) == divided


def test_a_share_of_the_groups() -> None:
    images = grouped(1, 5, 2, 3, 1, 1, 4, 1, 1, 1)
    (split,) = splits(images, config(validation={"share": 0.3, "test_share": 0.2}))
    check([split], images)
    sizes = [len(names) for names in split.groups(images).values()]
    assert sizes == [5, 3, 2]
    assert split.name == "all"


def test_two_groups_are_enough_for_one_split() -> None:
    images = grouped(3, 1)
    (split,) = splits(images, config())
    check([split], images)
    assert split.train
    assert split.validation


def test_the_seed_alone_decides() -> None:
    images = grouped(*[2] * 10)
    first = splits(images, config(validation={"folds": 5, "seed": 1}))
    again = splits(images, config(validation={"folds": 5, "seed": 1}, batch=3, seeds=[4]))
    other = splits(images, config(validation={"folds": 5, "seed": 2}))
    assert first == again
    assert first != other


@pytest.mark.parametrize("folds", [2, 3, 5, 7])
def test_each_group_is_tested_once_a_repeat(folds: int) -> None:
    images = grouped(1, 3, 2, 1, 4, 2, 1)
    found = splits(images, config(validation={"folds": folds, "repeats": 2}))
    check(found, images)
    assert [split.name for split in found[:2]] == ["repeat-1-fold-1", "repeat-1-fold-2"]
    assert len(found) == 2 * folds
    for repeat in (found[:folds], found[folds:]):
        tested = [place for split in repeat for place in split.test]
        assert sorted(tested) == list(range(len(images)))
    assert {split.test for split in found[:folds]} != {split.test for split in found[folds:]} or (
        folds == 7
    )


def test_leave_one_group_out() -> None:
    images = grouped(2, 3, 1)
    found = splits(images, config(validation={"leave_one_group_out": True}))
    check(found, images)
    assert [split.name for split in found] == ["without-a", "without-b", "without-c"]
    assert [split.test for split in found] == [(0, 1), (2, 3, 4), (5,)]


@pytest.mark.parametrize(
    ("sizes", "validation", "message"),
    [
        ([20], {}, r"needs 2 groups, there is 1 \(groups: a\); name groups .* ungrouped = true"),
        ([9, 9], {"folds": 3}, "needs 3 groups, there are 2"),
        ([9, 9, 1], {"folds": 2}, "needs 4 groups, there are 3"),
        ([9, 9], {"leave_one_group_out": True}, "needs 3 groups, there are 2"),
        ([9, 9], {"test_share": 0.1}, "needs 3 groups, there are 2"),
    ],
)
def test_too_few_groups_are_refused(sizes: list[int], validation: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        splits(grouped(*sizes), config(validation=validation))


def test_one_group_may_be_as_many_as_there_are_images() -> None:
    with pytest.raises(UsageError, match=r'write groups = "image" in \[data\], each image its own'):
        splits(grouped(20), config())


def test_an_ungrouped_split_says_that_it_leaks() -> None:
    images = grouped(10)
    asked = config(data={"ungrouped": True}, validation={"folds": 5})
    found = splits(images, asked)
    check(found, images, divided=True)
    assert found[0].warning() == (
        "Ungrouped split: images of one group lie on both sides; scores may leak."
    )
    with pytest.raises(UsageError, match="leave_one_group_out keeps groups together"):
        splits(images, config(data={"ungrouped": True}, validation={"leave_one_group_out": True}))
    with pytest.raises(UsageError, match=r"needs 2 images, there is 1 .*add images"):
        splits(images[:1], config(data={"ungrouped": True}))


def test_frames_of_a_divided_movie_keep_their_gap() -> None:
    images = movie(40)
    asked = config(data={"ungrouped": True}, validation={"folds": 4, "time_gap_s": 3})
    found = splits(images, asked)
    check(found, images, divided=True)
    for split in found:
        # Stretches of time, not frames here and there: each border costs two frames on one side.
        assert 4 <= len(split.left_out) <= 8
        for place in split.train:
            assert all(abs(place - other) >= 3 for other in (*split.validation, *split.test))
        for place in split.validation:
            assert all(abs(place - other) >= 3 for other in split.test)


def test_a_gap_holds_between_groups_of_one_movie_only() -> None:
    images = [
        image(f"{name}{i}", f"{name}{i // 5}", moment=Moment(name, float(i), i))
        for name in "xy"
        for i in range(10)
    ]
    (split,) = splits(images, config(validation={"share": 0.25, "time_gap_s": 1.5}))
    check([split], images)
    (held,) = {images[i].group for i in split.validation}
    # Frames 4 and 5 of one movie are a second apart, those of two movies are no neighbours.
    (gone,) = split.left_out
    assert (images[gone].moment.movie, images[gone].moment.frame) == (held[0], 5 - int(held[1]))


def test_a_movie_divided_by_its_groups_is_named() -> None:
    images = [image(f"m{i}", f"g{i}", moment=Moment("m", None, i)) for i in range(6)]
    (split,) = splits(images, config())
    assert not split.leaks
    assert split.warning().startswith("Frames of one movie (m) lie on both sides")
    apart = [image(f"m{i}", f"g{i}", moment=Moment(f"m{i}", float(i), i)) for i in range(6)]
    (split,) = splits(apart, config())
    assert split.warning() == ""


def test_frames_with_numbers_but_no_times_are_divided_into_stretches() -> None:
    images = [image(f"m{i:02d}", "m", moment=Moment("m", None, i)) for i in range(20)]
    (split,) = splits(images, config(data={"ungrouped": True}, validation={"share": 0.25}))
    borders = np.diff(np.isin(np.arange(20), split.validation).astype(int))
    assert np.count_nonzero(borders) <= 2


def test_a_gap_needs_times() -> None:
    images = grouped(10)
    with pytest.raises(UsageError, match=r"of one movie, are not both known; give a column time_s"):
        splits(images, config(data={"ungrouped": True}, validation={"time_gap_s": 1}))
    with pytest.raises(UsageError, match="no image is left for train after the time gap"):
        splits(movie(10), config(data={"ungrouped": True}, validation={"time_gap_s": 100}))


def test_the_split_of_the_dataset() -> None:
    words = ["train", "train", "validation", "test"]
    images = [image(str(i), str(i), split=word) for i, word in enumerate(words)]
    (split,) = splits(images, config(validation={"from_dataset": True}))
    assert (split.name, split.train, split.validation, split.test) == (
        "dataset",
        (0, 1),
        (2,),
        (3,),
    )
    unknown = [*images, image("4", "4", split="val"), image("5", "5")]
    with pytest.raises(
        UsageError, match="must be train, validation or test; 4 has 'val', 5 has ''"
    ):
        splits(unknown, config(validation={"from_dataset": True}))


def test_a_dataset_may_not_divide_a_group() -> None:
    images = [image(str(i), "g", split=word) for i, word in enumerate(["train", "validation"])]
    asked = {"validation": {"from_dataset": True}}
    with pytest.raises(UsageError, match=r"dataset.csv divides the group 'g'; keep it together"):
        splits(images, config(**asked))
    (split,) = splits(images, config(data={"ungrouped": True}, **asked))
    assert split.leaks


def test_parts_need_particles() -> None:
    bare = image("z", "z")
    bare.classes[:] = 0
    images = [image("a", "a", split="train"), image("b", "b", split="validation")]
    asked = config(validation={"from_dataset": True})
    splits(images, asked)
    with pytest.raises(UsageError, match=r"no particle in any image of validation \(groups: z\)"):
        splits([images[0], image("z", "z", split="validation", classes=bare.classes)], asked)
    with pytest.raises(UsageError, match="split 'dataset': no image is left for validation"):
        splits(images[:1], asked)
