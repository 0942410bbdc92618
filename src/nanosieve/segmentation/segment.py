"""Segment one frame by any method: classical, a network, or what suits the image."""

from typing import TYPE_CHECKING

import numpy as np

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Edge, Segmentation
from nanosieve.segmentation.classical import check_frame, segment_classically
from nanosieve.segmentation.methods import BRAGG, METHODS, check

if TYPE_CHECKING:
    from nanosieve.segmentation.auto import Chosen


def segment(  # noqa: PLR0913 -- one keyword for each thing a user may set
    image: np.ndarray,
    *,
    method: str = "auto",
    polarity: str = "auto",
    edge: Edge = "base",
    threshold: float | None = None,
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
    paper_exact: bool = False,
    bragg: BraggSettings | None = None,
) -> Segmentation:
    """Separate particles from their support in one frame.

    Parameters
    ----------
    image
        ``(y, x)`` finite grey values of any real dtype, X-ray outliers already taken out.
    method
        ``otsu``, ``local``, ``hybrid``, ``reconstruction``, ``bragg``, the name of a packaged
        model, the path of a model file, or ``auto``, which chooses
        (`nanosieve.segmentation.auto`).
    polarity
        ``dark`` or ``bright`` particles; ``auto`` tells it from the image.
    edge
        Where the edge is put: ``base``, ``half`` or ``otsu`` (`nanosieve.segmentation.edge`). With
        ``auto`` another than ``base`` asks for a classical method.
    threshold
        Of a network: probability at the edge. With ``auto`` it asks for a network.
    min_diameter_px
        Smaller particles are left out; by default what noise of this image could make.
    split
        Whether touching particles are taken apart.
    exclude
        ``(y, x)`` bool, pixels that do not count.
    pixel_size_nm
        Tells a lattice of atoms from an array of particles; sizes do not depend on it.
    paper_exact
        With ``reconstruction``: the recipe as published, border loss included, at its own fixed
        scales and its own edge.
    bragg
        With ``bragg``: its form, what is wanted, and its thresholds. That method takes neither
        ``polarity`` nor ``edge``.

    Returns
    -------
    Segmentation
        Labels numbered from 1 without gaps; an empty support gives none, with the flag
        ``one_population``. What was chosen is in ``settings``.

    Raises
    ------
    UsageError
        If a setting is not one of those named or not for this method, ``exclude`` has another
        shape, or a model file is not to be trusted.
    FailedInput
        If the image is not 2-D, holds pixels that are not finite, or does not fit the model.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128]
    >>> disc = (y - 60) ** 2 + (x - 64) ** 2 < 20**2
    >>> found = segment(100 - 40 * disc + np.random.default_rng(0).normal(0, 5, disc.shape))
    >>> found.n, found.polarity, bool(abs(found.mask.sum() / disc.sum() - 1) < 0.1)
    (1, 'dark', True)
    """
    check_frame(image, exclude, polarity=polarity)
    chosen = None
    if method == "auto":
        chosen = _chosen(image, exclude, polarity, edge, threshold, pixel_size_nm)
    name = method if chosen is None else chosen.method
    if name == BRAGG:
        _check_bragg(polarity, edge, threshold)
    else:
        _check_own(name, edge, threshold, paper_exact, bragg)
    if name in METHODS or name == BRAGG:
        found = segment_classically(
            image,
            method=name,
            polarity=polarity,
            edge=edge,
            min_diameter_px=min_diameter_px,
            split=split,
            exclude=exclude,
            pixel_size_nm=pixel_size_nm,
            paper_exact=paper_exact,
            bragg=bragg,
        )
    else:
        from nanosieve.models.load import is_model, shared_model
        from nanosieve.segmentation.network import segment_with_model

        if not is_model(name):
            check(name)

        found = segment_with_model(
            image,
            shared_model(name),
            polarity=polarity,
            threshold=threshold,
            min_diameter_px=min_diameter_px,
            split=split,
            exclude=exclude,
            pixel_size_nm=pixel_size_nm,
        )
    return found if chosen is None else chosen.told(found)


def _chosen(
    image: np.ndarray,
    exclude: np.ndarray | None,
    polarity: str,
    edge: Edge,
    threshold: float | None,
    pixel_size_nm: float | None,
) -> "Chosen":
    # Classical methods start faster without what models need.
    from nanosieve.models.load import packaged
    from nanosieve.segmentation.auto import choose_method, wanted

    return choose_method(
        image,
        packaged(),
        pixel_size_nm=pixel_size_nm,
        exclude=exclude,
        polarity=polarity,
        network=wanted(edge, threshold),
    )


def _check_own(
    name: str,
    edge: Edge,
    threshold: float | None,
    paper_exact: bool,
    bragg: BraggSettings | None,
) -> None:
    """Refuse settings of the other kind of method: ignored, they would seem to change nothing."""
    if bragg is not None:
        raise UsageError(f"settings of bragg go with method 'bragg', not {name!r}")
    if name in METHODS and threshold is not None:
        raise UsageError(f"threshold is a network's probability; {name!r} has an edge rule instead")
    if name not in METHODS and (edge != "base" or paper_exact):
        raise UsageError(f"edge and paper_exact are for classical methods, not for model {name!r}")


def _check_bragg(polarity: str, edge: Edge, threshold: float | None) -> None:
    """Refuse what the method does not take."""
    if threshold is not None:
        raise UsageError(
            "threshold is a network's probability; 'bragg' has BraggSettings(mask_threshold=...)"
        )
    if polarity != "auto" or edge != "base":
        raise UsageError(
            "method 'bragg' goes by the lattice and takes neither polarity nor edge; what is "
            "wanted is said by BraggSettings(foreground='crystal' or 'amorphous')"
        )
