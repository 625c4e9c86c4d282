"""VoxCeleb: its parts, its lists of trials, and the protocols they make."""
