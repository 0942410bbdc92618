"""Kernels as images, their frequency response, and what describes them."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.kernel_fits import GABOR, LOG, can_fit, chance_residual, fit_kernel
from nanosieve.interpretation.kernels import first_kernels, frequency_response, radial_mean
from nanosieve.networks import build


def gabor_pair(angle_deg: float, side: int = 9) -> np.ndarray:
    """Two crossed dark lines on a bright blur, written out independently of the fit."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    kernel = 0.8 * np.exp(-(x**2 + y**2) / (2 * 1.4**2))
    for turn in (0, 90):
        angle = math.radians(angle_deg + turn)
        u = x * math.cos(angle) - y * math.sin(angle)
        v = x * math.sin(angle) + y * math.cos(angle)
        kernel -= 0.5 * np.exp(-(u**2 + 0.16 * v**2) / (2 * 1.8**2)) * np.cos(2 * np.pi * u / 5)
    return kernel + 0.1


def log(sigma: float, side: int = 9, centre: tuple[float, float] = (0, 0)) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    q = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2)
    return -0.3 * (1 - q) * np.exp(-q) + 0.05


@pytest.mark.parametrize("angle", [0, 20, 65])
def test_a_gabor_pair_is_found_with_its_direction(angle):
    fit = fit_kernel(gabor_pair(angle), GABOR)
    assert fit.residual_share < 1e-4
    # The pair is the same after a quarter of a turn.
    assert abs((fit.parameters["angle_deg"] - angle + 45) % 90 - 45) < 1
    assert fit.bic < fit_kernel(gabor_pair(angle), LOG).bic - 10


def test_a_blob_detector_is_found_with_its_width_and_place():
    fit = fit_kernel(log(1.7, centre=(0.8, -0.5)), LOG)
    assert fit.residual_share < 1e-8
    found = [fit.parameters[name] for name in ("sigma_px", "y_px", "x_px", "weight", "constant")]
    np.testing.assert_allclose(found, [1.7, 0.8, -0.5, -0.3, 0.05], rtol=1e-3)


def test_with_noise_the_fewer_parameters_of_the_true_model_win():
    rng = np.random.default_rng(1)
    kernel = log(1.6) + rng.normal(0, 0.02, (9, 9))
    blob, lines = fit_kernel(kernel, LOG), fit_kernel(kernel, GABOR)
    assert blob.bic < lines.bic
    assert blob.residual_share < 0.15


def test_noise_is_fitted_as_badly_as_chance_says():
    kernel = np.random.default_rng(99).normal(size=(9, 9))
    for model in (GABOR, LOG):
        left, chance = fit_kernel(kernel, model).residual_share, chance_residual(9, model)
        assert 0.5 < chance < 1
        assert left > chance - 0.2


def test_scale_and_sign_of_a_kernel_do_not_matter():
    plain, scaled = (fit_kernel(factor * gabor_pair(10), LOG) for factor in (1, -1e-4))
    assert scaled.residual_share == pytest.approx(plain.residual_share, rel=1e-6)


def test_a_constant_kernel_has_nothing_to_fit():
    fit = fit_kernel(np.full((7, 7), 0.3), LOG)
    assert math.isnan(fit.residual_share)
    assert fit.parameters == {}


@pytest.mark.parametrize("side", [4, 5, 6, 7, 12])
def test_kernels_of_every_side_are_fitted(side):
    kernel = np.random.default_rng(side).normal(size=(side, side))
    for model in (GABOR, LOG):
        if can_fit(side, model):
            assert 0 <= fit_kernel(kernel, model).residual_share <= 1


def test_what_cannot_be_fitted_is_refused():
    assert can_fit(5, GABOR)
    assert not can_fit(4, GABOR)
    with pytest.raises(UsageError, match="9 values are too few for the 11 parameters"):
        fit_kernel(np.eye(3), GABOR)
    with pytest.raises(UsageError, match="must be square and finite"):
        fit_kernel(np.zeros((9, 7)), LOG)
    with pytest.raises(UsageError, match="unknown model of a kernel 'sobel'"):
        fit_kernel(np.eye(9), "sobel")


def test_first_kernels_of_the_one_filter_and_the_32_filter_network():
    single, wide = build("horwath-single"), build("horwath-wide", kernel=7)
    assert first_kernels(single).weights.shape == (1, 9, 9)
    kernels = first_kernels(wide)
    assert kernels.weights.shape == (32, 7, 7)
    np.testing.assert_allclose(kernels.mean, kernels.weights.sum(axis=0) / 32)


def test_a_shortcut_beside_the_first_convolution_is_passed_over():
    network = nn.ModuleDict({"skip": nn.Conv2d(1, 4, 1), "body": nn.Conv2d(1, 4, 3)})
    assert first_kernels(network).layer == "body"


def test_kernels_behind_a_pixel_unshuffle_are_put_together():
    network = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 3, 3, bias=False))
    kernels = first_kernels(network)
    assert kernels.weights.shape == (3, 6, 6)
    image = torch.randn(1, 1, 6, 6)
    answer = network(image)[0, :, 0, 0].detach().numpy()
    seen = (kernels.weights * image[0, 0].numpy()).sum(axis=(1, 2))
    np.testing.assert_allclose(seen, answer, rtol=1e-4, atol=1e-6)


def test_without_a_convolution_on_the_image_there_are_no_kernels():
    with pytest.raises(UsageError, match="no convolution of the network takes the image"):
        first_kernels(nn.Conv2d(3, 4, 3))


def test_frequency_response_of_an_average_and_of_a_difference():
    average = frequency_response(np.full((5, 5), 1 / 25))
    assert average[32, 32] == pytest.approx(1)
    assert average.max() == average[32, 32]
    difference = np.zeros((3, 3))
    difference[1, :2] = 1, -1
    response = frequency_response(difference, 8)
    # |1 - exp(-i w)| along x, nothing along y.
    assert response[4, 0] == pytest.approx(2)
    np.testing.assert_allclose(response[:, 4], 0, atol=1e-12)


def test_radial_mean_goes_to_nyquist():
    frequency, amplitude = radial_mean(np.ones((16, 16)))
    assert frequency[[0, -1]].tolist() == [0, 0.5]
    np.testing.assert_allclose(amplitude, 1)
