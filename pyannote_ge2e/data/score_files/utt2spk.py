"""Who speaks in each recording: Kaldi's `utt2spk`, one `uri speaker` a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.score_files.text_lines import content_lines, separator_for
from pyannote_ge2e.errors import UserError

__all__ = ["read_utt2spk", "write_utt2spk"]


def read_utt2spk(path: Path) -> dict[str, str]:
    """Read the speaker of each recording.

    Parameters
    ----------
    path : Path
        Lines `uri speaker`, separated by spaces or by one tab.

    Returns
    -------
    speakers : dict
        Speaker of each uri, in the order of the file.

    Raises
    ------
    UserError
        Naming the line that is malformed, or that gives a recording a second speaker.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "utt2spk"
    >>> write_utt2spk(path, {"alice/1": "alice", "bob/1": "bob"})
    >>> read_utt2spk(path)
    {'alice/1': 'alice', 'bob/1': 'bob'}
    """
    speakers: dict[str, str] = {}
    for number, line in content_lines(path):
        fields = line.split("\t") if line.count("\t") == 1 else line.split()
        if len(fields) != 2 or not all(field.strip() for field in fields):
            raise UserError(f"'{path}', line {number}: expected 'uri speaker', found '{line}'.")
        uri, speaker = (field.strip() for field in fields)
        if speakers.setdefault(uri, speaker) != speaker:
            raise UserError(
                f"'{path}', line {number}: '{uri}' is said to be '{speaker}', and "
                f"'{speakers[uri]}' further up: keep one."
            )
    if not speakers:
        raise UserError(f"'{path}' is empty: expected lines 'uri speaker'.")
    return speakers


def write_utt2spk(path: Path, speakers: Mapping[str, str]) -> None:
    """Write the speaker of each recording, sorted by uri as Kaldi wants it.

    Parameters
    ----------
    path : Path
    speakers : mapping
        Speaker of each uri.

    Raises
    ------
    UserError
        If a name cannot stand in a line, or the file cannot be written.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "utt2spk"
    >>> write_utt2spk(path, {"bob/1": "bob", "alice/1": "alice"})
    >>> print(path.read_text(), end="")
    alice/1 alice
    bob/1 bob
    """
    between = separator_for(path, [*speakers, *speakers.values()])
    with replacing(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{uri}{between}{speakers[uri]}\n" for uri in sorted(speakers))
