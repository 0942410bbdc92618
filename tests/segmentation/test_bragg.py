"""`bragg`: drawn lattices of known place, and Sadre's formula written out in numpy."""

import numpy as np
import pytest
from lattices import SHAPE, SHEET, contaminated, counts, crystals, fringes
from scenes import dice
from scipy import ndimage

from nanosieve.core.bragg import BraggSettings, bragg_settings
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.pipeline import analyse
from nanosieve.segmentation.bragg_sadre import sadre
from nanosieve.segmentation.bragg_scene import Scene, low_pass, make_scene
from nanosieve.segmentation.segment import segment

# The lattices of `crystals` are at 0.12 to 0.14 cycles per px: 0.24 nm at 0.032 nm per px.
PIXEL_NM = 0.032
FORMS = ("sadre", "groschner", "sytwu", "roughness")


def bragg(image, *, pixel_size_nm=PIXEL_NM, exclude=None, **settings):
    return segment(
        image, method="bragg", bragg=BraggSettings(**settings), pixel_size_nm=pixel_size_nm,
        exclude=exclude,
    )  # fmt: skip


def reference(deviation: np.ndarray, *, margin: int = 15) -> np.ndarray:
    """Eqs. 4 to 6 of Sadre et al. on the whole plane, in numpy and double precision."""
    n = deviation.shape[0]
    window = np.outer(*[np.hanning(n + 2)[1:-1]] * 2)
    q = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)[None])
    weighted = q * np.abs(np.fft.fft2(deviation * window))
    weighted = ndimage.gaussian_filter(weighted, 2, mode="wrap")
    top = weighted == ndimage.maximum_filter(weighted, 5, mode="wrap")
    places = np.argwhere(top & (weighted > 12.5) & (q > 4 / n) & (q < 0.5))
    places = sorted(places, key=lambda at: -weighted[tuple(at)])[:24]
    padded = np.pad(deviation, margin, mode="reflect")
    along = np.fft.fftfreq(len(padded))
    passed = np.zeros(padded.shape)
    for row, column in places:
        at = np.fft.fftfreq(n)[[row, column]]
        away = (along[:, None] - at[0]) ** 2 + (along[None] - at[1]) ** 2
        passed += np.exp(-away / (2 * 0.0156**2))
    lattice = np.fft.ifft2(np.fft.fft2(padded) * np.minimum(passed, 1)).real
    rest = np.abs(deviation - lattice[margin:-margin, margin:-margin])
    smooth, weight = (
        ndimage.gaussian_filter(one, 5, mode="constant") for one in (rest, np.ones_like(rest))
    )
    return smooth / weight


def test_the_paper_preset_is_sadres_formula():
    """Peaks on whole frequencies of 90 px, whose padded transform has 120."""
    shape = (90, 90)
    rng = np.random.default_rng(0)
    deviation = 0.6 * fringes(shape, [(0.1, 0.2), (-0.2, 0.1), (0.3, 0.1)])
    deviation += 0.02 * rng.normal(size=shape)
    deviation[20:50, 30:70] += 0.15 * rng.normal(size=(30, 40))
    scene = Scene(deviation.astype(np.float32), np.ones(shape, bool), None)
    found = sadre(scene, bragg_settings(preset="paper"))
    assert found.facts["peaks"] == 6
    assert found.level == 0.054
    expected = reference(deviation)
    np.testing.assert_allclose(found.values, expected, rtol=0.03)
    assert np.mean((found.values > 0.054) == (expected > 0.054)) > 0.99


@pytest.mark.parametrize("form", FORMS)
def test_crystals_on_a_support_are_found(form):
    image, truth = crystals()
    found = bragg(image, form=form)
    assert dice(truth, found.labels) > 0.85
    assert found.n == 2
    assert (found.method, found.flags) == ("bragg", ())
    assert found.settings["form"] == form
    assert found.certainty is None


@pytest.mark.parametrize("form", ["groschner", "sytwu"])
def test_the_other_question_is_the_rest_of_the_frame(form):
    image, truth = crystals()
    found = bragg(image, form=form, foreground="amorphous")
    assert dice(~truth, found.labels) > 0.9
    assert not found.split_labels


@pytest.mark.parametrize("form", ["sadre", "roughness"])
def test_contamination_on_a_sheet_is_found(form):
    image, truth = contaminated()
    found = bragg(image, form=form, foreground="amorphous")
    assert dice(truth, found.labels) > 0.85
    assert found.n == 1


def test_the_spacing_of_the_sheet_is_told():
    found = bragg(contaminated()[0], foreground="amorphous")
    assert found.settings["spacing_px"] == pytest.approx(5, rel=0.01)
    assert found.settings["peaks"] == 6


