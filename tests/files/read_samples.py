"""Files of every format that can be written, made by the libraries that users have or by hand."""

import struct
from pathlib import Path

import h5py
import numpy as np
import tifffile
from PIL import Image


def picture(shape: tuple[int, ...] = (24, 31), dtype: str = "uint16") -> np.ndarray:
    """Pixels that are different in every row, column and frame."""
    count = int(np.prod(shape))
    values = np.random.default_rng(7).permutation(count)
    if dtype == "uint8":
        values %= 251
    return values.reshape(shape).astype(dtype)


def write_mrc(
    path: Path,
    data: np.ndarray,
    *,
    angstrom: tuple[float, float] | None = (2.0, 2.0),
    order: str = "<",
    volume: bool = False,
) -> None:
    """Write the 1024 bytes of an MRC2014 header by hand; ``angstrom`` is the pixel's (y, x)."""
    stack = data if data.ndim == 3 else data[np.newaxis]
    nz, ny, nx = stack.shape
    mode = {"uint8": 0, "int16": 1, "float32": 2, "complex64": 4, "uint16": 6, "float16": 12}
    header = bytearray(1024)
    struct.pack_into(f"{order}4i", header, 0, nx, ny, nz, mode[stack.dtype.name])
    if angstrom is not None:
        struct.pack_into(f"{order}3i", header, 28, nx, ny, nz)
        struct.pack_into(f"{order}3f", header, 40, angstrom[1] * nx, angstrom[0] * ny, 0)
    struct.pack_into(f"{order}3i", header, 64, 1, 2, 3)
    struct.pack_into(f"{order}i", header, 88, int(volume))
    header[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
    path.write_bytes(bytes(header) + stack.astype(stack.dtype.newbyteorder(order)).tobytes())


def write_ser(
    path: Path,
    frames: np.ndarray,
    *,
    metres: tuple[float, float] = (2e-10, 2e-10),
    times: tuple[int, ...] | None = None,
    spectrum: bool = False,
    wide: bool = True,
) -> None:
    """Write a TIA series of images by hand; ``metres`` is the pixel's (y, x)."""
    count, ny, nx = frames.shape
    codes = {"uint8": 1, "uint16": 2, "int16": 5, "int32": 6, "float32": 7}
    address = "Q" if wide else "I"
    kind = 0x4120 if spectrum else 0x4122
    axis = struct.pack("<IddII", count, 0.0, 1.0, 0, 0) + struct.pack("<I", 0)
    start = (34 if wide else 30) + len(axis)
    head = struct.pack(
        f"<HHHIIII{address}I",
        *(0x4949, 0x0197, 0x220 if wide else 0x210, kind, 0x4152, count, count, start, 1),
    )
    size = struct.calcsize(f"<{address}")
    first = start + 2 * count * size
    element = 50 + frames[0].nbytes
    places = [first + index * element for index in range(count)]
    tags = [first + count * element + index * 8 for index in range(count)]
    body = b""
    for frame in frames:
        body += struct.pack(
            "<ddiddiHii",
            *(0.0, metres[1], 0, 0.0, metres[0], 0, codes[frames.dtype.name], nx, ny),
        )
        body += frame[::-1].tobytes()  # TIA keeps the lowest row first
    stamps = times or (1_500_000_000,) * count
    tail = b"".join(struct.pack("<HHI", 0x4152, 0, stamp) for stamp in stamps)
    table = struct.pack(f"<{2 * count}{address}", *places, *tags)
    path.write_bytes(head + axis + table + body + tail)


def write_emi(path: Path, *, mode: str = "TEM uP SA Zoom", number: int = 1) -> None:
    """Write the XML that an EMI header holds of each of its series, between other bytes."""
    fields = [
        ("High tension", "200", "kV"),
        ("Mode", mode, ""),
        ("Magnification", "29000", "x"),
    ]
    described = "".join(
        f"<Data><Label>{label}</Label><Value>{value}</Value><Unit>{unit}</Unit></Data>"
        for label, value, unit in fields
    )
    xml = (
        "<ObjectInfo><Uuid>1</Uuid><AcquireDate>Mon Jan 02 2017</AcquireDate>"
        "<AcquireInfo><CameraNamePath>Eagle</CameraNamePath><DwellTimePath>0.5</DwellTimePath>"
        "</AcquireInfo><ExperimentalDescription><Root>"
        f"{described}</Root></ExperimentalDescription></ObjectInfo>"
    )
    path.write_bytes(b"JJ\x01\x02" + (b"\0\0" + xml.encode() + b"\0\0\0") * number)


def dm_image(
    data: np.ndarray,
    *,
    steps: tuple[tuple[float, str], ...] = ((0.2, "nm"), (0.2, "nm")),
    tags: dict | None = None,
    kind: int | None = None,
) -> dict:
    """Make the tags of one DigitalMicrograph image; ``steps`` from the slowest axis to x."""
    kinds = {"int16": 1, "float32": 2, "uint8": 6, "int32": 7, "uint16": 10, "complex64": 3}
    shape = data.shape if kind is None else data.shape[:2]
    return {
        "ImageData": {
            "Calibrations": {
                "Brightness": {"Origin": 0.0, "Scale": 1.0, "Units": ""},
                "Dimension": [
                    {"Origin": 0.0, "Scale": step, "Units": unit} for step, unit in steps[::-1]
                ],
            },
            "Data": data if kind is None else data.view(np.int32),  # a pixel is one number
            "DataType": kinds[data.dtype.name] if kind is None else kind,
            "Dimensions": list(shape[::-1]),
            "PixelDepth": data.dtype.itemsize,
        },
        "ImageTags": tags or {"empty": 0},
        "Name": "gold",
    }


def write_dm3(path: Path, *images: dict, thumbnail: int | None = None) -> None:
    """Write the tags of a little-endian ``.dm3`` file by hand."""
    root: dict = {"ImageList": list(images)}
    if thumbnail is not None:
        root["Thumbnails"] = [{"ImageIndex": thumbnail}]
    body = _dm_group(root)
    path.write_bytes(struct.pack(">iii", 3, len(body), 1) + body)


def _dm_group(tags: dict | list) -> bytes:
    named = tags.items() if isinstance(tags, dict) else [("", value) for value in tags]
    body = b"\1\0" + struct.pack(">i", len(tags))
    for name, value in named:
        group = isinstance(value, dict | list)
        body += bytes([20 if group else 21]) + struct.pack(">h", len(name)) + name.encode()
        body += _dm_group(value) if group else b"%%%%" + _dm_value(value)
    return body


def _dm_value(value: object) -> bytes:
    if isinstance(value, str):
        return struct.pack(">iiii", 3, 20, 4, len(value)) + value.encode("utf-16-le")
    if isinstance(value, float):
        return struct.pack(">ii", 1, 7) + struct.pack("<d", value)
    if isinstance(value, int):
        return struct.pack(">ii", 1, 3) + struct.pack("<i", value)
    assert isinstance(value, np.ndarray)
    kinds = {"int16": 2, "uint16": 4, "int32": 3, "float32": 6, "uint8": 10, "complex64": 11}
    return struct.pack(">iiii", 3, 20, kinds[value.dtype.name], value.size) + value.tobytes()


def write_berkeley(
    path: Path,
    data: np.ndarray,
    *,
    size: tuple[float, float] = (0.2, 0.2),
    unit: str = "[n_m]",
    names: tuple[str, ...] = ("y", "x"),
    **options: object,
) -> None:
    """Write a Berkeley EMD 0.2 file with h5py."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        group = file.create_group("data/micrograph")
        group.attrs["emd_group_type"] = 1
        group.create_dataset("data", data=data, **options)
        steps = {"y": (size[0], unit), "x": (size[1], unit)}
        for number, name in enumerate(names):
            step, its_unit = steps.get(name, (0.5, "[s]"))
            length = data.shape[number]
            axis = group.create_dataset(f"dim{number + 1}", data=np.arange(length) * step)
            axis.attrs["name"], axis.attrs["units"] = name, its_unit
        microscope = file.create_group("microscope")
        microscope.attrs["high tension"] = 80000.0


def hyperspy_signal(
    data: np.ndarray, axes: list[tuple[str, float, str, bool]], **metadata: dict
) -> dict:
    """Make the dictionary that RosettaSciIO's writers take: axes as (name, scale, unit, nav)."""
    return {
        "data": data,
        "axes": [
            {
                "name": name,
                "scale": scale,
                "offset": 0.0,
                "units": unit,
                "size": size,
                "navigate": navigate,
                "index_in_array": place,
                "_type": "UniformDataAxis",
                "is_binned": False,
            }
            for place, ((name, scale, unit, navigate), size) in enumerate(
                zip(axes, data.shape, strict=True)
            )
        ],
        "metadata": {"General": {"title": "gold"}, "Signal": {"signal_type": ""}, **metadata},
        "original_metadata": {"kept": {"verbatim": "yes"}},
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "hyperspy", "package_version": "2.3"},
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
    }


