"""Atoms of crystalline particles on a support, and the geometric truth about them."""
