"""Packed micrographs: wanted pixels as they are, the rest coarse, in one file."""
