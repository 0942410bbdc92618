"""Does a mask fit its image, or another image, or the image turned? Shapes alone do not tell.

Masks that were exported in another order, or turned, have the right shape and train a network to
nothing. They are found by correlation at 64 x 64: a mask that has next to none with its own image
and much with another one is refused. A lattice without contrast has none with any, and passes.
In large sets faint images fit some mask by chance, but then several masks nearly as well.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from nanosieve.training.data import TrainingImage

_SIDE = 64
# Correlations. Of 2228 simulated images, 315 of which have none with their own mask, the best of
# all turns reached 0.56 by chance, that with another image 0.8, at most 0.23 ahead of the next.
_NONE, _MUCH, _TURNED, _AHEAD = 0.15, 0.5, 0.6, 0.25
_ALIKE = 0.9
_TURNS = (
    "as it is",
    *(f"turned by {degrees} degrees" for degrees in (90, 180, 270)),
    "mirrored",
    *(f"mirrored and turned by {degrees} degrees" for degrees in (90, 180, 270)),
)


def check_fit(images: Sequence["TrainingImage"]) -> list[str]:
    """Look for masks that belong to another image, or to their own one turned or mirrored.

    Returns
    -------
    list of str
        One fault for each such mask.
    """
    pictures = np.stack([_small(image.image) for image in images])
    masks = np.stack([_small((image.classes > 0).astype(np.float32)) for image in images])
    own = np.abs((pictures * masks).mean((1, 2)))
    faults = []
    for place in np.flatnonzero(own < _NONE).tolist():
        image = images[place]
        turned = np.abs([(turn * masks[place]).mean() for turn in _turns(pictures[place])])
        if turned.max() > _TURNED:
            faults.append(
                f"{image.name}: its mask fits the image {_TURNS[int(turned.argmax())]}, not as it "
                "is; turn the mask"
            )
            continue
        # Images of one structure have the same mask.
        possible = (masks * masks[place]).mean((1, 2)) < _ALIKE
        possible &= [other.shape == image.shape for other in images]
        fits = np.abs((pictures * masks[place]).mean((1, 2))) * possible
        second = np.partition(fits, -2)[-2] if fits.size > 1 else 0.0
        if fits.max() > max(_MUCH, second + _AHEAD):
            faults.append(
                f"{image.name}: its mask does not match it, but the image "
                f"{images[int(fits.argmax())].name}; name the files alike"
            )
    return faults


def _small(picture: np.ndarray) -> np.ndarray:
    """Means over 64 x 64 patches, with mean 0 and deviation 1 (or all 0)."""
    # BOX averages whole patches, and takes the nearest pixel of what is smaller.
    resized = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    small = np.asarray(resized, float)
    small = small - small.mean()
    return small / (small.std() or 1.0)


def _turns(picture: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(side, k) for side in (picture, picture[:, ::-1]) for k in range(4)]
