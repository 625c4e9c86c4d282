"""Changing a YAML file that people also write by hand: what changes is replaced, all comments stay.

ruamel.yaml hangs comments on the entry that they follow: what stands above a protocol belongs to
the last list of the one before. New entries therefore go between an entry and the lines below it,
and what hangs on an entry that is removed moves to the one before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

__all__ = ["put_list", "put_mapping", "remove"]


def put_mapping(parent: CommentedMap, key: Any, new: Mapping[str, Any]) -> None:
    r"""Set the entries of a nested mapping, deep down; those that `new` does not name stay.

    Parameters
    ----------
    parent : CommentedMap
    key : str
        Of a mapping in `parent`, made when missing.
    new : mapping
        Strings, lists of strings, and mappings of those.

    Examples
    --------
    >>> import sys
    >>> from ruamel.yaml import YAML
    >>> content = YAML().load("All:\n  scope: file  # mine\n# the end\n")
    >>> put_mapping(content, "All", {"train": {"uri": "train.lst"}})
    >>> YAML().dump(content, sys.stdout)
    All:
      scope: file  # mine
      train:
        uri: train.lst
    # the end
    """
    mapping = parent.get(key)
    if not mapping or not isinstance(mapping, CommentedMap):
        _put(parent, key, _built(new))
        return
    for name, value in new.items():
        if isinstance(value, Mapping):
            put_mapping(mapping, name, value)
        elif isinstance(value, list):
            put_list(mapping, name, value)
        elif mapping.get(name) != value:
            _put(mapping, name, value)


def put_list(parent: CommentedMap, key: Any, new: list[str]) -> None:
    r"""Set a list of strings; those that were there keep their comments.

    Examples
    --------
    >>> import sys
    >>> from ruamel.yaml import YAML
    >>> content = YAML().load("Vox:\n- a\n- b  # mine\n# the end\n")
    >>> put_list(content, "Vox", ["b", "c"])
    >>> YAML().dump(content, sys.stdout)
    Vox:
    - b  # mine
    - c
    # the end
    """
    old = parent.get(key)
    if old == new or [old] == new:
        return
    if not isinstance(old, CommentedSeq):
        _put(parent, key, _built(new))
        return
    for item in new:
        if item not in old:
            below = _take(old)
            old.append(item)
            _give(old, below)
    for index in reversed(range(len(old))):
        if old[index] not in new:
            _remove(old, index)


def remove(parent: CommentedMap, keys: Collection[str]) -> None:
    r"""Remove some entries of a mapping, but for the comments in and around them.

    Examples
    --------
    >>> import sys
    >>> from ruamel.yaml import YAML
    >>> content = YAML().load("a: 1\nb: # why b\n  c: 2 # why c\n# the end\n")
    >>> remove(content, ["b"])
    >>> YAML().dump(content, sys.stdout)
    a: 1
    # why b
    # why c
    # the end
    """
    for key in [key for key in parent if key in keys]:
        _remove(parent, key)


def _built(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap((name, _built(each)) for name, each in value.items())
    return CommentedSeq(value) if isinstance(value, list) else value


def _put(mapping: CommentedMap, key: Any, value: Any) -> None:
    """Set an entry; what was below it, or below the mapping when it is new, is below it then."""
    if key in mapping:
        below = _take(mapping, key)
        if isinstance(mapping[key], CommentedMap | CommentedSeq):
            below = _comments(mapping, key) + below
            mapping.ca.items.pop(key, None)
        mapping[key] = value
        _give(mapping, below, key)
    else:
        below = _take(mapping)
        mapping[key] = value
        _give(mapping, below)


def _remove(parent: CommentedMap | CommentedSeq, key: Any) -> None:
    keys = list(parent) if isinstance(parent, CommentedMap) else list(range(len(parent)))
    place = keys.index(key)
    lines = _comments(parent, key)
    parent.ca.items.pop(key, None)
    del parent[key]
    if place == 0:
        _give(parent, lines + _take(parent))
    else:
        _give(parent, _take(parent, keys[place - 1]) + lines, keys[place - 1])


def _take(node: CommentedMap | CommentedSeq, key: Any = None) -> list[str]:
    """Take away the lines of comments below an entry, the last one by default."""
    found = _last(node, key)
    token = found and _following(*found)
    if not token:
        return []
    own, _, below = token.value.partition("\n")
    token.value = own + "\n"
    return below.splitlines()


def _give(node: CommentedMap | CommentedSeq, lines: list[str], key: Any = None) -> None:
    """Put lines of comments below an entry, the last one by default, and above what is there."""
    found = _last(node, key)
    if not lines or not found:
        return
    token = _following(*found)
    if token is None:
        token = CommentToken("\n", CommentMark(0), None)
        holder, last = found
        holder.ca.items.setdefault(last, [None, None, None, None])[_place(holder)] = token
    own, _, below = token.value.partition("\n")
    token.value = "\n".join([own, *lines, below])


def _last(node: Any, key: Any = None) -> tuple[Any, Any] | None:
    """Return the innermost mapping or list that ends where an entry does, and its last key."""
    if not node:
        return None
    if key is None:
        key = len(node) - 1 if isinstance(node, CommentedSeq) else list(node)[-1]
    value = node[key]
    nested = isinstance(value, CommentedMap | CommentedSeq) and not value.fa.flow_style()
    return (nested and _last(value)) or (node, key)


def _following(holder: Any, key: Any) -> CommentToken | None:
    slots = holder.ca.items.get(key)
    return slots[_place(holder)] if slots else None


def _place(holder: Any) -> int:
    """Where ruamel keeps what follows an entry."""
    return 0 if isinstance(holder, CommentedSeq) else 2


def _comments(parent: CommentedMap | CommentedSeq, key: Any) -> list[str]:
    """Return the lines of comments that hang on an entry, and on what is in it."""
    found: dict[int, str] = {}  # ruamel hangs some in two places

    def walk(something: Any) -> None:
        if isinstance(something, CommentToken):
            found.setdefault(id(something), something.value)
        elif isinstance(something, CommentedMap | CommentedSeq):
            walk(something.ca.comment)
            inside = something if isinstance(something, CommentedMap) else range(len(something))
            for inner in inside:
                walk(something.ca.items.get(inner))
                walk(something[inner])
        elif isinstance(something, list | tuple):
            for part in something:
                walk(part)

    walk(parent.ca.items.get(key))
    walk(parent[key])
    margin = " " * parent.lc.data[key][1] if key in (parent.lc.data or {}) else ""
    lines = []
    for text in found.values():
        own, _, below = text.partition("\n")
        lines += [margin + own.strip()] * bool(own.strip()) + below.splitlines()
    return lines
