"""What the page shows, in plain values: the batch fills these in, the templates only print them.

Nothing here computes. Lengths are in ``unit`` (``nm``, or ``px`` where the pixel size is unknown);
pictures are encoded bytes; links are relative to the folder of the page, with ``/``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nanosieve.core.schema import Unit

Status = Literal["ok", "empty", "refused", "failed"]


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval, ``None`` where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LogNormal:
    """Log-normal fit: its median (in the unit of the sizes) and geometric standard deviation."""

    median: float
    gsd: float


@dataclass(frozen=True)
class SizeView:
    """One number-weighted distribution of equivalent diameters.

    Parameters
    ----------
    label
        What was counted, e.g. ``"all particles"``.
    unit
        ``nm`` or ``px``.
    diameters
        ``(n,)`` equivalent diameters.
    weights
        ``(n,)`` weight of each particle where the count was corrected (Miles–Lantuéjoul, guard
        frame); ``None`` where each counts once.
    mean, median, d10, d90, std, sauter
        Of the (weighted) diameters; ``None`` where n is too small for it.
    feret_max, feret_min
        Mean largest and smallest caliper diameter.
    lognormal
        The fit, ``None`` where there is none.
    interval
        How the intervals were made, e.g. ``"bootstrap over 12 images"`` or
        ``"bootstrap over this image's particles"``.
    n_images
        Number of images the particles come from.
    """

    label: str
    unit: Unit
    diameters: np.ndarray
    weights: np.ndarray | None = None
    mean: Estimate | None = None
    median: Estimate | None = None
    d10: Estimate | None = None
    d90: Estimate | None = None
    std: Estimate | None = None
    sauter: Estimate | None = None
    feret_max: Estimate | None = None
    feret_min: Estimate | None = None
    lognormal: LogNormal | None = None
    interval: str = ""
    n_images: int = 1

    @property
    def n(self) -> int:
        """Number of particles counted."""
        return len(self.diameters)


@dataclass(frozen=True)
class UncertaintyTerm:
    """One contribution to the uncertainty of the mean diameter.

    ``standard`` is a standard uncertainty in the unit of the sizes, ``None`` where it is not known
    (then ``how`` says what would make it known).
    """

    source: str
    standard: float | None
    how: str


@dataclass(frozen=True)
class UncertaintyView:
    """Budget of the mean diameter: the terms, and their sum in quadrature (k = 1 and k = 2)."""

    terms: tuple[UncertaintyTerm, ...]
    combined: float | None = None
    expanded: float | None = None

    @property
    def is_lower_bound(self) -> bool:
        """Whether a term is not known."""
        return any(term.standard is None for term in self.terms)


@dataclass(frozen=True)
class PopulationView:
    """One population (all inputs, or one group) and the distributions to compare in it.

    Parameters
    ----------
    label
        ``"all images"`` or the name of the group.
    counted
        Every particle found, uncorrected.
    corrected
        The same, corrected for particles cut by the border; ``None`` if not possible.
    isolated
        Isolated particles only.
    correction
        Name of the border correction, e.g. ``"Miles–Lantuéjoul weights"``.
    uncertainty
        Budget of the mean diameter.
    unlike
        In what the images differ so much that one mean says little of any, e.g.
        ``"pixel size (0.1 to 2 nm)"``; empty where they are alike.
    notes
        Sentences about this population.
    """

    label: str
    counted: SizeView
    corrected: SizeView | None = None
    isolated: SizeView | None = None
    correction: str = ""
    uncertainty: UncertaintyView | None = None
    unlike: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thumbnail:
    """A small encoded picture (JPEG, PNG or WebP bytes, as `overlay.thumbnail` gives them)."""

    picture: bytes
    caption: str = ""


@dataclass(frozen=True)
class MovieView:
    """Course of a movie, one value a frame; NaN where a frame gives none.

    Parameters
    ----------
    time
        ``(t,)`` seconds where ``time_unit`` is ``s``, else frame numbers.
    n, mean, low, high, coverage
        ``(t,)`` number of particles, mean diameter with the ends of its interval, share covered.
    unit
        Of the diameters.
    problems
        ``(frame, message)`` of frames that are not ``ok``.
    """

    time: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    coverage: np.ndarray
    unit: Unit = "nm"
    time_unit: Literal["s", "frame"] = "frame"
    problems: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class ImageView:
    """One input: a still or a movie.

    Parameters
    ----------
    name
        Name of its folder in OUT.
    source
        File name as the user gave it.
    status, message
        As in ``summary.csv``.
    group
        Name of its group; empty where there are no groups.
    n, n_isolated, coverage
        Counts (all frames of a movie) and share of the analysed area under particles.
    pixel_size_nm, pixel_size_source
        ``None`` where unknown; the source in words, e.g. ``"file: 0.1276 nm"``.
    method, polarity
        What was used.
    size
        Its distribution (all frames of a movie pooled); ``None`` where nothing was found.
    flags
        Codes of the flag registry about the image.
    particle_flags
        How many particles bear each code.
    notes
        Sentences, every warning among them.
    facts
        More to print (voltage, dose, smoothing, levels, shape, dtype...): key -> value; what the
        keys mean is looked up in `nanosieve.report.terms`.
    pictures
        The overlay as a thumbnail; several with captions make a movie's filmstrip.
    overlay
        Link to the full overlay, e.g. ``"a/overlay.png"``; empty if none.
    links
        Further files: text to show -> link.
    movie
        Course over time, for movies.
    """

    name: str
    source: str = ""
    status: Status = "ok"
    message: str = ""
    group: str = ""
    n: int = 0
    n_isolated: int = 0
    coverage: float | None = None
    pixel_size_nm: float | None = None
    pixel_size_source: str = ""
    method: str = ""
    polarity: str = ""
    size: SizeView | None = None
    flags: tuple[str, ...] = ()
    particle_flags: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Thumbnail, ...] = ()
    overlay: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    movie: MovieView | None = None


@dataclass(frozen=True)
class RunView:
    """Everything on the page of ``segment``, ``measure``, ``report`` and ``demo``.

    Parameters
    ----------
    title
        Heading of the page.
    version
        Version of nanosieve that made it.
    images
        One for each input, in the order of ``summary.csv``.
    overall
        Pooled over all inputs: one population a unit where known and unknown pixel sizes mix.
    groups
        One population a group (and unit), where there is more than one group.
    edge_rule
        Sentence: at which level and where on the profile the edge was put.
    counting_rule
        Sentence: which particles are counted (border-cut, overlapping, smallest size).
    settings
        Setting -> value, as echoed in ``run.json``; the keys as those of ``ImageView.facts``.
    warnings
        Sentences about the run as a whole.
    n_skipped
        Files passed over for their suffix.
    tables
        Data next to the figures: text to show -> link.
    """

    title: str
    version: str
    images: Sequence[ImageView] = ()
    overall: tuple[PopulationView, ...] = ()
    groups: tuple[PopulationView, ...] = ()
    edge_rule: str = ""
    counting_rule: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    n_skipped: int = 0
    tables: Mapping[str, str] = field(default_factory=dict)
