"""The words of the page: a plain name and one or two sentences for every figure on it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A figure's name on the page, and what it means (empty where the name says it)."""

    key: str
    name: str
    meaning: str = ""


_SIZES = (
    Term("diameter", "equivalent diameter",
         "Diameter of the circle that has the same area as the particle in the picture."),
    Term("interval", "95 % interval",
         "The range in brackets after a figure. If the measurement were repeated many times, about "
         "95 of 100 such ranges would hold the true value. It covers chance only, not a wrong "
         "pixel size or edge."),
    Term("percentiles", "d10, d50, d90",
         "10, 50 (the median) and 90 % of the particles, by number, are smaller than this."),
    Term("sauter", "Sauter mean, d32",
         "Sum of the cubed diameters over the sum of the squared ones: equal spheres of this size "
         "have the same surface for their volume as all particles together."),
    Term("feret", "Feret diameter",
         "Distance between two parallel lines that touch the outline from both sides, as a caliper "
         "measures it; the largest and the smallest over all directions."),
    Term("lognormal", "log-normal fit",
         "A bell curve over the logarithm of the diameter. About two thirds of the particles lie "
         "between median / s and median x s, where s is the geometric standard deviation; s = 1 "
         "would be all alike. A poor fit shows in the histogram."),
    Term("corrected", "corrected for the border",
         "The border of the picture cuts large particles more often than small ones. Here only "
         "particles seen whole are counted, and each the more the less likely it was to be seen "
         "whole."),
    Term("isolated", "isolated",
         "Not cut by the border or an excluded region, not split from a neighbour, and convex."),
    Term("coverage", "coverage", "Share of the analysed area that lies under particles."),
    Term("sampling", "sampling", "Other pictures of the same specimen would give another mean."),
    Term("pixel size", "pixel size",
         "The magnification is known only so well; it changes all diameters alike."),
    Term("edge position", "edge position",
         "Where the outline is put is a choice; other defensible choices change all diameters "
         "alike, and more particles do not help."),
)  # fmt: skip

# Keys are those of `Segmentation.settings`.
_CHOICES = (
    Term("sigma_px", "smoothing",
         "How far noise was averaged out before particles were looked for (standard deviation of a "
         "Gaussian), chosen from this image: as little as its noise allows. Details finer than "
         "this are not resolved."),
    Term("half_contrast_over_noise", "contrast to noise",
         "Half the step in grey value from support to particle, after smoothing, over the noise "
         "of the support. Smoothing aims at 4.5; much below, faint particles are missed and noise "
         "may be taken for some."),
    Term("chosen_because", "why this method",
         "What --method auto saw in the first frame; --method NAME takes another."),
    Term("chosen_from", "figures of that choice",
         "Share of small windows with a lattice, its finest spacing, share of large windows with a "
         "hexagon; what stands out of the support: the smoothing that it needs, half its contrast "
         "over the noise, its diameter, the share that it covers."),
    Term("polarity_score", "dark (-) or bright (+)",
         "How clearly the particles are dark (below 0, down to -1.2) or bright (above 0, up to "
         "1.2). Nearer to 0 than 0.05 it is a guess: set --polarity."),
    Term("edge", "edge rule", "Where the outline was put; the rule is stated under Sizes."),
    Term("edge_shift_px", "effect of the edge",
         "Change of the mean diameter, up or down, if the outline were put a quarter higher or "
         "lower in grey value. Blurred particles have a large one."),
    Term("min_diameter_px", "smallest particle counted",
         "Anything smaller was dropped: noise of this image could make it, or --min-diameter "
         "says so."),
    Term("split", "touching particles split", "Whether particles that touch were parted."),
    Term("resampled_to_nm", "analysed at, nm per pixel",
         "The network saw the image resampled to the pixel size that it was trained at."),
    Term("threshold", "threshold",
         "Probability from which on the network's answer counts as particle."),
    Term("runs_on", "computed on"),
    Term("paper_exact", "as published", "The published recipe with its own fixed settings."),
    Term("form", "whose filter",
         "Which of the published Bragg filters was run: sadre, groschner or sytwu; roughness is "
         "without a Fourier transform."),
    Term("foreground", "what was looked for",
         "Crystals on an amorphous support, or what is amorphous on a crystal."),
    Term("peaks", "Bragg peaks",
         "Peaks of the spectrum that were taken for those of the lattice, both of each pair."),
    Term("spacing_px", "lattice spacing, px", "Median over the Bragg peaks, in pixels."),
    Term("band_per_nm", "band, 1/nm", "Frequencies that were passed, whatever their direction."),
    Term("shape", "size of the image", "Rows and columns of pixels; frames first in a movie."),
    Term("dtype", "number format", "Type of the pixels in the file."),
)  # fmt: skip

# Keys are those of `nanosieve.core.settings.Settings`.
_SETTINGS = (
    Term("method", "method"),
    Term("polarity", "dark or bright particles"),
    Term("pixel_size_nm", "pixel size, nm"),
    Term("pixel_size_uncertainty_percent", "uncertainty of the pixel size, %"),
    Term("resample_nm", "resampled to, nm"),
    Term("min_diameter", "smallest diameter"),
    Term("average_frames", "frames averaged"),
    Term("isolated_only", "isolated particles only"),
    Term("model_hash", "content hash of the model"),
    Term("model_hashes", "packaged models to choose from"),
    Term("precision", "arithmetic of the network"),
    Term("bragg", "settings of the Bragg filter"),
)

SIZE_TERMS = tuple(one.key for one in _SIZES)
_TERMS = {one.key: one for one in (*_SIZES, *_CHOICES, *_SETTINGS)}


def term(key: str) -> Term:
    """Look a figure up; one that is not explained goes by its key.

    Examples
    --------
    >>> term("sigma_px").name, term("some_thing").name
    ('smoothing', 'some thing')
    """
    return _TERMS.get(key) or Term(key, key.replace("_", " "))


def explained(keys: Iterable[str]) -> list[Term]:
    """List the terms among ``keys`` that have a meaning to print, in the order of the registry.

    Examples
    --------
    >>> [one.key for one in explained(["split", "coverage", "method", "some_thing"])]
    ['coverage', 'split']
    """
    wanted = set(keys)
    return [one for key, one in _TERMS.items() if key in wanted and one.meaning]
