"""Is that the same person? Two recordings, or one against all voices that were enrolled."""
