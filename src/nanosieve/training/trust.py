"""How far a model's particles are to be trusted: fitted on images that its weights did not see."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import special

from nanosieve.core.settings import Device, Settings
from nanosieve.files.dataset import Sample, instances_from_mask
from nanosieve.models.card import LEAST_DIAMETER
from nanosieve.models.trust import Trust
from nanosieve.models.trust_fit import Case, case_of, fit_trust
from nanosieve.networks import Network
from nanosieve.pipeline import analyse
from nanosieve.segmentation.network_labels import label_particles, without_faint
from nanosieve.segmentation.trust import evidence_of
from nanosieve.training.config_sections import ThresholdConfig
from nanosieve.training.data import TrainingImage
from nanosieve.training.judge import truth_mask
from nanosieve.training.outcome import Final, Outcome, RunData, trained_network
from nanosieve.training.predict import image_maps

_ALL = ThresholdConfig()


def run_trust(
    data: RunData,
    outcomes: Sequence[Outcome],
    final: Final,
    *,
    temperature: float,
    threshold: float,
) -> tuple[Trust | None, str]:
    """Fit on the images that set a run's threshold, each seen by a network that did not learn it.

    Labelled as when the model is run, at magnification 1.

    Parameters
    ----------
    data, outcomes, final
        The run.
    temperature, threshold
        As chosen for the final model.

    Returns
    -------
    trust
        ``None`` where too few particles are known.
    words
        A sentence that says what it stands on.
    """
    cases = []
    for outcome, places in _judged_places(outcomes, final):
        network = trained_network(data.config, outcome.trained).to(data.hardware.device)
        cases += [
            training_case(
                network, data.images[place], data.config.data.classes,
                temperature=temperature, threshold=threshold, rules=data.config.threshold,
            )
            for place in places
        ]  # fmt: skip
    trust = fit_trust(cases)
    return trust, trust_words(trust, cases)


def training_case(
    network: Network,
    image: TrainingImage,
    data_classes: Sequence[str],
    *,
    temperature: float,
    threshold: float,
    rules: ThresholdConfig = _ALL,
) -> Case:
    """Find the particles of one image as the model will at magnification 1; compare with the truth.

    Parameters
    ----------
    network
        In evaluation mode.
    image
        One that it has not learned.
    data_classes
        Names of the values of the masks.
    temperature, threshold
        Margins are divided by the one; calibrated probabilities from the other on are particle.
    rules
        Which particles are left out.
    """
    margin, inside = image_maps(network, image.image)
    probability = special.expit(margin / temperature).astype(np.float16)
    core = None if inside is None else special.expit(inside / temperature).astype(np.float16)
    labels, parted = label_particles(
        probability >= np.float16(threshold),
        probability,
        core,
        min_diameter_px=max(LEAST_DIAMETER, rules.least_diameter_px),
        # Components of a mask are not told apart where they touch, so neither are predictions.
        split=not image.from_mask,
    )
    labels, parted, _ = without_faint(labels, parted, probability, rules.least_mean)
    n = int(labels.max(initial=0))
    return case_of(
        labels,
        evidence_of(labels, n, probability, core, parted=parted),
        np.where(truth_mask(image, network.foreground, data_classes), image.instances, 0),
        valid=None if image.ignore is None else ~image.ignore,
        group=image.group,
    )


def dataset_cases(
    samples: Iterable[Sample], settings: Settings, *, device: Device = "auto"
) -> Iterator[Case]:
    """Run a method over a data set exactly as ``nanosieve segment`` does: what `fit_trust` takes.

    Parameters
    ----------
    samples
        Of a `Dataset`; those without mask or instances are passed over.
    settings
        Name the model; all that changes its labels must be as it will be used.
    device
        Where networks run.

    Raises
    ------
    InputError
        If a sample cannot be segmented.
    """
    for sample in samples:
        truth, from_mask = _instances(sample)
        if truth is None:
            continue
        own = settings.model_copy(update={"split": False}) if from_mask else settings
        found = analyse(sample.micrograph(), own, device=device).segmentations[0]
        if found.evidence is None:
            continue
        ignore = sample.ignore()
        valid = None if ignore is None else ignore == 0
        yield case_of(found.labels, found.evidence, truth, valid=valid, group=sample.group)


def trust_words(trust: Trust | None, cases: Sequence[Case]) -> str:
    """Say what the particles' confidence stands on.

    Examples
    --------
    >>> trust_words(None, [Case(np.zeros((2, 7)), np.array([True, True]), "a")])[:62]
    'Particles have no calibrated confidence: of 2 found on images '
    """
    n = sum(len(case.hits) for case in cases)
    n_hits = sum(int(case.hits.sum()) for case in cases)
    if trust is None:
        return (
            f"Particles have no calibrated confidence: of {n} found on images not learned from "
            f"{n_hits} are true, and 50 are needed, ten of either kind."
        )
    error = trust.calibration_error
    off = "not known, for they are one group" if error is None else f"{error:.3f}"
    return (
        f"Confidence of particles from {n:,} found on images not learned from, {n_hits / n:.0%} of "
        f"them true; calibration error on groups left out {off}."
    )


def _judged_places(
    outcomes: Sequence[Outcome], final: Final
) -> Iterator[tuple[Outcome, list[int]]]:
    """Each training, and the images that it judges: every image once."""
    whole = len({outcome.split.name for outcome in outcomes}) == 1
    seen: set[int] = set()
    for outcome in outcomes:
        if whole and outcome.trained is not final.trained:
            continue
        places = outcome.split.validation if whole else outcome.split.test
        yield outcome, [place for place in places if place not in seen]
        seen.update(places)


def _instances(sample: Sample) -> tuple[np.ndarray | None, bool]:
    """True particles, and whether they are only the components of a mask."""
    instances = sample.instances()
    if instances is not None:
        return instances, False
    mask = sample.mask()
    return (None, False) if mask is None else (instances_from_mask(mask), True)
