"""Protocols declared by tables: their trials are those of plain pyannote code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from declared_tables import FOREIGN

from pyannote_ge2e.data.index.declared import declared_trials
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.errors import UserError


def both_trials(name: str, subset: str = "development") -> Iterator[TrialIndex]:
    """Read line by line, and through pyannote."""
    ours, foreign = load_protocol(name), load_protocol(name, preprocessors=FOREIGN)
    assert declared_trials(foreign, subset) is None
    yield trial_index(ours, subset)
    yield trial_index(foreign, subset)


def assert_same_trials(trials: TrialIndex, other: TrialIndex) -> None:
    assert trials.uris == other.uris
    assert [Path(path) for path in trials.paths] == [Path(path) for path in other.paths]
    assert trials.segments == other.segments
    assert trials.databases == other.databases
    assert trials.made == other.made
    for name in ("trials", "labels", "denied"):
        assert np.array_equal(getattr(trials, name), getattr(other, name))
    assert (trials.speakers is None) == (other.speakers is None)
    if trials.speakers is not None:
        assert trials.speakers.tolist() == other.speakers.tolist()


@pytest.mark.parametrize("missing", [(), ("annotated",), ("annotation", "annotated")])
def test_trials_of_a_table_are_those_of_plain_pyannote(plain, missing):
    for key in missing:
        del plain.subset[key]
    trials, other = both_trials(plain.declare())
    assert_same_trials(trials, other)
    assert len(trials) == 66
    assert (trials.speakers is None) == ("annotation" in missing)


@pytest.mark.parametrize("name", ["name", "no_annotation"])
def test_trials_of_plain_lists_are_those_of_plain_pyannote(tiny_protocol, name):
    name = getattr(tiny_protocol, name)
    assert declared_trials(load_protocol(name), "development") is not None
    assert_same_trials(*both_trials(name))


def test_annotated_part_of_plain_lists_is_what_is_tried(tiny_protocol):
    uem = tiny_protocol.database_yml.parent / "Tiny" / "development.annotated.uem"
    content = uem.read_text()
    lines = content.splitlines()
    try:
        uem.write_text(
            "\n".join(["dev0/0 1 0.5 0.9", "dev0/0 1 0.1 0.2", "dev0/0 1 0.3 0.3", *lines[2:]])
        )
        trials, other = both_trials(tiny_protocol.name)
    finally:
        uem.write_text(content)
    assert_same_trials(trials, other)
    assert trials.segments[trials.uris.index("dev0/0")] == [(0.1, 0.2), (0.5, 0.9)]


def test_names_like_numbers_and_like_nothing_stay_names(corpus):
    """`001` and `NA` as pandas reads them are 1 and nan."""
    corpus.uris = ["001", "002", "NA", "null", *corpus.uris[4:]]
    for name in corpus.uris:
        corpus.record(f"{name}.wav", 1500)
    corpus.speakers = ["001", "001", "NA", "NA", *corpus.speakers[4:]]
    corpus.write()
    corpus.trials.write_text("1 001 002\n1 NA null\n0 001 NA\n0 002 null\n")
    trials = trial_index(load_protocol(corpus.declare()))
    assert trials.uris == ["001", "002", "NA", "null"]
    assert trials.trials.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]]
    assert trials.speakers.tolist() == ["001", "001", "NA", "NA"]


def test_blank_lines_and_windows_line_ends_of_trials_are_accepted(corpus):
    name = corpus.declare()
    before = trial_index(load_protocol(name))
    lines = (
        corpus.trials.read_text(encoding="utf-8").replace("\n", "\r\n \r\n\n").replace(" ", "\t")
    )
    corpus.trials.write_text(f"\ufeff\n{lines}", encoding="utf-8", newline="")
    assert_same_trials(trial_index(load_protocol(name)), before)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1 NA0 NA1\n\n0 NA0\n", "line 3: expected '1 uri1 uri2' or '0 uri1 uri2', not '0 NA0'"),
        ("1 NA0 NA1\n0 NA0 0010 x\n", "line 2: expected"),
        ("NA0 NA1 1\n", "line 1: expected"),
        ("target NA0 NA1\n", "line 1: expected"),
        ("1 NA0 NA1\n\n0 NA0 eve\n", r"line 3: 'eve' is not in '.*train\.lst'\."),
        ("1 NA0.wav NA1\n", r"line 1: 'NA0\.wav' is not in .* \(but 'NA0' is: leave '\.wav' out\)"),
        ("\n \n", "lists no trial"),
        ("1 NA0 NA1\n", "are all target trials"),
    ],
)
def test_trials_that_cannot_be_used_are_refused(corpus, lines, message):
    name = corpus.declare()
    corpus.trials.write_text(lines)
    with pytest.raises(UserError, match=message) as raised:
        trial_index(load_protocol(name))
    assert corpus.trials.name in str(raised.value) or "all target" in message


def test_trials_that_are_not_utf_8_are_named(corpus):
    name = corpus.declare()
    corpus.trials.write_bytes(b"1 zo\xeb0 zo\xeb1\n")
    with pytest.raises(UserError, match=r"train\.trial' is not UTF-8 text"):
        trial_index(load_protocol(name))


def test_missing_or_empty_audio_of_a_trial_is_named_with_its_line(corpus):
    name = corpus.declare()
    corpus.trials.write_text("\n1 NA0 NA1\n0 NA0 0010\n")
    path = corpus.folder / "0010.wav"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"trial', line 3: '.*0010\.wav' is empty"):
        trial_index(load_protocol(name))
    path.unlink()
    with pytest.raises(UserError, match=r"trial', line 3: there is no '.*0010\.wav', for '0010'"):
        trial_index(load_protocol(name))


def test_trials_that_the_table_denies_have_no_speakers(plain):
    name = plain.declare()
    table = plain.paths["annotation"]
    table.write_text(
        table.read_text(encoding="utf-8").replace("\tNA\t", "\t001\t"), encoding="utf-8"
    )
    trials, other = both_trials(name)
    assert_same_trials(trials, other)
    assert trials.speakers is None
    assert len(trials.denied) == 9


@pytest.mark.parametrize("scope", ["database", "file"])
def test_turns_of_a_table_are_paired_as_those_of_annotations(corpus, tiny_protocol, scope):
    corpus.scope = scope
    part = f"{corpus.database}.SpeakerVerification.All"
    mixed = {
        "development": {
            part: ["train"],
            tiny_protocol.diarization: ["train"],
            tiny_protocol.name: ["train"],
        }
    }
    corpus.declare(meta={f"Mixed{corpus.database}": mixed})
    trials, other = both_trials(f"X.SpeakerVerification.Mixed{corpus.database}")
    assert trials.made
    assert_same_trials(trials, other)
    table = [uri for uri in trials.uris if uri.split("|")[0] in corpus.uris]
    assert len(table) == len(corpus.uris)


def test_missing_audio_of_a_turn_is_named_with_its_line(corpus):
    name = corpus.declare()
    del corpus.subset["annotated"]
    (corpus.folder / f"{corpus.uris[2]}.wav").unlink()
    with pytest.raises(UserError, match=r"train\.lst', line 3: there is no"):
        trial_index(load_protocol(name), "train")
