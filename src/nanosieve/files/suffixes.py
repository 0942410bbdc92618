"""Which files are read, by suffix, and what a file looks like from its first bytes."""

from pathlib import Path

FAMILY_OF_SUFFIX = {
    ".dm3": "DigitalMicrograph",
    ".dm4": "DigitalMicrograph",
    ".mrc": "MRC",
    ".mrcs": "MRC",
    ".st": "MRC",
    ".emd": "HDF5",
    ".hspy": "HDF5",
    ".zspy": "Zarr",
    ".ser": "TIA series",
    ".emi": "TIA header",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}

SUFFIXES = frozenset(FAMILY_OF_SUFFIX)
"""Lower-case suffixes that `nanosieve.files.read.read` takes."""

_MAGIC = (
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\0\0\0\x03", "DigitalMicrograph"),
    (0, b"\0\0\0\x04", "DigitalMicrograph"),
    (0, b"II\x97\x01", "TIA series"),
    (0, b"%PDF", "PDF document"),
    (0, b"PK\x03\x04", "ZIP archive"),
    (0, b"GIF8", "GIF"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"\0\0\0\x0cjP", "JPEG 2000"),
    (0, b"BM", "Windows bitmap"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (208, b"MAP ", "MRC"),
)

WITHOUT_SIGNATURE = frozenset({"MRC", "TIA header", "Zarr"})
"""Families whose files need not begin in any particular way."""


def looks_like(path: Path) -> str | None:
    """Name the kind of file by its first bytes, or ``None`` where they tell nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = Path(folder, "image.tif")
    ...     _ = picture.write_bytes(b"\\x89PNG\\r\\n\\x1a\\n")
    ...     looks_like(picture)
    'PNG'
    """
    with path.open("rb") as file:
        head = file.read(256)
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    return None
