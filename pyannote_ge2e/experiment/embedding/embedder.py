"""Embeddings of recordings, batched across files: the windows of all of them, by their length.

The embedding of a recording has one definition (see `pyannote_ge2e.tasks.embedding`): the mean
of its windows' embeddings, all of unit length. A model that brings the windows of its own project
along (`embed_utterances`: the imported public checkpoints) is asked for whole utterances instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from pyannote.audio import Model

from pyannote_ge2e.data.audio.activity import no_speech
from pyannote_ge2e.data.audio.segments import AudioSegments
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.batching import Embedded, WaitingWindows
from pyannote_ge2e.experiment.embedding.recordings import Recording
from pyannote_ge2e.tasks.embedding import shortest_input

BATCH = 32  # windows: more are no faster on a CPU


class Embedder:
    """A model, and how recordings are given to it.

    Parameters
    ----------
    model : Model
        Moved to `device`, and put in evaluation mode.
    device : torch.device or str
    duration : float, optional
        Length of a window in seconds. Defaults to what the model was trained with, or to the
        model's own definition of the embedding of an utterance where it has one.
    step : float
        Step between windows, as a ratio of their length.
    every_window : bool
        Give one embedding for each window, not their mean.
    batch_size : int
        Windows given to the model at once.
    readers : int
        Threads that read audio ahead; 0 reads in turn with the model.
    check : bool
        Refuse recordings that hold no speech: see `pyannote_ge2e.data.audio.activity`.

    Raises
    ------
    UserError
        If the model takes no audio, or the windows are too short for it or less than a sample
        apart.
    """

    def __init__(
        self,
        model: Model,
        *,
        device: torch.device | str = "cpu",
        duration: float | None = None,
        step: float = 0.25,
        every_window: bool = False,
        batch_size: int = BATCH,
        readers: int = 1,
        check: bool = True,
    ) -> None:
        if not getattr(model, "takes_waveforms", True):
            raise UserError("The model takes features that were stored before, and no audio.")
        self.model: Any = model.to(device).eval()
        self.device = torch.device(device)
        self.sample_rate: int = model.hparams["sample_rate"]
        self.own = duration is None and not every_window and hasattr(model, "embed_utterances")
        self.duration = duration or next(iter(model.specifications)).duration
        self.step = step
        self.every_window = every_window
        self.batch_size = batch_size
        self.readers = readers
        self.check = check
        self.size = round(self.duration * self.sample_rate)
        self.hop = round(step * self.duration * self.sample_rate)
        if self.hop < 1:
            raise UserError(
                f"A step of {step:g} is less than a sample between windows: give a greater --step."
            )
        self.shortest = shortest_input(self.model, self.duration, AudioSegments(self.sample_rate))

    @property
    def windows(self) -> dict[str, float]:
        """What decides over an embedding besides the model: nothing where it is the model's own."""
        return {} if self.own else {"duration": self.duration, "step": self.step}

    def embed(
        self, recordings: Iterable[Recording], progress: Callable[[int], None] | None = None
    ) -> Iterator[Embedded]:
        """Embed recordings, few of which are in memory at a time.

        Parameters
        ----------
        recordings : iterable of Recording
        progress : callable, optional
            Called with the number of recordings just finished.

        Yields
        ------
        embedded : Embedded
            Of each recording, in the order in which they are done.
        """
        run = WaitingWindows(self)
        tell = progress or (lambda finished: None)
        for row, (recording, stretches) in enumerate(self._ahead(recordings)):
            for done in run.add(row, recording, stretches):
                tell(1)
                yield done
        for done in run.finish():
            tell(1)
            yield done

    def embed_waveforms(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        """Embed waveforms that were preprocessed already: (F, dimension) float32 array.

        Parameters
        ----------
        waveforms : iterable of (sample,) float32 arrays
            At the model's rate.

        Raises
        ------
        UserError
            If one of them holds no speech, where that is checked.
        """
        run = WaitingWindows(self)
        found: dict[int, np.ndarray] = {}
        for row, waveform in enumerate(waveforms):
            name = f"waveform {row}"
            for done in run.add(row, Recording(name, name), iter([iter([waveform])])):
                found[done.row] = _embedding(done)
        found.update((done.row, _embedding(done)) for done in run.finish())
        return np.stack([found[row] for row in range(len(found))])

    def _ahead(self, recordings: Iterable[Recording]) -> Iterator[tuple[Recording, Any]]:
        """Read recordings in threads, a few ahead of the model."""
        if self.readers == 0:
            for recording in recordings:
                yield recording, self._read(recording)
            return
        with ThreadPoolExecutor(self.readers, "reader") as pool:
            reading: deque[tuple[Recording, Future]] = deque()
            try:
                for recording in recordings:
                    reading.append((recording, pool.submit(self._read, recording)))
                    if len(reading) > 4 * self.readers:
                        one, future = reading.popleft()
                        yield one, future.result()
                while reading:
                    one, future = reading.popleft()
                    yield one, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _read(self, recording: Recording) -> Iterator[Iterator[np.ndarray]] | str:
        """Samples of a recording, the first of them read already; or what is wrong with it."""
        try:
            segments = list(recording.stretches(self.sample_rate, whole=self.own))
            if self.own:
                return iter([iter([self._preprocessed(recording, *each)]) for each in segments])
            return iter(segments)
        except UserError as error:
            return str(error)

    def _preprocessed(self, recording: Recording, waveform: np.ndarray) -> np.ndarray:
        """What a model with windows of its own is to hear of an utterance."""
        if self.check and (problem := no_speech(waveform, self.sample_rate)):
            raise UserError(f"'{recording.path}' is {problem}.")
        heard = self.model.preprocess(torch.from_numpy(waveform)).cpu().numpy()
        if len(heard) == 0:
            raise UserError(f"'{recording.path}' is silent: nothing is left of it to hear.")
        return np.resize(heard, max(len(heard), self.shortest))


def _embedding(done: Embedded) -> np.ndarray:
    if done.problem is not None:
        raise UserError(done.problem)
    return done.embeddings[0]
