"""Augmentation: pixels moved exactly, truth from the nearest pixel, noise as large as drawn."""

import numpy as np
import pytest
from made import disc
from scipy import ndimage

from nanosieve.training.augment import draw
from nanosieve.training.augment_config import AugmentConfig
from nanosieve.training.augment_geometry import Geometry, frame_from_tile, take
from nanosieve.training.augment_grey import Grey, change

SIZE = 24
RNG = np.random.default_rng(5)
FRAME = RNG.normal(0, 1, (60, 70)).astype(np.float32)
CODES = RNG.integers(0, 4, (60, 70)).astype(np.uint8)
RELATIVE = (1.0, 0.2)


def off(**on: object) -> AugmentConfig:
    """Only what is given."""
    return AugmentConfig(**{**AugmentConfig.none().model_dump(), "share": 1.0, **on})


def draws(config: AugmentConfig, n: int = 300) -> list[tuple[Geometry, Grey]]:
    return [draw(config, np.random.default_rng(i), size=100) for i in range(n)]


def test_all_eight_turns_are_drawn_and_are_exact() -> None:
    found = set()
    straight, truth, _ = take(FRAME, CODES, (10, 20), SIZE)
    np.testing.assert_array_equal(straight, FRAME[10:34, 20:44])
    for geometry, grey in draws(off(dihedral=True), 60):
        assert grey == Grey()
        assert geometry.matrix is None
        tile, codes, inside = take(FRAME, CODES, (10, 20), SIZE, geometry)
        # Pixels are moved, and image and truth alike.
        np.testing.assert_array_equal(np.sort(tile.ravel()), np.sort(straight.ravel()))
        place = {value: at for at, value in np.ndenumerate(straight)}
        moved = [truth[place[value]] for value in tile.ravel()]
        np.testing.assert_array_equal(codes.ravel(), moved)
        assert inside.all()
        found.add(tile.tobytes())
    assert len(found) == 8


def test_quarter_turns_by_resampling_are_those_of_numpy() -> None:
    for degrees, quarter in ((90, 1), (180, 2), (-90, 3)):
        geometry = Geometry(matrix=frame_from_tile(degrees, 0, 1))
        tile, codes, inside = take(FRAME, CODES, (10, 20), SIZE, geometry)
        np.testing.assert_allclose(tile, np.rot90(FRAME[10:34, 20:44], quarter), atol=1e-4)
        np.testing.assert_array_equal(codes, np.rot90(CODES[10:34, 20:44], quarter))
        assert inside.all()


@pytest.mark.parametrize("seed", range(5))
def test_resampling_against_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = frame_from_tile(rng.uniform(-180, 180), rng.uniform(-20, 20), rng.uniform(0.5, 2))
    corner = (int(rng.integers(0, 36)), int(rng.integers(0, 46)))
    tile, codes, inside = take(FRAME, CODES, corner, SIZE, Geometry(matrix=matrix))
    middle = np.array([(SIZE - 1) / 2] * 2)
    offset = np.array(corner) + middle - matrix @ middle
    shape = (SIZE, SIZE)
    linear = ndimage.affine_transform(FRAME, matrix, offset, shape, order=1, mode="reflect")
    nearest = ndimage.affine_transform(CODES, matrix, offset, shape, order=0, mode="reflect")
    places = np.moveaxis(np.indices(shape), 0, -1) @ matrix.T + offset
    within = ((places >= -0.5) & (places < np.array(FRAME.shape) - 0.5)).all(-1)
    np.testing.assert_allclose(tile, linear, atol=2e-3)
    # Of a pixel half way between two, each may take either.
    assert (codes != nearest).mean() < 0.005
    assert (inside != within).mean() < 0.005


def test_magnification_and_shear() -> None:
    image = disc((60, 70), (30, 35), 6).astype(np.float32)
    larger = take(image, image.astype(np.uint8), (18, 23), SIZE, _matrix(scale=1.5))
    assert larger[1].sum() == pytest.approx(1.5**2 * image.sum(), rel=0.05)
    bar = np.zeros((60, 70), np.float32)
    bar[:, 34:37] = 1
    slid = take(bar, bar.astype(np.uint8), (18, 23), SIZE, _matrix(shear=20))[1]
    centres = [np.flatnonzero(row).mean() for row in slid]
    slope = np.polyfit(np.arange(SIZE), centres, 1)[0]
    assert abs(slope) == pytest.approx(np.tan(np.deg2rad(20)), rel=0.1)


def _matrix(*, shear: float = 0, scale: float = 1) -> Geometry:
    return Geometry(matrix=frame_from_tile(0, shear, scale))


def test_truth_is_never_a_mixture() -> None:
    codes = np.zeros((60, 70), np.uint8)
    codes[::2] = 129
    geometry = Geometry(matrix=frame_from_tile(33, 5, 1.3))
    assert set(np.unique(take(FRAME, codes, (10, 10), SIZE, geometry)[1])) == {0, 129}


