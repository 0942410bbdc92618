"""Figures and the self-contained page; the only room that draws."""
