"""Detectors: from intensity to the numbers in a file."""
