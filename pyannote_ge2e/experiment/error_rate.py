"""The verification experiment: embed each file once, score the trials, count the errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from pyannote.audio import Model

from pyannote_ge2e.data.trials.trials import TrialIndex
from pyannote_ge2e.data.trials.windows import SegmentReader
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.metrics import confidence_interval, equal_error_rate
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.metrics.speakers import FEW_SPEAKERS
from pyannote_ge2e.scoring import cosine_scores
from pyannote_ge2e.tasks.embedding import embed_files

# Each turns a cosine into a similarity: higher is more alike. On embeddings of unit length all
# three rank trials alike, so that only thresholds differ.
_SIMILARITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cosine": lambda cosine: cosine,
    "euclidean": lambda cosine: -np.sqrt(np.maximum(2.0 - 2.0 * cosine, 0.0)),
    "angular": lambda cosine: 1.0 - np.arccos(np.clip(cosine, -1.0, 1.0)) / np.pi,
}


@dataclass(frozen=True)
class ErrorRate:
    """An equal error rate and all that must be said with it.

    Attributes
    ----------
    value, low, high : float
        The rate and its interval, as fractions.
    level : float
        Confidence level of the interval.
    method : str
        "speaker" (two-way bootstrap over speakers) or "trial".
    trials, targets : int
        Number of trials, and of those with the same speaker on both sides.
    speakers : int or None
        Number of speakers, where the protocol tells them.

    Examples
    --------
    >>> print(ErrorRate(0.04, 0.03, 0.05, 0.95, "speaker", 1000, 500, 40))
    4.00 % [3.00, 5.00] (95 % interval over speakers; 1,000 trials, 500 targets, 40 speakers)

    Few speakers are said to be few: the interval is too narrow.

    >>> print(ErrorRate(0.04, 0.03, 0.05, 0.95, "speaker", 1000, 500, 4))
    4.00 % [3.00, 5.00] (95 % interval over speakers; 1,000 trials, 500 targets, only 4 speakers)
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    trials: int
    targets: int
    speakers: int | None

    @property
    def rate(self) -> str:
        """The rate and its interval, in percent."""
        return f"{100 * self.value:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}]"

    def __str__(self) -> str:
        counts = f"{self.trials:,} trials, {self.targets:,} targets"
        if self.speakers is not None:
            few = self.method == "speaker" and self.speakers < FEW_SPEAKERS
            counts += f", {'only ' if few else ''}{self.speakers:,} speakers"
        return f"{self.rate} ({100 * self.level:g} % interval over {self.method}s; {counts})"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, in the words of `params.yml`."""
        values = asdict(self)
        low, high = values.pop("low"), values.pop("high")
        return {"equal_error_rate": values.pop("value"), "interval": [low, high], **values}


def score_trials(
    model: Model,
    trials: TrialIndex,
    *,
    device: torch.device,
    duration: float | None = None,
    step: float = 0.25,
    batch_size: int = 32,
    num_workers: int = 0,
    metric: str = "cosine",
    reader: SegmentReader | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Score every trial of an index with one model.

    Parameters
    ----------
    model : Model
    trials : TrialIndex
    device : torch.device
    duration : float, optional
        Window length in seconds. Defaults to what the model was trained with.
    step : float
        Step between windows, as a ratio of their length.
    batch_size : int
        Windows per batch.
    num_workers : int
        Processes that read audio.
    metric : {"cosine", "euclidean", "angular"}
    reader : SegmentReader, optional
        Reads the files. Defaults to audio, at the rate of the model.
    progress : callable, optional
        Called with the number of files just embedded.

    Returns
    -------
    scores : (T,) array
        Similarities.

    Raises
    ------
    UserError
        On an unknown metric or unreadable audio.
    """
    if metric not in _SIMILARITIES:
        raise UserError(f"--metric '{metric}' is none of {', '.join(_SIMILARITIES)}.")
    embeddings = embed_files(
        model,
        trials,
        duration=duration,
        step=step,
        batch_size=batch_size,
        device=device,
        num_workers=num_workers,
        reader=reader,
        progress=progress,
    )
    return _SIMILARITIES[metric](cosine_scores(embeddings, trials.trials))


def error_rate(
    scores: np.ndarray, trials: TrialIndex, level: float = 0.95, seed: int = 0
) -> ErrorRate:
    """Equal error rate of scored trials, with its interval.

    Parameters
    ----------
    scores : (T,) array
    trials : TrialIndex
    level : float
    seed : int
        Of the bootstrap.
    """
    speakers = None if trials.speakers is None else np.asarray(trials.speakers)[trials.trials]
    method: Redrawn = "trial" if speakers is None else "speaker"
    low, high = confidence_interval(
        equal_error_rate,
        scores,
        trials.labels,
        speakers=speakers,
        method=method,
        level=level,
        seed=seed,
    )
    return ErrorRate(
        value=float(equal_error_rate(scores, trials.labels)),
        low=float(low),
        high=float(high),
        level=level,
        method=method,
        trials=len(trials.labels),
        targets=int(np.sum(trials.labels)),
        speakers=None if speakers is None else len(np.unique(speakers)),
    )
