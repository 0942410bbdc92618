"""Settings of the method ``bragg``: which form, which question, and what may be tuned."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nanosieve.core.errors import UsageError
from nanosieve.core.settings_file import faults, read_toml

Form = Literal["sadre", "groschner", "sytwu", "roughness"]
Foreground = Literal["crystal", "amorphous"]
# Added to either end of the band that d-spacings make: small crystals have wide peaks, and pixel
# sizes are a few percent off.
_MARGIN = 0.1
# What each form may set, and its defaults; a second value is for ``amorphous``, whose aperture is
# as printed: there the lattice is at 0.449 cycles per px.
_OWN: dict[str, dict[str, Any]] = {
    "sadre": {"aperture": (0.2, 0.035), "peak_threshold": 6.0, "mask_threshold": (0.8, 1.0)},
    "groschner": {"peak_threshold": 5.0, "mask_threshold": 0.2},
    "sytwu": {"mask_threshold": 1.0, "band_per_nm": (3.45, 4.99), "d_spacings_nm": None},
    "roughness": {"mask_threshold": 1.0, "blur_px": 10.0},
}
# Sadre et al., Microscopy and Microanalysis (2021), "Segmentation by Fourier Filtering".
_PRINTED = {"aperture": 0.0156, "peak_threshold": 12.5, "mask_threshold": 0.054}
_TUNABLE = (
    "aperture", "peak_threshold", "mask_threshold", "blur_px", "band_per_nm", "d_spacings_nm",
)  # fmt: skip


class BraggSettings(BaseModel):
    """Settings of one Bragg segmentation; what is ``None`` is the form's own default.

    Parameters
    ----------
    form
        ``sadre``, ``groschner`` or ``sytwu``, or ``roughness``: no Fourier transform, to compare.
    foreground
        What the labels are of: ``crystal`` on an amorphous support, or what is ``amorphous`` on a
        crystal.
    paper
        Form ``sadre`` with its figures in the units in which they were printed: apertures in cycles
        per px, peaks in units of the unnormalised weighted transform, the mask in those of the
        mean-1 image, smoothing in px. Of ``amorphous``, as the paper.
    aperture
        Standard deviation of the apertures on peaks, over the peaks' distance from zero frequency
        (``sadre``).
    peak_threshold
        Least z-score of a peak: over its ring (``sadre``), over all of the flattened logarithm of
        the power (``groschner``).
    mask_threshold
        Where the mask begins, in multiples of Otsu's threshold; for ``groschner`` in shares of the
        largest intensity of a spot's image, summed over spots.
    blur_px
        Standard deviation of the smoothing of ``roughness``.
    band_per_nm, d_spacings_nm
        The annulus of ``sytwu``, in 1/nm, or the d-spacings in nm that it must hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: Form = "sadre"
    foreground: Foreground = "crystal"
    paper: bool = False
    aperture: float | None = Field(default=None, gt=0, le=1)
    peak_threshold: float | None = Field(default=None, gt=0)
    mask_threshold: float | None = Field(default=None, gt=0)
    blur_px: float | None = Field(default=None, gt=0)
    band_per_nm: tuple[float, float] | None = None
    d_spacings_nm: tuple[float, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _settings_are_of_the_form(self) -> Self:
        own = _OWN[self.form]
        for name in _TUNABLE:
            if getattr(self, name) is not None and name not in own:
                forms = " or ".join(repr(form) for form, names in _OWN.items() if name in names)
                raise ValueError(
                    f"{name} is no setting of form {self.form!r} but of {forms}; leave it out, or "
                    "take that form"
                )
        if self.paper and (self.form, self.foreground) != ("sadre", "amorphous"):
            raise ValueError(
                "the paper's thresholds are those of form 'sadre' for foreground 'amorphous': "
                "leave the other form or foreground out"
            )
        return self

    @model_validator(mode="after")
    def _band_is_one(self) -> Self:
        if self.band_per_nm is not None:
            if self.d_spacings_nm is not None:
                raise ValueError("give band_per_nm or d_spacings_nm, not both")
            if not 0 < self.band_per_nm[0] < self.band_per_nm[1]:
                raise ValueError("band_per_nm is its lower and its upper end, in 1/nm, above 0")
        if self.d_spacings_nm is not None and min(self.d_spacings_nm) <= 0:
            raise ValueError("d_spacings_nm are above 0")
        return self

    def value(self, name: str) -> float:
        """One of the figures that may be tuned: as set, else the form's default.

        Examples
        --------
        >>> BraggSettings().value("peak_threshold"), BraggSettings(aperture=0.1).value("aperture")
        (6.0, 0.1)
        """
        given = getattr(self, name)
        found = (_PRINTED if self.paper else _OWN[self.form])[name] if given is None else given
        if isinstance(found, tuple):
            found = found[self.foreground == "amorphous"]
        return float(found)

    @property
    def band(self) -> tuple[float, float]:
        """The annulus in 1/nm; of d-spacings, a tenth wider at either end.

        Examples
        --------
        >>> low, high = BraggSettings(form="sytwu", d_spacings_nm=(0.25, 0.2)).band
        >>> round(low, 2), round(high, 2)
        (3.6, 5.5)
        """
        if self.d_spacings_nm is not None:
            coarsest, finest = max(self.d_spacings_nm), min(self.d_spacings_nm)
            return (1 - _MARGIN) / coarsest, (1 + _MARGIN) / finest
        return self.band_per_nm or _OWN["sytwu"]["band_per_nm"]


def bragg_settings(
    *,
    preset: str | None = None,
    form: str | None = None,
    foreground: str | None = None,
    d_spacings_nm: tuple[float, ...] | None = None,
) -> BraggSettings:
    """Make settings from a preset and what is set beside it.

    Parameters
    ----------
    preset
        ``paper``, or a TOML file with the fields of `BraggSettings`, as tuning writes it.
    form, foreground, d_spacings_nm
        In place of the preset's.

    Raises
    ------
    UsageError
        If there is no such preset, or any setting is not valid: all faults in one line.

    Examples
    --------
    >>> bragg_settings(preset="paper").value("mask_threshold")
    0.054
    """
    values: dict[str, Any] = {}
    if preset == "paper":
        values = {"paper": True, "foreground": "amorphous"}
    elif preset is not None:
        if not preset.lower().endswith(".toml"):
            raise UsageError(f"--preset {preset}: give paper, or a FILE.toml that tuning wrote")
        values = read_toml(Path(preset))
    given = {"form": form, "foreground": foreground, "d_spacings_nm": d_spacings_nm}
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return BraggSettings.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"method bragg: {'; '.join(faults(error, BraggSettings))}") from error
