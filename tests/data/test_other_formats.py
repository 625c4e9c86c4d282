"""`prepare`: recordings in several formats, of which the first choice may be damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import protocol

from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.measure import Measured
from pyannote_ge2e.data.prepare.other_formats import readable_formats
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.run import Prepared, prepare

TAKEN = "the .wav of the same name is taken"


def voices(folder: Path, *suffixes: str) -> Path:
    """Four speakers of two utterances, in these formats."""
    rng = np.random.default_rng(0)
    for speaker in ("ann", "bob", "eve", "joe"):
        (folder / speaker).mkdir(parents=True, exist_ok=True)
        for k in (1, 2):
            for suffix in suffixes:
                noise = 0.1 * rng.standard_normal(2000)
                soundfile.write(folder / speaker / f"{k}{suffix}", noise, 16000)
    return folder


def damage(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(b"RIFF and nothing else")


def prepared(root: Path, **options) -> Prepared:
    return prepare(root, "Voices", root.parent / "database.yml", trials="all", **options)


def audio(its: Prepared) -> dict[str, str]:
    """Where nothing but pyannote.database finds the audio of each uri."""
    read = protocol(its)
    parts = [getattr(read, subset)() for subset in its.subsets]
    return {file["uri"]: str(file["audio"].resolve()) for part in parts for file in part}


def reasons(its: Prepared) -> dict[str, str]:
    return {item.path: item.reason for item in its.left_out}


def test_the_good_one_is_taken_in_place_of_the_damaged_one(tmp_path: Path) -> None:
    root = voices(tmp_path / "v", ".flac")
    damage(root / "ann" / "1.wav")
    its = prepared(root)
    assert audio(its)["ann/1"] == str(root / "ann" / "1.flac")
    assert len(audio(its)) == 8
    ((path, reason),) = reasons(its).items()
    assert path == "ann/1.wav"
    assert reason.startswith("it is not audio that can be read")
    assert (its.lists / "left_out.txt").read_text() == f"{path}\t{reason}\n"
    assert "1 recording(s) are taken in another format, since the first choice" in its.notes[0]


def test_it_gets_a_name_of_its_own_where_others_are_taken_in_the_first_choice(
    tmp_path: Path,
) -> None:
    root = voices(tmp_path / "v", ".wav", ".flac")
    damage(root / "ann" / "1.wav")
    its = prepared(root)
    found = audio(its)
    assert found.pop("ann/1-flac") == str(root / "ann" / "1.flac")
    assert set(found) == {f"{s}/{k}" for s in ("ann", "bob", "eve", "joe") for k in (1, 2)} - {
        "ann/1"
    }
    assert all(path.endswith(".wav") for path in found.values())
    told = reasons(its)
    assert told.pop("ann/1.wav").startswith("it is not audio")
    assert set(told.values()) == {TAKEN}
    assert len(told) == 7
    assert "ann/1.flac" not in told

    before = (its.database_yml.read_text(), audio(its))
    again = prepared(root)
    assert (again.database_yml.read_text(), audio(again)) == before
    voices(root, ".wav")  # the damaged one is mended
    assert "ann/1" in audio(prepared(root))


def test_trials_that_name_the_recording_name_the_good_one(tmp_path: Path) -> None:
    root = voices(tmp_path / "v", ".wav", ".flac")
    damage(root / "ann" / "1.wav")
    trials = tmp_path / "trials.txt"
    trials.write_text("1 ann/1.wav ann/2.wav\n0 ann/1 bob/1\n")
    its = prepared(root, trial_lists=[trials])
    lines = (its.lists / "test.trial").read_text().splitlines()
    assert lines == ["1 ann/1-flac ann/2", "0 ann/1-flac bob/1"]


def test_if_none_can_be_read_each_has_its_own_reason(tmp_path: Path) -> None:
    root = voices(tmp_path / "v", ".wav", ".flac", ".ogg")
    damage(*(root / "ann" / f"1{suffix}" for suffix in (".wav", ".ogg")))
    (root / "ann" / "1.flac").write_bytes(b"")
    damage(root / "bob" / "1.wav", root / "bob" / "1.flac")
    its = prepared(root)
    assert audio(its)["bob/1-ogg"] == str(root / "bob" / "1.ogg")
    assert not any(uri.startswith("ann/1") for uri in audio(its))
    told = reasons(its)
    for path in ("ann/1.wav", "ann/1.ogg", "bob/1.wav", "bob/1.flac"):
        assert told[path].startswith("it is not audio"), path
    assert told["ann/1.flac"].startswith("it is empty")
    assert "bob/1.ogg" not in told


def test_a_worse_format_that_is_not_needed_is_told_as_such(tmp_path: Path) -> None:
    root = voices(tmp_path / "v", ".wav", ".flac", ".ogg")
    damage(root / "ann" / "1.wav")
    assert reasons(prepared(root))["ann/1.ogg"] == "the .flac of the same name is taken"


def test_the_copy_in_another_folder_is_taken_where_folders_hold_copies(tmp_path: Path) -> None:
    names = [f"id1000{k}/x6uYqmx31kE/0000{n}" for k in (1, 2, 3) for n in (1, 2)]
    roots = [tmp_path / "wav", tmp_path / "flac"]
    for root in roots:
        for name in names:
            path = root / f"{name}.{root.name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(2000), 16000)
    damage(roots[0] / f"{names[0]}.wav")
    its = prepare(roots, "Vox", tmp_path / "database.yml", layout="voxceleb")
    found = audio(its)
    assert found[f"{names[0]}-flac"] == str(roots[1] / f"{names[0]}.flac")
    assert found[names[1]] == str(roots[0] / f"{names[1]}.wav")
    of_another = reasons(its)[str(roots[1] / f"{names[1]}.flac")]
    assert of_another == f"the one of the same name in '{roots[0]}' is taken"


@pytest.mark.parametrize(("number", "entries"), [(1000, 1000), (1500, 1)])
def test_many_are_told_by_their_number(number: int, entries: int) -> None:
    files = [
        Found(f"ann/{n}", "/v", suffix, "ann") for n in range(number) for suffix in (".wav", ".m4a")
    ]
    recordings, _ = recordings_of(files)
    assert len(recordings) == number
    measured = Measured(np.full(number, 900), {})
    left_out = readable_formats(Corpus("folder", "V", recordings, []), measured).left_out
    assert len(left_out) == entries
    assert left_out[0] == LeftOut("/v/ann/0.m4a", TAKEN, number // entries)
