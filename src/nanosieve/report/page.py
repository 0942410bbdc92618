"""One self-contained HTML page: styles, pictures and charts are inside, data lies beside it."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from nanosieve.core.errors import UsageError
from nanosieve.core.flags import FLAGS
from nanosieve.files.atomic import atomic_path
from nanosieve.report import text
from nanosieve.report.figures import movie_figures, population_figures, size_histogram
from nanosieve.report.terms import SIZE_TERMS, explained, term
from nanosieve.report.view import ImageView, PopulationView, RunView

# Flags that only state how a file was read; the others ask to be looked at.
_HARMLESS_FLAGS = frozenset(
    {"pixel_size_given", "several_images", "rgb_to_luminance", "resampled", "xray_outliers",
     "excluded_by_user"}
)  # fmt: skip
_PICTURE_TYPES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"RIFF": "image/webp",
}


def write_report(path: str | Path, run: RunView) -> None:
    """Write ``report.html``: what was found, with which certainty, and everything to warn of.

    The page needs no other file and no network: overlays are inside as thumbnails, and their full
    versions and the tables, which lie beside it, are linked. The same view gives the same bytes.

    Parameters
    ----------
    path
        File to write (atomically), in the folder that the view's links are relative to.
    run
        What to show.

    Raises
    ------
    UsageError
        If a flag is not in the registry, or a picture is neither JPEG, PNG nor WebP.
    """
    codes = (code for image in run.images for code in (*image.flags, *image.particle_flags))
    unknown = [code for code in codes if code not in FLAGS]
    if unknown:
        raise UsageError(f"flag {unknown[0]!r} is not in the registry; add it to core/flags.py")
    flags_seen = _flags_seen(run.images)
    write_page(
        path,
        "report.html",
        run=run,
        counts=Counter(image.status for image in run.images),
        troubled=[image for image in run.images if image.status in ("refused", "failed")],
        flags_seen=flags_seen,
        terms=explained(
            [*SIZE_TERMS, *run.settings, *(key for image in run.images for key in image.facts)]
        ),
        warning_flags={
            code: n
            for code, n in flags_seen.items()
            if FLAGS[code].about == "image" and is_warning(code)
        },
    )


def write_page(path: str | Path, template: str, **context: Any) -> None:
    """Render one of the templates to a file, piece by piece.

    Templates extend ``base.html``; names of files are escaped, an undefined name is an error.

    Parameters
    ----------
    path
        File to write (atomically).
    template
        Name in ``templates/``.
    context
        What the template uses.
    """
    stream = _environment().get_template(template).stream(context)
    stream.enable_buffering(200)
    with atomic_path(path, keep_equal=True) as temporary:
        stream.dump(str(temporary), encoding="utf-8")


def picture_source(picture: bytes) -> str:
    """Return encoded picture bytes as the ``src`` of an ``img``.

    Raises
    ------
    UsageError
        If it is neither JPEG, PNG nor WebP.

    Examples
    --------
    >>> picture_source(b"\\x89PNG and so on")
    'data:image/png;base64,iVBORyBhbmQgc28gb24='
    """
    for start, kind in _PICTURE_TYPES.items():
        if picture.startswith(start):
            return f"data:{kind};base64,{base64.b64encode(picture).decode('ascii')}"
    raise UsageError(f"a picture for the page must be JPEG, PNG or WebP, got {picture[:4]!r}")


def link(path: str) -> str:
    """Quote a path relative to the page for ``href``.

    Examples
    --------
    >>> link("50% of Pt #2/overlay.png")
    './50%25%20of%20Pt%20%232/overlay.png'
    """
    # Without the dot a name with a colon, such as "a:b/overlay.png", would be a URL scheme.
    return "./" + quote(path)


def is_warning(code: str) -> bool:
    """Tell flags to look at from those that only state how a file was read.

    >>> is_warning("lattice_resolved"), is_warning("pixel_size_given")
    (True, False)
    """
    return code not in _HARMLESS_FLAGS


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nanosieve.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "compact": text.compact,
        "number": text.number,
        "estimate": text.estimate,
        "percent": text.percent,
        "picture": picture_source,
        "link": link,
    }
    environment.globals |= {
        "FLAGS": FLAGS,
        "UNKNOWN": text.UNKNOWN,
        "count": text.count,
        "is_warning": is_warning,
        "movie_figures": movie_figures,
        "population_figures": population_figures,
        "selection": selection_sentence,
        "size_histogram": size_histogram,
        "term": term,
    }
    return environment


def selection_sentence(population: PopulationView) -> str:
    """Say what leaving out the particles that are not isolated does to the mean.

    Empty where there is nothing to compare.
    """
    isolated, counted = population.isolated, population.counted
    if isolated is None or counted.n == 0 or isolated.mean is None or counted.mean is None:
        return ""
    change = isolated.mean.value / counted.mean.value - 1
    direction = "larger" if change > 0 else "smaller"
    why = "" if change > 0 else ": large ones touch a neighbour or the border more often"
    return (
        f"{text.count(isolated.n, 'particle')} of {counted.n:,} "
        f"({text.percent(isolated.n / counted.n)}) are isolated; their mean diameter is "
        f"{text.percent(abs(change))} {direction} than that of all. To keep only isolated "
        f"particles is to select by size{why}."
    )


def _flags_seen(images: Iterable[ImageView]) -> Mapping[str, int]:
    """Number of images and of particles with each flag, in the order of the registry."""
    seen: Counter[str] = Counter()
    for image in images:
        seen.update(image.flags)
        seen.update(image.particle_flags)
    return {code: seen[code] for code in FLAGS if seen[code]}
