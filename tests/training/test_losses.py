"""Losses against values worked out by hand, and against each other."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.training import losses


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


# Two pixels: the truth of the first is particle (given 0.8), of the second support (given 0.6).
P_FIRST, P_SECOND = 0.8, 0.6


@pytest.fixture(params=["softmax", "sigmoid"])
def two_pixels(request) -> tuple[torch.Tensor, torch.Tensor]:
    particle = torch.tensor([_logit(P_FIRST), _logit(1 - P_SECOND)]).reshape(1, 1, 1, 2)
    if request.param == "sigmoid":
        return particle, torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    return torch.cat([torch.zeros_like(particle), particle], 1), torch.tensor([[[1, 0]]])


ONES = torch.ones(1, 1, 2)
A, B = -math.log(P_FIRST), -math.log(P_SECOND)


def test_cross_entropy_is_the_mean_surprise(two_pixels):
    assert losses.cross_entropy(*two_pixels, ONES).item() == pytest.approx((A + B) / 2)


def test_a_pixel_counts_by_its_weight(two_pixels):
    weight = torch.tensor([[[3.0, 1.0]]])
    assert losses.cross_entropy(*two_pixels, weight).item() == pytest.approx((3 * A + B) / 4)


def test_class_weights_of_a_softmax():
    logits = torch.tensor([0.0, _logit(P_FIRST)]).reshape(1, 2, 1, 1)
    logits = torch.cat([logits, torch.tensor([0.0, _logit(0.4)]).reshape(1, 2, 1, 1)], 3)
    loss = losses.cross_entropy(logits, torch.tensor([[[1, 0]]]), ONES, class_weights=(1.0, 4.0))
    assert loss.item() == pytest.approx((4 * A + B) / 5)


def test_class_weights_of_sigmoids_count_where_the_truth_is_one():
    logits = torch.tensor([_logit(P_FIRST), _logit(0.4)]).reshape(1, 1, 1, 2)
    target = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    loss = losses.cross_entropy(logits, target, ONES, class_weights=(4.0,))
    assert loss.item() == pytest.approx((4 * A + B) / 5)


def test_focal_multiplies_by_the_doubt(two_pixels):
    expected = (0.2**2 * A + 0.4**2 * B) / 2
    assert losses.focal(*two_pixels, ONES).item() == pytest.approx(expected)
    assert losses.focal(*two_pixels, ONES, gamma=0).item() == pytest.approx((A + B) / 2)


def test_dice_of_probabilities(two_pixels):
    # Intersection 0.8; both together 0.8 + 0.4 + 1; one pixel of smoothing.
    expected = 1 - (2 * 0.8 + 1) / (0.8 + 0.4 + 1 + 1)
    assert losses.dice(*two_pixels, ONES).item() == pytest.approx(expected)


def test_dice_of_an_empty_truth_found_empty_is_no_loss():
    logits = torch.full((1, 1, 4, 4), -40.0)
    assert losses.dice(logits, torch.zeros(1, 1, 4, 4), torch.ones(1, 4, 4)).item() == 0


def test_near_a_border_pixels_count_more():
    logits = torch.zeros(1, 1, 1, 4)
    logits[..., 3] = _logit(P_FIRST)
    target = torch.tensor([0.0, 1, 1, 1]).reshape(1, 1, 1, 4)
    # Distances 0, 0, 1, 2 to the pixels beside the border.
    near = [1 + 5 * math.exp(-(d**2) / 2) for d in (0, 0, 1, 2)]
    expected = (sum(near[:3]) * math.log(2) + near[3] * A) / sum(near)
    loss = losses.boundary(logits, target, torch.ones(1, 1, 4), sigma=1.0)
    assert loss.item() == pytest.approx(expected)


def test_distance_to_the_border_is_the_distance_transform():
    rng = np.random.default_rng(0)
    classes = (ndimage.gaussian_filter(rng.normal(size=(40, 33)), 4) > 0).astype(np.int64)
    border = np.zeros(classes.shape, bool)
    for axis in (0, 1):
        for shift in (-1, 1):
            other = np.roll(classes, shift, axis)
            edge = [slice(None), slice(None)]
            edge[axis] = 0 if shift == 1 else -1
            other[tuple(edge)] = classes[tuple(edge)]
            border |= other != classes
    true = ndimage.distance_transform_edt(~border) ** 2
    found = losses.squared_boundary_distance(torch.tensor(classes)[None], reach=60)[0, 0]
    assert np.allclose(found.numpy(), true)


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_what_is_ignored_changes_nothing(name, two_pixels):
    logits, target = two_pixels
    wide = torch.cat([logits, torch.full_like(logits, 7.0)], -1)
    weight = torch.cat([ONES, torch.zeros_like(ONES)], -1)
    # The second half repeats the class of the last pixel: no border arises.
    repeated = torch.cat([target, target[..., -1:], target[..., -1:]], -1)
    loss = losses.LOSSES[name]
    assert loss(wide, repeated, weight).item() == pytest.approx(loss(logits, target, ONES).item())


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_nothing_to_count_is_no_nan(name, two_pixels):
    logits, target = two_pixels
    logits.requires_grad_()
    loss = losses.LOSSES[name](logits, target, torch.zeros_like(ONES))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_gradients_are_those_of_differences(name):
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, dtype=torch.double, requires_grad=True)
    weight = torch.rand(2, 4, 5, dtype=torch.double)
    for target in (
        torch.randint(0, 3, (2, 4, 5)),
        torch.randint(0, 2, (2, 3, 4, 5)).double(),
    ):
        assert torch.autograd.gradcheck(
            lambda x, truth=target: losses.LOSSES[name](x, truth, weight, losses.own_sum), logits
        )


def test_a_sum_of_losses_is_weighted(two_pixels):
    both = losses.WeightedSum(((2.0, losses.cross_entropy), (0.5, losses.dice)))
    expected = 2 * losses.cross_entropy(*two_pixels, ONES) + 0.5 * losses.dice(*two_pixels, ONES)
    assert both(*two_pixels, ONES).item() == pytest.approx(expected.item())


def test_balanced_weights_need_every_class():
    assert losses.balanced_weights([90, 10]) == pytest.approx((100 / 180, 5))
    with pytest.raises(UsageError, match="class 1 has no pixel in the training groups"):
        losses.balanced_weights([10, 0])
