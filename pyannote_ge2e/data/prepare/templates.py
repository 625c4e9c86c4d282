"""Where the audio of a database is: which of its templates stay when it is prepared (again)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["merged_templates", "relative_template"]


def merged_templates(
    database_yml: Path,
    name: str,
    old: Sequence[str],
    new: Sequence[str],
    lists: Path,
    *,
    replacing: bool,
    others: bool,
) -> list[str]:
    """Return the templates of a database after a corpus was added to it.

    A folder that is, contains or is within one of the corpus's is the same corpus, prepared
    before. Another folder is somebody else's: its template stays as long as the folder is there
    or something else may need it.

    Parameters
    ----------
    database_yml : Path
        To which templates are relative.
    name : str
        Of the database.
    old, new : sequences of str
        What it says, and where the corpus is.
    lists : Path
        Folder of the database's lists, which may hold links to audio.
    replacing : bool
        Whether a protocol of the corpus takes the place of one that is there.
    others : bool
        Whether the database has protocols besides.

    Raises
    ------
    UserError
        When what is to be replaced is another corpus.

    Examples
    --------
    >>> merged_templates(
    ...     Path("/database.yml"), "A", ["/gone/{uri}.wav"], ["/a/{uri}.wav"], Path("/lists/A"),
    ...     replacing=True, others=False,
    ... )
    ['/a/{uri}.wav']
    """
    roots = [_root(database_yml, template) for template in new]
    known = {template: _root(database_yml, template) for template in old}
    foreign = {
        template: root
        for template, root in known.items()
        if not root.is_relative_to(lists) and not any(_overlap(root, other) for other in roots)
    }
    there = [root for root in foreign.values() if root.exists()]
    same = any(not root.is_relative_to(lists) for t, root in known.items() if t not in foreign)
    if replacing and there and not same:
        raise UserError(
            f"'{database_yml}' already has a database called '{name}', in '{there[0]}': choose "
            "another name for this one (--name), or prepare both together, by one command."
        )
    kept = [t for t in old if t in foreign and (others or foreign[t].exists())]
    return [*kept, *new]


def relative_template(template: str, database_yml: Path) -> str:
    """Return a template relative to `database.yml` when the corpus is beside it.

    Examples
    --------
    >>> relative_template("/data/voices/{uri}.wav", Path("/data/database.yml"))
    'voices/{uri}.wav'
    """
    return template.removeprefix(f"{database_yml.parent.as_posix().rstrip('/')}/")


def _root(database_yml: Path, template: str) -> Path:
    """Return the folder of a template's corpus, whatever its suffix."""
    root = template.partition("{uri}")[0].replace("{{", "{").replace("}}", "}")
    return (database_yml.parent / root).resolve()


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
