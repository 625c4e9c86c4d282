"""The four parts of VoxCeleb: whose they are, how much there should be, and what is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyannote_ge2e.data.prepare.plan import Recording
from pyannote_ge2e.data.score_files.text_lines import content_lines

__all__ = ["PARTS", "Part", "first_part", "read_sets", "what_is_missing"]


@dataclass(frozen=True)
class Part:
    """A part of VoxCeleb, as published.

    Attributes
    ----------
    title : str
    speakers, utterances : int
    numbers : range
        Numbers of its speakers; `PARTS["vox1_dev"]` holds those of "vox1_test" too.
    """

    title: str
    speakers: int
    utterances: int
    numbers: range


_SPEAKER = re.compile(r"id\d{5}")
_FIRST, _SECOND = range(10001, 11252), range(1, 10001)

PARTS = {
    "vox1_dev": Part("VoxCeleb1 dev", 1211, 148_642, _FIRST),
    "vox1_test": Part("VoxCeleb1 test", 40, 4_874, range(10270, 10310)),
    "vox2_dev": Part("VoxCeleb2 dev", 5994, 1_092_009, _SECOND),
    "vox2_test": Part("VoxCeleb2 test", 118, 36_237, _SECOND),
}
"""By the name of their group."""


def first_part(speaker: str) -> str:
    """Return the part of VoxCeleb1 that a speaker is of, or nothing for one of VoxCeleb2.

    Examples
    --------
    >>> first_part("id10269"), first_part("id10270"), first_part("id00012")
    ('vox1_dev', 'vox1_test', '')
    """
    number = int(speaker[2:])
    if number in PARTS["vox1_test"].numbers:
        return "vox1_test"
    return "" if number < _FIRST.start else "vox1_dev"


def read_sets(tables: Iterable[Path]) -> dict[str, str]:
    r"""Read from `vox1_meta.csv` and `vox2_meta.csv` whether speakers are of dev or test.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "vox2_meta.csv"
    >>> _ = path.write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\nid00012 ,n000012 ,m ,dev\n")
    >>> read_sets([path])
    {'id00012': 'dev'}
    """
    sets = {}
    for path in tables:
        for _, line in content_lines(path):
            fields = [field.strip() for field in line.replace("\t", ",").split(",")]
            if fields[-1] in ("dev", "test") and _SPEAKER.fullmatch(fields[0]):
                sets[fields[0]] = fields[-1]
    return sets


def what_is_missing(recordings: Sequence[Recording], sets: Mapping[str, str]) -> list[str]:
    """Say what each part that is there lacks, and that others are not there.

    Parameters
    ----------
    recordings : sequence of Recording
    sets : mapping of str to str
        "dev" or "test" for each speaker, as `read_sets` returns it.

    Returns
    -------
    notes : list of str
    """
    speakers: dict[str, set[str]] = defaultdict(set)
    utterances: dict[str, int] = defaultdict(int)
    for recording in recordings:
        speakers[recording.group].add(recording.speaker)
        utterances[recording.group] += 1
    notes = []
    for group, part in PARTS.items():
        its, count = speakers[group], utterances[group]
        if not its or (len(its), count) == (part.speakers, part.utterances):
            continue
        note = (
            f"{part.title}: {len(its):,} of {part.speakers:,} speakers and {count:,} of "
            f"{part.utterances:,} utterances are here"
        )
        absent = sorted(_all_speakers(group, sets) - its)
        if absent and len(its) < part.speakers:
            names = ", ".join(absent[:5])
            names += f" and {len(absent) - 5:,} others" if len(absent) > 5 else ""
            note += f"; there is nothing of {names}"
        notes.append(note + ".")
    if speakers["vox1_dev"] and not speakers["vox1_test"]:
        notes.append(
            "VoxCeleb1 test (id10270 to id10309) is not here, without which there is no test set: "
            "unzip vox1_test_wav.zip too."
        )
    return notes


def _all_speakers(group: str, sets: Mapping[str, str]) -> set[str]:
    """Return the speakers of a part, as far as they are known."""
    part = PARTS[group]
    if part.numbers is _SECOND:
        known = {s for s, its in sets.items() if group == f"vox2_{its}" and not first_part(s)}
        return known if len(known) == part.speakers else set()
    numbers = set(part.numbers)
    if group == "vox1_dev":
        numbers -= set(PARTS["vox1_test"].numbers)
    return {f"id{number:05d}" for number in numbers}
