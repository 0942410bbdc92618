"""A model card in words: for the terminal and for the page of models."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from nanosieve.models.card import LEAST_DIAMETER, ModelCard
from nanosieve.models.results import Result
from nanosieve.models.trust import Trust

# As percentages, with their sign.
_SHARES = frozenset({"diameter_bias"})
_HEADS = {
    "dice": "Dice",
    "dice_outside_band": "Dice outside the border band",
    "instance_f1_50": "F1 at IoU 0.5",
    "instance_f1_centre": "F1 by centres",
    "box_centre_f1": "F1 by centres",
    "recall": "recall",
    "mean_iou": "mean IoU",
    "diameter_bias": "bias of the diameter",
}


def facts(card: ModelCard) -> dict[str, str]:
    """What a model is and wants, by name."""
    field = f"{card.receptive_field_px} px"
    if card.pixel_size_nm is not None:
        field += f" ({card.receptive_field_px * card.pixel_size_nm:.3g} nm)"
    if card.effective_field_px is not None:
        field += f", effectively {card.effective_field_px:.3g} px"
    alarm = card.domain
    return {
        "name": card.name,
        "network": f"{card.network}, {_settings(card.settings)}",
        "written by": f"nanosieve {card.version}",
        "parameters": "not stated" if card.n_parameters is None else str(card.n_parameters),
        "classes": ", ".join(card.classes),
        "counts as particle": ", ".join(card.foreground),
        "splits by": card.core or "outline",
        "threshold": f"{card.threshold:g} (temperature {card.temperature:.3g})",
        "least diameter": f"{max(LEAST_DIAMETER, card.least_diameter_px):g} px",
        "pixel size": pixel_size(card),
        "particles": diameters(card),
        "polarity": card.polarity,
        "normalisation": card.input.normalisation + (", flat field" * card.input.flat_field),
        "magnifications": ", ".join(f"{scale:g}" for scale in card.scales),
        "receptive field": field,
        "tiles": "exact" if card.tile_exact else "none: sees the image whole",
        "unlike its training": "not told"
        if alarm is None
        else f"told, with {alarm.false_alarm:.1%} false alarms ({alarm.n_images} images)",
        "particles' confidence": "not calibrated" if card.trust is None else _trust(card.trust),
        "data": card.data.description or "not stated",
        "groups": ", ".join(card.data.groups) or "not stated",
        "scores": ", ".join(f"{name} {value:.4g}" for name, value in card.scores.items())
        or "not stated",
        "elsewhere": "; ".join(map(_headline, _whole(card.results))) or "not stated",
        "fails": " ".join(card.fails) or "not stated",
        "licence": card.licence,
        "notes": card.notes,
    }


def tables(results: Sequence[Result]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Give results as tables of text: what a table is of, its head, its rows.

    One table for each kind of images or particles: data sets follow each other in it.

    Examples
    --------
    >>> result = Result(data="a", kind="size", value="below 8 px", n=9, of="particles",
    ...                 n_groups=3, scores={"recall": {"mean": 0.5}})
    >>> list(tables([result]))
    [('size', ['data', 'size', 'particles, groups', 'recall'], \
[['a', 'below 8 px', '9, 3', '0.50']])]
    """
    kinds = list(dict.fromkeys((one.kind, one.of) for one in results))
    for kind, of in kinds:
        chosen = [one for one in results if (one.kind, one.of) == (kind, of)]
        names = list(dict.fromkeys(_HEADS.get(name, name) for one in chosen for name in one.scores))
        head = ["data", *([] if kind == "all" else [kind]), f"{of}, groups", *names]
        rows = []
        for data, parts in groupby(chosen, lambda one: one.data):
            for number, one in enumerate(parts):
                cells = {_HEADS.get(name, name): _score(name, one) for name in one.scores}
                rows.append([
                    data if number == 0 else "",
                    *([] if kind == "all" else [one.value]),
                    f"{one.n}, {one.n_groups}",
                    *(cells.get(name, "") for name in names),
                ])  # fmt: skip
        yield kind, head, rows


def pixel_size(card: ModelCard) -> str:
    """Pixel size that a model works at; where that is any, those that it was trained on."""
    if card.pixel_size_nm is not None:
        return f"{card.pixel_size_nm:g} nm"
    seen = card.pixel_size_range_nm
    return "any" + ("" if seen is None else f" (trained on {seen[0]:.3g} to {seen[1]:.3g} nm)")


def diameters(card: ModelCard) -> str:
    """Diameters that a model was trained on."""
    sizes = card.diameter_range_px
    return "any" if sizes is None else f"{sizes[0]:.3g} to {sizes[1]:.3g} px"


def _score(name: str, result: Result) -> str:
    return result.scores[name].words("+.1%" if name in _SHARES else ".2f")


def _whole(results: Sequence[Result]) -> list[Result]:
    return [one for one in results if one.kind == "all"]


def _headline(result: Result) -> str:
    shown = [name for name in ("dice", "instance_f1_50", "box_centre_f1") if name in result.scores]
    words = ", ".join(f"{_HEADS[name]} {_score(name, result)}" for name in shown)
    return f"{result.data}: {words}"


def _trust(trust: Trust) -> str:
    error = "" if trust.calibration_error is None else f", off by {trust.calibration_error:.3f}"
    return (
        f"calibrated on {trust.n_particles} particles of {trust.n_groups} groups, "
        f"{trust.hit_share:.0%} of them true{error}"
    )


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "no settings"
