"""Rooms as they were recorded: impulse responses from folders."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.augmentation.audio_files import AudioFiles, Names
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.mixing import SILENCE
from pyannote_ge2e.data.augmentation.room import Room
from pyannote_ge2e.errors import UserError


class ImpulseResponse(Room):
    """Convolve with impulse responses of rooms, such as those of openslr.org/28.

    Speech stays where it is in the chunk, and the chunk keeps its length.

    Parameters
    ----------
    collection : str, Path or sequence of them
        Folders of impulse responses, searched in depth, or pyannote.database collections.
    keep_level : bool
        Whether a chunk keeps its root mean square. Otherwise it becomes as loud as the energy of
        the response has it.
    align : bool
        Whether the direct sound stays where it is. Otherwise it comes as late as in the response.
    p : float
        Share of the chunks that are convolved.

    Raises
    ------
    UserError
        If a folder is not there, or holds no audio file.
    """

    def __init__(
        self,
        collection: Names,
        keep_level: bool = True,
        align: bool = True,
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p, keep_level=keep_level, align=align)
        self.files = AudioFiles(collection, "impulse responses")

    def responses(self, rng: np.random.Generator, chunks: Chunks) -> list[np.ndarray]:
        """Read a response for each chunk."""
        return responses(rng, self.files, chunks)


def responses(rng: np.random.Generator, files: AudioFiles, chunks: Chunks) -> list[np.ndarray]:
    """Read an impulse response at random for each chunk.

    Raises
    ------
    UserError
        Naming a file that holds nothing but silence.
    """
    found = []
    for _ in range(chunks.count):
        response, path = files.whole(rng, chunks.sample_rate)
        if np.abs(response).max() < SILENCE:
            raise UserError(f"'{path}' is silent, no impulse response: take it out of its folder.")
        found.append(response)
    return found
