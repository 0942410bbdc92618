"""A trained network as the two files that people run: ``model.onnx`` and ``model.safetensors``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nanosieve._version import __version__
from nanosieve.files.atomic import atomic_path
from nanosieve.models.card import CARD_KEY, ModelCard, TrainingData
from nanosieve.models.check import CHECK_KEY, Check, make_check
from nanosieve.models.domain import describe, fit_domain
from nanosieve.models.trust import Trust
from nanosieve.networks import CORE, Network
from nanosieve.networks.effective_field import effective_field, spread_points
from nanosieve.networks.export import Probability, export_onnx
from nanosieve.networks.files import rounded, save_weights
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage

_CHECK_SIDE = 64
_LEAST_AREA_PX = 12
_FIELD_IMAGES, _FIELD_POINTS = 5, 4


@dataclass(frozen=True)
class Findings:
    """What was found beside the weights.

    Parameters
    ----------
    threshold, temperature
        Chosen on images that the weights did not come from.
    scores
        By name, for the card.
    notes
        Sentences for whoever uses the model.
    trust
        How far its particles are to be trusted.
    """

    threshold: float
    temperature: float
    scores: Mapping[str, float]
    notes: Sequence[str] = ()
    trust: Trust | None = None


def write_model(
    folder: Path,
    network: Network,
    config: TrainConfig,
    images: Sequence[TrainingImage],
    findings: Findings,
) -> ModelCard:
    """Write ``model.onnx``, its card and a test inside, and ``model.safetensors`` beside it.

    Parameters
    ----------
    folder
        Of the run.
    network
        With its trained weights.
    config
        Of the run.
    images
        Those that it was trained on.
    findings
        What goes into the card.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    network = network.cpu().eval()
    card = make_card(network, config, images, findings)
    write_files(folder / "model.onnx", network, card)
    return card


def write_files(path: Path, network: Network, card: ModelCard, *, half: bool = False) -> None:
    """Write the ``.onnx`` file with its card and a test inside, and ``.safetensors`` beside it.

    Parameters
    ----------
    path
        The ONNX file.
    network
        With its trained weights, on the CPU, in evaluation mode.
    card
        Of the network.
    half
        Keep weights as float16 in both files, which then hold the same, and are half as large; the
        test is of these weights.

    Raises
    ------
    OutputError
        If they cannot be written.
    UsageError
        If a weight is too large for float16.
    """
    if half:
        network = rounded(network)
    check = _check(network, card.temperature)
    with atomic_path(path.with_suffix(".safetensors")) as temporary:
        save_weights(network, temporary, half=half)
    with atomic_path(path) as temporary:
        export_onnx(
            network,
            temporary,
            metadata={CARD_KEY: card.to_json(), CHECK_KEY: check.to_json()},
            temperature=card.temperature,
            half=half,
        )


def make_card(
    network: Network,
    config: TrainConfig,
    images: Sequence[TrainingImage],
    findings: Findings,
) -> ModelCard:
    """Say what a trained network is; parameters as of `write_model`."""
    spec = config.input.spec
    groups = [image.group for image in images]
    sizes = [image.pixel_size_nm for image in images if image.pixel_size_nm is not None]
    return ModelCard(
        name=config.name,
        version=__version__,
        network=network.name,
        settings=network.settings,
        classes=network.classes,
        activation=network.activation,
        foreground=network.foreground,
        core=CORE if network.activation == "sigmoid" and CORE in network.classes else None,
        pixel_size_nm=config.input.pixel_size_nm,
        lattice_nm=config.input.lattice_nm,
        pixel_size_range_nm=(min(sizes), max(sizes)) if len(sizes) == len(images) else None,
        diameter_range_px=_diameters(images, config),
        polarity=spec.polarity,
        input=spec,
        scales=config.input.scales,
        receptive_field_px=network.receptive_field,
        reach_px=network.reach,
        effective_field_px=_effective_field(network, images),
        stride=network.stride,
        tile_exact=network.tile_exact,
        threshold=findings.threshold,
        least_diameter_px=config.threshold.least_diameter_px,
        least_mean=config.threshold.least_mean,
        temperature=findings.temperature,
        # Of a frozen part too, which the network does not count as trainable.
        n_parameters=sum(weight.numel() for weight in network.parameters()),
        domain=fit_domain([describe(image.image) for image in images], groups=groups),
        trust=findings.trust,
        data=TrainingData(
            description=", ".join(Path(path).name for path in _sources(config)),
            groups=tuple(sorted(set(groups))),
            n_images=len(images),
        ),
        scores=dict(findings.scores),
        licence=config.licence,
        notes=" ".join([*([network.note] if network.note else []), *findings.notes]),
    )


def _sources(config: TrainConfig) -> list[str]:
    return [*config.data.path, *(stack.images for stack in config.data.stacks)]


def _diameters(images: Sequence[TrainingImage], config: TrainConfig) -> tuple[float, float] | None:
    """Smallest and largest equivalent diameter, as the changes of scale have widened them."""
    areas = np.concatenate([np.bincount(image.instances.ravel())[1:] for image in images])
    areas = areas[areas >= _LEAST_AREA_PX]
    if not areas.size:
        return None
    low, high = config.augment.scale or (1.0, 1.0)
    ends = 2 * np.sqrt(np.array([areas.min(), areas.max()]) / np.pi)
    return float(ends[0] * min(low, 1.0)), float(ends[1] * max(high, 1.0))


def _effective_field(network: Network, images: Sequence[TrainingImage]) -> float | None:
    """Side that holds 95 % of the gradient: the median over some of the images."""
    channels = [network.classes.index(name) for name in network.foreground]
    sides = []
    for image in images[:: max(1, len(images) // _FIELD_IMAGES)][:_FIELD_IMAGES]:
        points = spread_points(image.classes, _FIELD_POINTS, network.reach)
        sides.append(effective_field(network, image.image, points, channels).effective_px)
    return float(np.median(sides)) or None


def _check(network: Network, temperature: float) -> Check:
    """A drawn disc on noise, not a piece of anybody's data, and what the network says of it."""
    side = -(-_CHECK_SIDE // network.stride) * network.stride
    y, x = np.mgrid[:side, :side] - side / 2
    noise = np.random.default_rng(0).normal(0, 0.5, (side, side))
    module = Probability(network, temperature)

    @torch.no_grad()
    def run(image: np.ndarray) -> np.ndarray:
        return module(torch.from_numpy(image)[None, None])[0].numpy()

    return make_check(noise - 2 * (np.hypot(y, x) < side / 5), run)
