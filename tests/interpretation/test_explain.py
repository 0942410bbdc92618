"""From model files to a page, as a user runs it."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import typer
from one_filter import average, card_of, high_pass, save_model
from PIL import Image, ImageDraw
from scipy import ndimage
from typer.testing import CliRunner

from nanosieve.cli.explain import explain as command
from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.core.settings import Settings
from nanosieve.files.dataset import Dataset
from nanosieve.files.read import read
from nanosieve.interpretation.explain import Wanted, explain
from nanosieve.interpretation.model import load_networks
from nanosieve.interpretation.subject import (
    Subject,
    on_grid,
    subject_from_data,
    subject_from_file,
    subject_from_sample,
    view_of,
)
from nanosieve.networks import build
from nanosieve.networks.files import save_weights
from nanosieve.pipeline import analyse


def drawn(seed: int = 0, *, sign: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Four discs, blurred by 1.5 px, with noise; the image and the labels."""
    y, x = np.mgrid[:160, :176]
    labels = np.zeros((160, 176), np.int32)
    for label, (row, column, radius) in enumerate(
        [(40, 45, 20), (50, 120, 16), (115, 60, 24), (120, 135, 12)], start=1
    ):
        labels[np.hypot(y - row, x - column) < radius] = label
    blurred = ndimage.gaussian_filter((labels > 0).astype(float), 1.5)
    noise = np.random.default_rng(seed).normal(0, 6, labels.shape)
    return (120 + sign * 60 * blurred + noise).astype(np.float32), labels


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for seed in range(3):
        image, labels = drawn(seed)
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"i{seed}.png")
        Image.fromarray((255 * (labels > 0)).astype(np.uint8)).save(
            folder / "masks" / f"i{seed}.png"
        )
    return folder


@pytest.fixture
def micrograph(tmp_path: Path) -> Path:
    path = tmp_path / "gold.tif"
    tifffile.imwrite(path, drawn()[0], imagej=True, resolution=(5, 5), metadata={"unit": "nm"})
    return path


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    good, bad = average(), high_pass()
    return [
        save_model(tmp_path / "good", good, card_of(good, name="averages", pixel_size_nm=0.2)),
        save_model(tmp_path / "bad", bad, card_of(bad, name="high pass")),
    ]


def test_everything_is_written_and_says_which_network_learned_noise(tmp_path, models, data,
                                                                    micrograph):  # fmt: skip
    out = tmp_path / "out"
    found = explain(models, out, Wanted(image=micrograph, data=data, n_borders=3))
    assert found.models == ("averages", "high pass")
    assert found.checks["averages"].verdict == "particles"
    assert found.checks["high pass"].verdict == "noise"
    assert found.unit == "nm"
    # Blurred by 1.5 px of 0.2 nm: 2.563 x 1.5 x 0.2 = 0.77 nm.
    assert found.edge_widths["image"].median == pytest.approx(0.77, rel=0.25)
    assert found.edge_widths["image"].n_borders == 3
    assert found.best_f1["averages"] > 0.9 > found.best_f1["high pass"]
    assert found.fields["averages"].effective_px == 9
    expected = {"kernels", "fields", "layers", "logits", "edges", "profiles", "thresholds"}
    assert {path.stem for path in out.glob("*.csv")} == expected
    for model in found.models:
        for name in ("kernel-1", "field", "logits", "activations-filter"):
            with Image.open(out / model / f"{name}.png") as picture:
                assert picture.size[0] > 200
    table = pd.read_csv(out / "thresholds.csv")
    assert set(table["model"]) == set(found.models)
    kernels = pd.read_csv(out / "kernels.csv").set_index("model")
    assert kernels.loc["averages", "sum"] == pytest.approx(-4, rel=1e-5)
    assert kernels.loc["high pass", "mean"] == pytest.approx(0, abs=1e-6)