def write_hspy(
    path: Path, data: np.ndarray, axes: list[tuple[str, float, str, bool]], **metadata: dict
) -> None:
    """Write a HyperSpy file with RosettaSciIO."""
    from rsciio.hspy import file_writer

    file_writer(str(path), hyperspy_signal(data, axes, **metadata), show_progressbar=False)


def write_imagej(path: Path, data: np.ndarray, *, size: float = 0.2, unit: str = "nm") -> None:
    """Write an ImageJ TIFF."""
    tifffile.imwrite(
        path, data, imagej=True, resolution=(1 / size, 1 / size), metadata={"unit": unit}
    )


def write_ome(path: Path, data: np.ndarray, **metadata: object) -> None:
    """Write an OME-TIFF."""
    tifffile.imwrite(path, data, ome=True, metadata=metadata)


def write_png(path: Path, data: np.ndarray) -> None:
    """Write a PNG or JPEG."""
    Image.fromarray(data).save(path)


def write_all(folder: Path) -> dict[str, Path]:
    """Write one small calibrated micrograph of each format that can be written."""
    data = picture()
    names = ("mrc", "ser", "emd", "hspy", "png", "jpg", "imagej.tif", "ome.tif", "lzw.tif")
    files = {name: folder / f"gold.{name}" for name in names}
    write_mrc(files["mrc"], data)
    write_ser(files["ser"], data[np.newaxis])
    write_berkeley(files["emd"], data, compression="gzip")
    write_hspy(files["hspy"], data, [("y", 0.2, "nm", False), ("x", 0.2, "nm", False)])
    write_png(files["png"], data)
    write_png(files["jpg"], picture(dtype="uint8"))
    write_imagej(files["imagej.tif"], data)
    write_ome(
        files["ome.tif"], data, PhysicalSizeX=0.2, PhysicalSizeXUnit="nm",
        PhysicalSizeY=0.2, PhysicalSizeYUnit="nm",
    )  # fmt: skip
    tifffile.imwrite(files["lzw.tif"], np.stack([data, data + 1]), compression="lzw")
    return files
