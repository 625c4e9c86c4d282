"""Where errors come from, against loops over trials."""

import numpy as np
import pytest

from pyannote_ge2e.report.error_sources import hardest_trials, share_of, speaker_errors


def errors_by_loop(evaluation, scoring):
    """Rows of misses and false alarms, at the better side of the threshold."""
    found = []
    for strict in (False, True):
        misses, false_alarms = [], []
        for row, (score, label) in enumerate(zip(scoring.scores, evaluation.labels, strict=True)):
            threshold = scoring.figures.threshold
            accepted = score > threshold if strict else score >= threshold
            if label and not accepted:
                misses.append(row)
            if accepted and not label:
                false_alarms.append(row)
        targets = sum(evaluation.labels)
        rates = len(misses) / targets, len(false_alarms) / (len(evaluation.labels) - targets)
        found.append((abs(rates[0] - rates[1]), misses, false_alarms))
    return min(found)[1:]


def test_hardest_trials_are_the_errors_furthest_from_the_threshold(evaluation):
    for scoring in evaluation.scorings:
        misses, false_alarms = errors_by_loop(evaluation, scoring)
        worst = hardest_trials(scoring, evaluation.labels, most=7)
        assert len(misses) > 7
        assert worst[0].tolist() == sorted(misses, key=scoring.scores.__getitem__)[:7]
        assert worst[1].tolist() == sorted(false_alarms, key=lambda row: -scoring.scores[row])[:7]


def test_errors_of_each_speaker_are_counted_on_both_sides(evaluation):
    scoring = evaluation.scorings[0]
    misses, false_alarms = errors_by_loop(evaluation, scoring)
    counted = speaker_errors(evaluation, scoring)
    assert {of.speaker for of in counted} == set(evaluation.speakers.ravel().tolist())
    for of in counted:
        theirs = [row for row, sides in enumerate(evaluation.speakers) if of.speaker in sides]
        targets = [row for row in theirs if evaluation.labels[row]]
        assert of.targets == len(targets)
        assert of.others == len(theirs) - len(targets)
        assert of.misses == len(set(theirs) & set(misses))
        assert of.false_alarms == len(set(theirs) & set(false_alarms))
    burdens = [of.misses / len(misses) + of.false_alarms / len(false_alarms) for of in counted]
    assert burdens == sorted(burdens, reverse=True)


def test_share_of_some_speakers_counts_each_error_once(evaluation):
    scoring, some = evaluation.scorings[0], ["speaker3", "speaker7"]
    expected = [
        np.mean([bool(set(evaluation.speakers[row]) & set(some)) for row in rows])
        for rows in errors_by_loop(evaluation, scoring)
    ]
    assert share_of(evaluation, scoring, some) == pytest.approx(expected)


def test_a_perfect_list_has_no_errors(make):
    speakers = np.array([["a", "a"], ["b", "b"], ["a", "b"], ["b", "a"]])
    evaluation = make(labels=[1, 1, 0, 0], raw=[0.9, 0.8, 0.2, 0.1], speakers=speakers)
    scoring = evaluation.scorings[0]
    assert [len(rows) for rows in hardest_trials(scoring, evaluation.labels)] == [0, 0]
    assert share_of(evaluation, scoring, ["a"]) == (None, None)
