"""Keeping an index on disk, under a name that tells what it was made from."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.data.index import FORMAT, build_index
from pyannote_ge2e.data.protocol import Subset, protocol_name

if TYPE_CHECKING:
    from pyannote.database import Protocol


def cached_index(protocol: Protocol, cache: Path, subset: Subset = "train") -> Path:
    """Folder of a protocol's index, built unless the cache has it.

    The folder's name is a digest of the protocol's lists (size and modification time), of their
    entry in `database.yml`, and of where audio is looked for. An index of anything that cannot be
    told from such things (a protocol written in Python, one annotation file for each recording,
    audio searched by pattern) is built anew.

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
    made_from = _made_from(protocol, subset)
    if made_from is None:
        index = build_index(protocol, subset)
        folder = cache / index.digest()
        index.save(folder)
        return folder
    text = json.dumps(
        [FORMAT, protocol_name(protocol), subset, made_from], sort_keys=True, default=str
    )
    folder = cache / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not (folder / "index.json").is_file():
        build_index(protocol, subset).save(folder)
    return folder


def _made_from(protocol: Protocol, subset: Subset) -> Any:
    """What an index depends on, or None if that cannot be told."""
    from pyannote.database import FileFinder

    preprocessors = dict(protocol.preprocessors)
    pyannotes = [preprocessors.pop(key, None) for key in ("annotated", "annotation")]
    if any(getattr(one, "keywords", {}).get("existing_preprocessor") for one in pyannotes):
        return None
    audio = preprocessors.pop("audio", None)
    if preprocessors or not isinstance(audio, FileFinder):
        return None
    entry = getattr(protocol, f"{subset}_iter", None)
    return _entry(entry) if isinstance(entry, functools.partial) else None


def _entry(entry: functools.partial) -> Any:
    """A subset declared in a database.yml, or a meta-protocol's subset made of such."""
    from pyannote.database import registry
    from pyannote.database.custom import resolve_path

    if entry.args:  # meta-protocol: database, task, protocol, subset, entries, database.yml
        parts = []
        for name, subsets in entry.args[4].items():
            protocol = registry.get_protocol(name)
            parts += [getattr(protocol, f"{subset}_iter", None) for subset in subsets]
        made_from = [
            _entry(part) if isinstance(part, functools.partial) else None for part in parts
        ]
        return None if None in made_from else made_from

    declared = entry.keywords
    sources = registry.sources.get(declared["database"], [])
    if len(sources) != 1 or "*" in sources[0]:
        return None
    lists = {}
    for key, value in declared["entries"].items():
        if isinstance(value, str) and key != "trial":
            if "{" in value:
                return None
            path = resolve_path(Path(value), declared["database_yml"])
            status = path.stat()
            lists[key] = [str(path.resolve()), status.st_size, status.st_mtime_ns]
        elif key != "trial":
            lists[key] = value
    return [declared["database"], declared.get("scope"), sources, lists]
