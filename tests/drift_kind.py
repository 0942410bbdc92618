"""The discs of `disc_kind`, as a kind that makes movies."""

from disc_kind import MovieSettings as Settings
from disc_kind import simulate

__all__ = ["Settings", "simulate"]
