"""Batches across recordings give what each recording gives on its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures import DVector
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.audio.reader import audio_duration, read_segment
from pyannote_ge2e.data.trials.windows import windows
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding import recordings as recordings_module
from pyannote_ge2e.experiment.embedding.cutting import cut_windows
from pyannote_ge2e.experiment.embedding.embedder import Embedder
from pyannote_ge2e.experiment.embedding.recordings import Recording, find_recordings
from pyannote_ge2e.tasks.embedding import embed_files


class Files:
    """Whole files, as validation and evaluation embed them."""

    def __init__(self, recordings: list[Recording]) -> None:
        self.paths = [each.path for each in recordings]
        self.segments = [[(0.0, audio_duration(path))] for path in self.paths]


@pytest.fixture(scope="module")
def mixed(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """Recordings longer and shorter than a window, at several rates and formats."""
    folder = tmp_path_factory.mktemp("mixed")
    paths = sorted(voices.rglob("*.wav"))
    for number, path in enumerate(paths[:3]):
        samples, rate = soundfile.read(path)
        soundfile.write(folder / f"short{number}.flac", samples[: rate * (number + 4) // 8], rate)
        soundfile.write(folder / f"half{number}.ogg", samples[::2], rate // 2)
    return find_recordings([voices, folder])


def embedded(embedder: Embedder, recordings: list[Recording]) -> np.ndarray:
    done = sorted(embedder.embed(recordings), key=lambda each: each.row)
    assert [each.problem for each in done] == [None] * len(recordings)
    return np.concatenate([each.embeddings for each in done])


@pytest.mark.parametrize("readers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_it_is_the_embedding_of_validation(
    mixed: list[Recording], small_weights: Path, readers: int, batch_size: int
) -> None:
    model = load_model(small_weights)
    wanted = embed_files(model, Files(mixed))
    embedder = Embedder(model, readers=readers, batch_size=batch_size, check=False)
    np.testing.assert_allclose(embedded(embedder, mixed), wanted, atol=1e-5)


def test_long_recordings_are_read_in_stretches_and_nothing_changes(
    mixed: list[Recording], small_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(load_model(small_weights), check=False)
    whole = embedded(embedder, mixed)
    monkeypatch.setattr(recordings_module, "LONG", 0.6)
    np.testing.assert_allclose(embedded(embedder, mixed), whole, atol=1e-4)


@pytest.mark.parametrize("length", [3, 8, 10, 11, 57])
@pytest.mark.parametrize("hop", [2, 5, 8, 11])
def test_windows_do_not_depend_on_the_stretches(length: int, hop: int) -> None:
    waveform = np.arange(length, dtype=np.float32)
    for parts in (1, 2, 3):
        cuts = [cut for _, cut in cut_windows(np.array_split(waveform, parts), 8, hop, 5)]
        np.testing.assert_array_equal(np.stack(cuts), windows(waveform, 8, hop, 5))


def test_every_window_has_a_row_and_a_start(mixed: list[Recording], small_weights: Path) -> None:
    embedder = Embedder(load_model(small_weights), every_window=True, step=0.5, check=False)
    for done in embedder.embed(mixed):
        waveform = read_segment(mixed[done.row].path)
        wanted = len(windows(waveform, embedder.size, embedder.hop, embedder.shortest))
        assert done.embeddings.shape == (wanted, 12)
        assert len(done.starts) == wanted
        assert (np.diff(done.starts) > 0).all()
        last = max(0.0, len(waveform) / 16000 - 1.0)
        assert done.starts[-1] == pytest.approx(last, abs=1e-6)


def test_a_model_with_windows_of_its_own_is_asked_for_whole_utterances(
    mixed: list[Recording],
) -> None:
    torch.manual_seed(0)
    model = DVector(lstm={"hidden_size": 8, "num_layers": 1}, dimension=6).eval()
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=1.6
    )
    embedder = Embedder(model, check=False)
    assert embedder.windows == {}
    with torch.inference_mode():
        wanted = [
            model(torch.from_numpy(read_segment(each.path)).view(1, 1, -1))[0].numpy()
            for each in mixed
        ]
    np.testing.assert_allclose(embedded(embedder, mixed), np.stack(wanted), atol=1e-5)
    assert Embedder(model, duration=1.0).windows == {"duration": 1.0, "step": 0.25}


def test_one_bad_recording_is_told_and_spoils_no_other(
    mixed: list[Recording], small_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "silent.wav", np.zeros(64000), 16000)
    bad = find_recordings([tmp_path])
    embedder = Embedder(load_model(small_weights))
    done = {each.row: each for each in embedder.embed([mixed[0], *bad, mixed[1]])}
    assert "is silent" in str(done[1].problem)
    assert "not audio" in str(done[2].problem)
    alone = {each.row: each for each in embedder.embed([mixed[0], mixed[1]])}
    np.testing.assert_allclose(done[0].embeddings, alone[0].embeddings, atol=1e-6)
    np.testing.assert_allclose(done[3].embeddings, alone[1].embeddings, atol=1e-6)


def test_waveforms_in_memory_give_what_their_files_give(
    mixed: list[Recording], small_weights: Path
) -> None:
    embedder = Embedder(load_model(small_weights), check=False)
    waveforms = [read_segment(each.path) for each in mixed]
    found = embedder.embed_waveforms(waveforms)
    np.testing.assert_allclose(found, embedded(embedder, mixed), atol=1e-6)


def test_places_that_cannot_be_listed_are_named(voices: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such audio file"):
        find_recordings([tmp_path / "gone.wav"])
    with pytest.raises(UserError, match="holds no audio file"):
        find_recordings([tmp_path])
    with pytest.raises(UserError, match="An empty name"):
        find_recordings([""])
    other = shutil.copytree(voices, tmp_path / "other" / voices.name)
    with pytest.raises(UserError, match="would both be called"):
        find_recordings([voices, other])


def test_a_folder_that_leads_back_to_itself_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "again").symlink_to(tmp_path)
    left_out: dict[str, str] = {}
    assert [each.name for each in find_recordings([tmp_path], left_out)] == ["a.wav"]
    [(path, reason)] = left_out.items()
    assert path == str(tmp_path / "again")
    assert "again' is left out: it is a symbolic link to a folder that contains it." in reason
    with pytest.raises(UserError, match="symbolic link"):
        find_recordings([tmp_path])
