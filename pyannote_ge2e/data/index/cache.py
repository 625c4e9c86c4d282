"""Keeping an index on disk, under a name that tells what it was made from."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.data.index.audio import check_audio as check_audio_files
from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.index.declared import Declared, declared
from pyannote_ge2e.data.index.index import FORMAT, Index
from pyannote_ge2e.data.index.store import ABOUT
from pyannote_ge2e.data.protocol import Subset, protocol_name
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

__all__ = ["cached_index", "prune"]

KEPT = 16  # indexes, of those used last
IN_USE = 24 * 3600  # seconds since it was last used, within which any index is kept

_INDEX = re.compile(r"[0-9a-f]{16}")
_PARTIAL = re.compile(r"\.[0-9a-f]{16}\.[0-9a-f]{32}")


def cached_index(
    protocol: Protocol, cache: Path, subset: Subset = "train", check_audio: bool = True
) -> Path:
    """Folder of a protocol's index, built unless the cache has it.

    The folder's name is a digest of the protocol's lists (size, and times of modification and of
    change: a copy may keep the former), of the scope of its labels, and of where audio is looked
    for. An index of anything that cannot be told from such things (see `declared`) is built anew.

    Parameters
    ----------
    protocol : Protocol
    cache : Path
        Folder that holds indexes, made if needed. Those that were not used for long are removed.
    subset : {"train", "development", "test"}
    check_audio : bool
        See `build_index`.

    Returns
    -------
    folder : Path
        To give to `Index.load`.
    """
    parts = declared(protocol, subset)
    if parts is None:
        index = build_index(protocol, subset, check_audio)
        folder = cache / index.digest()
        index.save(folder)
    else:
        made_from = [FORMAT, protocol_name(protocol), subset, *map(_made_from, parts)]
        folder = cache / hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
        kept = _kept(folder)
        if kept is not None:
            if check_audio:
                check_audio_files(kept, parts)
            return folder
        build_index(protocol, subset, check_audio).save(folder)
    prune(cache)
    return folder


def _kept(folder: Path) -> Index | None:
    """The index in a folder; one that is damaged leaves its place to a new one."""
    if not folder.is_dir():
        return None
    try:
        return Index.load(folder)
    except UserError:
        _remove(folder)
        return None


def prune(cache: Path) -> None:
    """Remove the indexes that were used least lately, and what interrupted runs left.

    Whatever was used in the last day stays, and so do the 16 indexes that were used last.

    Parameters
    ----------
    cache : Path
    """
    now = time.time()
    indexes = sorted(
        (folder for folder in cache.iterdir() if _INDEX.fullmatch(folder.name)),
        key=_last_use,
        reverse=True,
    )
    partial = (folder for folder in cache.iterdir() if _PARTIAL.fullmatch(folder.name))
    for folder in [*indexes[KEPT:], *partial]:
        if now - _last_use(folder) > IN_USE:
            _remove(folder)


def _last_use(folder: Path) -> float:
    for path in (folder / ABOUT, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _remove(folder: Path) -> None:
    # First out of the way: no other run must find half of it.
    aside = folder.with_name(f".{folder.name[-16:]}.{uuid.uuid4().hex}")
    with suppress(OSError):
        folder.rename(aside)
        shutil.rmtree(aside)


def _made_from(part: Declared) -> list[Any]:
    lists = []
    for path in (part.uri, part.annotation, part.annotated):
        if path is not None:
            status = path.stat()
            times = [status.st_mtime_ns, status.st_ctime_ns]
            lists.append([str(path.resolve()), status.st_size, *times])
    return [part.database, part.scope, part.templates, lists]
