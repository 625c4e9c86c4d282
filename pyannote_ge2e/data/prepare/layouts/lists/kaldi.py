"""Kaldi's data folders: `wav.scp`, `utt2spk`, and what may stand beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.layouts.lists.rows import Listed
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.score_files.text_lines import content_lines
from pyannote_ge2e.data.score_files.utt2spk import read_utt2spk
from pyannote_ge2e.errors import UserError

__all__ = ["is_kaldi", "kaldi_trials", "read_kaldi"]

_TRIALS = ("trials", "trials.txt")


def is_kaldi(folder: Path) -> bool:
    """Tell whether a folder is one of Kaldi's.

    Examples
    --------
    >>> is_kaldi(Path("nowhere"))
    False
    """
    return os.path.isfile(folder / "wav.scp")  # False too in a folder that may not be entered


def kaldi_trials(folder: Path) -> list[Path]:
    """Return the list of trials that stands in a folder, if one does."""
    return [folder / name for name in _TRIALS if (folder / name).is_file()][:1]


def read_kaldi(folder: Path, left_out: list[LeftOut], notes: list[str]) -> list[Listed]:
    r"""Read a folder of Kaldi's.

    Parameters
    ----------
    folder : Path
        With `wav.scp` (`utterance path`), `utt2spk` (`utterance speaker`), and maybe
        `spk2gender`.
    left_out : list of LeftOut
        Takes the utterances whose audio is the output of a command, and those of nobody.
    notes : list of str
        Takes what else one should know.

    Raises
    ------
    UserError
        Naming the line that is malformed, or what is missing.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "wav.scp").write_text("ann-1 /data/ann-1.wav\nbob-1 sph2pipe bob-1.sph |\n")
    >>> _ = (folder / "utt2spk").write_text("ann-1 ann\nbob-1 bob\n")
    >>> left_out = []
    >>> [(row.name, row.path, row.speaker) for row in read_kaldi(folder, left_out, [])]
    [('ann-1', '/data/ann-1.wav', 'ann')]
    >>> left_out[0].reason
    'its audio is what a command puts out: extract it to a file first'
    """
    if not (folder / "utt2spk").is_file():
        raise UserError(f"'{folder}' holds wav.scp and no utt2spk, which tells who speaks: add it.")
    if (folder / "segments").is_file():
        raise UserError(
            f"'{folder / 'segments'}' cuts recordings into utterances: write each utterance to a "
            "file of its own first (Kaldi's extract-segments does), and name these in wav.scp."
        )
    speakers = read_utt2spk(folder / "utt2spk")
    table = folder / "spk2gender"
    genders = read_genders(table) if table.is_file() else {}
    rows: dict[str, Listed] = {}
    listed: set[str] = set()
    for row in _rows(folder / "wav.scp"):
        speaker = speakers.get(row.name)
        listed.add(row.name)
        reason = _objection(row)
        if row.name in rows:
            left_out.append(row.left_out("it is named twice", f", after {rows[row.name].where}"))
        elif reason:
            left_out.append(row.left_out(reason))
        elif speaker is None:
            left_out.append(row.left_out("utt2spk gives it no speaker"))
        else:
            rows[row.name] = row._replace(speaker=speaker, gender=genders.get(speaker, ""))
    without = len(speakers.keys() - listed)
    if without:
        notes.append(
            f"{without:,} utterance(s) of '{folder / 'utt2spk'}' have no audio in wav.scp."
        )
    return list(rows.values())


def _rows(scp: Path) -> Iterator[Listed]:
    for number, line in content_lines(scp):
        name, *path = line.split(None, 1)
        if not path:
            raise UserError(f"'{scp}', line {number}: expected 'utterance path', found '{line}'.")
        yield Listed(scp, number, path[0], "", name)


def _objection(row: Listed) -> str:
    if row.path.endswith("|"):
        return "its audio is what a command puts out: extract it to a file first"
    archive, _, offset = row.path.rpartition(":")
    if archive.endswith(".ark") and offset.isdecimal():
        return "its audio is in an archive: extract it to a file first"
    return ""
