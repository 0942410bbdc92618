"""Mean loss and Dice of an epoch, summed over steps and processes."""

from collections.abc import Iterable

import torch
from accelerate import Accelerator
from torch import Tensor

from nanosieve.networks import Network
from nanosieve.training.batches import Batch
from nanosieve.training.losses import WeightedSum
from nanosieve.training.predict import margin


class Tally:
    """Sums of loss and of pixels found and wrong at probability one half.

    Parameters
    ----------
    network
        Whose outputs are counted.
    device
        Where the sums are kept.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network = network
        self._front = [network.classes.index(name) for name in network.foreground]
        # Loss times its weight, the weights, then pixels found and pixels wrong.
        self._sums = torch.zeros(4, device=device)

    def add(self, loss: Tensor, logits: Tensor, batch: Batch, *, weight: Tensor | float) -> None:
        """Add a batch, whose loss counts ``weight`` times."""
        with torch.no_grad():
            found = margin(logits, self._network) >= 0
            truth, counted = self._truth(batch.target), batch.weight > 0
            pixels = [truth & found & counted, (truth ^ found) & counted]
            both, wrong = (part.sum() for part in pixels)
            weight = torch.as_tensor(weight, device=self._sums.device, dtype=self._sums.dtype)
            self._sums += torch.stack([loss.detach() * weight, weight, both, wrong])

    def _truth(self, target: Tensor) -> Tensor:
        if target.ndim == 3:
            return torch.isin(target, torch.tensor(self._front, device=target.device))
        return target[:, self._front].amax(1) > 0.5

    def means(self, accelerator: Accelerator | None = None) -> tuple[float, float]:
        """Mean loss and Dice, of all processes if an accelerator is given; NaN without pixels."""
        sums = self._sums if accelerator is None else accelerator.reduce(self._sums, "sum")
        loss, weight, both, wrong = sums.double().tolist()
        nan = float("nan")
        return (
            loss / weight if weight else nan,
            2 * both / (2 * both + wrong) if both + wrong else nan,
        )


@torch.no_grad()
def validate(
    network: Network, batches: Iterable[Batch], loss_of: WeightedSum, accelerator: Accelerator
) -> dict[str, float]:
    """Loss and Dice of the validation tiles.

    Parameters
    ----------
    network
        Left in evaluation mode.
    batches
        Those of this process; each batch's loss counts by its pixels.
    loss_of
        The loss trained with.
    accelerator
        Of all processes.

    Returns
    -------
    dict
        ``validation_loss``, ``validation_dice``.
    """
    network.eval()
    tally = Tally(network, accelerator.device)
    for batch in batches:
        here = batch.to(accelerator.device)
        logits = network(here.image)
        loss = loss_of(logits, here.target, here.weight)
        tally.add(loss, logits, here, weight=here.weight.sum())
    mean_loss, dice = tally.means(accelerator)
    return {"validation_loss": mean_loss, "validation_dice": dice}