def test_a_clean_sheet_has_no_contamination():
    found = bragg(counts(1 + 0.03 * fringes(SHAPE, SHEET)), foreground="amorphous")
    assert (found.n, found.flags) == (0, ("one_population",))


def test_a_sheet_is_crystal_all_over():
    found = bragg(counts(1 + 0.03 * fringes(SHAPE, SHEET)))
    assert found.mask.mean() > 0.95
    assert "What was found fills the frame" in found.notes[0]


@pytest.mark.parametrize("form", ["sadre", "groschner"])
@pytest.mark.parametrize("foreground", ["crystal", "amorphous"])
def test_no_lattice_is_an_empty_result_with_a_reason(form, foreground):
    found = bragg(counts(np.ones(SHAPE)), form=form, foreground=foreground)
    assert (found.n, found.flags) == (0, ("no_lattice",))
    assert found.confidence.max() == 0
    [note] = found.notes
    assert note.startswith("No Bragg peak stands out of the spectrum, so nothing was segmented: ")


def test_as_printed_the_recipe_goes_on_without_a_lattice():
    rough = np.clip(0.3 * np.random.default_rng(3).normal(size=SHAPE), -0.9, 0.9)
    rough[:, :100] = 0
    found = segment(
        counts(1 + rough, dose=4000), method="bragg", bragg=bragg_settings(preset="paper")
    )
    assert found.flags == ("no_lattice",)
    assert found.settings["peaks"] == 0
    assert found.mask[:, 115:].mean() > 0.99
    assert found.mask[:, :85].mean() < 0.01
    assert found.notes[0].startswith("No peak reaches the threshold of the preset paper, so that")


@pytest.mark.parametrize("form", FORMS)
def test_labels_and_confidence_are_what_the_corridor_relies_on(form):
    image, _ = crystals()
    found = bragg(image, form=form)
    assert (found.labels.shape, found.labels.dtype) == (image.shape, np.int32)
    assert np.unique(found.labels).tolist() == list(range(found.n + 1))
    assert found.confidence.dtype == np.float32
    assert 0 <= found.confidence.min() <= found.confidence.max() <= 1
    assert (found.confidence[found.mask] >= 0.5).all()
    assert (found.confidence[~found.mask] < 0.5).all()
    assert 0 < found.settings["edge_shift_px"] < 20


@pytest.mark.parametrize("form", FORMS)
def test_what_is_excluded_has_no_say(form):
    image, truth = crystals()
    exclude = np.zeros(SHAPE, bool)
    exclude[:24, 90:] = True
    spoilt = image.copy()
    spoilt[exclude] = np.where(fringes(SHAPE, [(0.25, 0.25)])[exclude] > 0, 4000, 0)
    found = bragg(spoilt, form=form, exclude=exclude)
    assert not found.mask[exclude].any()
    assert found.confidence[exclude].max() == 0
    assert found.excluded is not None
    assert dice(truth & ~exclude, found.labels) > 0.85


def test_finer_images_give_the_same_crystals():
    image, truth = crystals()
    coarse = bragg(image)
    fine = bragg(ndimage.zoom(image, 2, order=3))
    assert fine.n == coarse.n
    assert dice(ndimage.zoom(truth.astype(np.uint8), 2, order=0), fine.labels) > 0.85


@pytest.mark.parametrize("factor", [1e-3, 50.0])
def test_grey_values_have_no_unit(factor):
    image, _ = crystals()
    one, other = bragg(image), bragg(factor * image)
    assert np.mean(one.mask == other.mask) > 0.999


def test_touching_crystals_are_split_only_where_asked():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    both = (np.hypot(y - 95, x - 62) < 40) | (np.hypot(y - 95, x - 138) < 40)
    image = counts(1 + 0.2 * both * fringes(SHAPE, [(0.12, 0.05)]))
    assert bragg(image).n == 2
    whole = segment(image, method="bragg", split=False)
    assert whole.n == 1
    assert whole.settings["split"] is False


def test_what_is_found_is_told_to_be_dark_or_bright():
    image, truth = crystals()
    assert bragg(image * (1 - 0.2 * truth)).polarity == "dark"
    assert bragg(image * (1 + 0.2 * truth)).polarity == "bright"


def test_crystals_below_the_least_diameter_are_left_out():
    image, _ = crystals()
    assert segment(image, method="bragg", min_diameter_px=90).n == 0


def test_a_wide_mask_threshold_takes_less():
    image, _ = crystals()
    areas = [bragg(image, mask_threshold=times).mask.sum() for times in (0.6, 1.0, 1.4)]
    assert areas[0] > areas[1] > areas[2] > 0


