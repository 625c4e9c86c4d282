"""How long the utterances of a folder last, and which of them cannot be used."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyannote_ge2e.data.audio.containers import FFMPEG_ADVICE, FFMPEG_SUFFIXES, has_ffmpeg
from pyannote_ge2e.data.audio.reader import audio_duration, read_segment
from pyannote_ge2e.data.prepare.folder import LeftOut, Utterance
from pyannote_ge2e.errors import UserError

__all__ = ["Progress", "measure"]

Progress = Callable[[int, int], None]

# A wav cut short is told by its size, and Ogg's duration is that of its last page; other headers
# may promise what is not there, so the end is decoded: so many seconds.
_TAIL = 0.1
_HONEST = (".wav", ".ogg", ".oga", ".opus")


def measure(
    root: Path, utterances: list[Utterance], progress: Progress | None = None, threads: int = 8
) -> tuple[dict[str, int], list[LeftOut]]:
    """Measure the utterances of a folder, several at a time.

    Parameters
    ----------
    root : Path
        Corpus.
    utterances : list of Utterance
    progress : callable, optional
        Called with (files measured, files in all) now and then.
    threads : int, optional
        Files measured at a time.

    Returns
    -------
    durations : dict of str to int
        Milliseconds, rounded down, of each uri that can be read.
    left_out : list of LeftOut
        The others, and why.

    Examples
    --------
    >>> measure(Path("."), [Utterance("alice/1", ".wav", "alice", None)])[1][0].reason
    'it is not there: a broken link?'
    """
    left_out: list[LeftOut] = []
    beyond = [u for u in utterances if u.suffix.lower() in FFMPEG_SUFFIXES]
    if beyond and not has_ffmpeg():
        reason = f"{beyond[0].suffix} {FFMPEG_ADVICE}"
        left_out.append(LeftOut(beyond[0].uri + beyond[0].suffix, reason, len(beyond)))
        utterances = [u for u in utterances if u.suffix.lower() not in FFMPEG_SUFFIXES]
    durations: dict[str, int] = {}
    paths = [str(root / (u.uri + u.suffix)) for u in utterances]
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(_duration, paths, chunksize=64)
        for done, (utterance, path, result) in enumerate(
            zip(utterances, paths, results, strict=True), start=1
        ):
            if isinstance(result, int):
                durations[utterance.uri] = result
            else:
                name = utterance.uri + utterance.suffix
                left_out.append(LeftOut(name, _reason(result, path)))
            if progress is not None and (done % 64 == 0 or done == len(paths)):
                progress(done, len(paths))
    return durations, left_out


def _duration(path: str) -> int | str:
    """Return a duration in milliseconds, rounded down, or what is wrong with the file."""
    try:
        duration = audio_duration(path)
        if not path.lower().endswith(_HONEST):
            read_segment(path, max(duration - _TAIL, 0.0))
    except UserError as error:
        return str(error)
    milliseconds = math.floor(duration * 1000 + 1e-6)
    return milliseconds or "it lasts less than a millisecond"


def _reason(message: str, path: str) -> str:
    """Shorten a reader's message where the path is told apart."""
    if message.startswith("No such audio file"):
        return "it is not there: a broken link?"
    return message.replace(f"'{path}'", "it").rstrip(".")
