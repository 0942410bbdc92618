"""What is shown of networks: sections of figures and tables, as files and on one page."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from PIL import Image

from nanosieve._version import __version__
from nanosieve.files.atomic import atomic_path, output_errors
from nanosieve.report.page import write_page

_LARGE = 60_000  # bytes


@dataclass(frozen=True)
class Figure:
    """A picture (PNG) or a chart (SVG) with what it shows."""

    content: bytes | Markup
    caption: str
    alt: str = ""

    @property
    def is_chart(self) -> bool:
        """Whether it is SVG."""
        return isinstance(self.content, Markup)


@dataclass(frozen=True)
class Table:
    """Rows of text; ``caption`` says what the columns are."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Group:
    """Figures and tables under a heading, mostly those of one model."""

    heading: str
    parts: Sequence[Figure | Table | str]


@dataclass(frozen=True)
class Section:
    """One question about the networks.

    Parameters
    ----------
    key
        Anchor in the page.
    title
        Heading.
    text
        Paragraphs: what is shown, and how to read it.
    groups
        Answers.
    caution
        What it must not be taken for: a phrase that follows "Not:".
    """

    key: str
    title: str
    text: Sequence[str]
    groups: Sequence[Group] = ()
    caution: str = ""


@dataclass
class Output:
    """The folder that everything is written to; remembers what was written."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def picture(self, name: str, data: bytes) -> bytes:
        """Write a PNG and return it for the page, as JPEG where it is large."""
        with atomic_path(self._place(name)) as temporary:
            temporary.write_bytes(data)
        if len(data) <= _LARGE:
            return data
        stream = io.BytesIO()
        with Image.open(io.BytesIO(data)) as picture:
            # Colours at full resolution: thin lines keep theirs.
            picture.convert("RGB").save(stream, format="JPEG", quality=85, subsampling=0)
        return stream.getvalue()

    def chart(self, name: str, svg: Markup) -> Markup:
        """Write an SVG that stands alone and return it as it is, for the page."""
        # As plain text: Markup would escape the quotes.
        alone = str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        with atomic_path(self._place(name)) as temporary:
            temporary.write_text(alone, encoding="utf-8")
        return svg

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a CSV, which the page links."""
        with atomic_path(self._place(name)) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
        self.files[name] = name

    def _place(self, name: str) -> Path:
        path = self.folder / name
        with output_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path


def write_explanation(
    output: Output,
    *,
    title: str,
    lead: Sequence[str],
    facts: Mapping[str, str],
    sections: Sequence[Section],
    warning: str = "",
) -> Path:
    """Write ``report.html``, self-contained; the same content gives the same bytes.

    Parameters
    ----------
    output
        Where; its tables are linked.
    title
        Heading of the page.
    lead
        What one should know first, a sentence each.
    facts
        Name -> value.
    sections
        In order.
    warning
        What one must know before anything else.
    """
    path = output.folder / "report.html"
    write_page(
        path, "explain.html", title=title, lead=lead, warning=warning,
        facts={**facts, "version": f"nanosieve {__version__}"}, sections=sections,
        files=output.files,
    )  # fmt: skip
    return path
