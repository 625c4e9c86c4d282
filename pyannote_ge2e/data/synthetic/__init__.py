"""Voices that the package makes itself: tests and the demo need no download."""
