"""Atoms, bonds, rings and grains of graphene, from its lattice in an image."""
