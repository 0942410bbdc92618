"""Drawn micrographs with known truth: bodies, how they are imaged, supports, bundled samples."""
