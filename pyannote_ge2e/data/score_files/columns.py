"""Which column of a score file or of a trial list holds what.

Toolkits agree on the four things to write and on little else. What a column can be follows from
all of its values; where two readings remain, nobody chooses but the user.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyannote_ge2e.data.score_files.column_facts import LABELS, ColumnFacts, is_number
from pyannote_ge2e.errors import UserError

__all__ = ["header_columns", "named_columns", "possible_columns", "understand"]

_ROLES = ("enrolment", "test", "score", "label")
_IGNORED = "-"

_HEADERS = {
    "enrolment": "enrol enroll enrolment enrollment model file1 utt1 wav1 path1 uri1 audio1",
    "test": "test segment probe file2 utt2 wav2 path2 uri2 audio2",
    "score": "score scores llr similarity cosine y_score",
    "label": "label labels target is_target targettype key y_true",
}
_HEADER_WORDS = {word: role for role, words in _HEADERS.items() for word in words.split()}

# Kaldi; wespeaker, and Kaldi's with a label; SpeechBrain; VoxCeleb's trials with a score at their
# end, or with one in place of the label (as its challenges ask for); names left out.
_SCORES = (
    ("enrolment", "test", "score"),
    ("score", "enrolment", "test"),
    ("enrolment", "test", "score", "label"),
    ("enrolment", "test", "label", "score"),
    ("label", "enrolment", "test", "score"),
    ("label", "score"),
    ("score", "label"),
)
_TRIALS = (("enrolment", "test", "label"), ("label", "enrolment", "test"))


def named_columns(words: str) -> tuple[str, ...]:
    """Columns as the user names them.

    Raises
    ------
    UserError
        If a word is unknown, a column is named twice, or there is no score.

    Examples
    --------
    >>> named_columns("enrolment,test,-,score")
    ('enrolment', 'test', '-', 'score')
    """
    columns = tuple(word.strip().lower() for word in words.split(","))
    for column in columns:
        if column not in (*_ROLES, _IGNORED):
            raise UserError(
                f"--columns: '{column}' is none of enrolment, test, score, label, or - for a "
                "column to ignore; write them in their order, with commas."
            )
        if column != _IGNORED and columns.count(column) > 1:
            raise UserError(f"--columns names '{column}' twice.")
    if "score" not in columns:
        raise UserError("--columns names no score.")
    if ("enrolment" in columns) != ("test" in columns):
        raise UserError("--columns names one side of the trials: name enrolment and test, or none.")
    return columns


def header_columns(fields: Sequence[bytes]) -> tuple[str, ...] | None:
    """Columns as a header line names them, or None when the line is no header.

    A word that is not known stands for a column to ignore.

    Examples
    --------
    >>> header_columns([b"file1", b"file2", b"duration", b"score"])
    ('enrolment', 'test', '-', 'score')
    >>> header_columns([b"alice/1", b"bob/1", b"0.5"])
    """
    words = [field.decode(errors="replace").strip('"').lower() for field in fields]
    plain = [word.removesuffix("_id").removesuffix("id") for word in words]
    columns = tuple(
        _HEADER_WORDS.get(word) or _HEADER_WORDS.get(bare) or _IGNORED
        for word, bare in zip(words, plain, strict=True)
    )
    named = [column for column in columns if column != _IGNORED]
    unknown = [word for word, column in zip(words, columns, strict=True) if column == _IGNORED]
    if (
        len(named) < 2
        or len(set(named)) < len(named)
        or not {"score", "label"} & set(named)
        or ("enrolment" in named) != ("test" in named)
        or any(word.encode() in LABELS or is_number(word.encode()) for word in unknown)
    ):
        return None
    return columns


def understand(facts: Sequence[ColumnFacts], path: object, *, scores: bool) -> tuple[str, ...]:
    """Return what each column holds.

    Parameters
    ----------
    facts : sequence of ColumnFacts
    path : path
        For the messages.
    scores : bool
        Whether the file holds scores. Else it is a list of trials.

    Raises
    ------
    UserError
        If no reading is possible, or several are.

    Examples
    --------
    >>> name = ColumnFacts(False, False, False, False, False)
    >>> score = ColumnFacts(True, False, False, True, False)
    >>> understand([name, name, score], "scores.txt", scores=True)
    ('enrolment', 'test', 'score')
    """
    orders = _SCORES if scores else _TRIALS
    readings = possible_columns(facts, scores=scores)
    if len(readings) > 1:
        # A score with decimals is one; whole numbers may also be names, or labels.
        decimal = [r for r in readings if not facts[r.index("score")].whole] if scores else []
        readings = decimal if len(decimal) == 1 else readings
    if len(readings) == 1:
        return readings[0]
    what = "a score file" if scores else "a trial list"
    if readings:
        raise UserError(
            f"'{path}' can be read as {' or as '.join(map(_in_words, readings))}: "
            + ("say which with --columns." if scores else "write target and nontarget in it.")
        )
    if scores and _possible(facts, _TRIALS, strictly=True):
        raise UserError(
            f"'{path}' is a list of trials without scores: give the file with the scores, and "
            "this one with --trials (or name its columns with --columns, if it holds scores)."
        )
    if not scores and _possible(facts, _SCORES, strictly=True):
        raise UserError(f"'{path}' holds scores but no labels: expected a list of trials there.")
    if len(facts) == 1:
        raise UserError(
            f"'{path}' does not look like {what}: separate its columns by spaces, tabs or commas."
        )
    expected = " or ".join(map(_in_words, orders[:3]))
    raise UserError(
        f"'{path}' does not look like {what}, with its {len(facts)} columns: expected "
        f"{expected}" + (", or the columns that you name with --columns." if scores else ".")
    )


def possible_columns(facts: Sequence[ColumnFacts], *, scores: bool) -> list[tuple[str, ...]]:
    """Return all that the columns may be; if nothing fits all values, what fits most of them.

    Parameters
    ----------
    facts : sequence of ColumnFacts
    scores : bool
        Whether the file holds scores. Else it is a list of trials.
    """
    orders = _SCORES if scores else _TRIALS
    return _possible(facts, orders, strictly=True) or _possible(facts, orders, strictly=False)


def _possible(
    facts: Sequence[ColumnFacts], orders: Sequence[tuple[str, ...]], *, strictly: bool
) -> list[tuple[str, ...]]:
    """Orders that the columns allow."""

    def fits(role: str, column: ColumnFacts) -> bool:
        if role == "score":
            # A column of 0 and 1 is a label, unless the user says otherwise.
            number = column.number if strictly else column.mostly_number
            return number and not (column.label if strictly else column.mostly_label)
        if role == "label":
            return column.label if strictly else column.mostly_label
        return True

    width = len(facts)
    readings = [order for order in orders if len(order) == width and all(map(fits, order, facts))]
    # wespeaker appends to each line what quality-aware calibration needs: four numbers.
    if width > 4 and ("enrolment", "test", "score", "label") in orders:
        order = ("enrolment", "test", "score", "label")
        if all(map(fits, order, facts)) and not facts[3].number:
            readings.append(order + (_IGNORED,) * (width - 4))
    return readings


def _in_words(columns: Sequence[str]) -> str:
    return f"'{' '.join(columns)}'"
