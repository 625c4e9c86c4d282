"""A protocol's speech as flat arrays, built once and mapped from disk."""
