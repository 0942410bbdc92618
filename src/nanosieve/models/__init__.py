"""Model files: their cards, how they are found, checked, tiled and run."""
