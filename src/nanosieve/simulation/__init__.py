"""Micrographs with known truth: samples, drawn spheres, empty supports."""
