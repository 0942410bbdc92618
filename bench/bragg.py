"""Forms of ``bragg`` tuned on training groups, beside a network, put into docs/benchmarks.md.

``python -m bench.bragg --train DIR --test DIR ... --network NAME``: every form has the same number
of trials, and keeps what is best over the training images. ``--limit 8`` tries it on a few images
and only prints. Tuned settings are written as presets: ``nanosieve segment --method bragg --preset
bench/out/bragg/sadre-crystal.toml``.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from bench.page import put, table
from nanosieve.core.bragg import BraggSettings, Foreground, Form, bragg_settings
from nanosieve.core.settings import Settings
from nanosieve.core.settings_file import without_none
from nanosieve.core.toml_text import toml_text
from nanosieve.evaluation.bragg_tuning import Tuned, case, tune
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.measurement.agreement.pixels import PIXEL_SCORES, Confusion, confusion
from nanosieve.pipeline import analyse

OUT = Path(__file__).parent / "out" / "bragg"
HEADS = ("accuracy", "balanced", "F1", "Jaccard", "precision", "recall")
# Of the two that miss things, whose overlap is asked for.
ANNULUS = "sytwu, tuned"


@dataclass
class Scored:
    """What one method gave on all test images: counts, and what it missed."""

    counts: list[Confusion] = field(default_factory=list)
    missed: list[np.ndarray] = field(default_factory=list)

    def rows(self, name: str) -> Iterator[list[str]]:
        """Means over images, then scores of the sum of all counts."""
        table_of = pd.DataFrame([one.scores() for one in self.counts])
        # Of scores that an image has; those of no image at all stay blank.
        means = table_of[list(PIXEL_SCORES)].mean()
        pooled = sum(self.counts, Confusion()).scores()
        yield [name, "mean", *(f"{value:.3f}" for value in means)]
        yield ["", "pooled", *(f"{pooled[key]:.3f}" for key in PIXEL_SCORES)]


def tuned_forms(
    train: Sequence[Sample], foreground: Foreground, *, trials: int
) -> dict[Form, Tuned]:
    """Tune every form with the same number of trials."""
    cases = [case(sample) for sample in train]
    found: dict[Form, Tuned] = {}
    for form in get_args(Form):
        print(f"{form}: {trials} trials on {len(cases)} images", file=sys.stderr, flush=True)
        found[form] = tune(cases, form=form, foreground=foreground, trials=trials)
    return found


def write_presets(forms: Mapping[Form, Tuned]) -> None:
    """Write what was found where ``--preset`` can read it."""
    OUT.mkdir(parents=True, exist_ok=True)
    for form, tuned in forms.items():
        text = toml_text(without_none(tuned.settings.model_dump()))
        path = OUT / f"{form}-{tuned.settings.foreground}.toml"
        path.write_text(text, encoding="utf-8")


def one_each(samples: Sequence[Sample]) -> list[Sample]:
    """Take the first image of each group: others of it would tell the same."""
    return list({sample.group: sample for sample in reversed(samples)}.values())[::-1]


def spread(samples: Sequence[Sample], limit: int | None) -> list[Sample]:
    """Take every n-th image, so that many groups are among them."""
    step = 1 if limit is None else max(1, len(samples) // limit)
    return list(samples[::step][:limit])


def methods(
    forms: Mapping[Form, Tuned], foreground: Foreground, network: str | None
) -> dict[str, Settings]:
    """Everything that is compared, by its name in the table."""
    found: dict[str, BraggSettings] = {}
    for form, tuned in forms.items():
        found[f"{form}, defaults"] = BraggSettings(form=form, foreground=foreground)
        found[f"{form}, tuned"] = tuned.settings
    if foreground == "amorphous":
        found["sadre, preset paper"] = bragg_settings(preset="paper")
    every = {name: Settings(method="bragg", bragg=one) for name, one in found.items()}
    return every if network is None else every | {f"network `{network}`": Settings(method=network)}


def scored(samples: Sequence[Sample], compared: Mapping[str, Settings]) -> dict[str, Scored]:
    """Run every method on every image."""
    found = {name: Scored() for name in compared}
    for sample in samples:
        print(sample.name, file=sys.stderr, flush=True)
        one = case(sample)
        for name, settings in compared.items():
            [result] = analyse(sample.micrograph(), settings, device="cpu").segmentations
            found[name].counts.append(confusion(one.truth, result.mask, valid=one.counted))
            found[name].missed.append((one.truth & ~result.mask)[one.counted])
    return found


def overlap(first: Scored, second: Scored) -> str:
    """Dice of what two methods miss: mean over images where either misses anything, and pooled."""
    pairs = list(zip(first.missed, second.missed, strict=True))
    both = np.array([np.count_nonzero(a & b) for a, b in pairs], float)
    either = np.array([np.count_nonzero(a) + np.count_nonzero(b) for a, b in pairs], float)
    some = either > 0
    if not some.any():
        return "neither misses anything"
    mean = float(np.mean(2 * both[some] / either[some]))
    return f"{mean:.2f} (mean of {some.sum()} images), {2 * both.sum() / either.sum():.2f} (pooled)"


def page(
    forms: Mapping[Form, Tuned], found: Mapping[str, Scored], network: str | None, trials: int
) -> str:
    """The two tables and the sentence on what is missed."""
    tuning = table(
        ["form", "Dice, chosen for it", "Dice of groups held out", "tuned settings"],
        [
            [form, f"{one.score:.3f}", f"{one.held_out:.3f}", words(one)]
            for form, one in forms.items()
        ],
    )
    rows = [row for name, one in found.items() for row in one.rows(name)]
    lines = [f"{trials} trials each, the defaults among them.", "", tuning, ""]
    lines += [table(["method", "over images", *HEADS], rows), ""]
    if network is not None:
        shared = overlap(found[ANNULUS], found[f"network `{network}`"])
        lines.append(f"Dice of what the annulus and the network miss: {shared}.")
    return "\n".join(lines)


def words(tuned: Tuned) -> str:
    """Settings that tuning may change."""
    values = without_none(tuned.settings.model_dump(exclude={"form", "foreground", "paper"}))
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "the defaults"


def main() -> int:
    """Parse, tune, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.bragg", description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="tuned on, one image a group")
    parser.add_argument("--test", type=Path, nargs="+", required=True, help="data sets to compare")
    parser.add_argument("--network", help="a packaged model, or FILE.onnx")
    parser.add_argument("--foreground", choices=get_args(Foreground), default="crystal")
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--limit", type=int, help="images of each set; only prints")
    options = parser.parse_args()
    train = spread(one_each(Dataset.open(options.train).samples), options.limit)
    forms = tuned_forms(train, options.foreground, trials=options.trials)
    compared = methods(forms, options.foreground, options.network)
    samples = [
        sample
        for path in options.test
        for sample in spread(Dataset.open(path).samples, options.limit)
    ]
    text = page(forms, scored(samples, compared), options.network, options.trials)
    print(text)
    if options.limit is None:
        write_presets(forms)
        put(f"bragg-{options.foreground}", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
