"""The page: self-contained, escaped, deterministic, and nothing to warn of is left out."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.core.flags import FLAGS
from nanosieve.report.page import is_warning, link, picture_source, selection_sentence, write_report
from nanosieve.report.terms import term
from nanosieve.report.view import Estimate, ImageView, MovieView, PopulationView, RunView, Thumbnail

VOID = {"meta", "img", "input", "br", "link", "path", "rect", "circle"}


class Outline(HTMLParser):
    """Collects references and checks that elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "xlink:href"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def render(folder: Path, run: RunView) -> tuple[str, Outline]:
    write_report(folder / "report.html", run)
    page = (folder / "report.html").read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert not re.search(r"\bnan\b|None", page.partition("<body>")[2].partition("<script>")[0])
    return page, outline


def test_page_refers_to_nothing_outside_its_folder(
    tmp_path: Path, run: RunView, image: ImageView, movie_view: MovieView, jpeg: bytes
) -> None:
    strip = replace(image, name="movie", movie=movie_view, pictures=(Thumbnail(jpeg, "0 s"),) * 2)
    page, outline = render(tmp_path, replace(run, images=(image, strip)))
    for reference in outline.references:
        assert reference.startswith(("./", "#", "data:image/jpeg;base64,")), reference
    assert "http" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert not {"link", "iframe", "object", "embed"} & set(outline.tags)


def test_links_within_the_page_lead_somewhere(tmp_path: Path, run: RunView) -> None:
    _, outline = render(tmp_path, run)
    targets = {r[1:] for r in outline.references if r.startswith("#")}
    assert targets <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


def test_each_figure_leads_to_what_it_means(tmp_path: Path, run: RunView, image: ImageView) -> None:
    keys = ("sigma_px", "half_contrast_over_noise", "polarity_score", "edge_shift_px")
    seen = replace(image, facts=dict.fromkeys(keys, "1.23") | {"dose": "7"})
    page, outline = render(tmp_path, replace(run, images=(seen,)))
    for key in (*keys, "coverage", "sauter", "edge-position"):
        assert f"term-{key}" in outline.ids
    for key in keys:
        assert f"#term-{key}" in outline.references
        assert term(key).meaning in html.unescape(page)
        assert f">{key}<" not in page
        assert key.replace("_", " ") not in page
    assert "<dt>dose</dt>" in page


def test_unlike_images_are_said_to_be_pooled(
    tmp_path: Path, run: RunView, population: PopulationView
) -> None:
    plain, _ = render(tmp_path, run)
    assert "pooled over" not in plain
    words = ("magnification (pixel size 0.1 to 2 nm)", "mode (STEM, TEM)")
    mixed = replace(population, unlike=words)
    page, _ = render(tmp_path, replace(run, overall=(mixed,)))
    assert "pooled over 2 images of different magnification: mean" in page
    assert "differ in magnification (pixel size 0.1 to 2 nm) and in mode (STEM, TEM)" in page
    assert "--group-by folder" in page
    grouped = replace(run, overall=(mixed,), groups=(population, replace(mixed, label="b")))
    page, _ = render(tmp_path, grouped)
    assert "--group-by folder" not in page
    assert page.count("mages differ in") == 2


def test_names_are_escaped_and_links_quoted(tmp_path: Path, run: RunView, image: ImageView) -> None:
    name = '<script>alert("1")</script> Träger & 金 #2'
    page, outline = render(
        tmp_path,
        replace(run, images=(replace(image, name=name, overlay=f"{name}/overlay.png"),)),
    )
    assert "<script>alert" not in page
    assert html.escape(name, quote=False).split(" Tr")[0] in page.replace("&#34;", '"')
    assert "Träger &amp; 金 #2" in page
    reference = next(r for r in outline.references if r.endswith("overlay.png"))
    assert reference == link(f"{name}/overlay.png")
    assert not set(reference) & set('<>"#& ')


def test_same_view_gives_same_bytes(tmp_path: Path, run: RunView) -> None:
    write_report(tmp_path / "a.html", run)
    write_report(tmp_path / "b.html", run)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    before = (tmp_path / "a.html").stat().st_ino
    write_report(tmp_path / "a.html", run)
    assert (tmp_path / "a.html").stat().st_ino == before


@pytest.mark.parametrize("code", list(FLAGS))
def test_every_flag_is_explained(tmp_path: Path, run: RunView, image: ImageView, code: str) -> None:
    about_image = FLAGS[code].about == "image"
    flagged = replace(
        image,
        flags=(code,) if about_image else (),
        particle_flags={} if about_image else {code: 2},
    )
    page, _ = render(tmp_path, replace(run, images=(flagged,)))
    text = html.unescape(page)
    # In the list of flags; with the image; and at the top where it is a warning.
    assert text.count(FLAGS[code].meaning) == 1 + about_image * (1 + is_warning(code))


