"""Train the papers' networks as a packaged model was: ``python -m recipes.papers particles``.

They see the same images, changed in the same way, for the same number of steps, and ``nanosieve``
among them: fewer steps than the packaged model, for some of them are slow on a processor. What was
stopped goes on, what is done is kept. ``python -m bench.accuracy accuracy-papers`` compares them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from nanosieve.core.errors import NanosieveError
from nanosieve.core.settings_file import read_toml
from nanosieve.core.toml_text import toml_text

HERE = Path(__file__).parent
RUNS = HERE / "sets" / "runs" / "papers"
EPOCHS = 3
# The recipe of each model that starts from nothing.
RECIPES = {"particles": "particles.toml", "hrtem": "hrtem-first.toml"}
# As published, Groom's from fresh weights: their ImageNet ones come with the extra "pretrained".
NETWORKS: dict[str, dict[str, Any]] = {
    "horwath-single": {},
    "horwath-unet1024": {},
    "groschner-unet": {},
    "sadre-unet": {},
    "sytwu-resunet": {},
    "groom-unet": {"pretrained": False},
    "groom-linknet": {"pretrained": False},
}
OURS = "nanosieve"
EVERY = (*NETWORKS, OURS)


def settings(model: str, network: str) -> dict[str, Any]:
    """Give the settings of a training: those of the model's recipe with another network.

    Parameters
    ----------
    model
        One of `RECIPES`.
    network
        One of `NETWORKS`, or `OURS`, with the recipe's own settings.
    """
    values, packaged = read_toml(HERE / RECIPES[model]), read_toml(HERE / f"{model}.toml")
    # Where nothing is drawn onto the images, nothing is looked for, as for the packaged model.
    values["data"]["annotations"] = packaged["data"].get("annotations", True)
    paths = values["data"]["path"]
    values["data"]["path"] = [
        str((HERE / path).resolve()) for path in ([paths] if isinstance(paths, str) else paths)
    ]
    if network != OURS:
        values["network"] = {"name": network, "settings": NETWORKS[network]}
    values["stop"]["epochs"] = EPOCHS
    values["name"] = network
    # Chosen for the packaged model's own marks and magnifications.
    values.pop("threshold", None)
    values["input"].pop("scales", None)
    return values


def train_one(model: str, network: str) -> Path:
    """Train one network, or go on with it; its file."""
    # Whoever only asks for what is trained needs no torch.
    from nanosieve.training.config import TrainConfig
    from nanosieve.training.run import train

    run = RUNS / model / network
    config = run.parent / f"{network}.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(toml_text(settings(model, network)), encoding="utf-8")
    train(TrainConfig.read(config), run, resume=True)
    return run / "model.onnx"


def models(model: str) -> dict[str, Path]:
    """Files of the networks that are trained, by name."""
    files = {network: RUNS / model / network / "model.onnx" for network in EVERY}
    return {network: file for network, file in files.items() if file.is_file()}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m recipes.papers", description=__doc__)
    parser.add_argument("model", choices=tuple(RECIPES))
    parser.add_argument("network", nargs="*", metavar="NETWORK", help=", ".join(EVERY))
    options = parser.parse_args()
    unknown = [name for name in options.network if name not in EVERY]
    if unknown:
        parser.error(f"no network {unknown[0]!r}; choose {', '.join(EVERY)}")
    try:
        for network in options.network or EVERY:
            print(train_one(options.model, network), flush=True)
    except NanosieveError as error:
        print(f"recipes.papers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
