"""Why our tasks do not simply reuse pyannote's: a failure here is good news, and less code."""

from __future__ import annotations

import pytest
import torchaudio
from pyannote.audio.tasks import SupervisedRepresentationLearningWithArcFace

from pyannote_ge2e.data.protocol import load_protocol


def test_torchaudio_has_no_info_so_background_noise_is_our_own():
    assert not hasattr(torchaudio, "info")


def test_pyannotes_task_cannot_prepare_a_verification_protocol(tiny_protocol, tmp_path):
    protocol = load_protocol(tiny_protocol.name)
    task = SupervisedRepresentationLearningWithArcFace(protocol, duration=0.5)
    task.cache = tmp_path / "cache"
    with pytest.raises(Exception, match=r"[Pp]ickle"):
        task.prepare_data()


def test_pyannotes_task_has_no_loader_for_lightning_without_development_set(tiny_protocol):
    protocol = load_protocol(tiny_protocol.no_development)
    assert SupervisedRepresentationLearningWithArcFace(protocol).val_dataloader() is None
