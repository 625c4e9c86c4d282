"""Losses: a pure function and a thin module each, knowing nothing but torch."""

from pyannote_ge2e.losses.ge2e import GE2ELoss, ge2e_loss

__all__ = ["GE2ELoss", "ge2e_loss"]
