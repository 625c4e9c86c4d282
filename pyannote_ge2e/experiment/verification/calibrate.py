"""`emb calibrate`: what the scores of a model mean, told by the trials of a protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.data.trials.themselves import with_themselves
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.embedding.embedder import BATCH
from pyannote_ge2e.experiment.embedding.load import Loaded, load_embedder
from pyannote_ge2e.experiment.embedding.recordings import Recording
from pyannote_ge2e.experiment.evaluation.embed_once import (
    LARGEST_SHARD,
    SECONDS_PER_SHARD,
    SMALLEST_SHARD,
    UniqueFiles,
)
from pyannote_ge2e.experiment.evaluation.embedding_cache import EmbeddingCache
from pyannote_ge2e.experiment.evaluation.trials import (
    EvaluatedTrials,
    interval_method,
    read_trials,
)
from pyannote_ge2e.experiment.output import check_file
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.shards import growing_parts
from pyannote_ge2e.experiment.verification.decision import Decision, decision_path
from pyannote_ge2e.metrics import (
    Figure,
    confidence_interval,
    equal_error_rate,
    equal_error_threshold,
    error_rates_at,
)
from pyannote_ge2e.report.words import counted
from pyannote_ge2e.scoring import cosine_scores, fit_calibration

THRESHOLDS = 41  # at which errors are counted, for those who choose another than ours


def calibrate(
    model: str,
    protocol: str,
    *,
    subset: Subset = "development",
    prior: float = 0.5,
    speakers: Path | None = None,
    output: Path | None = None,
    device: str = "auto",
    duration: float | None = None,
    step: float = 0.25,
    batch: int = BATCH,
    parallel: int = 1,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
    registry: Path | None = None,
) -> Path:
    """Find the threshold and the calibration of a model, and keep them beside its weights.

    Parameters
    ----------
    model : str
        See `find_model`.
    protocol, subset : str
        Whose trials to use: others than those that the model will be judged by.
    prior : float
        Probability of the same speaker before anything is heard.
    speakers : Path, optional
        Lines `uri speaker`, for protocols that do not tell.
    output : Path, optional
        File to write. Defaults to the one beside the weights that verifying looks for.
    device : str
        See `find_device`.
    duration, step : float
        Windows: verifying will use the same.
    batch : int
        Windows per batch.
    parallel : int
        Threads that read audio.
    level, seed, resamples
        Of the intervals.
    registry : Path, optional
        Further `database.yml`.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    UserError
        If the model or the trials cannot be found, audio cannot be read, scores do not tell
        speakers apart, or the file cannot be written.
    """
    console = Console()
    with quiet():
        loaded = load_embedder(
            model,
            option="WHAT",
            device=device,
            duration=duration,
            step=step,
            batch_size=batch,
            readers=parallel,
            check=False,
        )
        path = output or decision_path(loaded.weights, loaded.digest)
        check_file(path)
        trials = read_trials(protocol, subset, registry, speakers)
        source = f"{protocol}.{subset}"
        for remark in with_themselves(trials.index.trials, trials.names.__getitem__, source):
            say(console, remark)
        embeddings = _embeddings(loaded, trials, console)
    scores = cosine_scores(embeddings, trials.index.trials).astype(np.float64)
    labels = trials.index.labels
    method = interval_method(None, trials)
    options: dict[str, Any] = {"level": level, "seed": seed, "resamples": resamples}
    try:
        fitted = fit_calibration(scores, labels)
        threshold = equal_error_threshold(scores, labels)
        grid = np.unique(np.append(np.linspace(scores.min(), scores.max(), THRESHOLDS), threshold))
        rates = error_rates_at(grid.tolist(), scores, labels, trials.speakers, method, **options)
        interval = confidence_interval(
            equal_error_rate, scores, labels, trials.speakers, method, **options
        )
    except ValueError as error:
        raise UserError(f"{protocol}.{subset}: {error}") from error
    decision = Decision(
        model=loaded.digest,
        windows=loaded.embedder.windows,
        threshold=threshold,
        scale=fitted.scale,
        offset=fitted.offset,
        prior=prior,
        equal_error_rate=Figure(equal_error_rate(scores, labels), *interval),
        rates=rates,
        level=level,
        method=method,
        protocol=protocol,
        subset=subset,
        trials=len(labels),
        targets=int(labels.sum()),
        speakers=None if trials.speakers is None else len(np.unique(trials.speakers)),
    )
    learnt = next(iter(loaded.embedder.model.specifications)).classes or []
    if heard := trials.speakers_among(learnt):
        say(
            console,
            f"{len(heard):,} of the speakers of {protocol}.{subset} were heard in training: "
            "fewer errors are promised than will be made.",
        )
    decision.write(path)
    rate = decision.equal_error_rate
    say(
        console,
        f"threshold {threshold:.3f}, where misses and false alarms are {100 * rate.value:.2f} % "
        f"[{100 * rate.low:.2f}, {100 * rate.high:.2f}] ({decision.source})",
    )
    say(console, f"-> '{path}'")
    return path


def _embeddings(loaded: Loaded, trials: EvaluatedTrials, console: Console) -> np.ndarray:
    """Embed the files of trials, those apart that an evaluation of the model has embedded."""
    files = UniqueFiles()
    rows = files.add(trials.index)
    windows = loaded.embedder.windows
    assert loaded.found is not None
    cache = EmbeddingCache(
        loaded.found.digest,
        windows.get("duration", 0.0),
        windows.get("step", 0.0),
        lambda remark: say(console, remark),
    )
    known = cache.read(files.keys)
    missing = [row for row in range(len(files.keys)) if row not in known]
    if missing:
        cache.check()
    say(console, f"{counted(len(missing), 'file')} to embed, {len(known):,} known already")
    with bar(console, "embedding", len(missing)) as advance:
        for some in growing_parts(missing, SMALLEST_SHARD, LARGEST_SHARD, SECONDS_PER_SHARD):
            recordings = [
                Recording(files.paths[row], files.paths[row], files.segments[row]) for row in some
            ]
            for done in loaded.embedder.embed(recordings, advance):
                if done.problem is not None:
                    raise UserError(done.problem)
                known[some[done.row]] = done.embeddings[0]
            part = files.part(some)
            cache.write(part.keys, np.stack([known[row] for row in some]))
    return np.stack([known[row] for row in range(len(files.keys))])[rows]
