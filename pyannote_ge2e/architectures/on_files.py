"""Models that take a file as well as waveforms: one embedding for each sliding window of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile
import torch

from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.core import SlidingWindowFeature


class OnFiles:
    """Adds `model({"audio": path})` to a model, as pretrained ones of pyannote.audio 1 had it.

    Attributes
    ----------
    window : float or None
        Duration of a window, in seconds; that of training chunks by default.
    step : float
        Step between two windows, as a ratio of their duration.
    """

    window: float | None = None
    step: float = 0.25

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        """Embed a file (a path, or a mapping that pyannote.audio knows), or waveforms.

        Parameters
        ----------
        inputs : str, Path, mapping or (batch, 1, sample) Tensor
            `"alice.wav"`, `{"audio": "alice.wav"}`, `{"waveform": ..., "sample_rate": ...}`; or
            waveforms, for `forward`.

        Returns
        -------
        embeddings : SlidingWindowFeature or Tensor
            One row for each window of a file (the last is filled up with zeros, so that a file
            shorter than a window has one); or what `forward` returns.

        Raises
        ------
        UserError
            If there is no such file, or it is no audio.
        """
        # A file comes alone: with several processes, Lightning calls a model with a batch, which is
        # a mapping too, and its number.
        if isinstance(inputs, (str, Path, Mapping)) and not args:
            return self._slide(inputs)
        return super().__call__(inputs, *args, **options)  # type: ignore[misc]

    def _slide(self, file: str | Path | Mapping) -> SlidingWindowFeature:
        from pyannote.audio import Inference

        model: Any = self
        was_training = model.training
        duration = self.window or next(iter(model.specifications)).duration
        if round(self.step * duration * model.hparams["sample_rate"]) < 1:
            raise UserError(f"A step of {self.step:g} is less than a sample between windows.")
        with warnings.catch_warnings():
            # That windows are not as long as training chunks is what was asked for.
            warnings.filterwarnings("ignore", "Model was trained with")
            inference = Inference(model, duration=duration, step=self.step * duration)
        try:
            return inference(_decoded(file))
        finally:
            model.train(was_training)


def _decoded(file: str | Path | Mapping) -> dict[str, Any]:
    """Read what libsndfile can, and leave the rest to pyannote.audio, which needs FFmpeg."""
    found = dict(file) if isinstance(file, Mapping) else {"audio": file}
    if "waveform" in found:
        return found
    path = found.get("audio")
    if not isinstance(path, (str, Path)):
        raise UserError("Expected a file as a path, {'audio': path}, or {'waveform': ...}.")
    if not Path(path).is_file():
        raise UserError(f"No such audio file: '{path}'. Check the path.")
    try:
        waveform, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        waveform, sample_rate = _by_ffmpeg(path)
    else:
        waveform = torch.from_numpy(waveform.T)
    if waveform.shape[-1] == 0:
        raise UserError(f"'{path}' holds no audio: a header and not one sample.")
    return {"uri": Path(path).stem, **found, "waveform": waveform, "sample_rate": sample_rate}


def _by_ffmpeg(path: str | Path) -> tuple[torch.Tensor, int]:
    from pyannote.audio.core.io import Audio

    try:
        return Audio()(path)
    except Exception as error:  # torchcodec fails in as many ways as there are files
        raise UserError(
            f"'{path}' cannot be read: it is not audio, or of a kind that needs FFmpeg's libraries."
        ) from error
