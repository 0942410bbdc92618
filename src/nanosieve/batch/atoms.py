"""The atoms of a micrograph of graphene: read, lit evenly, contamination told, atoms found.

It stands above the lattice room and the methods of segmentation, both of which it needs: where
contamination lies is what a model, the method ``bragg`` or a mask says.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.errors import FailedInput, InputError, RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration, Micrograph, Step
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Device, Settings
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.files.read import read
from nanosieve.lattice.graphene.find import (
    LEAST_SURE,
    TOLD,
    TOO_NOISY,
    Graphene,
    expected_px,
    find_graphene,
)
from nanosieve.lattice.graphene.scale import LATTICE_NM, LatticeScale, find_scale
from nanosieve.models.load import is_model, packaged
from nanosieve.pipeline import analyse_frames
from nanosieve.prepare.flat_field import fit_background, flatten
from nanosieve.prepare.frame import Trail, finite_pixels, no_image, without_outliers

MODEL = "graphene"
NOTHING = "none"
_CONTAMINATION, _VACUUM = "contamination", "vacuum"
# Sides of a mask may differ from those of the image by one scale, but for rounding.
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class AtomSettings:
    """What a user may set.

    Parameters
    ----------
    pixel_size_nm
        In place of the file's.
    contrast
        Whether atoms are white or black; ``auto`` tells it from the image.
    contamination
        What tells contamination: ``auto`` (the packaged model ``graphene``, where there is one),
        ``bragg``, a model's name or file, or ``none``.
    device
        Where a model runs.
    """

    pixel_size_nm: float | None = None
    contrast: Literal["auto", "white", "black"] = "auto"
    contamination: str = "auto"
    device: Device = "auto"


@dataclass(frozen=True)
class Atoms:
    """Atoms of one micrograph.

    Parameters
    ----------
    micrograph
        With the pixel size that was used.
    image
        ``(y, x)`` float32, evenly lit, with a mean of 1.
    found
        Atoms, bonds, rings and grains.
    contamination
        What told contamination; ``none`` where nothing did.
    covered
        ``(y, x)`` bool, contamination and what was left out; ``None`` where nothing told either.
    notes
        Sentences that the user should read.
    steps
        What was done, with which parameters.
    """

    micrograph: Micrograph
    image: np.ndarray
    found: Graphene
    contamination: str
    covered: np.ndarray | None
    notes: tuple[str, ...]
    steps: tuple[Step, ...] = field(default=())

    @property
    def covered_share(self) -> float:
        """Share of the image that is covered."""
        return 0.0 if self.covered is None else float(self.covered.mean())


def find_atoms(
    source: Micrograph | str | Path,
    settings: AtomSettings | None = None,
    *,
    exclude: np.ndarray | None = None,
) -> Atoms:
    """Find the atoms of a sheet of graphene.

    Parameters
    ----------
    source
        A file, or what was read of it. Of a movie the first frame is taken.
    settings
        All defaults where not given.
    exclude
        ``(y, x)``, not zero where atoms are not to be counted: of the image's shape or of the same
        proportions at another scale.

    Raises
    ------
    InputError
        If there is no lattice of graphene, its pixels are too coarse, or the pixel size is not its.
    UsageError
        If a setting is not valid, or the mask is empty, not ``(y, x)`` or of other proportions.

    Examples
    --------
    >>> from nanosieve.lattice.graphene.drawn import drawn_sheet
    >>> image, truth = drawn_sheet((160, 160), lattice_px=12.0, angle_deg=7.0)
    >>> made = find_atoms(Micrograph.from_array(image), AtomSettings(contamination="none"))
    >>> made.found.contrast, bool(abs(made.found.grains.angle_deg[0] - 7) < 0.3)
    ('white', True)
    """
    settings = settings or AtomSettings()
    micrograph = _read(source, settings.pixel_size_nm)
    try:
        return _found(micrograph, settings, exclude)
    except InputError as error:
        if str(error).startswith(f"{micrograph.name}: "):
            raise
        raise type(error)(f"{micrograph.name}: {error}") from error


def read_mask(path: Path) -> np.ndarray:
    """Read a mask of ``--exclude``, ``(y, x)`` integers.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not path.is_file():
        raise UsageError(f"--exclude {path}: no such file")
    return read_label_pixels(path)


def _read(source: Micrograph | str | Path, pixel_size_nm: float | None) -> Micrograph:
    if not isinstance(source, Micrograph):
        return read(source, pixel_size_nm=pixel_size_nm)
    if pixel_size_nm is None:
        return source
    return source.replace(
        calibration=Calibration(pixel_size_nm, "user", source.calibration.in_file)
    )


def _found(micrograph: Micrograph, settings: AtomSettings, exclude: np.ndarray | None) -> Atoms:
    given = micrograph.calibration.pixel_size_nm
    trail = Trail.of(micrograph)
    image = _evenly_lit(micrograph, trail)
    shape = (image.shape[0], image.shape[1])
    mask = None if exclude is None else _on_grid(exclude, shape)
    scale = find_scale(image, near_px=expected_px(given))
    calibrated = _calibrated(micrograph, scale)
    told, covered, vacuum = _classes(calibrated, settings, trail)
    covered = _either(covered, mask)
    nowhere = _either(covered, vacuum)
    if nowhere is not None and nowhere.all():
        raise FailedInput(
            "all of the image is contamination, vacuum or left out: there is nowhere to look for "
            "atoms; look at the mask, or use --contamination none"
        )
    found = find_graphene(
        image, scale=scale, pixel_size_nm=given, contrast=settings.contrast,
        covered=covered, vacuum=vacuum,
    )  # fmt: skip
    trail.step(
        "find_atoms", contrast=found.contrast, contamination=told, exclude=exclude is not None,
        neighbourhood=found.neighbourhood,
    )  # fmt: skip
    notes = (*trail.notes, *_notes(found, given, settings))
    return Atoms(calibrated, image, found, told, covered, notes, tuple(trail.steps))


