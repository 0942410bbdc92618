"""The figures of the papers and of their published code: parameters, receptive fields, forms."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from nanosieve.networks import build, describe

PARAMETERS = [
    ("horwath-hourglass", {}, 35_848),
    ("horwath-unet512", {}, 16_002),
    ("horwath-unet512", {"paper_exact": True}, 16_002),
    ("horwath-unet1024", {}, 86_590),
    ("horwath-unet1024", {"paper_exact": True}, 86_590),
    ("horwath-unet1024", {"activation": "relu"}, 86_590),
    ("horwath-unet1024", {"norm": False, "two_conv": True}, 221_146),
    ("horwath-unet1024", {"two_conv": True}, 222_046),
    ("horwath-unet1024", {"norm": False, "kernel": 7}, 467_898),
    ("horwath-unet1024", {"kernel": 7}, 468_350),
    ("horwath-single", {}, 82),
    ("horwath-single", {"kernel": 7}, 50),
    ("horwath-wide", {}, 2_690),
    ("horwath-wide", {"kernel": 7}, 1_666),
    ("groschner-unet", {}, 65_002),
    ("sadre-unet", {}, 1_925_058),
    ("sadre-unet", {"blocks": 9, "width": 64}, 31_030_658),
    ("sytwu-resunet", {}, 8_074),
    ("sytwu-resunet", {"blocks": 3}, 32_730),
    ("sytwu-resunet", {"blocks": 4}, 130_682),
    ("groom-unet", {"pretrained": False}, 14_322_082),
]


@pytest.mark.parametrize(("name", "settings", "count"), PARAMETERS)
def test_numbers_of_parameters(name, settings, count):
    with torch.device("meta"):
        assert build(name, **settings).n_parameters == count


@pytest.mark.parametrize(("blocks", "width"), [(7, 32), (9, 64)])
def test_sadre_parameters_by_hand(blocks, width):
    def conv(before, after, kernel):
        return before * after * kernel**2 + after

    widths = [width * 2**level for level in range(blocks // 2 + 1)]
    total = conv(1, width, 3) + conv(width, width, 3) + conv(width, 2, 1)
    for small, large in itertools.pairwise(widths):
        total += conv(small, large, 3) + conv(large, large, 3)
        total += conv(large, small, 2) + conv(large, small, 3) + conv(small, small, 3)
    with torch.device("meta"):
        assert build("sadre-unet", blocks=blocks, width=width).n_parameters == total


def test_groschner_values_with_the_statistics_of_batch_norm():
    state = build("groschner-unet").state_dict()
    assert sum(v.numel() for k, v in state.items() if "num_batches" not in k) == 65_490


RECEPTIVE_FIELDS = [
    ("horwath-hourglass", {}, 83),
    ("horwath-unet512", {}, 38),
    ("horwath-unet1024", {}, 78),
    ("horwath-single", {}, 9),
    ("horwath-wide", {"kernel": 7}, 7),
    ("groschner-unet", {}, 170),
    ("sadre-unet", {}, 96),
    ("sadre-unet", {"blocks": 9, "width": 2}, 200),
    ("sytwu-resunet", {"blocks": 4}, 200),
]


@pytest.mark.parametrize(("name", "settings", "side"), RECEPTIVE_FIELDS)
def test_receptive_fields(name, settings, side):
    assert build(name, **settings).receptive_field == side


def test_sytwu_receptive_fields_with_two_blocks():
    fields = {}
    for first, second in itertools.product((2, 4, 8), repeat=2):
        network = build("sytwu-resunet", pools=[first, second])
        assert network.n_parameters == 8_074
        assert network.stride == first * second
        fields[first, second] = network.receptive_field
        by_hand = 5 + (first - 1) + 4 * first + (second - 1) * first + 4 * first * second
        assert fields[first, second] == by_hand + 4 * first + 4
    assert sorted(fields.values()) == [44, 64, 80, 104, 120, 152, 200, 232, 392]


def test_sytwu_dilation_widens_the_field():
    # Of the 10 convolutions' pixels all but the poolings' own 1 + 2 are 2 apart instead of 1.
    assert build("sytwu-resunet", dilation=2).receptive_field == 2 * (44 - 1 - 3) + 1 + 3


@pytest.mark.parametrize(
    ("field", "pixel_size", "nm"), [(44, 0.02152, 0.95), (392, 0.02152, 8.4), (170, 0.02152, 3.7)]
)
def test_receptive_fields_in_nm(field, pixel_size, nm):
    name = "groschner-unet" if field == 170 else "sytwu-resunet"
    settings = {"pools": [8, 8]} if field == 392 else {}
    found = describe(build(name, **settings), pixel_size)
    assert found["receptive_field_px"] == field
    assert found["receptive_field_nm"] == pytest.approx(nm, abs=0.05)


def _pair(name, **settings):
    """A network and its form in the paper, with the same weights."""
    torch.manual_seed(3)
    sound = build(name, **settings).eval()
    paper = build(name, paper_exact=True, **settings).eval()
    paper.load_state_dict(sound.state_dict())
    return sound, paper, torch.randn(1, 1, 64, 64)


@torch.no_grad()
def test_horwath_512_as_published_has_relu_on_its_output():
    sound, paper, image = _pair("horwath-unet512")
    assert (sound(image) < 0).any()
    assert torch.equal(paper(image), sound(image).relu())


@torch.no_grad()
def test_horwath_1024_as_published_has_leaky_relu_on_its_output():
    sound, paper, image = _pair("horwath-unet1024", norm=False)
    assert (sound(image) < 0).any()
    assert torch.equal(paper(image), F.leaky_relu(sound(image), 0.01))


@torch.no_grad()
def test_horwath_1024_as_published_normalises_after_that_relu():
    sound, paper, image = _pair("horwath-unet1024", activation="relu")
    for network in (sound, paper):
        norm = network.output[-1]
        norm.running_mean.copy_(torch.tensor([0.1, 0.2]))
        norm.weight.copy_(torch.tensor([2.0, 3.0]))
    lowest = [((0 - mean) / (1 + 1e-5) ** 0.5) * w for mean, w in ((0.1, 2.0), (0.2, 3.0))]
    assert paper(image).amin((0, 2, 3)).tolist() == pytest.approx(lowest)
    assert (sound(image).amin((0, 2, 3)) < torch.tensor(lowest) - 0.01).all()


@torch.no_grad()
def test_horwath_512_written_out():
    network = build("horwath-unet512").eval()
    w = dict(network.state_dict())
    image = torch.randn(1, 1, 32, 32)

    def down(x, i):
        return F.conv2d(x, w[f"down.{i}.weight"], w[f"down.{i}.bias"], padding=1).relu()

    def up(x, i):
        weight, bias = w[f"up.{i}.weight"], w[f"up.{i}.bias"]
        return F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1).relu()

    c1 = down(image, 0)
    c2 = down(F.max_pool2d(c1, 2), 1)
    c3 = down(F.max_pool2d(c2, 2), 2)
    x = torch.cat([up(F.max_pool2d(c3, 2), 0), c3], 1)
    x = torch.cat([up(x, 1), c2], 1)
    x = torch.cat([up(x, 2), c1], 1)
    expected = F.conv2d(x, w["output.weight"], w["output.bias"], padding=1)
    torch.testing.assert_close(network(image), expected)


def test_horwath_1024_activations():
    leaky, relu = build("horwath-unet1024"), build("horwath-unet1024", activation="relu")
    assert {m.negative_slope for m in leaky.modules() if isinstance(m, torch.nn.LeakyReLU)} == {
        0.01
    }
    assert not [m for m in relu.modules() if isinstance(m, torch.nn.LeakyReLU)]


@torch.no_grad()
def test_one_filter_is_a_sigmoid_of_its_response():
    network = build("horwath-single").eval()
    image = torch.randn(1, 1, 20, 20)
    response = F.conv2d(image, network.filter.weight, network.filter.bias, padding=4)
    torch.testing.assert_close(network.probabilities(image)[:, 1:], response.sigmoid())


@torch.no_grad()
def test_wide_filters_without_activation_are_one_filter_a_class():
    network = build("horwath-wide", activation="none").eval()
    mixing = network.output.weight[:, :, 0, 0]
    kernel = torch.einsum("cf,fykx->cykx", mixing, network.filters.weight)
    bias = mixing @ network.filters.bias + network.output.bias
    image = torch.randn(1, 1, 20, 20)
    expected = F.conv2d(image, kernel, bias, padding=4)
    torch.testing.assert_close(network(image), expected, atol=1e-5, rtol=1e-4)
    leaky = build("horwath-wide").eval()
    leaky.load_state_dict(network.state_dict())
    assert not torch.allclose(leaky(image), expected, atol=1e-3)


@pytest.mark.parametrize("paper_exact", [False, True])
@torch.no_grad()
def test_groschner_pools_before_relu_only_as_published(paper_exact):
    network = build("groschner-unet", paper_exact=paper_exact).eval()
    pooled = []
    network.pool.register_forward_hook(lambda _module, inputs, _output: pooled.append(inputs[0]))
    network(torch.randn(1, 1, 32, 32))
    assert len(pooled) == 4
    assert all(bool((x < 0).any()) == paper_exact for x in pooled)


def test_groschner_outputs():
    assert build("groschner-unet").activation == "softmax"
    assert build("groschner-unet", output="sigmoid").activation == "sigmoid"
    dropout = [m.p for m in build("groschner-unet").modules() if isinstance(m, torch.nn.Dropout)]
    assert dropout == [0.2] * 4


@pytest.mark.parametrize("paper_exact", [False, True])
@torch.no_grad()
def test_sadre_has_one_relu_a_block_only_as_the_text_has_it(paper_exact):
    network = build("sadre-unet", width=4, paper_exact=paper_exact).eval()
    image = torch.randn(1, 1, 16, 16)
    first, second = (m for m in network.down[0] if isinstance(m, torch.nn.Conv2d))
    between = first(image) if paper_exact else first(image).relu()
    torch.testing.assert_close(network.down[0](image), second(between).relu())
