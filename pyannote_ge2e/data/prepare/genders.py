"""Genders of speakers, from the files in which corpora give them."""

from __future__ import annotations

import re
from pathlib import Path

from pyannote_ge2e.data.score_files.text_lines import content_lines
from pyannote_ge2e.errors import UserError

__all__ = ["gender_of", "read_genders"]

_SEPARATOR = re.compile(r"\s*[|,\t]\s*|\s+")
_WORDS = {
    **dict.fromkeys(("f", "female", "female_feminine", "woman"), "f"),
    **dict.fromkeys(("m", "male", "male_masculine", "man"), "m"),
}


def gender_of(word: str) -> str:
    """Return "f" or "m", or nothing when it is neither.

    Examples
    --------
    >>> gender_of("Female"), gender_of("M"), gender_of("other")
    ('f', 'm', '')
    """
    return _WORDS.get(word.strip().lower(), "")


def read_genders(path: Path) -> dict[str, str]:
    r"""Read who is a woman and who is a man.

    Parameters
    ----------
    path : Path
        A line for each speaker, whose name comes first and whose gender is a field further on, as
        in Kaldi's `spk2gender`, VoxCeleb's `vox1_meta.csv` and LibriSpeech's `SPEAKERS.TXT`. Other
        lines are passed over.

    Returns
    -------
    genders : dict of str to str
        "f" or "m" of each speaker.

    Raises
    ------
    UserError
        When no line gives a gender.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "SPEAKERS.TXT"
    >>> _ = path.write_text(";ID |SEX| SUBSET\n14 | F | dev-clean\n16 | M | dev-other\n")
    >>> read_genders(path)
    {'14': 'f', '16': 'm'}
    """
    genders = {}
    for _, line in content_lines(path):
        speaker, *others = _SEPARATOR.split(line)
        gender = next(filter(None, map(gender_of, others)), "")
        if gender:
            genders[speaker] = gender
    if not genders:
        raise UserError(f"'{path}' gives no gender: expected lines such as 'speaker f'.")
    return genders