def test_the_page_needs_nothing_else_and_speaks_in_nm(tmp_path, models, micrograph):
    explain(models[:1], tmp_path / "out", Wanted(image=micrograph))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    outside = [source for source in re.findall(r'src="([^"]{5})', page) if source != "data:"]
    assert outside == []
    assert "http://" not in page.replace("http://www.w3.org", "")
    for words in ("averages (horwath-single, 82 parameters)", "median width, nm", "1.80",
                  "shows particles", "found by the hybrid method", "as its card says",
                  "of the 4 borders measured in gold are", "Not drawn: the logit of support",
                  "lower is better; a difference under 10 says nothing"):  # fmt: skip
        assert words in page
    assert page.count("<em>Not:</em>") == 5
    # Before all that is compared with them.
    assert page.index("are no truth") < page.index("looks at")
    for link in re.findall(r'href="\./([^"]+)"', page):
        assert (tmp_path / "out" / link).is_file()
    for path in (tmp_path / "out").rglob("*.svg"):
        assert path.read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_the_same_input_gives_the_same_bytes(tmp_path, models, micrograph):
    for name in ("one", "two"):
        explain(models[:1], tmp_path / name, Wanted(image=micrograph))
    pages = [(tmp_path / name / "report.html").read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_weights_alone_are_explained_on_a_drawn_sample(tmp_path):
    path = tmp_path / "one.safetensors"
    save_weights(average(), path)
    found = explain([path, path], tmp_path / "out", Wanted(n_borders=1))
    assert found.models == ("one", "one-2")
    assert found.checks["one"].verdict == "particles"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "no card beside it: defaults" in page
    assert "simulated sample" in page
    assert "are no truth" not in page


def test_a_deep_network_and_named_layers_and_lines(tmp_path, micrograph):
    path = tmp_path / "deep.safetensors"
    save_weights(build("sytwu-resunet", pools=[2, 2]), path)
    wanted = Wanted(image=micrograph, layers=("middle",), lines=("40,45,40,85",))
    explain([path], tmp_path / "out", wanted)
    assert (tmp_path / "out" / "deep" / "activations-middle.png").is_file()
    assert pd.read_csv(tmp_path / "out" / "edges.csv")["border"].unique().tolist() == ["line 1"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Not fitted: 3 x 3 values are too few" in page


@pytest.mark.parametrize(
    ("depth", "tick", "broken"), [(0, False, False), (120, True, False), (300, True, True)]
)
def test_profiles_beyond_the_levels_are_drawn_or_said_to_be_broken(tmp_path, models, depth, tick,
                                                                   broken):  # fmt: skip
    image, _ = drawn()
    image[36:45, 55:57] -= depth  # a thick spot inside: 1, 2.4, 3.6 times the step
    tifffile.imwrite(tmp_path / "spot.tif", image)
    wanted = Wanted(image=tmp_path / "spot.tif", lines=("40,45,40,85",))
    explain(models[:1], tmp_path / "out", wanted)
    svg = (tmp_path / "out" / "profiles" / "line-1.svg").read_text(encoding="utf-8")
    assert (">2</text>" in svg) == tick
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ("line is broken where it leaves -2 to 3" in page) == broken


def test_the_mean_of_many_kernels_is_drawn_but_not_fitted(tmp_path, micrograph):
    path = tmp_path / "wide.safetensors"
    save_weights(build("horwath-wide", width=3, kernel=7), path)
    explain([path], tmp_path / "out", Wanted(image=micrograph, n_borders=1))
    kernels = pd.read_csv(tmp_path / "out" / "kernels.csv").set_index("kernel")
    assert kernels["log_bic"].notna().to_dict() == {"1": True, "2": True, "3": True, "mean": False}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "and is not fitted" in page
    assert "described as" not in page
    assert re.search(r"<td[^>]*>[0-3] of 3</td>", page)


def test_the_default_network_with_its_markers_is_explained(tmp_path, micrograph):
    path = tmp_path / "default.safetensors"
    network = build("nanosieve")
    save_weights(network, path)
    explain([path], tmp_path / "out", Wanted(image=micrograph, n_borders=1))
    maps = pd.read_csv(tmp_path / "out" / "logits.csv")["map"].tolist()
    assert maps == [*network.classes, "deciding"]
    assert (tmp_path / "out" / "default" / "kernel-mean.png").is_file()


def test_an_image_without_particles_still_gets_a_page(tmp_path, models):
    empty = np.random.default_rng(0).normal(100, 5, (96, 96)).astype(np.float32)
    tifffile.imwrite(tmp_path / "empty.tif", empty)
    found = explain(models[:1], tmp_path / "out", Wanted(image=tmp_path / "empty.tif"))
    assert found.checks == {}
    assert found.edge_widths == {}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Not checked" in page
    assert "No particle has a border with free support" in page


def test_the_image_is_brought_to_the_models_pixel_size_and_polarity(tmp_path):
    network = average()
    path = save_model(tmp_path / "m", network, card_of(network, pixel_size_nm=0.4))
    (model,) = load_networks([path])
    assert (model.threshold, model.has_card, model.foreground) == (0.4, True, (1,))
    image, labels = drawn(sign=1)
    from nanosieve.core.micrograph import Calibration

    subject = Subject("s", image, labels, "drawn", "bright", Calibration(0.2, "file"))
    view = view_of(subject, model)
    assert view.prepared.shape == (80, 88)
    assert view.calibration.pixel_size_nm == 0.4
    assert set(np.unique(view.labels)) == set(range(5))
    # Bright particles are turned round for a network of dark ones.
    assert view.prepared[view.labels > 0].mean() < view.prepared[view.labels == 0].mean()
    from nanosieve.interpretation.edges import Border

    moved = view.border(Border("b", (0.5, 4.5), (20.5, 44.5)))
    assert moved.start == (0, 2)
    assert moved.end == (10, 22)
    back = on_grid(view, (view.labels > 0).astype(np.float32), (160, 176))
    assert ((back >= 0.5) == (labels > 0)).mean() > 0.97


def test_the_window_is_where_borders_are():
    labels = np.zeros((300, 400), np.int32)
    labels[200:240, 310:350] = 1
    from nanosieve.core.micrograph import Calibration
    from nanosieve.interpretation.model import with_defaults

    image = np.where(labels > 0, 0, 1).astype(np.float32)
    subject = Subject("s", image, labels, "drawn", "dark", Calibration())
    model = with_defaults("m", Path("m"), average())
    view = view_of(subject, model, side=100)
    assert view.prepared.shape == (100, 100)
    assert (view.labels > 0).sum() == 1600
    top, left = view.origin
    np.testing.assert_array_equal(view.labels, labels[top : top + 100, left : left + 100])
    whole = view_of(subject, model, side=None)
    assert whole.prepared.shape == (300, 400)
    # Normalised as a whole, not in the window.
    np.testing.assert_array_equal(whole.prepared[top : top + 100, left : left + 100], view.prepared)


def test_subjects_know_their_polarity(data):
    assert subject_from_sample("any").polarity == "dark"
    assert subject_from_sample("bright").polarity == "bright"
    sample = next(iter(Dataset.open(data)))
    subject = subject_from_data(sample)
    assert subject.polarity == "dark"
    assert subject.labels.max() == 4


def test_wrong_models_are_refused_in_one_line(tmp_path, models):
    onnx = tmp_path / "alone.onnx"
    onnx.write_bytes(models[0].read_bytes())
    with pytest.raises(UsageError, match=r"needs the weights as alone\.safetensors beside it"):
        load_networks([onnx])
    with pytest.raises(UsageError, match=r"no such file; nanosieve train writes model\.onnx"):
        load_networks([tmp_path / "nothing.onnx"])
    with pytest.raises(UsageError, match=r"explain takes model\.safetensors or model\.onnx"):
        load_networks([tmp_path / "model.pt"])
    with pytest.raises(UsageError, match="at least one model"):
        explain([], tmp_path / "out")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights")
    with pytest.raises(FailedInput, match="cannot be read as safetensors"):
        load_networks([broken])
    save_weights(build("horwath-wide"), models[0].with_suffix(".safetensors"))
    with pytest.raises(UsageError, match="put together the two files of one training run"):
        load_networks([models[0]])
    named = tmp_path / "named.safetensors"
    save_weights(build("horwath-wide", classes=["background", "support"]), named)
    with pytest.raises(UsageError, match="none of the classes background, support is a particle"):
        load_networks([named])


def test_wrong_images_and_data_are_refused_in_one_line(tmp_path, models, data):
    tifffile.imwrite(tmp_path / "flat.tif", np.full((64, 64), 7, np.uint8))
    with pytest.raises(RefusedInput, match="the image is constant"):
        subject_from_file(tmp_path / "flat.tif")
    with pytest.raises(UsageError, match="--pixel-size goes with --image"):
        explain(models, tmp_path / "out", Wanted(pixel_size_nm=0.1))
    for mask in (data / "masks").iterdir():
        mask.unlink()
    with pytest.raises(UsageError, match="no image has a mask with particles and support"):
        explain(models, tmp_path / "out", Wanted(data=data))
    with pytest.raises(UsageError, match="explain needs a mask with both"):
        subject_from_data(next(iter(Dataset.open(data))))
    image = tmp_path / "gold.tif"
    tifffile.imwrite(image, drawn()[0])
    with pytest.raises(UsageError, match="no image has a mask with particles and support"):
        explain(models, tmp_path / "out", Wanted(image=image, data=data))


def test_the_command_prints_a_table_and_where_the_report_is(tmp_path, models, micrograph):
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(
        app,
        [*map(str, models), "--image", str(micrograph), "--borders", "2", "-o",
         str(tmp_path / "out")],
        standalone_mode=False,
    )  # fmt: skip
    assert result.exception is None, result.exception
    assert result.return_value == 0
    words = " ".join(result.output.split())
    for part in ("averages", "high pass", "9 / 9", "particles (", "noise (", "report.html"):
        assert part in words


def test_without_torch_one_line_says_what_to_install():
    code = (
        "import sys\nsys.modules['torch'] = None\n"
        "from nanosieve.core.errors import UsageError\n"
        "try:\n    import nanosieve.interpretation.explain\n"
        "except UsageError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "nanosieve[train]"' in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_large_pictures_are_small_in_the_page(tmp_path):
    from nanosieve.interpretation.page import Output

    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, format="PNG")
    output = Output(tmp_path)
    shown = output.picture("a/noise.png", stream.getvalue())
    assert shown[:3] == b"\xff\xd8\xff"
    assert (tmp_path / "a" / "noise.png").read_bytes() == stream.getvalue()


def test_an_image_of_support_alone_counts_against_what_is_invented(tmp_path, models, data):
    explain(models[:1], tmp_path / "without", Wanted(data=data))
    rng = np.random.default_rng(9)
    bare = rng.normal(120, 6, (160, 176)).astype(np.uint8)
    # Comes first by name, yet cannot tell what particles look like.
    Image.fromarray(bare).save(data / "images" / "a_bare.png")
    Image.fromarray(np.zeros((160, 176), np.uint8)).save(data / "masks" / "a_bare.png")
    explain(models[:1], tmp_path / "with", Wanted(data=data))
    precision = [
        pd.read_csv(tmp_path / name / "thresholds.csv")["precision_mean"].iloc[20]
        for name in ("without", "with")
    ]
    assert precision[1] < precision[0]


def test_a_name_on_a_card_leads_nowhere_out_of_the_output(tmp_path):
    network = average()
    path = save_model(tmp_path / "a", network, card_of(network, name="../../x/../gold"))
    [model] = load_networks([path])
    assert model.name == "_.._x_.._gold"
    path = save_model(tmp_path / "b", network, card_of(network, name=str(tmp_path / "c")))
    explain([path], tmp_path / "out")
    assert not (tmp_path / "c").exists()


def test_a_network_is_explained_on_what_segment_shows_it(tmp_path):
    """Neither counts a caption into the statistics of the image."""
    image = Image.fromarray(np.kron(drawn()[0], np.ones((2, 2))).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 290, 352, 320), fill=0)
    pen.rectangle((20, 296, 120, 301), fill=255)
    pen.text((20, 305), "50 nm 80 kV", fill=255)
    image.save(tmp_path / "a.png")
    network = average()
    path = save_model(tmp_path, network, card_of(network))
    settings = Settings(method=str(path), precision="float32")
    found = analyse(read(tmp_path / "a.png", pixel_size_nm=0.5), settings).segmentations[0]
    assert found.excluded[295:300, 25:115].all()
    [model] = load_networks([path])
    view = view_of(subject_from_file(tmp_path / "a.png", pixel_size_nm=0.5), model, side=None)
    free = ~found.excluded
    shown = model.probability(view.prepared)
    assert shown[free] == pytest.approx(found.confidence[free], abs=2e-3)