def test_every_warning_note_and_message_is_on_the_page(
    tmp_path: Path, run: RunView, image: ImageView, movie_view: MovieView
) -> None:
    images = (
        replace(image, notes=("the second of 3 images was taken",), movie=movie_view),
        ImageView("bad", source="bad.tif", status="failed", message="bad.tif: zero bytes; copy it"),
        ImageView("eels", source="eels.dm3", status="refused", message="a spectrum (eV)"),
        ImageView("bare", status="empty"),
    )
    page, _ = render(tmp_path, replace(run, images=images))
    text = html.unescape(page)
    for expected in (
        "the disk was nearly full",
        "the second of 3 images was taken",
        "frame 1: no particle",
        "bad.tif: zero bytes; copy it",
        "a spectrum (eV)",
        "2 inputs without a result",
        "3 files skipped",
    ):
        assert expected in text
    failures = text.index("inputs without a result")
    assert text.index("bad.tif: zero bytes", failures) < text.index('id="sizes"')
    assert "<b>eels.dm3</b>" in page


def test_frame_of_iso_21363_and_budget_are_stated(tmp_path: Path, run: RunView) -> None:
    text = html.unescape(render(tmp_path, run)[0])
    for expected in (
        "ISO 21363",
        "Number-weighted",
        "Edge rule:</b> the outline lies at half maximum.",
        "Counted:</b> every particle above 2 nm.",
        "mean largest Feret diameter",
        "8.26 (8.02 to 8.51)",
        "Border correction: Miles–Lantuéjoul weights",
        "corrected for the border",
        "not known",
        "a lower bound",
        "give --pixel-size-uncertainty",
        "nanosieve, version 1.2.3",
        "200 particles of 300 (66.7 %) are isolated; their mean diameter is 10.0 % smaller",
    ):
        assert expected in text


def test_mixed_units_stand_apart_and_groups_are_listed(
    tmp_path: Path, run: RunView, population: PopulationView
) -> None:
    in_px = replace(
        population,
        label="no pixel size",
        counted=replace(population.counted, unit="px"),
        corrected=None,
        isolated=None,
        uncertainty=None,
    )
    page, outline = render(
        tmp_path, replace(run, overall=(population, in_px), groups=(population, in_px))
    )
    assert "8.26 (8.02 to 8.51) px" in page
    assert "no pixel size, sizes in px" in page
    assert "groups" in outline.ids


@pytest.mark.parametrize("status", [None, "failed"])
def test_nothing_to_show_is_said(tmp_path: Path, status: str | None) -> None:
    failed = ImageView("a", status="failed", message="a.tif: zero bytes")
    page, _ = render(tmp_path, RunView("Sizes", "1", images=(failed,) if status else ()))
    assert "No input gave a result." in page
    assert "There are no sizes to show." in page
    assert ("There was no input." in page) == (status is None)


def test_empty_images_are_a_result(tmp_path: Path) -> None:
    page, _ = render(tmp_path, RunView("Sizes", "1", images=(ImageView("a", status="empty"),)))
    assert "No particle was found." in page


def test_unknown_pixel_size_is_said(tmp_path: Path, run: RunView, image: ImageView) -> None:
    unknown = replace(image, pixel_size_nm=None, size=None, n=0, status="empty")
    page, _ = render(tmp_path, replace(run, images=(unknown,)))
    assert "<dt>pixel size</dt><dd>unknown</dd>" in page


def test_page_stays_usable_for_2000_images(
    tmp_path: Path, run: RunView, image: ImageView, jpeg: bytes
) -> None:
    picture = Thumbnail(jpeg + bytes(18_000 - len(jpeg)))
    images = tuple(replace(image, name=f"image {i}", pictures=(picture,)) for i in range(2000))
    write_report(tmp_path / "report.html", replace(run, images=images))
    size = (tmp_path / "report.html").stat().st_size
    assert size < 62e6
    with open(tmp_path / "report.html", encoding="utf-8") as file:
        page = file.read()
    assert page.count('loading="lazy"') == page.count("<article") == 2000


def test_flag_out_of_the_registry(tmp_path: Path, run: RunView, image: ImageView) -> None:
    with pytest.raises(UsageError, match="'no_such' is not in the registry"):
        write_report(
            tmp_path / "r.html", replace(run, images=(replace(image, flags=("no_such",)),))
        )
    assert not list(tmp_path.iterdir())


def test_picture_of_another_kind(tmp_path: Path, run: RunView, image: ImageView) -> None:
    broken = replace(image, pictures=(Thumbnail(b"GIF89a"),))
    with pytest.raises(UsageError, match="must be JPEG, PNG or WebP"):
        write_report(tmp_path / "r.html", replace(run, images=(broken,)))
    assert not list(tmp_path.iterdir())


def test_picture_source_names_the_kind(jpeg: bytes) -> None:
    assert picture_source(jpeg).startswith("data:image/jpeg;base64,/9j/")
    assert picture_source(b"RIFFxxxxWEBP").startswith("data:image/webp;")


def test_selection_says_nothing_without_isolated(population: PopulationView) -> None:
    assert selection_sentence(replace(population, isolated=None)) == ""
    larger = replace(population.isolated, mean=Estimate(9.086))
    assert "10.0 % larger" in selection_sentence(replace(population, isolated=larger))


def test_diameters_that_are_all_equal(tmp_path: Path, run: RunView, image: ImageView) -> None:
    equal = replace(image.size, diameters=np.full(5, 3.0), mean=Estimate(3.0, 3.0, 3.0))
    page, _ = render(tmp_path, replace(run, images=(replace(image, size=equal),)))
    assert "3.00 (3.00 to 3.00) nm" in page
