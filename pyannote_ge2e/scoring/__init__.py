"""Scoring: embeddings in, similarities out (higher means more alike)."""

from pyannote_ge2e.scoring.cosine import cosine_scores

__all__ = ["cosine_scores"]
