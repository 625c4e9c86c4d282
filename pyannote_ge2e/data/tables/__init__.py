"""Compact tables of a subset, one line a file, and the loaders with which pyannote reads them."""
