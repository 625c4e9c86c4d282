"""Trials of a protocol, its own or made from speech turns."""

from __future__ import annotations

import numpy as np
import pytest

from pyannote_ge2e.data.protocol import NoSubset, load_protocol
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.data.trials.turns import NoTrials
from pyannote_ge2e.errors import UserError

# What only pyannote can make files of.
FOREIGN = {"channel": lambda file: 1}


def test_each_file_of_the_trials_is_listed_once(tiny_protocol):
    trials = trial_index(load_protocol(tiny_protocol.name))
    assert len(set(trials.uris)) == len(trials.uris) == len(trials.paths) == 12
    assert len(trials) == 66
    assert trials.labels.sum() == 12
    for (first, second), label in zip(trials.trials, trials.labels, strict=True):
        same = trials.uris[first].split("/")[0] == trials.uris[second].split("/")[0]
        assert same == label
    assert [
        speaker == uri.split("/")[0]
        for speaker, uri in zip(trials.speakers, trials.uris, strict=True)
    ]


def test_segments_are_the_annotated_part(tiny_protocol):
    trials = trial_index(load_protocol(tiny_protocol.name))
    assert all(len(segments) == 1 and 1 <= segments[0][1] <= 2 for segments in trials.segments)


def test_trials_need_no_annotation(tiny_protocol):
    bare = trial_index(load_protocol(tiny_protocol.no_annotation))
    annotated = trial_index(load_protocol(tiny_protocol.name))
    assert bare.speakers is None
    assert bare.uris == annotated.uris
    assert np.allclose(bare.segments, annotated.segments, atol=1e-3)


def test_diarization_protocol_is_tried_on_its_speech_turns(tiny_protocol):
    trials = trial_index(load_protocol(tiny_protocol.diarization))
    assert len(trials.uris) == 8
    assert len(set(trials.uris)) == 8
    for (first, second), label in zip(trials.trials, trials.labels, strict=True):
        assert (trials.speakers[first] == trials.speakers[second]) == label
    assert trials.labels.sum() == 2 * 6
    assert len(trials) == 12 + 16
    again = trial_index(load_protocol(tiny_protocol.diarization))
    assert np.array_equal(again.trials, trials.trials)


def test_turns_of_two_files_are_not_compared_when_labels_hold_within_one(tiny_protocol):
    trials = trial_index(load_protocol(tiny_protocol.diarization), "train")
    paths = np.array(trials.paths)[trials.trials]
    assert (paths[:, 0] == paths[:, 1]).all()


def test_turns_of_two_databases_are_not_compared(tiny_protocol):
    trials = trial_index(load_protocol(tiny_protocol.combined), "train")
    tiny = np.array(["/Tiny/" in path for path in trials.paths])[trials.trials]
    assert (tiny[:, 0] == tiny[:, 1]).all()
    assert tiny.any()
    assert not tiny.all()


def test_missing_subset_is_named(tiny_protocol):
    with pytest.raises(UserError, match="no development subset"):
        trial_index(load_protocol(tiny_protocol.no_development))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 dev0/0 dev0/1\n", "all target"),
        ("dev0/0 dev0/1 1\n", "expected trial lines"),
        ("1 dev0/0 dev0/1\n0 dev0/0\n", "trial 2 has fewer fields"),
    ],
)
def test_trials_that_pyannote_reads_and_nobody_can_use_are_refused(tiny_protocol, line, message):
    path = tiny_protocol.database_yml.parent / "Tiny" / "development.trials.txt"
    content = path.read_text()
    try:
        path.write_text(line)
        with pytest.raises(UserError, match=message):
            trial_index(load_protocol(tiny_protocol.name, preprocessors=FOREIGN))
    finally:
        path.write_text(content)


def test_labels_that_contradict_the_trials_are_no_speakers(tiny_protocol):
    """An interval over such "speakers" would be none."""
    path = tiny_protocol.database_yml.parent / "Tiny" / "development.annotation.rttm"
    content = path.read_text()
    try:
        path.write_text(content.replace(" dev1 ", " dev0 "))
        trials = trial_index(load_protocol(tiny_protocol.name))
    finally:
        path.write_text(content)
    assert trials.speakers is None
    assert trials.labels.sum() == 12
    first, second = (np.array(trials.uris)[trials.trials[trials.denied]]).T
    assert len(trials.denied) == 9
    assert {uri.split("/")[0] for uri in [*first, *second]} == {"dev0", "dev1"}


def test_missing_file_of_a_subset_without_trials_is_named(tiny_protocol):
    path = tiny_protocol.database_yml.parent / "Meetings" / "development_meeting0.wav"
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match="development_meeting0") as raised:
            trial_index(load_protocol(tiny_protocol.diarization))
    finally:
        path.with_suffix(".away").rename(path)
    assert not isinstance(raised.value, NoTrials | NoSubset)


def test_missing_file_of_a_trial_is_named(tiny_protocol):
    path = tiny_protocol.database_yml.parent / "Tiny" / "dev1" / "0.wav"
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match="dev1/0"):
            trial_index(load_protocol(tiny_protocol.name))
    finally:
        path.with_suffix(".away").rename(path)
