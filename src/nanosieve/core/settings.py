"""What the user may set, in one validated object that travels with every result."""

import math
import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.segmentation import Edge

EXPORTS = ("roi", "coco", "geojson")
Device = Literal["auto", "cpu", "gpu"]
METHODS = ("auto", "otsu", "local", "hybrid", "reconstruction", "bragg")


class Settings(BaseModel):
    """Settings of one analysis; everything here may change the numbers.

    Where files are, how many processes run and what is exported beside is not here. ``method`` may
    also be a packaged model or a model file; ``model_hash``, the content hash of that file, then
    tells one model from another, and ``precision`` ``float32`` keeps it from computing in half
    precision. ``bragg`` is for the method of that name. With ``auto``, ``model_hashes`` are those
    of the packaged models to choose from, by name; without them all that are packaged when it is
    run.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )

    method: str = "auto"
    polarity: Literal["auto", "dark", "bright"] = "auto"
    edge: Edge = "base"
    pixel_size_nm: float | None = Field(default=None, gt=0)
    pixel_size_uncertainty_percent: float | None = Field(default=None, ge=0, lt=100)
    resample_nm: float | None = Field(default=None, gt=0)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    min_diameter: str | None = None
    average_frames: int = Field(default=1, ge=1)
    split: bool = True
    isolated_only: bool = False
    paper_exact: bool = False
    bragg: BraggSettings | None = None
    model_hash: str | None = None
    model_hashes: dict[str, str] | None = None
    precision: Literal["auto", "float32"] = "auto"

    @field_validator("min_diameter")
    @classmethod
    def _length(cls, value: str | None) -> str | None:
        if value is not None:
            number = value.removesuffix("px").removesuffix("nm")
            try:
                positive = math.isfinite(float(number)) and float(number) > 0
            except ValueError:
                positive = False
            if not positive:
                raise ValueError("expected nm as '2.5' or pixels as '12px'")
        return value

    @model_validator(mode="after")
    def _threshold_is_for_networks(self) -> Self:
        if self.threshold is not None and self.method in METHODS[1:]:
            if self.method == "bragg":
                raise ValueError(
                    "--threshold is a network's probability; thresholds of method 'bragg' stand in "
                    "a preset: --preset FILE.toml"
                )
            raise ValueError(
                f"--threshold is a network's probability; method {self.method!r} puts the edge "
                "by its own rule: choose it with --edge base|half|otsu"
            )
        return self

    @model_validator(mode="after")
    def _auto_is_asked_for_one_kind(self) -> Self:
        if self.threshold is not None and self.method == "auto" and self.edge != "base":
            raise ValueError(
                "--threshold asks --method auto for a network, --edge for a classical method: "
                "give one of them"
            )
        return self

    @model_validator(mode="after")
    def _paper_exact_is_for_reconstruction(self) -> Self:
        if self.paper_exact and self.method != "reconstruction":
            raise ValueError(
                f"--paper-exact goes with --method reconstruction, not with {self.method!r}"
            )
        return self

    @model_validator(mode="after")
    def _bragg_is_for_bragg(self) -> Self:
        if self.method != "bragg" and self.bragg is not None:
            raise ValueError(
                "--form, --foreground, --preset and --d-spacings go with --method bragg, not with "
                f"{self.method!r}"
            )
        if self.method == "bragg" and (self.polarity != "auto" or self.edge != "base"):
            raise ValueError(
                "--method bragg goes by the lattice, not by how dark anything is: leave --polarity "
                "and --edge out; --foreground crystal|amorphous says what is wanted"
            )
        return self

    @model_validator(mode="after")
    def _edge_is_for_classical_methods(self) -> Self:
        if self.has_model and self.edge != "base":
            raise ValueError(
                f"--edge is for classical methods; a network's edge is where its probability "
                f"crosses --threshold: leave --edge out with --method {self.method}"
            )
        return self

    @property
    def has_model(self) -> bool:
        """Whether the method is a trained network; of ``auto`` the image decides."""
        return self.method not in METHODS

    @property
    def may_have_model(self) -> bool:
        """Whether the method is a trained network or may turn out to be one."""
        return self.has_model or bool(self.model_hashes)

    def identity(self) -> dict[str, Any]:
        """Plain values on which a result depends: of a model its file's name, wherever it lies.

        Examples
        --------
        >>> Settings(method="runs/a/model.onnx", model_hash="0f").identity()["method"]
        'model.onnx'
        """
        # As it is read back from a record: lists, not tuples.
        values = self.model_dump(mode="json")
        if self.model_hash is not None:
            values["method"] = re.split(r"[/\\]", self.method)[-1]
        return values

    def min_diameter_px(self, pixel_size_nm: float | None) -> float | None:
        """Smallest diameter in pixels, or ``None`` for what noise of the image could make.

        Raises
        ------
        ValueError
            If the setting is in nm and the pixel size is unknown.

        Examples
        --------
        >>> Settings(min_diameter="12px").min_diameter_px(None)
        12.0
        >>> Settings(min_diameter="3").min_diameter_px(0.5)
        6.0
        """
        if self.min_diameter is None:
            return None
        if self.min_diameter.endswith("px"):
            return float(self.min_diameter.removesuffix("px"))
        if pixel_size_nm is None:
            raise ValueError(
                f"--min-diameter {self.min_diameter} is in nm but the pixel size is unknown; "
                "give --pixel-size, or the diameter in pixels as '12px'"
            )
        return float(self.min_diameter.removesuffix("nm")) / pixel_size_nm
