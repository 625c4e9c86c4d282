"""Keeping an index on disk, under a name that tells what it was made from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.index.index import FORMAT
from pyannote_ge2e.data.index.lists import Declared, declared
from pyannote_ge2e.data.protocol import Subset, protocol_name

if TYPE_CHECKING:
    from pyannote.database import Protocol


def cached_index(protocol: Protocol, cache: Path, subset: Subset = "train") -> Path:
    """Folder of a protocol's index, built unless the cache has it.

    The folder's name is a digest of the protocol's lists (size and modification time), of the
    scope of its labels, and of where audio is looked for. An index of anything that cannot be
    told from such things (see `declared`) is built anew.

    Parameters
    ----------
    protocol : Protocol
    cache : Path
        Folder that holds indexes, made if needed.
    subset : {"train", "development", "test"}

    Returns
    -------
    folder : Path
        To give to `Index.load`.
    """
    parts = declared(protocol, subset)
    if parts is None:
        index = build_index(protocol, subset)
        folder = cache / index.digest()
        index.save(folder)
        return folder
    made_from = [FORMAT, protocol_name(protocol), subset, *map(_made_from, parts)]
    folder = cache / hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    if not (folder / "index.json").is_file():
        build_index(protocol, subset).save(folder)
    return folder


def _made_from(part: Declared) -> list[Any]:
    lists = []
    for path in (part.uri, part.annotation, part.annotated):
        if path is not None:
            status = path.stat()
            lists.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    return [part.database, part.scope, part.audio, lists]
