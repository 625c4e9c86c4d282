"""A stand-in for the PLDA that pyannote.audio's diarization loads, whether it uses it or not."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from pyannote.audio.core.plda import PLDA

from pyannote_ge2e.errors import UserError


class NoPLDA(PLDA):
    """What `SpeakerDiarization(plda=...)` takes instead of files from the Hugging Face hub.

    Only its VBx clustering compares embeddings by a PLDA, and the one published was trained on
    embeddings of another model: on ours it computes without complaint, and means nothing.

    Examples
    --------
    >>> no_plda = NoPLDA()
    >>> no_plda(np.zeros((2, 256)))  # what VBx clustering does  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: There is no PLDA for these embeddings: ...
    """

    def __init__(self) -> None:
        # That of PLDA reads files.
        pass

    def __call__(self, embeddings: np.ndarray) -> NoReturn:
        """Refuse: there is no space to bring embeddings to.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(
            "There is no PLDA for these embeddings: give SpeakerDiarization "
            'clustering="AgglomerativeClustering", which needs none.'
        )
