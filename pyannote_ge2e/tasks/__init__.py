"""What to learn: tasks beside pyannote.audio's own, on verification and diarization protocols."""

from pyannote_ge2e.tasks.base import EmbeddingTask
from pyannote_ge2e.tasks.ge2e import GE2E
from pyannote_ge2e.tasks.margin import AdditiveAngularMargin

__all__ = ["GE2E", "AdditiveAngularMargin", "EmbeddingTask"]
