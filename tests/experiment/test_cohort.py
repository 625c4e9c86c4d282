"""Who normalises scores: recordings by speaker, and which of them are in the trials too."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from pyannote_ge2e.data.trials.trials import TrialIndex
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.evaluation.cohort import Cohort, own_rows, read_cohort, split_name
from pyannote_ge2e.experiment.evaluation.trials import EvaluatedTrials, read_trials, unique_names


def test_a_verification_subset_is_one_row_a_recording(tiny_protocol) -> None:
    cohort = read_cohort(tiny_protocol.name, "train")
    assert len(cohort.paths) == len(set(cohort.paths)) == 32
    assert sorted(set(cohort.speakers)) == [f"train{k}" for k in range(8)]
    for path, speaker, segments in zip(cohort.paths, cohort.speakers, cohort.segments, strict=True):
        assert Path(path).parent.name == speaker
        ((start, end),) = segments
        assert (start, end) == (0.0, pytest.approx(soundfile.info(path).duration, abs=1e-3))
    assert cohort.left_out == 0


def test_a_meeting_is_one_row_a_speaker_with_its_turns(tiny_protocol) -> None:
    cohort = read_cohort(tiny_protocol.diarization, "train")
    assert len(cohort.paths) == 4
    assert len(set(cohort.paths)) == 2
    assert set(cohort.speakers) == {
        f"Meetings|train_meeting{meeting}|{label}" for meeting in range(2) for label in "AB"
    }
    assert [len(segments) for segments in cohort.segments] == [4] * 4
    first, second = (
        cohort.segments[cohort.speakers.index(f"Meetings|train_meeting0|{label}")] for label in "AB"
    )
    assert all(a[1] <= b[0] for a, b in zip(first, second, strict=True))


def test_a_meta_protocol_joins_its_parts(tiny_protocol) -> None:
    cohort = read_cohort(tiny_protocol.combined, "train")
    assert len(cohort.paths) == 32 + 6
    assert "Small|other0" in cohort.speakers


def test_without_annotation_recordings_count_whole(tiny_protocol) -> None:
    cohort = read_cohort(tiny_protocol.no_annotation, "train")
    assert cohort.speakers is None
    assert len(cohort.paths) == 32
    durations = [soundfile.info(path).duration for path in cohort.paths]
    np.testing.assert_allclose([ends[0][1] for ends in cohort.segments], durations)
    assert "32 recordings" in cohort.summary()


def test_recordings_without_speech_are_left_out_and_counted(tiny_protocol, tmp_path: Path) -> None:
    root = tiny_protocol.database_yml.parent / "Small"
    rttm = (root / "train.annotation.rttm").read_text().splitlines(keepends=True)
    name = "Silent.SpeakerVerification.All"

    def declare(lines: list[str]) -> Path:
        (tmp_path / "some.rttm").write_text("".join(lines))
        registry = tmp_path / f"{len(lines)}.yml"
        train = {"uri": f"{root}/train.uri.lst", "annotation": f"{tmp_path}/some.rttm"}
        protocols = {"SpeakerVerification": {"All": {"scope": "global", "train": train}}}
        content = {
            "Databases": {"Silent": f"{root}/{{uri}}.wav"},
            "Protocols": {"Silent": protocols},
        }
        registry.write_text(yaml.safe_dump(content))
        return registry

    cohort = read_cohort(name, "train", declare(rttm[1:]))
    assert (len(cohort.paths), cohort.left_out) == (5, 1)
    with pytest.raises(UserError, match=f"{name}.train is empty"):
        read_cohort(name, "train", declare([]))


@pytest.mark.parametrize("word", ["X.SpeakerVerification.All", "train", "", "A.B.C.training"])
def test_a_cohort_is_a_protocol_and_a_subset(word: str) -> None:
    with pytest.raises(UserError, match=r"<protocol>\.<subset>"):
        split_name(word)


def test_a_cohort_may_be_any_subset() -> None:
    assert split_name("A.B.C.dev") == ("A.B.C", "development")


def trials_of(paths: list[str], speakers: list[str], databases: list[str]) -> EvaluatedTrials:
    uris = [Path(path).stem for path in paths]
    rows = np.array([[row, (row + 1) % len(paths)] for row in range(len(paths))])
    index = TrialIndex(
        uris, paths, [[(0.0, 1.0)]] * len(paths), rows, np.zeros(len(rows), int), None, databases
    )
    return EvaluatedTrials(index, uris, np.array(speakers)[rows], "")


def test_a_file_finds_itself_in_the_cohort(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    trials = trials_of(["a.wav", "b.wav", "m.wav"], ["a", "b", "B"], ["D"] * 3)
    cohort = Cohort(
        "",
        [str(tmp_path / name) for name in ("m.wav", "m.wav", "b.wav", "c.wav")],
        [[(0.0, 1.0)]] * 4,
        ["D|m|A", "D|m|B", "D|b|b", "D|c|c"],
    )
    rows = own_rows(trials.index, trials.file_speakers, cohort)
    assert rows.tolist() == [-1, 2, 1]
    assert own_rows(trials.index, None, cohort).tolist() == [-1, 2, 0]
    assert os.getcwd() == str(tmp_path)


def test_speakers_are_recognised_whatever_the_scope_of_labels() -> None:
    trials = trials_of(["a.wav", "b.wav", "c.wav"], ["a", "b", "c"], ["D", "D", "E"])
    assert trials.speakers_among(["a", "D|b", "D|c", "z"]) == {"a", "b"}
    assert trials.speakers_among(["D|b|b", "E|c"]) == {"b", "c"}
    assert trials.speakers_among([]) == set()


def test_files_of_one_uri_in_two_databases_have_two_names() -> None:
    none = np.zeros((0, 2), np.int64)
    index = TrialIndex(["1", "2", "1"], [], [], none, none, databases=["A", "A", "B"])
    assert unique_names(index) == ["A/1", "A/2", "B/1"]
    index.databases = ["A", "A", "A"]
    assert len(set(unique_names(index))) == 3


def test_turns_of_a_meeting_have_speakers_and_names(tiny_protocol) -> None:
    trials = read_trials(tiny_protocol.diarization, "development")
    assert len(set(trials.names)) == len(trials.names)
    assert set(trials.file_speakers) == {f"Meetings|development_meeting0|{label}" for label in "AB"}
    cohort = read_cohort(tiny_protocol.diarization, "development")
    own = own_rows(trials.index, trials.file_speakers, cohort)
    assert [cohort.speakers[row] for row in own] == list(trials.file_speakers)
    assert len(trials.speakers_among(cohort.speakers)) == 2
