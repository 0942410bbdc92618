"""Open any of the formats as a `Micrograph`."""

from collections.abc import Callable
from pathlib import Path

from nanosieve.core.errors import FailedInput, InputError
from nanosieve.core.micrograph import Calibration, Micrograph
from nanosieve.files import digital_micrograph, hdf5, hyperspy, mrc, raster, tia, tiff
from nanosieve.files.calibration import calibrate
from nanosieve.files.found import Found, choose
from nanosieve.files.frames import LazyFrames
from nanosieve.files.guard import guarded
from nanosieve.files.suffixes import FAMILY_OF_SUFFIX, SUFFIXES, WITHOUT_SIGNATURE, looks_like

READERS: dict[str, Callable[[Path], list[Found]]] = {
    "DigitalMicrograph": digital_micrograph.images,
    "MRC": mrc.images,
    "HDF5": hdf5.images,
    "Zarr": hyperspy.images,
    "TIA series": tia.images,
    "TIA header": tia.images,
    "TIFF": tiff.images,
    "PNG": raster.images,
    "JPEG": raster.images,
}
"""One reader a family of formats: a function that lists the images of a file."""


def read(
    path: str | Path, *, pixel_size_nm: float | None = None, keep_anisotropic: bool = False
) -> Micrograph:
    """Open a microscope file; frames are read when they are asked for.

    Parameters
    ----------
    path
        A file with one of `nanosieve.files.suffixes.SUFFIXES`, in either case.
    pixel_size_nm
        Side of a pixel in nm, in place of what the file says.
    keep_anisotropic
        Return a micrograph whose pixels are not square (``calibration.anisotropic_nm``), for a
        caller that resamples it.

    Returns
    -------
    Micrograph
        ``frames`` is ``(t, y, x)`` in the file's own dtype, colours reduced to luminance. Its name
        is the file's stem.

    Raises
    ------
    RefusedInput
        If the file holds no micrograph (a spectrum, a diffraction pattern, 4-D data), or one
        whose pixels are not square while neither ``pixel_size_nm`` nor ``keep_anisotropic`` is
        given.
    FailedInput
        If the file is missing, unreadable, damaged, or not of the kind its suffix says.
    UsageError
        If ``pixel_size_nm`` is not a positive number.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "gold.tif")
    ...     tifffile.imwrite(file, np.zeros((4, 5), np.uint16), imagej=True,
    ...                      resolution=(2, 2), metadata={"unit": "nm"})
    ...     image = read(file)
    >>> image.name, image.shape, image.calibration.pixel_size_nm
    ('gold', (1, 4, 5), 0.5)
    """
    path = Path(path)
    family = _family(path)
    with guarded(path) as said:
        found = READERS[family](path)
    image, taken = choose(path, found)
    try:
        calibration = calibrate(
            *image.sides[-2:], pixel_size_nm=pixel_size_nm, keep_anisotropic=keep_anisotropic
        )
    except InputError as error:
        raise type(error)(f"{path.name}: {error}") from error
    return _micrograph(path, image, calibration, [taken, *image.notes, *said])


def _micrograph(path: Path, image: Found, calibration: Calibration, notes: list[str]) -> Micrograph:
    flags = []
    if notes[0] or image.one_of_several:
        flags.append("several_images")
    if image.colour:
        flags.append("rgb_to_luminance")
    if calibration.source == "user":
        flags.append("pixel_size_given")
        stated = calibration.in_file or "none"
        notes.append(
            f"The pixel size of {calibration.pixel_size_nm:.6g} nm was given by the user; "
            f"the file states {stated}."
        )
    if calibration.source == "unknown":
        flags.append("pixel_size_unknown")
        if calibration.in_file:
            notes.append(f"The file's pixel size ({calibration.in_file}) is no length; not used.")
    t, y, x = image.shape
    return Micrograph(
        frames=LazyFrames(path, (t, y, x), image.dtype, image.load, image.colour),
        name=path.stem,
        calibration=calibration,
        acquisition=image.acquisition,
        is_movie=image.is_movie,
        flags=tuple(flags),
        notes=tuple(note for note in notes if note),
        metadata=image.metadata,
    )


def _family(path: Path) -> str:
    """Check that there is a file and that it is what its suffix says."""
    suffix = path.suffix.lower()
    family = FAMILY_OF_SUFFIX.get(suffix)
    if family is None:
        known = " ".join(sorted(SUFFIXES))
        raise FailedInput(f"{path.name}: suffix {suffix!r} is not read; give one of {known}")
    with guarded(path):
        size = path.stat().st_size
        if path.is_dir():
            if family == "Zarr":
                return family
            raise FailedInput(f"{path.name}: a folder, not a file; give the files inside")
        if size == 0:
            raise FailedInput(f"{path.name}: empty (0 bytes); copy it again from its source")
        kind = looks_like(path)
    if kind == family or (kind is None and family in WITHOUT_SIGNATURE):
        return family
    if family == "Zarr" and kind == "ZIP archive":
        return family
    if kind is None:
        raise FailedInput(
            f"{path.name}: damaged or not {family} at all, its first bytes are of no known kind; "
            "copy it again from its source"
        )
    raise FailedInput(f"{path.name}: looks like {kind}, not {family}; give it the right suffix")