def _evenly_lit(micrograph: Micrograph, trail: Trail) -> np.ndarray:
    if micrograph.calibration.anisotropic_nm is not None:
        raise RefusedInput("pixels are not square; say how large they are with --pixel-size")
    if len(micrograph) > 1:
        trail.notes.append(f"A movie of {len(micrograph)} frames: its first frame was taken.")
    frame = micrograph.frames[0]
    if frame.dtype.kind == "f" and not np.isfinite(frame).any():
        raise no_image(micrograph)
    filled = finite_pixels(frame, trail)
    if filled is None:
        raise FailedInput(
            "the image is tiny or of one grey value; give one in which a lattice is resolved"
        )
    clean = without_outliers(filled, trail)
    background = fit_background(clean)
    if not background.positive:
        raise FailedInput(
            "its illumination reaches zero, so that it cannot be divided out; give the image as "
            "recorded, without subtraction of a background"
        )
    flat = flatten(clean, background, mode="divide") / background.mean
    trail.step("flat_field", mode="divide")
    return flat.astype(np.float32)


def _either(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _on_grid(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask on the image's own pixels."""
    mask = np.asarray(mask) != 0
    if mask.ndim != 2:
        raise UsageError(f"the mask of --exclude has shape {mask.shape}; give one (y, x) mask")
    if not mask.any():
        raise UsageError(
            "the mask of --exclude is empty, every pixel is 0; mark what is to be left out with "
            "another value, or leave --exclude out"
        )
    scales = [own / n for own, n in zip(shape, mask.shape, strict=True)]
    if abs(scales[0] / scales[1] - 1) > _SAME_SHAPE:
        raise UsageError(
            f"the mask of --exclude is {mask.shape[0]} x {mask.shape[1]} (y x x), the image "
            f"{shape[0]} x {shape[1]}; give a mask of the image's proportions"
        )
    rows, columns = (
        np.minimum((np.arange(own) + 0.5) * n / own, n - 1).astype(int)
        for own, n in zip(shape, mask.shape, strict=True)
    )
    return mask[rows][:, columns]


def _calibrated(micrograph: Micrograph, scale: LatticeScale) -> Micrograph:
    """With the pixel size of the lattice where none is known."""
    own = micrograph.calibration
    if own.pixel_size_nm is not None:
        return micrograph
    return micrograph.replace(calibration=Calibration(scale.pixel_size_nm, "user", own.in_file))


def _classes(
    micrograph: Micrograph, settings: AtomSettings, trail: Trail
) -> tuple[str, np.ndarray | None, np.ndarray | None]:
    """What tells contamination, where it is, and where vacuum is."""
    method = settings.contamination
    if method == "auto":
        method = MODEL if MODEL in packaged() else NOTHING
        if method == NOTHING:
            trail.notes.append(
                "No model of graphene is packaged, so that contamination was not looked for; "
                "--contamination bragg or --exclude MASK leaves it out."
            )
    if method == NOTHING:
        return method, None, None
    if method == "bragg":
        wanted = Settings(method="bragg", bragg=BraggSettings(foreground="amorphous"))
    elif is_model(method):
        wanted = Settings(method=method)
    else:
        raise UsageError(
            f"--contamination {method}: give auto, bragg, none, or a model's FILE.onnx"
        )
    first = micrograph.replace(frames=micrograph.frames[0][np.newaxis])
    frame = next(analyse_frames(first, wanted, device=settings.device))
    # The others are about sizes of particles.
    if "out_of_domain" in frame.segmentation.flags:
        trail.notes.append(
            f"The image is unlike those that {method} was trained on: what it takes for "
            "contamination may be none, and the reverse; look at the figure."
        )
    return method, *_maps(frame.segmentation, method)


def _maps(found: Segmentation, method: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Contamination and vacuum, as far as a segmentation knows them."""
    if found.classes is None:
        if method == "bragg":
            return found.mask, None
        raise UsageError(
            f"--contamination {method}: that model knows no contamination, only particles; give "
            f"one with a class {_CONTAMINATION!r}"
        )
    if _CONTAMINATION not in found.class_names:
        raise UsageError(
            f"--contamination {method}: its classes are {', '.join(found.class_names)}; give a "
            f"model with a class {_CONTAMINATION!r}"
        )
    covered = found.classes == found.class_names.index(_CONTAMINATION)
    if _VACUUM not in found.class_names:
        return covered, None
    return covered, found.classes == found.class_names.index(_VACUUM)


def _notes(found: Graphene, given: float | None, settings: AtomSettings) -> list[str]:
    notes = []
    if given is not None:
        lattice = found.scale.lattice_px * given
        if abs(lattice / LATTICE_NM - 1) > TOLD:
            notes.append(
                f"At {given:.5g} nm a pixel the lattice constant is {lattice:.4f} nm and not "
                f"{LATTICE_NM}: by the lattice a pixel is {found.scale.pixel_size_nm:.5f} nm "
                f"(+/- {found.scale.uncertainty_nm:.5f}); --pixel-size sets it."
            )
    if settings.contrast == "auto" and found.sureness < LEAST_SURE:
        notes.append(
            f"Whether atoms are white or black is unsure; {found.contrast} was taken. If atoms lie "
            "between what looks like atoms, set --contrast."
        )
    if found.chance > TOO_NOISY:
        notes.append(
            "The lattice hardly stands out of the noise: some atoms, and most rings that are no "
            "hexagons, may be chance; average frames, or give a higher dose."
        )
    return notes
