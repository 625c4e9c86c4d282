"""Windows of a file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from pyannote_ge2e.data.trials.windows import FileWindows, collate_windows, windows


@pytest.mark.parametrize(
    ("total", "starts"),
    [(8, [0]), (9, [0, 1]), (10, [0, 2]), (11, [0, 2, 3]), (13, [0, 2, 4, 5])],
)
def test_windows_follow_the_step_and_end_flush(total, starts):
    waveform = np.arange(total, dtype=np.float32)
    assert windows(waveform, 8, 2)[:, 0].tolist() == starts
    assert windows(waveform, 8, 2)[-1, -1] == total - 1


def test_short_waveform_is_one_window_of_its_own_length():
    assert windows(np.ones(5, np.float32), 8, 2).shape == (1, 5)


def test_too_short_waveform_is_repeated():
    assert windows(np.array([1.0, 2.0]), 8, 2, min_samples=5).tolist() == [[1, 2, 1, 2, 1]]


@pytest.fixture
def path(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.linspace(0, 0.9, 16000), 16000, subtype="FLOAT")
    return str(tmp_path / "a.wav")


def test_windows_of_all_segments_are_gathered_by_length(path):
    dataset = FileWindows([path], [[(0.0, 0.5), (0.5, 1.0), (0.9, 1.0)]], duration=0.25, step=0.5)
    item, (long, short) = dataset[0]
    assert item == 0
    assert long.shape == (6, 1, 4000)
    assert short.shape == (1, 1, 1600)
    assert long[0, 0, 0] < long[3, 0, 0]


def test_segment_that_ends_after_the_file_is_clipped(path):
    _, (only,) = FileWindows([path], [[(0.5, 1.5)]], duration=2.0)[0]
    assert only.shape == (1, 1, 8000)


def test_windows_of_several_files_share_a_tensor(path):
    dataset = FileWindows([path, path], [[(0.0, 1.0)], [(0.0, 0.5), (0.0, 0.1)]], duration=0.5)
    batch = collate_windows([dataset[1], dataset[0]])
    assert batch["files"].tolist() == [1, 0]
    assert [tensor.shape[0] for tensor in batch["windows"]] == [6, 1]
    assert [owners.tolist() for owners in batch["owners"]] == [[0, 1, 1, 1, 1, 1], [0]]
    assert torch.equal(batch["windows"][0][0], batch["windows"][0][1])
