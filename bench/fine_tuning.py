"""What labels buy: scores against the number of images that a packaged model is trained on further.

``python -m bench.fine_tuning``. Each training starts from the packaged weights; where it was
stopped it goes on, and what is done is kept. ``--smoke`` tries it on a few steps and only prints.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.evaluated import Runs
from bench.judged import DATA, Judged, Kind
from bench.measure import nanosieve
from bench.page import put, score, signed, table
from nanosieve.core.errors import NanosieveError
from nanosieve.core.toml_text import toml_text
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.models.load import find_model
from recipes.test_sets import known

OUT = Path(__file__).parent / "out" / "fine-tuning"
SCORES = {"dice": "Dice", "instance_f1_50": "F1 at IoU 0.5"}


@dataclass(frozen=True)
class Course:
    """One curve.

    Parameters
    ----------
    name
        In the table.
    model
        Packaged model, or file, that is trained on.
    kind
        Of images.
    pool, test
        Data sets to learn from and to be judged on. If they are one, the last quarter of its images
        is judged and the others are learned from.
    counts
        Numbers of images.
    """

    name: str
    model: str
    kind: Kind
    pool: Path
    test: Path
    counts: tuple[int, ...]

    def images(self) -> tuple[list[Sample], list[Sample]]:
        """Samples to learn from, those with something to label, and to be judged on."""
        pool = [sample for sample in Dataset.open(self.pool) if shows_particles(sample)]
        if self.pool != self.test:
            return pool, list(Dataset.open(self.test))
        cut = 3 * len(pool) // 4 + 1
        return pool[:cut], pool[cut:]


def shows_particles(sample: Sample) -> bool:
    """Whether anything of a particle counts."""
    mask, ignore = sample.mask(), sample.ignore()
    return mask is not None and bool((mask if ignore is None else mask & ~ignore).any())


def courses(models: dict[str, str], *, smoke: bool) -> Iterator[Course]:
    """Give those whose data are at hand; simulated ones are made, but not to try this."""
    sets = known()
    pool, test = sets["hrtem/fine-tuning"], sets["hrtem/left-out"]
    if not smoke:
        pool.make()
        test.make()
    if pool.has(4) and test.has(2):
        yield Course("Pd, Cu, TiO2, SnO2, simulated", models["hrtem"], "hrtem", pool.folder,
                     test.folder, (0, 4, 16, 64))  # fmt: skip
    if (DATA / "sinter800").is_dir():
        folder = DATA / "sinter800"
        yield Course("`sinter800`, tiles", models["particles"], "particles", folder, folder,
                     (0, 4, 16))  # fmt: skip


def tuned(course: Course, n: int, folder: Path, *, smoke: bool) -> Path:
    """Train on further with the first ``n`` images; the model's file."""
    source = find_model(course.model)
    if n == 0:
        return source
    chosen = course.images()[0][:n]
    data = linked(chosen, folder / "data")
    config = {
        "data": {"path": str(data.resolve()), "groups": "image"},
        "start": {"model": course.model},
        **({"tiles": {"per_epoch": 16}, "stop": {"epochs": 1}} if smoke else {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "settings.toml"
    settings.write_text(toml_text(config), encoding="utf-8")
    run = folder / "run"
    command = nanosieve("train", settings, "-o", run, *(["--resume"] if run.is_dir() else []))
    subprocess.run(command, check=True)
    return run / "model.onnx"


def linked(samples: list[Sample], folder: Path) -> Path:
    """Make a data set of some images of another, by links."""
    rows = []
    for sample in samples:
        files = {"images": sample.path, **sample.files}
        for kind, file in files.items():
            place = folder / kind / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.symlink_to(file.resolve())
        rows.append({"name": sample.name, "group": sample.name, "split": "",
                     "pixel_size_nm": sample.pixel_size_nm})  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "dataset.csv", index=False)
    return folder


def curves(models: dict[str, str], out: Path, *, smoke: bool) -> str:
    """All curves as a table."""
    rows = []
    for course in courses(models, smoke=smoke):
        judged = course.images()[1]
        data = linked(judged[: 2 if smoke else None], out / course.kind / "test")
        for n in course.counts[: 2 if smoke else None]:
            print(f"{course.name}: {n} images", file=sys.stderr, flush=True)
            folder = out / course.kind / str(n)
            model = tuned(course, n, folder, smoke=smoke)
            found = Runs(out=folder / "scores").of(
                Judged(course.kind, data, course.kind), course.kind, str(model)
            )
            (folder / "done.json").write_text(json.dumps({"model": str(model)}), encoding="utf-8")
            rows.append([
                course.name, str(n), str(len(found.scores)),
                *(score(found.summary, key, mean=f"{key}_mean") for key in SCORES),
                signed(found.summary["median_bias"]),
            ])  # fmt: skip
    head = ["learned from and judged on", "images learned from", "images judged",
            *SCORES.values(), "bias, median"]  # fmt: skip
    return table(head, rows)


def main() -> int:
    """Parse, train, judge, put the table into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.fine_tuning", description=__doc__)
    parser.add_argument("--particles", default="particles", help="model to start from")
    parser.add_argument("--hrtem", default="hrtem", help="model to start from")
    parser.add_argument("--smoke", action="store_true", help="few steps, images and counts")
    parser.add_argument("-o", "--out", type=Path, default=OUT, help="where runs are kept")
    options = parser.parse_args()
    models = {"particles": options.particles, "hrtem": options.hrtem}
    try:
        text = curves(models, options.out, smoke=options.smoke)
    except NanosieveError as error:
        parser.error(str(error))
    print(text)
    if not options.smoke:
        put("fine-tuning", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
