"""What verifying and identifying found, in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from rich.cells import cell_len, set_cell_size

from pyannote_ge2e.experiment.verification.enroll import Enrolment
from pyannote_ge2e.experiment.verification.identify import Identification
from pyannote_ge2e.experiment.verification.verify import Verification
from pyannote_ge2e.report.words import counted, percent


def lines_of(found: Verification) -> Iterator[str]:
    """Say what `emb verify` found, line by line."""
    yield f"score        {found.score:.3f}"
    if found.probability is not None:
        yield f"probability  {probability_in_words(found.probability)} that it is the same speaker"
    if found.same is not None:
        verdict = "same speaker" if found.same else "different speakers"
        side = "at or above" if found.same else "below"
        yield f"verdict      {verdict}: the score is {side} the threshold, {found.threshold:.3f}"
    if found.expected is not None:
        yield (
            f"errors       {percent(found.expected.false_alarm)} % of different speakers are taken "
            "for the same one,"
        )
        yield (f"             {percent(found.expected.miss)} % of same speakers for different ones")
        yield f"             ({found.source})"
    else:
        yield uncalibrated(found.model)
    yield from found.remarks


def probability_in_words(probability: float) -> str:
    """Write a probability that is never rounded to certainty.

    Examples
    --------
    >>> probability_in_words(0.9346), probability_in_words(0.99999)
    ('0.935', 'over 0.999')
    """
    if probability < 0.001:
        return "under 0.001"
    return "over 0.999" if probability > 0.999 else f"{probability:.3f}"


def uncalibrated(model: str) -> str:
    """Say how to get more than a score."""
    return (
        "What this score means for these weights is not known yet: 'pyannote-ge2e emb calibrate "
        f"{shlex.quote(model)} PROTOCOL' tells, once and for all."
    )


def identified(found: Identification) -> Iterator[str]:
    """Say what `emb identify` found, line by line."""
    if found.threshold is not None:
        yield found.name or f"unknown: nobody reaches the threshold, {found.threshold:.3f}"
    width = max(cell_len(each.name) for each in found.candidates)
    for rank, each in enumerate(found.candidates, start=1):
        line = f"{rank:3d}  {set_cell_size(each.name, width)}  {each.score:6.3f}"
        if each.probability is not None:
            line += f"  {probability_in_words(each.probability)}"
        yield f"{line}  ({counted(each.recordings, 'recording')})"
    if found.candidates[0].probability is None:
        yield uncalibrated(found.model)


def enrolled(found: Enrolment) -> str:
    """Say what `emb enroll` did."""
    return (
        f"'{found.name}' is known by {counted(found.recordings, 'recording')}; '{found.store}' "
        f"holds {counted(found.speakers, 'speaker')}."
    )


def listed(known: Mapping[str, int]) -> Iterator[str]:
    """List who was enrolled, line by line.

    Examples
    --------
    >>> list(listed({"alice": 3, "美咲": 1}))
    ['alice  3 recordings', '美咲   1 recording']
    """
    if not known:
        yield "Nobody is enrolled."
    width = max(map(cell_len, known), default=0)
    for name, recordings in known.items():
        yield f"{set_cell_size(name, width)}  {counted(recordings, 'recording')}"
