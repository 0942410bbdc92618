"""What is true of each pixel: lattice, boundary, vacuum or contamination."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from skimage.measure import find_contours

from nanosieve.simulation.graphene.frame import Canvas
from nanosieve.simulation.graphene.sheet import BOND_NM
from nanosieve.simulation.graphene.structure import Structure

CLASS_NAMES = ("lattice", "boundary", "vacuum", "contamination")
LATTICE, BOUNDARY, VACUUM, CONTAMINATION = range(4)

# A vacancy of three atoms leaves no place farther than this from all atoms; a hole does.
_HOLE_NM = 0.36
# The outline of the sheet and of patches runs so far outside the middles of their atoms.
_ATOM_NM = BOND_NM / 2
# Atoms of contamination farther apart than twice this are not of one patch.
_JOINED_NM = 0.3
# Strands narrower than twice this are no patch.
_STRAND_NM = 0.2
_LEAST_PATCH_NM2 = 0.25
# Borders of grains are smoothed over about the spacing of rings, for they are drawn from them.
_SMOOTH_NM = 0.2


@dataclass(frozen=True)
class Truth:
    """Maps over the canvas of a cell.

    Parameters
    ----------
    classes
        ``(y, x)`` uint8, see `CLASS_NAMES`.
    patches
        ``(y, x)`` int32, connected areas of contamination from 1, 0 elsewhere.
    line
        ``(k, 2)`` points in nm within the cell on the centre lines of grain boundaries.
    pair
        ``(k, 2)`` the two grains that meet there, the lower number first.
    """

    classes: np.ndarray
    patches: np.ndarray
    line: np.ndarray
    pair: np.ndarray


def find_truth(structure: Structure, canvas: Canvas, *, boundary_width_nm: float) -> Truth:
    """Draw the classes of a structure.

    Contamination goes before vacuum, vacuum before boundary: what hides a boundary is what a
    person would label.

    Parameters
    ----------
    structure
        The atoms.
    canvas
        On which to draw.
    boundary_width_nm
        Of the band along grain boundaries.
    """
    covered, patches = _patches(structure, canvas)
    vacuum = _vacuum(structure, canvas)
    line, pair = _boundaries(structure, canvas)
    if len(line):
        on_line = canvas.mark(line)
        on_sheet = ~vacuum[tuple(np.round(canvas.places(line)).astype(int).T)]
        line, pair = line[on_sheet], pair[on_sheet]
        band = distance_transform_edt(~on_line) * canvas.step_nm <= boundary_width_nm / 2
    else:
        band = np.zeros(canvas.shape, bool)
    classes = np.full(canvas.shape, LATTICE, np.uint8)
    classes[band] = BOUNDARY
    classes[vacuum] = VACUUM
    classes[covered] = CONTAMINATION
    return Truth(classes, patches, line, pair)


def _far(marked: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Distance in nm to the nearest marked point."""
    if not marked.any():
        return np.full(marked.shape, np.inf, np.float32)
    return distance_transform_edt(~marked) * canvas.step_nm


def _closed(marked: np.ndarray, canvas: Canvas, gap_nm: float) -> np.ndarray:
    """Discs around points, gaps up to twice a width closed."""
    if not marked.any():
        return marked
    grown = _far(marked, canvas) <= _ATOM_NM + gap_nm
    # What lies outside the canvas counts as grown: patches and sheets go on there.
    return grown if grown.all() else distance_transform_edt(grown) * canvas.step_nm > gap_nm


def _vacuum(structure: Structure, canvas: Canvas) -> np.ndarray:
    grown = canvas.mark(structure.sheet.positions)
    return ~_closed(grown, canvas, _HOLE_NM - _ATOM_NM)


def _patches(structure: Structure, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Areas under contaminating atoms, and their numbers; lone atoms are no patch."""
    atoms = canvas.mark(structure.contamination.positions[:, :2])
    covered = _closed(atoms, canvas, _JOINED_NM)
    if covered.any() and not covered.all():
        core = distance_transform_edt(covered) * canvas.step_nm > _STRAND_NM
        covered = _far(core, canvas) <= _STRAND_NM
    numbers, count = label(covered)
    least = _LEAST_PATCH_NM2 / canvas.step_nm**2
    large = np.bincount(numbers.ravel(), minlength=count + 1) >= least
    large[0] = False
    patches = np.where(large, np.cumsum(large), 0).astype(np.int32)[numbers]
    return patches > 0, patches


def _boundaries(structure: Structure, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Points along the lines where grains meet, and which grains they are."""
    owner = structure.grains.owner(canvas.points()).reshape(canvas.shape)
    found = np.unique(owner)
    if len(found) == 1:
        return np.zeros((0, 2)), np.zeros((0, 2), int)
    sigma = _SMOOTH_NM / canvas.step_nm
    weights = np.stack(
        [gaussian_filter((owner == grain).astype(np.float32), sigma, truncate=3) for grain in found]
    )
    lines, pairs = [], []
    for index, grain in enumerate(found):
        others = np.delete(weights, index, axis=0)
        rival = np.delete(found, index)[np.argmax(others, axis=0)]
        for contour in find_contours(weights[index] - others.max(axis=0), 0.0):
            place = np.round(contour).astype(int)
            other = rival[tuple(place.T)]
            # Each line is found from both of its sides.
            kept = other > grain
            lines.append(contour[kept])
            pairs.append(np.stack([np.full(kept.sum(), grain), other[kept]], axis=1))
    points = (np.concatenate(lines) - canvas.first) * canvas.step_nm + canvas.frame.margin_nm
    return points, np.concatenate(pairs)
