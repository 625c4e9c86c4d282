"""The error rate that training logs is that of the trials, file by file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from pyannote.audio.models.embedding import XVectorSincNet
from torchmetrics.classification import BinaryAUROC

from pyannote_ge2e.data.audio.segments import AudioSegments
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.metrics import equal_error_rate
from pyannote_ge2e.tasks.embedding import embed_files, shortest_input


def embeddings_one_by_one(model, trials, duration: float, step: float) -> np.ndarray:
    """What the definition says, window by window."""
    size, hop = round(duration * 16000), round(step * duration * 16000)
    found = []
    for path, segments in zip(trials.paths, trials.segments, strict=True):
        total = torch.zeros(model.dimension)
        waveform, _ = soundfile.read(path, dtype="float32")
        for start, end in segments:
            part = waveform[round(start * 16000) : round(end * 16000)]
            starts = list(range(0, max(1, len(part) - size + 1), hop))
            if len(part) > size and starts[-1] + size < len(part):
                starts.append(len(part) - size)
            for first in starts:
                window = torch.from_numpy(part[first : first + size])[None, None]
                with torch.inference_mode():
                    embedding = model(window)[0]
                total += embedding / embedding.norm()
        found.append((total / total.norm()).numpy())
    return np.stack(found)


@pytest.mark.parametrize("name", ["name", "diarization"])
@pytest.mark.parametrize("duration", [0.8, 1.4])
def test_logged_error_rate_is_that_of_the_definition(
    small, ge2e, trainer, tiny_protocol, name, duration
):
    task = ge2e(getattr(tiny_protocol, name), duration=duration)
    model = small(task=task)
    fitted = trainer(limit_train_batches=2)
    fitted.fit(model)
    model.eval()
    expected = embeddings_one_by_one(model, task.trials, duration, 0.25)
    scores = (expected[task.trials.trials[:, 0]] * expected[task.trials.trials[:, 1]]).sum(axis=1)
    logged = fitted.callback_metrics["equal_error_rate"].item()
    assert logged == pytest.approx(equal_error_rate(scores, task.trials.labels), abs=1e-6)


def test_embed_files_is_the_same_whatever_the_batches(small, ge2e, trainer, tiny_protocol):
    model = small(task=ge2e(tiny_protocol.name))
    trainer(limit_train_batches=1, limit_val_batches=0).fit(model)
    trials = trial_index(load_protocol(tiny_protocol.name))
    model.train()
    done: list[int] = []
    first = embed_files(model, trials, batch_size=3, progress=done.append)
    assert model.training
    assert sum(done) == len(trials.uris)
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    assert np.allclose(first, embed_files(model, trials, num_workers=1, device="cpu"), atol=1e-5)
    model.eval()
    assert np.allclose(first, embeddings_one_by_one(model, trials, 0.8, 0.25), atol=1e-5)


def test_file_whose_embedding_is_no_number_is_named(small, tiny_protocol, tmp_path):
    trials = trial_index(load_protocol(tiny_protocol.name))
    trials.paths[5] = str(tmp_path / "broken.wav")
    soundfile.write(trials.paths[5], np.full(16000, 3e38), 16000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"broken\.wav.* \(1 of 12 files\)"):
        embed_files(small(), trials, duration=0.8)


def test_sanity_check_of_a_few_files_does_not_fail(small, ge2e, trainer, tiny_protocol):
    fitted = trainer(num_sanity_val_steps=1, limit_train_batches=1)
    fitted.fit(small(task=ge2e(tiny_protocol.name)))
    assert fitted.callback_metrics["equal_error_rate"].isfinite()


def test_validation_alone_needs_no_training(small, ge2e, trainer, tiny_protocol):
    (logged,) = trainer().validate(small(task=ge2e(tiny_protocol.name)), verbose=False)
    assert 0 <= logged["equal_error_rate"] <= 1


def test_further_figures_are_logged(small, ge2e, trainer, tiny_protocol):
    figures = {"auroc": BinaryAUROC(), "trials": lambda scores, labels: len(scores)}
    task = ge2e(tiny_protocol.name, metric=figures)
    (logged,) = trainer().validate(small(task=task), verbose=False)
    assert logged["trials"] == 66
    assert 0 <= logged["auroc"] <= 1
    assert task.val_monitor == ("equal_error_rate", "min")


def test_error_rate_can_be_monitored(small, ge2e, trainer, tiny_protocol, tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint

    task = ge2e(tiny_protocol.name)
    monitor, mode = task.val_monitor
    best = ModelCheckpoint(tmp_path, monitor=monitor, mode=mode)
    trainer(max_epochs=2, callbacks=[best], enable_checkpointing=True).fit(small(task=task))
    assert best.best_model_score is not None


def test_shortest_input_is_the_least_that_gives_an_embedding():
    model = XVectorSincNet().eval()
    least = shortest_input(model, 1.0, AudioSegments(16000))
    with torch.inference_mode():
        assert model(torch.randn(1, 1, least)).isfinite().all()
        try:
            embedding = model(torch.randn(1, 1, least - 1))
        except RuntimeError:
            return
    assert not embedding.isfinite().all()
