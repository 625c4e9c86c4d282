"""VoxCeleb1 and VoxCeleb2 as downloaded and unzipped: `.../id10270/x6uYqmx31kE/00001.wav`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.voxceleb.parts import (
    read_sets,
    what_is_missing,
)
from pyannote_ge2e.data.prepare.layouts.voxceleb.protocols import voxceleb_protocols
from pyannote_ge2e.data.prepare.layouts.voxceleb.trials import (
    hold_out,
    read_voxceleb_trials,
)
from pyannote_ge2e.data.prepare.layouts.voxceleb.videos import (
    TABLES,
    Video,
    groups_of,
    videos_below,
)
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.scan import checked_folders, nothing_found

__all__ = ["voxceleb_corpus"]

_EXPECTED = "id10270/x6uYqmx31kE/00001.wav, as VoxCeleb is unzipped"


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
    videos: list[Video] = []
    for root in roots:
        within = f"{root}/" if len(roots) > 1 else ""
        videos.extend(videos_below(root, within, options.suffixes, left_out, beside))
    if not videos:
        raise nothing_found("speaker of VoxCeleb", roots, left_out, _EXPECTED)
    tables = [beside[name] for name in TABLES if name in beside]
    genders = _genders([*tables, *filter(None, [options.genders])])
    sets = read_sets(tables)
    groups, notes = groups_of(videos, sets)
    found = (
        Found(video.folder + stem, video.root, suffix, video.speaker, group)
        for video in videos
        for group in [groups[video.root, video.speaker]]
        for stem, suffix in video.files
    )
    recordings, renamed = recordings_of(found, genders=genders, copies=True)
    others = [path for name, path in sorted(beside.items()) if name not in TABLES]
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


def _genders(tables: Iterable[Path]) -> dict[str, str]:
    genders: dict[str, str] = {}
    for path in tables:
        genders.update(read_genders(path))
    return genders
