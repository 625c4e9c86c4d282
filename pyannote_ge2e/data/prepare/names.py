"""Names of recordings that pyannote's lists can carry, whatever the files are called."""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["audio_template", "is_safe_uri", "safe_speaker", "safe_uri", "unused"]

# White space separates the fields of a list, pandas takes " for a quote, pyannote takes * for a
# pattern and braces for something to fill in.
_AWKWARD = re.compile(r'[\s"*{}]')
# A uri is part of a path: no part of it may be empty, or mean this folder or the one above.
_NO_PATH = re.compile(r"\A#|(?:\A|/)\.{0,2}(?=/|\Z)")

# Words that pandas, with which pyannote reads lists of trials, takes for a missing value or for
# a truth value.
_NOT_STRINGS = frozenset(
    [
        *("N/A", "n/a", "NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"),
        *("#N/A", "#NA", "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
        *("True", "TRUE", "true", "False", "FALSE", "false"),
    ]
)

_LONGEST = 200  # bytes of a file's name, of which most systems allow 255


def is_safe_uri(name: str) -> bool:
    """Tell whether a name can stand in lists and trials as it is.

    Examples
    --------
    >>> is_safe_uri("alice/call 1"), is_safe_uri("alice/İpek,1"), is_safe_uri("0042")
    (False, True, False)
    """
    return (
        name.isprintable()
        and not _AWKWARD.search(name)
        and not _misread(name)
        and not (_may_be_no_path(name) and _NO_PATH.search(name))
    )


def safe_uri(name: str) -> str:
    """Return a name like this one that can stand in lists and trials.

    What cannot is written as in addresses, `%20` for a space. Two names may become one.

    Parameters
    ----------
    name : str
        Such as the path of a file without its suffix; invalid UTF-8 as Python reads it.

    Returns
    -------
    uri : str

    Examples
    --------
    >>> safe_uri("alice/call 1"), safe_uri("0042"), safe_uri("../bob")
    ('alice/call%201', 'utt-0042', '%2E%2E/bob')
    """
    if is_safe_uri(name):
        return name
    uri = "/".join(_short(_escaped_part(part)) for part in name.split("/"))
    if uri.startswith("#"):
        uri = "%23" + uri[1:]
    return f"utt-{uri}" if _misread(uri) else uri


def safe_speaker(name: str) -> str:
    r"""Return a speaker's name that can stand in a table: without tabs and ends of lines.

    Examples
    --------
    >>> safe_speaker("Ann Lee"), safe_speaker("Ann\tLee")
    ('Ann Lee', 'Ann%09Lee')
    """
    if name.isprintable():
        return name
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in name)


def unused(uri: str, taken: set[str]) -> str:
    """Return `uri`, with a number if it is in use, and put it in use.

    Examples
    --------
    >>> unused("ann/1", {"ann/1", "ann/1-2"})
    'ann/1-3'
    """
    free, number = uri, 1
    while free in taken:
        number += 1
        free = f"{uri}-{number}"
    taken.add(free)
    return free


def audio_template(folder: str, suffix: str) -> str:
    """Return what `Databases` says to find the files below a folder, or nothing if it cannot.

    Examples
    --------
    >>> audio_template("/data/my {voices}", ".wav")
    '/data/my {{voices}}/{uri}.wav'
    >>> audio_template("/data/a*", ".wav")  # a pattern to pyannote
    ''
    """
    if "*" in folder or not folder.isprintable():
        return ""
    escaped = folder.rstrip("/").replace("{", "{{").replace("}", "}}")
    return f"{escaped}/{{uri}}{suffix}"


def _may_be_no_path(name: str) -> bool:
    """Rule most names out, which are many: a search takes longer."""
    return name[:1] in "#/." or name[-1:] == "/" or "//" in name or "/." in name


def _misread(name: str) -> bool:
    if name in _NOT_STRINGS:
        return True
    if "/" in name:
        return False
    try:
        float(name)
    except ValueError:
        return False
    return True


def _escaped_part(part: str) -> str:
    if part in ("", ".", ".."):
        return "%2E" * len(part) or "%2F"
    return "".join(
        sign if sign.isprintable() and sign not in ' "*{}%' else _escaped(sign) for sign in part
    )


def _escaped(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode(errors="surrogateescape"))


def _short(part: str) -> str:
    """Shorten what would be too long for a file's name once escaped."""
    name = part.encode()
    if len(name) <= _LONGEST:
        return part
    return f"{name[:_LONGEST].decode(errors='ignore')}-{blake2b(name, digest_size=4).hexdigest()}"
