"""Measurements behind the figures of bench/README.md: `python -m bench` writes it anew."""
