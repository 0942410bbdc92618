"""Sheets of graphene with grain boundaries, defects, holes and contamination."""