def test_turning_keeps_the_size_of_particles() -> None:
    # Interpolated labels cut to whole numbers made them shrink (METHODS, trap 13).
    mask = disc((60, 70), (30, 35), 9)
    areas = []
    for degrees in range(0, 360, 7):
        geometry = Geometry(matrix=frame_from_tile(degrees, 0, 1))
        areas.append(take(FRAME, mask.astype(np.uint8), (15, 20), 30, geometry)[1].sum())
    assert np.mean(areas) == pytest.approx(mask.sum(), rel=0.01)


def test_beyond_the_frame_is_mirrored_and_does_not_count() -> None:
    small, codes = FRAME[:10, :16], CODES[:10, :16]
    tile, truth, inside = take(np.ascontiguousarray(small), codes, (-3, 0), 16)
    np.testing.assert_array_equal(tile, np.pad(small, ((3, 3), (0, 0)), mode="symmetric"))
    np.testing.assert_array_equal(truth, np.pad(codes, ((3, 3), (0, 0)), mode="symmetric"))
    assert inside[3:13].all()
    assert not inside[:3].any()
    assert not inside[13:].any()
    turned = take(FRAME, CODES, (0, 0), SIZE, Geometry(matrix=frame_from_tile(45, 0, 1)))
    assert 0 < (~turned[2]).sum() < SIZE**2 / 2
    assert np.isfinite(turned[0]).all()


def test_a_shift_stays_in_the_frame() -> None:
    corner = (30, 40)
    for geometry, _ in draws(off(translation=1.0)):
        tile, _, inside = take(FRAME, CODES, corner, SIZE, geometry)
        assert inside.all()
        y = min(max(corner[0] + geometry.shift[0], 0), 60 - SIZE)
        x = min(max(corner[1] + geometry.shift[1], 0), 70 - SIZE)
        np.testing.assert_array_equal(tile, FRAME[y : y + SIZE, x : x + SIZE])


def test_draws_fill_their_ranges_and_no_more() -> None:
    ranges = {"noise": (0.2, 1.0), "blur": (0.5, 2.0), "defocus": (-3, 5), "contrast": (0.5, 2)}
    names = {"noise": "noise", "blur": "blur", "defocus": "defocus", "contrast": "contrast"}
    found = draws(off(**ranges), 500)
    for name, (low, high) in ranges.items():
        values = [getattr(grey, names[name]) for _, grey in found]
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert np.median([grey.contrast for _, grey in found]) == pytest.approx(1, abs=0.1)
    counts = [grey.counts for _, grey in draws(off(poisson=[10, 1000]), 500)]
    assert np.median(counts) == pytest.approx(100, rel=0.3)


def test_share_is_how_often() -> None:
    config = off(noise=[0.5, 0.5], rotation=90, invert=True).model_copy(update={"share": 0.25})
    found = draws(config, 800)
    for often in (
        np.mean([grey.noise > 0 for _, grey in found]),
        np.mean([grey.inverted for _, grey in found]),
        np.mean([geometry.matrix is not None for geometry, _ in found]),
    ):
        assert often == pytest.approx(0.25, abs=0.05)


def test_switching_one_off_leaves_the_others() -> None:
    every = AugmentConfig(rotation=True, defocus=True, poisson=True)
    without = every.model_copy(update={"blur": None, "rotation": None, "dihedral": False})
    for (geometry, grey), (other, less) in zip(draws(every, 50), draws(without, 50), strict=True):
        assert other.shift == geometry.shift
        assert (less.noise, less.defocus, less.counts) == (grey.noise, grey.defocus, grey.counts)


def test_the_seed_decides() -> None:
    one = draw(AugmentConfig(), np.random.default_rng([1, 2]), size=64)
    assert repr(one) == repr(draw(AugmentConfig(), np.random.default_rng([1, 2]), size=64))
    assert repr(one) != repr(draw(AugmentConfig(), np.random.default_rng([1, 3]), size=64))


def changed(tile: np.ndarray, seed: int = 0, **grey: object) -> np.ndarray:
    before = tile.copy()
    result = change(tile, Grey(**grey), np.random.default_rng(seed), relative=RELATIVE)
    np.testing.assert_array_equal(tile, before)
    assert result.dtype == np.float32
    return result


def test_noise_keeps_the_deviation_and_adds_what_was_drawn() -> None:
    tile = np.random.default_rng(1).normal(0, 1, (256, 256)).astype(np.float32)
    noisy = changed(tile, noise=0.75)
    assert noisy.std() == pytest.approx(1, abs=0.01)
    # (x + rho n) / sqrt(1 + rho²): correlation 1 / sqrt(1 + rho²).
    assert np.corrcoef(tile.ravel(), noisy.ravel())[0, 1] == pytest.approx(0.8, abs=0.01)