def test_d_spacings_of_another_material_find_nothing():
    image, truth = crystals()
    gold = bragg(image, form="sytwu", d_spacings_nm=(0.2355, 0.2039))
    other = bragg(image, form="sytwu", d_spacings_nm=(0.12,))
    assert dice(truth, gold.labels) > 0.8
    assert dice(truth, other.labels) < 0.5


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (None, "passes d-spacings in nm and the pixel size is unknown; give --pixel-size"),
        (0.2, "pixels of 0.2 nm resolve 2.5 1/nm at most; give the d-spacings of another lattice"),
    ],
)
def test_an_annulus_needs_a_pixel_size_that_resolves_it(size, message):
    with pytest.raises(UsageError, match=message):
        bragg(crystals()[0], form="sytwu", pixel_size_nm=size)


def test_an_image_without_a_mean_is_refused():
    image, _ = crystals()
    with pytest.raises(FailedInput, match="mean intensity, which is not positive here; give the"):
        bragg(image - 2 * image.mean())


def test_illumination_that_cannot_be_divided_by_is_subtracted():
    rows = np.linspace(-0.3, 1, 128, dtype=np.float32)[:, np.newaxis]
    image = np.broadcast_to(rows, (128, 128)).copy()
    scene = make_scene(image, np.ones(image.shape, bool), None)
    assert np.abs(scene.deviation).max() < 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"polarity": "dark"}, "takes neither polarity nor edge; what is wanted is said by"),
        ({"edge": "half"}, "takes neither polarity nor edge"),
        ({"threshold": 0.5}, r"'bragg' has BraggSettings\(mask_threshold=...\)"),
        ({"paper_exact": True}, "paper_exact goes with method 'reconstruction', not 'bragg'"),
        ({"method": "otsu", "bragg": BraggSettings()}, "settings of bragg go with method 'bragg'"),
    ],
)
def test_settings_of_other_methods_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        segment(np.eye(32), **{"method": "bragg", **options})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"form": "roughness", "aperture": 0.1}, "aperture is no setting of form 'roughness'"),
        ({"paper": True}, "the paper's thresholds are those of form 'sadre' for foreground"),
        ({"form": "sytwu", "band_per_nm": (4, 5), "d_spacings_nm": (0.2,)}, "not both"),
        ({"form": "sytwu", "band_per_nm": (5, 4)}, "band_per_nm is its lower and its upper end"),
        ({"form": "sytwu", "d_spacings_nm": (0.2, -1)}, "d_spacings_nm are above 0"),
        ({"mask_threshold": 0}, "mask_threshold"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        BraggSettings(**values)


def test_presets_are_the_papers_or_files(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text('form = "sadre"\npeak_threshold = 5.5\n')
    assert bragg_settings(preset=str(path)).value("peak_threshold") == 5.5
    assert bragg_settings(preset=str(path), foreground="amorphous").foreground == "amorphous"
    assert bragg_settings(preset="paper").foreground == "amorphous"
    path.write_text("peak_treshold = 5.5\n")
    with pytest.raises(UsageError, match="peak_treshold: no such setting, did you mean peak_thr"):
        bragg_settings(preset=str(path))
    with pytest.raises(UsageError, match=r"--preset best: give paper, or a FILE\.toml"):
        bragg_settings(preset="best")
    with pytest.raises(UsageError, match="the paper's thresholds are those of form 'sadre'"):
        bragg_settings(preset="paper", form="groschner")


@pytest.mark.parametrize(("sigma", "off"), [(3, 0.01), (12, 0.02)])
def test_the_low_pass_counts_valid_pixels_alone(sigma, off):
    rng = np.random.default_rng(0)
    values = rng.normal(5, 1, (40, 50)).astype(np.float32)
    valid = np.ones(values.shape, bool)
    valid[10:20, 15:30] = False
    values[~valid] = 0
    total, weight = (
        ndimage.gaussian_filter(one.astype(float), sigma, mode="constant")
        for one in (values, valid)
    )
    expected = np.where(valid, total / weight, 0)
    np.testing.assert_allclose(low_pass(values, valid, sigma), expected, rtol=off)
    everywhere = np.ones(values.shape, bool)
    even = low_pass(np.ones(values.shape, np.float32), everywhere, sigma)
    np.testing.assert_allclose(even, 1, rtol=1e-5)


def test_the_corridor_measures_what_bragg_finds():
    image, truth = crystals()
    micrograph = Micrograph.from_array(image, pixel_size_nm=PIXEL_NM)
    found = analyse(micrograph, Settings(method="bragg", bragg=BraggSettings(form="groschner")))
    assert len(found.particles) == 2
    assert found.summary["method"].tolist() == ["bragg"]
    area = found.particles["area_nm2"].sum() / PIXEL_NM**2
    assert area == pytest.approx(truth.sum(), rel=0.25)
