"""LibriSpeech and corpora laid out like it: subsets, speakers, and their genders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyannote_ge2e.data.prepare.layouts import find_corpus
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, SubsetPlan

SPEAKERS = """\
;ID  |SEX| SUBSET           |MINUTES| NAME
103  | F | train-clean-100  | 25.01 | Karen Savage
84   | M | dev-clean        | 8.02  | Christie Nowak
1688 | M | test-other       | 8.02  | x
"""


@pytest.fixture
def libri(tmp_path: Path) -> Path:
    """Three subsets of two utterances each."""
    root = tmp_path / "LibriSpeech"
    for subset, speaker, chapter in (
        ("train-clean-100", 103, 1240),
        ("train-other-500", 20, 205),
        ("dev-clean", 84, 121123),
        ("test-other", 1688, 142285),
    ):
        folder = root / subset / str(speaker) / str(chapter)
        folder.mkdir(parents=True)
        for number in range(2):
            (folder / f"{speaker}-{chapter}-{number:04d}.flac").touch()
        (folder / f"{speaker}-{chapter}.trans.txt").touch()
    (root / "SPEAKERS.TXT").write_text(SPEAKERS)
    return root


def corpus(*paths: Path, **options) -> Corpus:
    return find_corpus(paths, "librispeech", **options)


@pytest.mark.parametrize("above", [False, True])
def test_subsets_speakers_and_genders(libri: Path, above: bool) -> None:
    found = corpus(libri.parent if above else libri)
    assert (found.layout, found.name) == ("librispeech", "LibriSpeech")
    assert (found.notes, found.left_out) == ([], [])
    first, last = found.recordings[0], found.recordings[-1]
    assert (first.uri, first.speaker, first.group, first.gender) == (
        "dev-clean/84/121123/84-121123-0000",
        "84",
        "development",
        "m",
    )
    assert first.template == f"{libri}/{{uri}}.flac"
    assert last.path == f"{libri}/train-other-500/20/205/20-205-0001.flac"
    (plan,) = found.protocols
    assert plan.subsets == {
        "train": SubsetPlan(("train",)),
        "development": SubsetPlan(("development",), "make"),
        "test": SubsetPlan(("test",), "make"),
    }
    assert plan.split == ()


def test_subsets_may_be_given_one_by_one(libri: Path) -> None:
    found = corpus(libri / "dev-clean", libri / "test-other")
    assert [recording.uri for recording in found.recordings[::2]] == [
        "dev-clean/84/121123/84-121123-0000",
        "test-other/1688/142285/1688-142285-0000",
    ]
    assert {recording.template for recording in found.recordings} == {f"{libri}/{{uri}}.flac"}
    assert {recording.gender for recording in found.recordings} == {"m"}
    assert set(found.protocols[0].subsets) == {"development", "test"}


def test_libritts_is_the_same(tmp_path: Path) -> None:
    root = tmp_path / "LibriTTS" / "train-clean-100" / "103" / "1241"
    root.mkdir(parents=True)
    for name in ("103_1241_000000_000001.wav", "103_1241_000000_000001.normalized.txt"):
        (root / name).touch()
    found = corpus(tmp_path / "LibriTTS")
    assert [r.uri for r in found.recordings] == ["train-clean-100/103/1241/103_1241_000000_000001"]
    assert found.name == "LibriTTS"


def test_a_speaker_in_two_subsets_is_named(libri: Path) -> None:
    folder = libri / "test-other" / "103" / "1"
    folder.mkdir(parents=True)
    (folder / "103-1-0000.flac").touch()
    (note,) = corpus(libri).notes
    assert "1 speaker(s) are in more than one subset (103)" in note


def test_two_subsets_of_one_kind_may_share_a_speaker(libri: Path) -> None:
    folder = libri / "train-other-500" / "103" / "1"
    folder.mkdir(parents=True)
    (folder / "103-1-0000.flac").touch()
    assert corpus(libri).notes == []


def test_other_audio_is_left_out_by_folder(libri: Path) -> None:
    (libri / "music").mkdir()
    for name in "ab":
        (libri / "music" / f"{name}.wav").touch()
    (item,) = corpus(libri).left_out
    assert (item.path, item.files) == ("music/a.wav", 2)


def test_trials_may_name_utterances_alone(libri: Path, tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    path.write_text("1688-142285-0000 1688-142285-0001 target\n")
    given = corpus(libri, trial_lists=[path]).protocols[0].subsets["test"].trials
    assert isinstance(given, GivenTrials)
    assert given.first == ["test-other/1688/142285/1688-142285-0000"]
