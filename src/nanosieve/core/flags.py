"""The one registry of flags: codes in the tables, sentences in the report.

A flag is a fact about an image or a particle that a reader of the numbers must know. Codes are
joined by ``;`` in the ``flags`` column of ``particles.csv`` and in ``run.json``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nanosieve.core.errors import NanosieveError


@dataclass(frozen=True)
class Flag:
    """One code, what it is about, and the sentence that the report prints.

    ``doubt`` is for those because of which the numbers themselves may be wrong: the command line
    names them too.
    """

    code: str
    about: Literal["image", "particle"]
    meaning: str
    doubt: bool = False


_REGISTRY = (
    Flag("rgb_to_luminance", "image", "A colour image was reduced to its luminance (Rec. 709)."),
    Flag("several_images", "image", "The file holds several images; the one taken is named."),
    Flag("pixel_size_unknown", "image", "The pixel size is unknown: sizes are in pixels."),
    Flag("pixel_size_conflict", "image",
         "The label image states another pixel size than the image, whose own was taken.",
         doubt=True),
    Flag("pixel_size_given", "image", "The pixel size was given by the user, not by the file."),
    Flag("resampled", "image", "The image was resampled before segmentation."),
    Flag("invalid_pixels", "image", "NaN or infinite pixels were filled from their surroundings."),
    Flag("xray_outliers", "image", "Single-pixel outliers (X-rays, dead pixels) were replaced."),
    Flag("constant", "image", "Every pixel has the same value."),
    Flag("saturated", "image", "Most pixels lie at the highest or lowest value of the image."),
    Flag("tiny", "image", "The image is too small to hold a particle."),
    Flag("one_population", "image", "The grey values do not separate a particle from its support."),
    Flag("no_lattice", "image",
         "No lattice of atoms was found, without which the method has nothing to go by.",
         doubt=True),
    Flag("lattice_resolved", "image",
         "Lattice fringes are resolved: thresholds take fringes for particles.", doubt=True),
    Flag("annotation_masked", "image",
         "A burned-in scale bar or caption was found and left out of the analysis."),
    Flag("excluded_by_user", "image", "Part of the image was left out by --exclude."),
    Flag("polarity_uncertain", "image",
         "Dark and bright particles explain the image equally.", doubt=True),
    Flag("scale_uncertain", "image",
         "The pixel size at which the model was run was found from the image, and may be wrong.",
         doubt=True),
    Flag("cut_by_tile", "image",
         "A particle is wider than what is looked at at once in a frame of this size: it may be "
         "cut in two, and its size wrong.", doubt=True),
    Flag("out_of_domain", "image",
         "The image is unlike those that the model was trained on.", doubt=True),
    Flag("pixel_size_outside_training", "image",
         "The pixel size lies outside what the model was trained on.", doubt=True),
    Flag("sizes_outside_training", "image",
         "More than a tenth of the particles have sizes that the model was not trained on.",
         doubt=True),
    Flag("beyond_receptive_field", "image",
         "Particles are wider than the part of the image that the model sees at once.", doubt=True),
    Flag("specks", "image",
         "Some particles are far smaller than those that hold the area: dirt, or a second size.",
         doubt=True),
    Flag("border", "particle", "Cut by the edge of the image."),
    Flag("mask_edge", "particle", "Cut by an excluded region (caption, scale bar, --exclude)."),
    Flag("overlap", "particle", "Split from a touching or overlapping neighbour."),
    Flag("non_convex", "particle", "Solidity at most 0.9 or convexity at most 0.8."),
    Flag("edited", "particle", "Measured from a label image changed outside nanosieve."),
)  # fmt: skip

FLAGS: dict[str, Flag] = {flag.code: flag for flag in _REGISTRY}


def join_flags(codes: Iterable[str]) -> str:
    """Write codes as one cell: sorted, each once, joined by ``;``.

    Raises
    ------
    NanosieveError
        If a code is not in the registry.

    Examples
    --------
    >>> join_flags(["overlap", "border", "overlap"])
    'border;overlap'
    """
    unique = sorted(set(codes))
    unknown = [code for code in unique if code not in FLAGS]
    if unknown:
        raise NanosieveError(f"flag {unknown[0]!r} is not in the registry; add it to core/flags.py")
    return ";".join(unique)
