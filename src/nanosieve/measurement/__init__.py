"""Shape, size distribution, and agreement of two segmentations."""
