"""Stored features: one `.npy` a file, (frames, dimension), in place of its audio."""
