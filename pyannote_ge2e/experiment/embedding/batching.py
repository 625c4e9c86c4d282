"""One pass over recordings: their windows, put into batches with those of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from pyannote_ge2e.data.audio.activity import SoundLevels
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.cutting import cut_windows
from pyannote_ge2e.experiment.embedding.recordings import Recording

if TYPE_CHECKING:
    from pyannote_ge2e.experiment.embedding.embedder import Embedder


@dataclass(frozen=True)
class Embedded:
    """What became of a recording.

    Attributes
    ----------
    row : int
        Which one of those that were given.
    embeddings : (W, D) float32 array
        One row, or one for each window; none where there is a problem.
    starts : (W,) float64 array
        Start of each window, in seconds; 0 for the embedding of a whole recording.
    problem : str or None
        One sentence on why it has no embedding.
    """

    row: int
    embeddings: np.ndarray
    starts: np.ndarray
    problem: str | None = None


@dataclass
class _Open:
    """A recording some of whose windows are still to come, or to be embedded."""

    row: int
    recording: Recording
    levels: SoundLevels
    waiting: int = 0
    read: bool = False
    refused: bool = False
    total: np.ndarray | None = None
    rows: list[tuple[int, np.ndarray]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)


class WaitingWindows:
    """Windows that wait for others of their length, to be given to the model together.

    Parameters
    ----------
    embedder : Embedder
        Knows the model, and how recordings are given to it.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._buckets: dict[int, list[tuple[_Open, int, np.ndarray]]] = {}
        self._utterances: list[tuple[_Open, np.ndarray]] = []
        self._waiting = 0  # windows

    def add(self, row: int, recording: Recording, stretches: Any) -> Iterator[Embedded]:
        """Add a recording; gives those that are done."""
        embedder = self.embedder
        one = _Open(row, recording, SoundLevels(embedder.sample_rate))
        problem = stretches if isinstance(stretches, str) else None
        try:
            for segment in () if problem else stretches:
                yield from (self._utterance if embedder.own else self._cut)(one, segment)
        except UserError as error:
            problem = str(error)
        if problem is None and embedder.check and not embedder.own:
            heard = one.levels.problem()
            problem = heard and f"'{recording.path}' is {heard}."
        if problem is not None:
            # What waits of it already is embedded for nothing: nobody asks for it any more.
            one.refused = True
            nothing = np.zeros((0, 0), np.float32), np.zeros(0)
            yield Embedded(row, *nothing, problem=problem)
            return
        one.read = True
        if one.waiting == 0:
            yield self._done(one)

    def finish(self) -> Iterator[Embedded]:
        """Embed what is left; gives the recordings that are done."""
        for length in list(self._buckets):
            yield from self._embed_windows(length)
        yield from self._embed_utterances()

    def _cut(self, one: _Open, segment: Iterator[np.ndarray]) -> Iterator[Embedded]:
        embedder = self.embedder
        cuts = cut_windows(
            _heard(segment, one.levels), embedder.size, embedder.hop, embedder.shortest
        )
        for start, cut in cuts:
            bucket = self._buckets.setdefault(len(cut), [])
            bucket.append((one, len(one.starts), cut))
            one.starts.append(start / embedder.sample_rate)
            one.waiting += 1
            self._waiting += 1
            if len(bucket) >= embedder.batch_size:
                yield from self._embed_windows(len(cut))
            elif self._waiting >= 16 * embedder.batch_size:
                # Recordings shorter than a window, each of another length: memory has an end.
                longest = max(self._buckets, key=lambda each: each * len(self._buckets[each]))
                yield from self._embed_windows(longest)

    def _embed_windows(self, length: int) -> Iterator[Embedded]:
        waiting = self._buckets.pop(length)
        self._waiting -= len(waiting)
        batch = torch.from_numpy(np.stack([cut for _, _, cut in waiting])).unsqueeze(1)
        with torch.inference_mode():
            outputs = self.embedder.model(batch.to(self.embedder.device)).float()
            unit = F.normalize(outputs, dim=-1).cpu().numpy()
        for (one, position, _), embedding in zip(waiting, unit, strict=True):
            yield from self._gained(one, position, embedding)

    def _utterance(self, one: _Open, segment: Iterator[np.ndarray]) -> Iterator[Embedded]:
        embedder = self.embedder
        for waveform in segment:
            self._utterances.append((one, waveform))
            one.waiting += 1
            self._waiting += max(1, round(len(waveform) / embedder.size))
            if self._waiting >= embedder.batch_size:
                yield from self._embed_utterances()

    def _embed_utterances(self) -> Iterator[Embedded]:
        if not self._utterances:
            return
        waiting, self._utterances, self._waiting = self._utterances, [], 0
        waveforms = [torch.from_numpy(waveform) for _, waveform in waiting]
        unit = self.embedder.model.embed_utterances(waveforms).float().cpu().numpy()
        for (one, _), embedding in zip(waiting, unit, strict=True):
            yield from self._gained(one, 0, embedding)

    def _gained(self, one: _Open, position: int, embedding: np.ndarray) -> Iterator[Embedded]:
        """Put an embedding to those of its recording; gives the recording if that is done."""
        if one.refused:
            return
        one.waiting -= 1
        if self.embedder.every_window:
            one.rows.append((position, embedding))
        else:
            one.total = embedding if one.total is None else one.total + embedding
        if one.read and one.waiting == 0:
            yield self._done(one)

    def _done(self, one: _Open) -> Embedded:
        if one.total is None:
            found = np.stack([row for _, row in sorted(one.rows, key=lambda each: each[0])])
            starts = np.array(one.starts)
        else:
            found = (one.total / max(np.linalg.norm(one.total), 1e-12))[None]
            starts = np.zeros(1)
        if np.isfinite(found).all():
            return Embedded(one.row, found, starts)
        problem = f"The embedding of '{one.recording.path}' is no number."
        return Embedded(one.row, found[:0], starts[:0], problem)


def _heard(stretches: Iterator[np.ndarray], levels: SoundLevels) -> Iterator[np.ndarray]:
    for stretch in stretches:
        levels.add(stretch)
        yield stretch
