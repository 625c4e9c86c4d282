"""Whole training batches: which speakers, which chunks, in which order."""
