"""What a pack looks like on disk, and how to tell a whole one from one in the making.

    pack.json          what it is made of; there only once it is whole
    index-3/           one row for each utterance: where its samples are, and what was its source
    00000.pcm, ...     samples, mono, 16-bit little-endian, one utterance after the other

`pack.json` names the index that it goes with. Each run of `write_pack` makes a new index of the
one before, and new shards: what `pack.json` names is never written to.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError

__all__ = ["FORMAT", "FULL_SCALE", "LEFT_OUT", "ROW", "TO_DO", "About", "Whole"]

FORMAT = 1
FULL_SCALE = 2**15

ROW = np.dtype(
    [
        ("shard", "<i4"),  # its number, or one of the two below
        ("checksum", "<u4"),  # CRC-32 of the samples as they are in the shard
        ("first", "<i8"),  # sample of the shard
        ("samples", "<i8"),
        ("clipped", "<i8"),  # samples that were louder than full scale
        ("size", "<i8"),  # of the source, in bytes
        ("mtime_ns", "<i8"),  # of the source
    ]
)
"""What is known of an utterance."""

TO_DO, LEFT_OUT = -1, -2  # shards of utterances that are in none

_PACK = "pack.json"
_ABOUT = "about.json"
_INDEX = re.compile(r"index-(\d+)")
_SHARD = re.compile(r"(\d{5,})\.pcm")


@dataclass(frozen=True)
class About:
    """What a pack was asked to hold.

    Attributes
    ----------
    protocol, subset : str
    sample_rate : int
        In Hz.
    options : list of str
        Of `emb pack`, besides the protocol and the folder.
    format : int
    """

    protocol: str
    subset: str
    sample_rate: int
    options: list[str] = field(default_factory=list)
    format: int = FORMAT

    def command(self, folder: Path) -> str:
        """Words that make a pack, finish it, and bring it up to date.

        Examples
        --------
        >>> About("A.B.C", "train", 16000).command(Path("pack"))
        'pyannote-audio emb pack A.B.C pack'
        """
        words = ["pyannote-audio", "emb", "pack", self.protocol, str(folder), *self.options]
        return shlex.join(words)


@dataclass(frozen=True)
class Whole:
    """What `pack.json` says.

    Attributes
    ----------
    about : About
    index : str
        Name of the folder with the rows.
    digest : str
        Of what is in that folder.
    shards : dict of str to int
        Bytes in each shard.
    """

    about: About
    index: str
    digest: str
    shards: dict[str, int] = field(default_factory=dict)


def shard_name(number: int) -> str:
    """Name of a shard's file.

    Examples
    --------
    >>> shard_name(12)
    '00012.pcm'
    """
    return f"{number:05d}.pcm"


def indexes(folder: Path) -> list[int]:
    """Numbers of the indexes in a folder, in increasing order."""
    return _numbers(folder, _INDEX)


def shards(folder: Path) -> list[int]:
    """Numbers of the shards in a folder, in increasing order."""
    return _numbers(folder, _SHARD)


def _numbers(folder: Path, pattern: re.Pattern[str]) -> list[int]:
    found = (pattern.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in found if match)


def write_about(folder: Path, about: About) -> None:
    """Say in the folder of an index what it is for."""
    (folder / _ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")


def read_about(folder: Path) -> About:
    """Read what the index in a folder is for."""
    return _about(folder.parent, _json(folder / _ABOUT, remove=folder))


def write_whole(folder: Path, whole: Whole) -> None:
    """Declare a pack whole."""
    with replacing(folder / _PACK) as temporary:
        temporary.write_text(json.dumps(asdict(whole), indent=1), encoding="utf-8")


def read_whole(folder: Path) -> Whole | None:
    """Read what a pack is made of; None unless it was declared whole.

    Raises
    ------
    UserError
        When it is damaged, or of a later format.
    """
    if not (folder / _PACK).is_file():
        return None
    content = _json(folder / _PACK, remove=folder / _PACK)
    about = _about(folder, content.get("about"))
    index, digest, shards = (content.get(name) for name in ("index", "digest", "shards"))
    if not (isinstance(index, str) and isinstance(digest, str) and isinstance(shards, dict)):
        raise _foreign(folder)
    return Whole(about, index, digest, shards)


def _json(path: Path, remove: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{path}' cannot be read: remove '{remove}' and run 'emb pack' again."
        ) from error
    return content if isinstance(content, dict) else {}


def _about(folder: Path, content: Any) -> About:
    if not isinstance(content, dict) or "format" not in content:
        raise _foreign(folder)
    if content["format"] != FORMAT:
        raise UserError(
            f"The pack '{folder}' is of format {content['format']}, and this version reads format "
            f"{FORMAT}: update pyannote-ge2e, or pack into another folder."
        )
    try:
        return About(**content)
    except TypeError as error:
        raise _foreign(folder) from error


def _foreign(folder: Path) -> UserError:
    return UserError(
        f"'{folder}' is not a pack that 'emb pack' made: give the folder that it wrote to."
    )
