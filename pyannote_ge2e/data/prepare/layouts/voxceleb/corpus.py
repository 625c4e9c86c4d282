"""VoxCeleb1 and VoxCeleb2 as downloaded and unzipped: `.../id10270/x6uYqmx31kE/00001.wav`."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.voxceleb.parts import (
    PARTS,
    read_sets,
    speaker_number,
    what_is_missing,
)
from pyannote_ge2e.data.prepare.layouts.voxceleb.protocols import voxceleb_protocols
from pyannote_ge2e.data.prepare.layouts.voxceleb.trials import (
    hold_out,
    known_name,
    read_voxceleb_trials,
)
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.scan import checked_folders, nothing_found, walk

__all__ = ["looks_like_voxceleb", "voxceleb_corpus"]

_EXPECTED = "id10270/x6uYqmx31kE/00001.wav, as VoxCeleb is unzipped"
_SPEAKER = re.compile(r"(?:^|/)(id\d{5})/")
_TABLES = ("vox1_meta.csv", "vox2_meta.csv")
_MOST_BESIDE = 20  # folders in which a corpus is looked for


class _Video(NamedTuple):
    """A folder of files, or what else is below the folder of a speaker."""

    folder: str  # from the root, with a slash at its end
    root: str
    speaker: str
    files: list[tuple[str, str]]
    part: str  # "dev" or "test", if the folders above say so


def voxceleb_corpus(paths: Sequence[Path], options: Options) -> Corpus:
    """Find VoxCeleb1, VoxCeleb2 or both below some folders.

    `vox1_meta.csv`, `vox2_meta.csv` and the official lists of trials are taken when they stand
    in these folders, outside of those of speakers.

    Parameters
    ----------
    paths : sequence of Path
    options : Options

    Returns
    -------
    corpus : Corpus
        Its groups are "vox1_dev", "vox1_test", "vox2_dev" and "vox2_test".

    Raises
    ------
    UserError
        When one is no folder, or no speaker of VoxCeleb is there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> corpus = TemporaryDirectory()
    >>> file = Path(corpus.name) / "wav/id10270/x6uYqmx31kE/00001.wav"
    >>> file.parent.mkdir(parents=True)
    >>> file.touch()
    >>> found = voxceleb_corpus([Path(corpus.name)], Options())
    >>> [(recording.uri, recording.group) for recording in found.recordings]
    [('id10270/x6uYqmx31kE/00001', 'vox1_test')]
    """
    roots = checked_folders(paths, _EXPECTED)
    left_out: list[LeftOut] = []
    beside: dict[str, Path] = {}
    videos: list[_Video] = []
    for root in roots:
        within = f"{root}/" if len(roots) > 1 else ""
        videos.extend(_videos(root, within, options.suffixes, left_out, beside))
    if not videos:
        raise nothing_found("speaker of VoxCeleb", roots, left_out, _EXPECTED)
    tables = [beside[name] for name in _TABLES if name in beside]
    genders = _genders([*tables, *filter(None, [options.genders])])
    sets = read_sets(tables)
    groups, notes = _groups(videos, sets)
    found = (
        Found(video.folder + stem, video.root, suffix, video.speaker, group)
        for video in videos
        for group in [groups[video.root, video.speaker]]
        for stem, suffix in video.files
    )
    recordings, renamed = recordings_of(found, left_out, genders=genders, copies=True)
    others = [path for name, path in sorted(beside.items()) if name not in _TABLES]
    known: dict[str, str] = {}
    if options.trial_lists or others:
        known = {**{recording.uri: recording.uri for recording in recordings}, **renamed}
    trials, remarks = read_voxceleb_trials(options.trial_lists, others, known)
    recordings = hold_out(recordings, trials)
    corpus = Corpus(
        layout="voxceleb",
        name="VoxCeleb",
        recordings=recordings,
        protocols=[],
        left_out=sorted(left_out, key=lambda item: item.path),
        notes=[*notes, *what_is_missing(recordings, sets), *remarks],
    )
    voxceleb_protocols(corpus, trials)
    return corpus


def looks_like_voxceleb(paths: Sequence[Path]) -> bool:
    """Tell whether speakers of VoxCeleb are in these folders, or not far below.

    Examples
    --------
    >>> looks_like_voxceleb([Path("nowhere")])
    False
    """
    return all(_has_speakers(str(path), depth=4) for path in paths)


def _has_speakers(folder: str, depth: int) -> bool:
    """Tell whether there is a folder of a speaker, and in it that of a video."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return False
    speakers = [name for name in names if _SPEAKER.fullmatch(f"{name}/")]
    if speakers:
        try:
            videos = os.listdir(f"{folder}/{min(speakers)}")
        except OSError:
            return False
        # Names of videos on YouTube have eleven signs.
        return any(len(video) == 11 for video in videos)
    if not depth or len(names) > _MOST_BESIDE:
        return False
    return any(_has_speakers(f"{folder}/{name}", depth - 1) for name in sorted(names))


