"""Embedding recordings, few or many: batched across files, and kept as it goes."""
