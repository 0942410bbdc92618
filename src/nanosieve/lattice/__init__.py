"""Lattices of atoms: their spectra and Bragg peaks."""
