"""Recordings that are there in several formats: of each, the first that can be read is taken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.prepare.measure import Measured, measure
from pyannote_ge2e.data.prepare.names import safe_uri, unused
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, LeftOut, Recording

__all__ = ["Readable", "readable_formats"]

_MANY = 1000  # files left out for one reason that are told one by one; more, by their number


class Readable(NamedTuple):
    """A corpus of which each recording is the format that can be read, if there is one.

    Attributes
    ----------
    corpus : Corpus
    milliseconds : (R,) int array
        Durations of its recordings; 0 for what cannot be read in any format.
    left_out : list of LeftOut
        Files that cannot be read, and then the other formats of those that can.
    """

    corpus: Corpus
    milliseconds: np.ndarray
    left_out: list[LeftOut]


def readable_formats(corpus: Corpus, measured: Measured, threads: int = 8) -> Readable:
    """Let another format take the place of a recording that cannot be read.

    Parameters
    ----------
    corpus : Corpus
    measured : Measured
        Of its recordings.
    threads : int, optional
        Files measured at a time.

    Returns
    -------
    readable : Readable

    Examples
    --------
    >>> others = (LeftOut("/v/1.flac", "the .wav of the same name is taken"),)
    >>> recordings = [Recording("1", "/v/1.wav", "/v/{uri}.wav", "ann", others=others)]
    >>> measured = Measured(np.array([900]), {})
    >>> readable_formats(Corpus("folder", "V", recordings, []), measured).left_out[0].reason
    'the .wav of the same name is taken'
    """
    recordings = list(corpus.recordings)
    milliseconds = measured.milliseconds.copy()
    bad = [row for row in measured.reasons if recordings[row].others]
    paths = [other.path for row in bad for other in recordings[row].others]
    again = measure(paths, threads=threads)
    durations = dict(zip(paths, again.milliseconds.tolist(), strict=True))
    reasons = {paths[row]: reason for row, reason in again.reasons.items()}

    unreadable = [LeftOut(recordings[row].path, why) for row, why in measured.reasons.items()]
    replaced: dict[int, str] = {}
    for row in bad:
        others = recordings[row].others
        good = next((other.path for other in others if durations[other.path]), None)
        unreadable += [LeftOut(o.path, reasons[o.path]) for o in others if o.path in reasons]
        left: tuple[LeftOut, ...] = ()
        if good is not None:
            replaced[row] = good
            milliseconds[row] = durations[good]
            taken = f"the {os.path.splitext(good)[1]} of the same name is taken"
            fine = (other.path for other in others if durations[other.path])
            left = tuple(LeftOut(path, taken) for path in fine if path != good)
        recordings[row] = replace(recordings[row], others=left)
    if replaced:
        corpus, milliseconds = _with(corpus, recordings, milliseconds, replaced)
        corpus.notes.append(
            f"{len(replaced):,} recording(s) are taken in another format, since the first choice "
            "cannot be read."
        )
    else:
        corpus = replace(corpus, recordings=recordings)
    left_out = [*unreadable, *_counted(o for r in corpus.recordings for o in r.others)]
    return Readable(corpus, milliseconds, left_out)


def _with(
    corpus: Corpus,
    recordings: list[Recording],
    milliseconds: np.ndarray,
    replaced: Mapping[int, str],
) -> tuple[Corpus, np.ndarray]:
    """Put other files in place of some, under uris by which pyannote finds them alone."""
    usable = [r for row, r in enumerate(recordings) if milliseconds[row] and row not in replaced]
    templates = sorted({recording.template for recording in usable} - {""})
    taken = {recording.uri for recording in recordings}
    renamed: dict[str, str] = {}
    for row, path in replaced.items():
        before = recordings[row]
        old, new = (os.path.splitext(each)[1][1:] for each in (before.path, path))
        uri = before.uri.removesuffix(f"-{old}")
        template = _leads_to(path, uri, templates)
        if not template:
            uri = unused(safe_uri(f"{uri}-{new}"), taken)
        renamed[before.uri] = uri
        recordings[row] = replace(before, uri=uri, path=path, template=template)
    order = sorted(range(len(recordings)), key=lambda row: recordings[row].uri)
    trials: dict[int, GivenTrials] = {}
    protocols = []
    for plan in corpus.protocols:
        subsets = {}
        for name, its in plan.subsets.items():
            given = its.trials
            if isinstance(given, GivenTrials):  # those that subsets share stay one
                given = trials.setdefault(id(given), _called(given, renamed))
            subsets[name] = replace(its, trials=given)
        protocols.append(replace(plan, subsets=subsets))
    recordings = [recordings[row] for row in order]
    notes = list(corpus.notes)
    corpus = replace(corpus, recordings=recordings, protocols=protocols, notes=notes)
    return corpus, milliseconds[order]


def _leads_to(path: str, uri: str, templates: Iterable[str]) -> str:
    """Return the template that leads from a uri to a file, if no other leads anywhere."""
    hits = {template: template.format(uri=uri) for template in templates}
    hits = {template: hit for template, hit in hits.items() if os.path.isfile(hit)}
    return next(iter(hits)) if list(hits.values()) == [path] else ""


def _called(given: GivenTrials, renamed: Mapping[str, str]) -> GivenTrials:
    first, second = (
        [renamed.get(uri, uri) for uri in uris] for uris in (given.first, given.second)
    )
    return replace(given, first=first, second=second)


def _counted(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """Put very many files that are left out for one reason into one."""
    by_reason: dict[str, list[LeftOut]] = {}
    for item in left_out:
        by_reason.setdefault(item.reason, []).append(item)
    counted = []
    for reason, items in by_reason.items():
        if len(items) > _MANY:
            items = [LeftOut(items[0].path, reason, len(items))]
        counted += items
    return counted