def test_counts_have_the_variance_of_counts() -> None:
    # Grey values over their mean are 1 + 0.2 x: 0.6 in the left half, 1.4 in the right.
    tile = np.full((200, 200), -2, np.float32)
    tile[:, 100:] = 2
    noisy = changed(tile, counts=50)
    # The mean variance is 1 / 50 / 0.2² = 0.5, by which the whole is brought back.
    scaled = noisy * np.sqrt(1.5)
    assert scaled[:, :100].var() == pytest.approx(0.6 / 50 / 0.04, rel=0.03)
    assert scaled[:, 100:].var() == pytest.approx(1.4 / 50 / 0.04, rel=0.03)
    assert scaled[:, :100].mean() == pytest.approx(-2, abs=0.02)
    meaningless = change(tile, Grey(counts=50), np.random.default_rng(0), relative=(1.0, 0.0))
    np.testing.assert_array_equal(meaningless, tile)


def test_blur_is_a_gaussian() -> None:
    tile = FRAME[:48, :64]
    expected = ndimage.gaussian_filter(tile, 1.5, mode="reflect")
    np.testing.assert_allclose(changed(tile, blur=1.5), expected, atol=5e-3)


@pytest.mark.parametrize("a", [-4.0, 4.0])
def test_defocus_has_its_transfer(a: float) -> None:
    y, x = np.mgrid[:64, :64] + 0.5
    for k in (4, 12, 20):
        # A whole number of half periods: an eigenfunction of a filter with mirrored borders.
        wave = np.cos(np.pi * k * x / 64).astype(np.float32)
        q = k / 128
        result = changed(wave + 0 * y.astype(np.float32), defocus=a)
        np.testing.assert_allclose(result, np.cos(np.pi * a * q**2) * wave, atol=1e-5)


def test_defocus_rings_at_edges_and_leaves_the_mean() -> None:
    tile = -disc((64, 64), (32, 32), 12).astype(np.float32)
    result = changed(tile, defocus=6.0)
    assert result.mean() == pytest.approx(tile.mean(), abs=1e-5)
    assert result.max() > 0.1


def test_a_slope_is_a_plane() -> None:
    flat = np.zeros((64, 64), np.float32)
    tilted = changed(flat, slope=(0.3, -0.4))
    assert np.ptp(tilted[:, 0]) == pytest.approx(0.3)
    assert tilted[0, 0] - tilted[0, -1] == pytest.approx(0.4)
    assert tilted.mean() == pytest.approx(0, abs=1e-6)
    steep = [np.hypot(*grey.slope) for _, grey in draws(off(illumination=[0.2, 0.5]))]
    assert 0.2 <= min(steep) < max(steep) <= 0.5


def test_contrast_brightness_and_inversion() -> None:
    np.testing.assert_allclose(changed(FRAME, contrast=2.0, brightness=0.5), 2 * FRAME + 0.5)
    inverted = changed(FRAME, contrast=2.0, brightness=0.5, inverted=True)
    np.testing.assert_allclose(inverted, -2 * FRAME - 0.5)
    assert change(FRAME, Grey(), np.random.default_rng(0), relative=RELATIVE) is FRAME


def test_as_in_published_code_tiles_wrap_and_masks_shrink() -> None:
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    codes = np.ones((8, 8), np.uint8)
    # Half the magnification: four copies of the tile, and no pixel that does not count.
    geometry = Geometry(matrix=frame_from_tile(0, 0, 0.5), wrapped=True)
    tile, truth, inside = take(image, codes, (0, 0), 8, geometry)
    np.testing.assert_allclose(tile[:4], tile[4:], atol=1e-4)
    np.testing.assert_allclose(tile[:, :4], tile[:, 4:], atol=1e-4)
    assert inside.all()
    assert truth.all()
    # By a few degrees a disc loses its rim where masks are interpolated, and nothing else.
    particle = disc((60, 70), (30, 35), 10).astype(np.uint8)
    matrix = frame_from_tile(17, 0, 1)
    _, near, _ = take(FRAME, particle, (10, 15), 40, Geometry(matrix=matrix))
    _, cut, _ = take(FRAME, particle, (10, 15), 40, Geometry(matrix=matrix, wrapped=True))
    assert 0.85 * near.sum() < cut.sum() < 0.97 * near.sum()
    assert ndimage.binary_dilation(near).astype(np.uint8)[cut > 0].all()
    # What was ignored stays so; a core outside its particle does not.
    _, truth, _ = take(FRAME, particle | 0xC0, (10, 15), 40, Geometry(matrix=matrix, wrapped=True))
    assert set(np.unique(truth)) == {0x80, 0xC1}
    assert all(geometry.wrapped for geometry, _ in draws(off(paper_exact=True, rotation=True), 5))
    assert not draws(off(rotation=True), 1)[0][0].wrapped
