"""The nouns every room shares: micrograph, segmentation, table columns, flags, errors, settings."""
