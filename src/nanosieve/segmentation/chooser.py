"""The method of a file: as set, or chosen once from its first frame that holds an image."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings

if TYPE_CHECKING:
    from nanosieve.segmentation.auto import Chosen


@dataclass
class Chooser:
    """Turns the method ``auto`` into one that can be run, the same for all frames of a file.

    Parameters
    ----------
    settings
        As the user made them.
    mode
        How the file was taken, in its own words.

    Attributes
    ----------
    chosen
        The method and why, once it is.
    base
        Magnification at which a network looks at particles, once one was seen: sizes of a movie
        must not jump with it.
    """

    settings: Settings
    mode: str | None = None
    chosen: "Chosen | None" = field(default=None, init=False)
    base: float | None = field(default=None, init=False)

    @property
    def may_infer(self) -> bool:
        """Whether a network may run."""
        return self.settings.has_model or (self.settings.method == "auto" and bool(self._models()))

    def settle(
        self, image: np.ndarray, exclude: np.ndarray | None, pixel_size_nm: float | None
    ) -> Settings:
        """Settings with a method that can be run.

        Parameters
        ----------
        image
            ``(y, x)`` finite pixels that differ; looked at the first time only.
        exclude
            ``(y, x)`` bool, or ``None``.
        pixel_size_nm
            Of ``image``.

        Raises
        ------
        UsageError
            If a threshold asks for a network and none is packaged, or a packaged file is not to be
            trusted.
        """
        settings = self.settings
        if settings.method != "auto":
            return settings
        if self.chosen is None:
            # Methods by name start faster without what models need.
            from nanosieve.segmentation.auto import choose_method, wanted

            self.chosen = choose_method(
                image,
                self._models(),
                pixel_size_nm=pixel_size_nm,
                exclude=exclude,
                polarity=settings.polarity,
                network=wanted(settings.edge, settings.threshold),
                mode=self.mode,
            )
        name = self.chosen.method
        begun_with = settings.model_hashes or {}
        return settings.model_copy(update={"method": name, "model_hash": begun_with.get(name)})

    def told(self, found: Segmentation) -> Segmentation:
        """Add why the method was taken, where it was chosen."""
        return found if self.chosen is None else self.chosen.told(found)

    def _models(self) -> list[str]:
        """Names of the packaged models that were there when the run began."""
        from nanosieve.models.load import packaged

        begun_with = self.settings.model_hashes
        return [name for name in packaged() if begun_with is None or name in begun_with]
