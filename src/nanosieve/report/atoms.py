"""Atoms and bonds of a sheet drawn over its micrograph: bonds by direction, odd rings filled."""

import colorsys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nanosieve.core.micrograph import Calibration
from nanosieve.files.atomic import atomic_path
from nanosieve.lattice.graphene.find import Graphene
from nanosieve.lattice.graphene.rings import bond_angles
from nanosieve.report import colours
from nanosieve.report.scale_bar import scale_bar

# Of the picture: a lattice constant is drawn at least so long, unless the sides get too long.
_LATTICE_PX = 26
_LONGEST_SIDE = 4096
_WHEEL = 12
_PAPER, _INK = (20, 20, 20), (240, 240, 240)
RING_COLOURS: Mapping[int, tuple[int, int, int]] = {
    4: (0, 158, 115),
    5: (86, 180, 233),
    7: (230, 159, 0),
    8: (204, 121, 167),
}
"""Of rings up to four, of five, seven, and eight and more atoms."""


def write_atoms_figure(path: str | Path, image: np.ndarray, found: Graphene) -> None:
    """Write a picture of the atoms.

    Bonds are coloured by their direction modulo 60 degrees, rings of other than six atoms are
    filled, boundaries of grains are dotted white, atoms left out are crosses. Scale bar and legend
    stand in a strip below.

    Parameters
    ----------
    path
        PNG file to write (atomically).
    image
        ``(y, x)`` floats.
    found
        What was found in it.
    """
    factor = _factor(image.shape, found.scale.lattice_px)
    picture = _grey(image, factor)
    _fill_rings(picture, found, factor)
    draw = ImageDraw.Draw(picture)
    size = max(1, round(found.scale.lattice_px * factor / 14))
    _draw_bonds(draw, found, factor, size)
    _draw_points(draw, found.boundaries.points, factor, (255, 255, 255), max(1, size - 1))
    _draw_crosses(draw, found.excluded, factor, 2 * size)
    whole = _with_strip(picture, found, factor)
    with atomic_path(path) as temporary:
        whole.save(temporary, format="PNG", compress_level=4)


def _factor(shape: Sequence[int], lattice_px: float) -> float:
    """Pixels of the picture in one of the image's: a whole number, or one over it."""
    wanted = np.ceil(_LATTICE_PX / lattice_px)
    if max(shape) > _LONGEST_SIDE:
        return 1 / float(np.ceil(max(shape) / _LONGEST_SIDE))
    return float(max(1, min(wanted, _LONGEST_SIDE // max(shape))))


def _grey(image: np.ndarray, factor: float) -> Image.Image:
    low, high = np.percentile(image, [0.5, 99.5])
    level = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1) * 200
    picture = Image.fromarray(level.astype(np.uint8))
    height, width = (max(1, round(n * factor)) for n in image.shape)
    return picture.resize((width, height), Image.Resampling.BILINEAR).convert("RGB")


def _places(points: np.ndarray, factor: float) -> list[tuple[float, float]]:
    return [tuple(place) for place in ((np.asarray(points) + 0.5) * factor - 0.5).tolist()]


def _fill_rings(picture: Image.Image, found: Graphene, factor: float) -> None:
    rings = found.rings
    odd = np.flatnonzero(rings.size != 6)
    filled = picture.copy()
    draw = ImageDraw.Draw(filled)
    for ring in odd:
        atoms = rings.atoms[ring, : rings.size[ring]]
        corners = [(x, y) for y, x in _places(found.network.positions[atoms], factor)]
        draw.polygon(corners, fill=RING_COLOURS[min(max(int(rings.size[ring]), 4), 8)])
    picture.paste(Image.blend(picture, filled, 0.6))


def _draw_bonds(draw: ImageDraw.ImageDraw, found: Graphene, factor: float, size: int) -> None:
    ends = (found.network.positions[found.network.bonds] + 0.5) * factor - 0.5
    for (first, second), angle in zip(ends.tolist(), bond_angles(found.network), strict=True):
        draw.line((first[1], first[0], second[1], second[0]), _hue(float(angle)), width=size)
    _draw_points(draw, found.network.positions, factor, (255, 255, 255), size)


def _draw_points(
    draw: ImageDraw.ImageDraw,
    points: np.ndarray,
    factor: float,
    colour: tuple[int, int, int],
    size: int,
) -> None:
    half = size / 2
    for y, x in _places(points, factor):
        draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def _draw_crosses(draw: ImageDraw.ImageDraw, points: np.ndarray, factor: float, size: int) -> None:
    for y, x in _places(points, factor):
        draw.line((x - size, y - size, x + size, y + size), fill=colours.EXCLUDED, width=2)
        draw.line((x - size, y + size, x + size, y - size), fill=colours.EXCLUDED, width=2)


def _hue(angle_deg: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(angle_deg / 60 % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _with_strip(picture: Image.Image, found: Graphene, factor: float) -> Image.Image:
    size = int(min(max(picture.width / 50, 12), 36))
    font = ImageFont.load_default(size)
    entries = _legend(found)
    line = round(size * 1.8)
    places, x, y = [], size, 0
    for swatch, text in entries:
        needed = round(size * 3 + font.getlength(text))
        if x > size and x + needed > picture.width:
            x, y = size, y + line
        places.append((x, y, swatch, text))
        x += needed
    bar = scale_bar(
        Calibration(found.pixel_size_nm, "user"),
        canvas_px=picture.width,
        pixels_per_canvas_px=1 / factor,
    )
    top = y + line
    strip = Image.new("RGB", (picture.width, top + line), _PAPER)
    draw = ImageDraw.Draw(strip)
    for x, y, swatch, text in places:
        _swatch(draw, (x, y + round(size * 0.3)), size, swatch)
        draw.text((x + round(size * 1.6), y + round(size * 0.2)), text, _INK, font=font)
    draw.rectangle((size, top + size * 0.6, size + bar.pixels, top + size), fill=_INK)
    draw.text((size * 2 + bar.pixels, top + size * 0.2), bar.label, _INK, font=font)
    whole = Image.new("RGB", (picture.width, picture.height + strip.height))
    whole.paste(picture, (0, 0))
    whole.paste(strip, (0, picture.height))
    return whole


_Swatch = tuple[int, int, int] | None


def _legend(found: Graphene) -> list[tuple[_Swatch, str]]:
    """Colour, or none for the wheel of directions, and what it means; only what occurs."""
    counts = found.rings.counts()
    odd = [
        (4, "rings of 3 or 4", sum(n for size, n in counts.items() if size < 5)),
        (5, "rings of 5", counts.get(5, 0)),
        (7, "rings of 7", counts.get(7, 0)),
        (8, "rings of 8 to 12", sum(n for size, n in counts.items() if size > 7)),
    ]
    entries: list[tuple[_Swatch, str]] = [(None, "bonds from 0 to 60 degrees")]
    entries += [(RING_COLOURS[size], f"{text}: {count}") for size, text, count in odd if count]
    if len(found.boundaries.points):
        entries.append(((255, 255, 255), "boundary of grains"))
    if len(found.excluded):
        entries.append((colours.EXCLUDED, "left out"))
    return entries


def _swatch(draw: ImageDraw.ImageDraw, corner: tuple[int, int], size: int, colour: _Swatch) -> None:
    left, top = corner
    if colour is not None:
        draw.rectangle((left, top, left + size, top + size), fill=colour)
        return
    for step in range(_WHEEL):
        start = left + step * size / _WHEEL
        hue = _hue(step * 60 / _WHEEL)
        draw.rectangle((start, top, start + size / _WHEEL, top + size), fill=hue)
