"""ImageNet weights of the encoder, through segmentation-models-pytorch where it works."""

import warnings

from nanosieve.core.errors import UsageError
from nanosieve.networks.resnet import Encoder

WIDTH, KERNEL = 64, 3
_ENCODER = "resnet18"


def pretrained_encoder(width: int) -> Encoder | None:
    """Make an encoder that starts from ImageNet weights, or say in one warning why it cannot.

    Parameters
    ----------
    width
        Features of its first stage.

    Returns
    -------
    Encoder or None
        None where segmentation-models-pytorch or its weights cannot be had.

    Raises
    ------
    UsageError
        If ImageNet weights do not fit such an encoder.

    Warns
    -----
    UserWarning
        That the network starts untrained, and why.
    """
    if width != WIDTH:
        raise UsageError(
            f"ImageNet weights need width = {WIDTH}, not {width}; or set pretrained = false"
        )
    encoder = Encoder(width, KERNEL)
    problem = _fill(encoder)
    if problem:
        warnings.warn(f"the encoder starts untrained: {problem}", stacklevel=2)
        return None
    return encoder


def _fill(encoder: Encoder) -> str:
    """Load ImageNet weights for one grey channel; say why, where that fails."""
    try:
        from segmentation_models_pytorch.encoders import get_encoder
    except (ImportError, RuntimeError, OSError):
        # Beside a torch built otherwise torchvision, which it needs, raises RuntimeError.
        return "segmentation-models-pytorch does not load here (see the extra pretrained)"
    try:
        source = get_encoder(_ENCODER, in_channels=1, weights="imagenet")
    except (OSError, RuntimeError, ValueError, LookupError) as error:
        return f"its ImageNet weights cannot be had ({type(error).__name__})"
    try:
        encoder.load_state_dict(source.state_dict())
    except RuntimeError:
        return "the weights of this segmentation-models-pytorch do not fit this encoder"
    return ""
