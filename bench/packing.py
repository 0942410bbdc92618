"""How much smaller packed micrographs are, on real images: ``python -m bench.packing``.

Wanted are the particles of the labels where there are any, else those of ``hybrid``. Ratios are
bytes of the pixels, not compressed, over bytes of the packed file.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np

from bench.judged import DATA
from bench.page import put, table
from nanosieve.core.settings import Settings
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.files.read import read
from nanosieve.pipeline import analyse
from nanosieve.selection.packing.coarse import coarsened, exact_pixels
from nanosieve.selection.packing.container import PackedFrame, write_packed

FILES = ("10nm-colloidal-gold-1.tif", "qm-02424-01.tif", "JEOL HAADF Image.dm4")
# Margin, and side of the blocks.
FORMS: dict[str, tuple[int, int | None]] = {
    "`--rest 1` (all exact)": (8, 1),
    "`--rest 8`": (8, 8),
    "`--rest 32`": (8, 32),
    "`--rest mean`": (8, None),
    "`--margin 0`": (0, 8),
    "`--margin 14`": (14, 8),
}
Pair = tuple[np.ndarray, np.ndarray]


def pairs() -> Iterator[tuple[str, list[Pair]]]:
    """Images with what is wanted of them, set by set."""
    for name, labels in (("emps_bf", "instances"), ("sinter800", "masks")):
        found = sorted((DATA / name / labels).iterdir())
        yield name, [_with_labels(DATA / name / "images", path) for path in found]
    for name in FILES:
        micrograph = read(DATA / "formats" / name)
        wanted = analyse(micrograph, Settings(method="hybrid")).segmentations[0].mask
        yield name, [(np.asarray(micrograph.frames[0]), wanted)]


def _with_labels(images: Path, labels: Path) -> Pair:
    (image,) = images.glob(f"{labels.stem}.*")
    return np.asarray(read(image).frames[0]), read_label_pixels(labels) > 0


def ratio(pair: Pair, margin_px: int, block_px: int | None, path: Path) -> tuple[float, float]:
    """Share that is exact, and how much smaller the file is than the pixels."""
    image, wanted = pair
    exact = exact_pixels(image, wanted, margin_px)
    frame = PackedFrame(coarsened(image, exact, block_px), wanted, exact)
    shape = (1, image.shape[0], image.shape[1])
    write_packed(path, [frame], shape, image.dtype, lambda: {"pixel_size_nm": None})
    return float(exact.mean()), image.nbytes / path.stat().st_size


def row(name: str, found: list[Pair], path: Path) -> list[str]:
    """Means over the images of a set."""
    ratios = {form: [ratio(pair, *FORMS[form], path) for pair in found] for form in FORMS}
    wanted = mean(float(pair[1].mean()) for pair in found)
    exact = mean(share for share, _ in ratios["`--rest 8`"])
    many = f" ({len(found)} images)" if len(found) > 1 else ""
    shares = [f"{100 * share:.0f} %" for share in (wanted, exact)]
    figures = (f"{mean(value for _, value in one):.1f}" for one in ratios.values())
    return [f"{name}{many}", found[0][0].dtype.name, *shares, *figures]


def main() -> None:
    """Put the table into docs/benchmarks.md."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(name, found, Path(folder) / "a.packed.h5") for name, found in pairs()]
    text = table(["images", "pixels", "wanted", "exact", *FORMS], rows)
    print(text)
    put("packing", text)


if __name__ == "__main__":
    main()
