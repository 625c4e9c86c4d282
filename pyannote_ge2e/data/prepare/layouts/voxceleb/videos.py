"""The folders of speakers and videos of VoxCeleb, and which of its parts they are of."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote_ge2e.data.prepare.layouts.voxceleb.parts import PARTS, first_part
from pyannote_ge2e.data.prepare.layouts.voxceleb.trials import known_name
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.prepare.scan import walk

__all__ = ["TABLES", "Video", "groups_of", "looks_like_voxceleb", "videos_below"]

TABLES = ("vox1_meta.csv", "vox2_meta.csv")
"""What the tables of speakers are called."""

_SPEAKER = re.compile(r"(?:^|/)(id\d{5})/")
_MOST_BESIDE = 20  # folders in which a corpus is looked for


class Video(NamedTuple):
    """A folder of files below that of a speaker.

    Attributes
    ----------
    folder : str
        Path from `root`, with a slash at its end.
    root : str
        Folder of the folders of speakers.
    speaker : str
    files : list of pairs of str
        Stem and suffix of each.
    part : str
        "dev" or "test", if the folders above say so.
    """

    folder: str
    root: str
    speaker: str
    files: list[tuple[str, str]]
    part: str


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


def videos_below(
    root: str,
    within: str,
    suffixes: Iterable[str],
    left_out: list[LeftOut],
    beside: dict[str, Path],
) -> Iterator[Video]:
    """Yield the videos below a folder.

    Parameters
    ----------
    root : str
    within : str
        What messages write before paths.
    suffixes : iterable of str
        Of the files to take.
    left_out : list of LeftOut
        Takes the audio that is in no speaker's folder.
    beside : dict of str to Path
        Takes the tables of speakers and the lists of trials that are there, by name.
    """
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
                if name in TABLES or known_name(name):
                    beside.setdefault(name, Path(root) / folder / name)
            continue
        start = match.start(1)
        part = _part_named(f"{os.path.basename(root)}/{folder[:start]}")
        parent = f"{root}/{folder[:start]}".rstrip("/")
        files = [os.path.splitext(name) for name in names]
        files = [(stem, suffix) for stem, suffix in files if suffix.lower() in wanted]
        if files:
            yield Video(folder[start:], parent, match[1], files, part)


def groups_of(
    videos: Iterable[Video], sets: Mapping[str, str]
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Return the part of VoxCeleb that the speakers of each root are of, and what is doubtful.

    Parameters
    ----------
    videos : iterable of Video
    sets : mapping of str to str
        "dev" or "test" for each speaker, as `read_sets` returns it.

    Returns
    -------
    groups : dict of pair of str to str
        A key of `PARTS` for each root and speaker.
    notes : list of str
    """
    speakers: dict[str, set[str]] = defaultdict(set)
    parts: dict[str, str] = {}
    for video in videos:
        speakers[video.root].add(video.speaker)
        parts[video.root] = video.part
    second = {root: {s for s in its if not first_part(s)} for root, its in speakers.items()}
    some_dev = any(parts[root] == "dev" for root, its in second.items() if its)
    doubtful = []
    for root, its in sorted(second.items()):
        if its and not parts[root]:
            # vox2_test_aac.zip unpacks to aac/, and vox2_dev_aac.zip to dev/aac/.
            few = len(its) <= PARTS["vox2_test"].speakers
            parts[root] = "test" if some_dev and few else "dev"
            if not its <= sets.keys():
                doubtful.append(f"'{root}' for {parts[root]}")
    groups = {
        (root, speaker): first_part(speaker) or f"vox2_{sets.get(speaker, parts[root])}"
        for root, its in speakers.items()
        for speaker in its
    }
    if not doubtful:
        return groups, []
    return groups, [
        "Nothing tells whether speakers of VoxCeleb2 are of its dev or its test part: took "
        f"{', '.join(doubtful)}. Put vox2_meta.csv beside them to know."
    ]


def _part_named(folders: str) -> str:
    """Return "dev" or "test" if the nearest of some folders says so."""
    for part in reversed(folders.lower().split("/")):
        words = set(re.split(r"[^a-z0-9]+", part))
        if words & {"dev", "train"}:
            return "dev"
        if "test" in words:
            return "test"
    return ""
