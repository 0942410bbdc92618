"""Electron waves: multislice through atoms, and the lens that images what leaves them."""
