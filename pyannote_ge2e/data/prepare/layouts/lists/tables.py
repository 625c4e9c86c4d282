"""Tables with a header that names a column of paths and one of speakers: CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import gender_of
from pyannote_ge2e.data.prepare.layouts.lists.rows import Listed
from pyannote_ge2e.data.prepare.layouts.plans import subset_named
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.score_files.text_lines import text_bytes
from pyannote_ge2e.errors import UserError

__all__ = ["is_speaker_table", "read_speaker_table"]

# In the order of preference; "label" is what some call a speaker, and others something else.
_COLUMNS = {
    "path": ("path", "file", "filename", "wav", "audio", "audio_path", "file_path", "filepath"),
    "speaker": ("speaker", "spk", "speaker_id", "spk_id", "client_id", "label"),
    "gender": ("gender", "sex"),
    "subset": ("subset", "split", "set"),
}


def is_speaker_table(path: Path) -> bool:
    r"""Tell whether a file starts with such a header.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "a.csv"
    >>> _ = path.write_text("path,speaker\na.wav,ann\n")
    >>> is_speaker_table(path)
    True
    """
    _, header = next(_records(path), (0, []))
    return {"path", "speaker"} <= _columns(header).keys()


def read_speaker_table(path: Path, left_out: list[LeftOut]) -> list[Listed]:
    r"""Read a table.

    Parameters
    ----------
    path : Path
        Its columns may stand in any order, and others beside them. `subset` and `gender` are
        used when they are there.
    left_out : list of LeftOut
        Takes the lines that name no speaker, or a subset that is none of train, development and
        test.

    Raises
    ------
    UserError
        Naming the line that is malformed, or what the header lacks.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "a.csv"
    >>> _ = path.write_text('speaker,path,split\nann,"a, 1.wav",train\n')
    >>> (row,) = read_speaker_table(path, [])
    >>> row.path, row.speaker, row.subset
    ('a, 1.wav', 'ann', 'train')
    """
    records = _records(path)
    _, header = next(records, (0, []))
    columns = _columns(header)
    for wanted in ("path", "speaker"):
        if wanted not in columns:
            raise UserError(
                f"'{path}' names no column of {wanted}s in its header: call it "
                f"{' or '.join(_COLUMNS[wanted][:3])}."
            )
    rows = []
    for number, record in records:
        if len(record) != len(header):
            raise UserError(
                f"'{path}', line {number}: expected {len(header)} fields, as in the header, found "
                f"{len(record)}. Put those that hold the separator in quotes."
            )
        values = {what: record[column].strip() for what, column in columns.items()}
        subset = values.get("subset", "")
        row = Listed(
            path,
            number,
            values["path"],
            values["speaker"],
            gender=gender_of(values.get("gender", "")),
            subset=subset_named(subset),
        )
        if not row.path:
            raise UserError(f"'{path}', line {number}: there is no path.")
        if not row.speaker:
            left_out.append(row.left_out("no speaker is given"))
        elif subset and not row.subset:
            left_out.append(
                row.left_out(f"it is put in '{subset}', which is none of train, dev and test")
            )
        else:
            rows.append(row)
    return rows


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Return where each of the columns is that the header has."""
    names = [name.strip().lower() for name in header]
    found = {}
    for what, words in _COLUMNS.items():
        for word in words:
            if word in names:
                found[what] = names.index(word)
                break
    return found


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each record, and its fields."""
    try:
        text = text_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is not UTF-8 text: convert it.") from error
    first = text.lstrip().partition("\n")[0]
    delimiter = next((sign for sign in "\t,;" if sign in first), ",")
    # Quotes are rare in TSV, and those in Common Voice's sentences are not closed.
    source = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.reader(source, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(source, delimiter=delimiter)
    try:
        for record in reader:
            if any(field.strip() for field in record):
                yield reader.line_num, record
    except csv.Error as error:
        raise UserError(f"'{path}', line {reader.line_num}: {error}.") from error
