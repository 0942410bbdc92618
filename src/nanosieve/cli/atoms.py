"""``nanosieve atoms``: atoms, bonds, rings and grains of a sheet of graphene."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from nanosieve.cli import options
from nanosieve.cli.console import line
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.batch.atoms import AtomSettings


def atoms(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The micrograph.")],
    out: options.Out = Path("nanosieve-out"),
    pixel_size: options.PixelSize = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            "--exclude",
            metavar="MASK",
            help="Image of the same proportions; atoms where it is not zero are left out.",
        ),
    ] = None,
    contamination: Annotated[
        str,
        typer.Option(
            "--contamination",
            metavar="auto|bragg|none|FILE.onnx",
            help="What tells contamination; auto is the packaged model graphene, if there is one.",
        ),
    ] = "auto",
    contrast: Annotated[
        str,
        typer.Option(
            "--contrast",
            metavar="auto|white|black",
            help="Whether atoms are white or black; auto tells it from the image.",
        ),
    ] = "auto",
    device: options.Device = "auto",
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Find the atoms of graphene: positions, bonds, rings, grains, directions.

    The lattice itself gives the pixel size where the file has none, and checks it where it has one.
    """
    settings = _settings(pixel_size, contrast, contamination, device)
    if not image.exists():
        raise UsageError(f"{image}: no such file")

    from nanosieve.batch.atoms import find_atoms, read_mask
    from nanosieve.batch.atoms_write import write_atoms

    mask = None if exclude is None else read_mask(exclude)
    made = find_atoms(image, settings, exclude=mask)
    told = write_atoms(out, made, source=str(image))
    for note in made.notes:
        line(note)
    _print(told, out)
    return 0


def _settings(
    pixel_size: float | None, contrast: str, contamination: str, device: str
) -> "AtomSettings":
    if contrast not in ("auto", "white", "black"):
        raise UsageError(f"--contrast {contrast}: give auto, white or black")
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise UsageError(f"--pixel-size {pixel_size}: give a positive number of nm")
    name = options.device_from(device)
    from nanosieve.batch.atoms import AtomSettings

    kind = cast("Literal['auto', 'white', 'black']", contrast)
    return AtomSettings(pixel_size, kind, contamination, name)


def _print(told: dict[str, Any], out: Path) -> None:
    print(
        f"{told['atoms']} atoms, {told['bonds']} bonds; {told['atoms_excluded']} atoms left out; "
        f"atoms are {told['contrast']}"
    )
    rings = ", ".join(f"{count} of {size}" for size, count in told["rings"].items())
    print(f"Rings: {rings or 'none'}")
    angles = ", ".join(f"{grain['angle_mod_60_deg']:.2f}" for grain in told["grains"])
    print(f"Grains: {len(told['grains'])}, bonds at {angles or '-'} degrees (modulo 60)")
    print(
        f"Lattice: {told['lattice_px']:.4f} px, by which a pixel is "
        f"{told['pixel_size_of_lattice_nm']:.6f} +/- "
        f"{told['pixel_size_of_lattice_uncertainty_nm']:.6f} nm"
    )
    print(f"Figure: {out / 'atoms.png'}")
