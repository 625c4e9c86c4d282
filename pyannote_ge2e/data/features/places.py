"""Where the array of a file goes in a folder of arrays."""

from __future__ import annotations

from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["inside"]


def inside(folder: Path, database: str, uri: str) -> Path:
    """`<folder>/<database>/<uri>.npy`.

    Raises
    ------
    UserError
        If that would lie elsewhere.

    Examples
    --------
    >>> inside(Path("/feats"), "VoxCeleb", "id10001/a/00001").as_posix()
    '/feats/VoxCeleb/id10001/a/00001.npy'
    """
    parts = Path(database, f"{uri}.npy")
    if parts.is_absolute() or ".." in parts.parts:
        raise UserError(f"The uri '{uri}' would leave the folder '{folder}': rename it.")
    return folder / parts
