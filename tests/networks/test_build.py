"""Building by name, what is refused, what a network says of itself."""

import json
import subprocess
import sys

import pytest
import torch

from nanosieve.core.errors import UsageError, install
from nanosieve.networks import NAMES, build, describe, receptive_field


def test_settings_are_plain_and_complete():
    network = build("sytwu-resunet", blocks=3, classes=("a", "b", "c"))
    expected = {
        "blocks": 3,
        "pools": [2, 2, 2],
        "width": 4,
        "dilation": 1,
        "classes": ["a", "b", "c"],
    }
    assert network.settings == expected
    assert json.loads(json.dumps(network.settings)) == expected
    assert network.classes == ("a", "b", "c")
    assert network.eval()(torch.zeros(1, 1, 8, 8)).shape == (1, 3, 8, 8)


def test_the_default_network_says_what_splits_particles():
    network = build("nanosieve")
    assert network.classes == ("particle", "core")
    assert network.activation == "sigmoid"
    assert network.receptive_field > 200
    assert network.n_parameters < 1_000_000


def test_describe():
    assert describe(build("horwath-single"), 0.5) == {
        "name": "horwath-single",
        "parameters": 82,
        "receptive_field_px": 9,
        "receptive_field_nm": 4.5,
        "reach_px": 4,
        "stride": 1,
        "classes": ("support", "particle"),
    }
    assert describe(build("horwath-single"))["receptive_field_nm"] is None


def test_describe_refuses_a_pixel_size_that_is_none():
    with pytest.raises(UsageError, match="pixel size of 0 nm is not positive; give one that is"):
        describe(build("horwath-single"), 0)


def test_an_unknown_name_is_answered_with_the_names():
    with pytest.raises(UsageError, match=r"no network is called 'unet'; choose .*horwath-unet512"):
        build("unet")
    assert "nanosieve" in NAMES


def test_an_unknown_setting_is_answered_with_the_settings():
    with pytest.raises(
        UsageError, match="horwath-single has no setting 'width'; it has classes, k"
    ):
        build("horwath-single", width=3)


REFUSED = [
    ("horwath-unet1024", {"kernel": 5}, "kernel = 5: choose one of 3, 7"),
    ("horwath-unet1024", {"norm": 1}, "norm = 1: choose one of False, True"),
    (
        "horwath-unet1024",
        {"activation": "elu"},
        "activation = 'elu': choose one of 'relu', 'leaky'",
    ),
    ("horwath-single", {"kernel": 9.0}, "kernel = 9.0: choose one of 9, 7"),
    ("horwath-wide", {"width": True}, "width = True: give a whole number from 1 to 1024"),
    ("groschner-unet", {"dropout": 1}, "dropout = 1: give a number from 0 to below 1"),
    ("groschner-unet", {"output": "none"}, "output = 'none': choose one of 'softmax', 'sigmoid'"),
    ("sadre-unet", {"blocks": 8}, "blocks = 8: give an odd number"),
    ("sadre-unet", {"blocks": 13}, "blocks = 13: give a whole number from 3 to 11"),
    ("sytwu-resunet", {"pools": [2, 2, 2]}, r"pools = \[2, 2, 2\]: give a list of 2 numbers"),
    ("sytwu-resunet", {"pools": 2}, "pools = 2: give a list of 2 numbers"),
    ("sytwu-resunet", {"pools": [1, 2]}, "pools = 1: give a whole number from 2 to 64"),
    ("sytwu-resunet", {"pools": [64, 32]}, r"pools = \[64, 32\]: their product must not exceed"),
    ("groom-fpn", {"width": 10, "pretrained": False}, "width = 10: give a multiple of 4"),
    ("groom-unet7", {"encoder_kernel": 7}, "pretrained kernels are 3x3; set pretrained = false"),
    ("groom-unet", {"width": 32}, "ImageNet weights need width = 64, not 32"),
    ("nanosieve", {"pool": "mean"}, "pool = 'mean': choose one of 'max', 'blur'"),
    ("nanosieve", {"width": 96}, "widest = 64: give a whole number from 96"),
    ("nanosieve", {"classes": []}, r"classes = \[\]: give a list of 1 to 255 names"),
    ("horwath-single", {"classes": ["a"]}, "classes = .*: give a list of 2 to 255 names"),
    ("horwath-single", {"classes": ["a", "a"]}, "classes = .*all different"),
    ("horwath-single", {"classes": "ab"}, "classes = 'ab': give a list"),
]


@pytest.mark.parametrize(("name", "settings", "message"), REFUSED)
def test_values_that_do_not_fit_are_refused(name, settings, message):
    with pytest.raises(UsageError, match=message):
        build(name, **settings)


def test_one_class_is_enough_for_a_sigmoid():
    assert build("nanosieve", classes=["particle"]).classes == ("particle",)


@torch.no_grad()
def test_blurred_pooling_averages_with_the_binomial_kernel():
    network = build("nanosieve", pool="blur").eval()
    blur = network.shrink[0][0]
    assert not blur.weight.requires_grad
    ramp = torch.arange(8.0).expand(1, 16, 8, 8)
    # The mean of four neighbours on a ramp is their middle; at the border zeros come in.
    assert blur(ramp)[0, 0, 1, 1:3].tolist() == pytest.approx([2.5, 4.5])


class _Odd(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def logits(self, image):
        return self.layer(image)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (torch.nn.Conv2d(1, 1, (3, 5)), r"layer of \(3, 5\); make it square"),
        (torch.nn.InstanceNorm2d(1), "known for InstanceNorm2d.*add a rule"),
        (torch.exp, "known for <built-in method exp.*add a rule"),
    ],
)
def test_layers_without_a_rule_have_no_receptive_field(layer, message):
    with pytest.raises(TypeError, match=message):
        receptive_field.trace(_Odd(layer))


def test_without_torch_it_says_what_to_install():
    code = """
import sys
sys.modules["torch"] = None
from nanosieve.core.errors import UsageError
try:
    import nanosieve.networks
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"networks need torch: {install('train')}\n"
