"""Images from projected thickness: bodies, supports, contrast."""
