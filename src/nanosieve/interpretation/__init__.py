"""What a network has learned: its kernels, activations, field of view, logits and edges."""

# First, because it says in one line what to install where torch is missing.
import nanosieve.networks  # noqa: F401
