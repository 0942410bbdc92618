"""What an evaluation counts, and how: stated once, printed with every result."""

from dataclasses import dataclass

from nanosieve.core.errors import UsageError


@dataclass(frozen=True)
class Protocol:
    """Choices that change the scores.

    Parameters
    ----------
    ignore_margin
        Pixels along the image borders that count neither for nor against.
    band
        Half-width, in px, of the band around the true edge that ``dice_outside_band`` leaves out;
        ``None``: the larger of 1.5 px and 12 % of the particle's diameter.
    split
        Score only the samples of this split of the data set; ``None`` for all.
    development
        The data were used while methods or settings were chosen: said beside every figure.
    seed
        Of the bootstrap.

    Examples
    --------
    >>> Protocol(ignore_margin=4).band_words
    'the larger of 1.5 px and 12 % of the diameter'
    """

    ignore_margin: int = 0
    band: float | None = None
    split: str | None = None
    development: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.ignore_margin < 0:
            raise UsageError(f"--ignore-margin must not be negative, got {self.ignore_margin}")
        if self.band is not None and self.band < 0:
            raise UsageError(f"--band must not be negative, got {self.band}")

    @property
    def band_words(self) -> str:
        """How wide the border band is on either side."""
        if self.band is not None:
            return f"{self.band:g} px"
        return "the larger of 1.5 px and 12 % of the diameter"
