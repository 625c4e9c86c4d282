"""The training set as memory-mapped 16-bit samples: a chunk costs a copy, wherever it is."""
