"""Public checkpoints in, other formats out."""
