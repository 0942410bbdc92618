"""Crystalline particles at lattice resolution: atoms, multislice, lens, detector and truth."""
