"""Bytes to nouns and back: readers, calibration, writers, exports, data-set folders."""
