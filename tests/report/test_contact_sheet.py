"""Contact sheets: every overlay once, struck-out ones crossed, no stale pages."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nanosieve.core.errors import UsageError
from nanosieve.report import colours
from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet


def coloured(value: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (420, 300), (value, 0, 255)).save(stream, format="PNG")
    return stream.getvalue()


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_each_overlay_appears_once_and_in_order(tmp_path: Path) -> None:
    items = [ContactItem(f"image {i}", coloured(10 * i)) for i in range(6)]
    (page,) = write_contact_sheet(tmp_path / "contact-sheet.png", items)
    shown = pixels(page)
    blue = shown[..., 2] == 255
    for i in range(6):
        where = blue & (shown[..., 0] == 10 * i) & (shown[..., 1] == 0)
        assert where.sum() == 420 * 300
        row, column = np.argwhere(where)[0]
        assert (row // 480, column // 436) == divmod(i, 4)


def test_struck_out_is_crossed_in_its_own_cell_only(tmp_path: Path) -> None:
    items = [ContactItem("yes", coloured(0)), ContactItem("no", coloured(0), keep=False)]
    (page,) = write_contact_sheet(tmp_path / "s.png", items)
    crossed = (pixels(page) == np.array(colours.INVENTED, np.uint8)).all(axis=2)
    assert crossed[:, 440:].any()
    assert not crossed[:, :440].any()


def test_long_runs_take_numbered_pages_and_stale_ones_go(tmp_path: Path) -> None:
    bystander = tmp_path / "contact-sheet-notes.png"
    bystander.touch()
    items = [ContactItem(f"{i}", coloured(0)) for i in range(41)]
    path = tmp_path / "contact-sheet.png"
    pages = write_contact_sheet(path, items)
    assert [page.name for page in pages] == [f"contact-sheet-0{n}.png" for n in (1, 2, 3)]
    assert write_contact_sheet(path, items[:3]) == [path]
    assert sorted(p.name for p in tmp_path.iterdir()) == [bystander.name, path.name]


def test_same_items_give_same_bytes(tmp_path: Path) -> None:
    items = [ContactItem("Träger_金_" + "x" * 80, coloured(5))]
    write_contact_sheet(tmp_path / "a.png", items)
    write_contact_sheet(tmp_path / "b.png", items)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_thumbnail_that_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="thumbnail of 'a' is not a picture"):
        write_contact_sheet(tmp_path / "s.png", [ContactItem("a", b"nothing")])
    assert not list(tmp_path.iterdir())