def _videos(
    root: str,
    within: str,
    suffixes: Iterable[str],
    left_out: list[LeftOut],
    beside: dict[str, Path],
) -> Iterator[_Video]:
    """Yield the videos below a folder; tables and lists of trials go to `beside`."""
    wanted = frozenset(suffixes)
    for folder, names in walk(root, left_out, within):
        match = _SPEAKER.search(folder)
        if match is None:
            strangers = [n for n in names if os.path.splitext(n)[1].lower() in wanted]
            if strangers:
                reason = "it is in no folder of a speaker (id10270 and the like)"
                left_out.append(
                    LeftOut(f"{within}{folder}{min(strangers)}", reason, len(strangers))
                )
            for name in names:
                if name in _TABLES or known_name(name):
                    beside.setdefault(name, Path(root) / folder / name)
            continue
        start = match.start(1)
        part = _part_named(f"{os.path.basename(root)}/{folder[:start]}")
        parent = f"{root}/{folder[:start]}".rstrip("/")
        files = [os.path.splitext(name) for name in names]
        files = [(stem, suffix) for stem, suffix in files if suffix.lower() in wanted]
        if files:
            yield _Video(folder[start:], parent, match[1], files, part)


def _genders(tables: Iterable[Path]) -> dict[str, str]:
    genders: dict[str, str] = {}
    for path in tables:
        genders.update(read_genders(path))
    return genders


def _groups(
    videos: Iterable[_Video], sets: Mapping[str, str]
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Return the part of VoxCeleb that each folder's speakers belong to."""
    speakers: dict[str, set[str]] = defaultdict(set)
    parts: dict[str, str] = {}
    for video in videos:
        speakers[video.root].add(video.speaker)
        parts[video.root] = video.part
    groups: dict[tuple[str, str], str] = {}
    doubtful: Counter[str] = Counter()
    of_second = {
        root: sorted(s for s in its if speaker_number(s) < PARTS["vox1_dev"].numbers[0])
        for root, its in speakers.items()
    }
    some_dev = any(parts[root] == "dev" for root, its in of_second.items() if its)
    for root, its in speakers.items():
        second = of_second[root]
        part = parts[root]
        if not part and second:
            # vox2_test_aac.zip unpacks to aac/, and vox2_dev_aac.zip to dev/aac/.
            part = "test" if some_dev and len(second) <= PARTS["vox2_test"].speakers else "dev"
            if not all(speaker in sets for speaker in second):
                doubtful[f"'{root}' for {part}"] += len(second)
        for speaker in its:
            number = speaker_number(speaker)
            if number in PARTS["vox1_test"].numbers:
                groups[root, speaker] = "vox1_test"
            elif number >= PARTS["vox1_dev"].numbers[0]:
                groups[root, speaker] = "vox1_dev"
            else:
                groups[root, speaker] = f"vox2_{sets.get(speaker, part)}"
    notes = []
    if doubtful:
        notes.append(
            f"Nothing tells whether speakers of VoxCeleb2 are of its dev or its test part: took "
            f"{', '.join(sorted(doubtful))}. Put vox2_meta.csv beside them to know."
        )
    return groups, notes


def _part_named(folders: str) -> str:
    """Return "dev" or "test" if the nearest of some folders says so."""
    for part in reversed(folders.lower().split("/")):
        words = set(re.split(r"[^a-z0-9]+", part))
        if words & {"dev", "train"}:
            return "dev"
        if "test" in words:
            return "test"
    return ""
