"""`emb evaluate`: the figures of a model on the trials of a protocol, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.evaluation.cohort import find_cohort
from pyannote_ge2e.experiment.evaluation.embed_once import UniqueFiles, embed_once
from pyannote_ge2e.experiment.evaluation.embedding_cache import EmbeddingCache
from pyannote_ge2e.experiment.evaluation.facts import facts_of, without_home
from pyannote_ge2e.experiment.evaluation.files import check_folder, write_evaluation
from pyannote_ge2e.experiment.evaluation.model import Epoch, find_model
from pyannote_ge2e.experiment.evaluation.remarks import remarks_of
from pyannote_ge2e.experiment.evaluation.scores import CALIBRATED, Embedded, score
from pyannote_ge2e.experiment.evaluation.setting import Normalisation, Setting
from pyannote_ge2e.experiment.evaluation.trials import interval_method, read_trials
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.reading import reading_of
from pyannote_ge2e.metrics import figures_of
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.report import Evaluation, Scoring, figures_table
from pyannote_ge2e.report.remarks import remarks_of as all_remarks

TOP = 400


def evaluate(
    what: str,
    protocol: str,
    *,
    subset: Subset = "test",
    epoch: Epoch = None,
    snorm: bool = False,
    cohort: str | None = None,
    cohort_per_speaker: bool = False,
    top: int | None = None,
    calibrate: Subset | None = None,
    ci: Redrawn | None = None,
    level: float = 0.95,
    p_targets: Sequence[float] = (0.01, 0.05),
    speakers: Path | None = None,
    output: Path | None = None,
    seed: int = 0,
    resamples: int = 1000,
    device: str = "auto",
    batch: int = 32,
    step: float = 0.25,
    duration: float | None = None,
    parallel: int | None = None,
    registry: Path | None = None,
    command: Sequence[str] | None = None,
) -> Path:
    """Score the trials of a subset, and write figures, scores and a report.

    Parameters
    ----------
    what : str
        Validation folder, training folder, checkpoint, or name of a model: see `find_model`.
    protocol, subset : str
        Where the trials are.
    epoch : int or "last", optional
        Of a folder: by default the best of a validation, the last of a training run.
    snorm : bool
        Add adaptive s-norm. Any of the three options that follow implies it.
    cohort : str, optional
        `<protocol>.<subset>`. Defaults to what the model was trained on.
    cohort_per_speaker : bool
        Compare to the mean of each speaker of the cohort, rather than to each recording.
    top : int, optional
        How many of the nearest count: 400 by default.
    calibrate : {"train", "development", "test"}, optional
        Fit a logistic calibration on the trials of this subset, and add calibrated scores.
    ci : {"speaker", "trial"}, optional
        What intervals resample: speakers by default, where they are known.
    level : float
        Of the intervals.
    p_targets : sequence of float
        Priors of a target in minDCF.
    speakers : Path, optional
        Lines `uri speaker`, for protocols that do not tell.
    output : Path, optional
        Folder to write to: by default, `evaluate` in the folder of the model.
    seed, resamples : int
        Of the bootstrap.
    device : str
        See `find_device`.
    batch : int
        Windows per batch.
    step : float
        Step between windows, as a ratio of their length.
    duration : float, optional
        Window length in seconds. Defaults to what the model was trained with.
    parallel : int, optional
        Processes that read audio: see `num_workers`.
    registry : Path, optional
        Further `database.yml` to load protocols from.
    command : sequence of str, optional
        Words that were typed, for the report.

    Returns
    -------
    folder : Path
        Holds `scores.txt` and those of every other scoring, `trials.txt`, `utt2spk` where
        speakers are known, and what `write_report` writes.

    Raises
    ------
    UserError
        If the model, the trials or the cohort cannot be found, options contradict each other,
        audio cannot be read, or the folder cannot be written.
    """
    console = Console()
    if calibrate == subset:
        raise UserError(
            f"--calibrate {calibrate}: these are the trials to evaluate; calibrate on others."
        )
    torch_device = find_device(device)
    model = find_model(what, epoch)
    reading = reading_of(model.config, model.root, lambda remark: say(console, remark))
    trials = read_trials(protocol, subset, registry, speakers, reading)
    folder = model.folder(protocol, subset) if output is None else Path(output)
    check_folder(folder, trials)
    normalisation = others = None
    if snorm or cohort is not None or cohort_per_speaker or top is not None:
        normalisation = Normalisation(
            find_cohort(cohort, model, cohort_per_speaker, registry, reading),
            cohort_per_speaker,
            TOP if top is None else top,
        )
    if calibrate is not None:
        others = read_trials(protocol, calibrate, registry, speakers, reading)
    setting = Setting(
        model=model,
        protocol=protocol,
        subset=subset,
        trials=trials,
        normalisation=normalisation,
        calibrate=calibrate,
        calibration_trials=others,
        duration=duration or next(iter(model.model.specifications)).duration,
        step=step,
        method=interval_method(ci, trials),
        level=level,
        resamples=resamples,
        seed=seed,
        p_targets=tuple(p_targets),
        reading=reading,
    )
    with quiet():
        embedded = _embed(setting, console, batch, torch_device, num_workers(parallel))
    with _in_plain_words(f"{protocol}.{subset}"):
        scores = score(setting, embedded, str(torch_device))
        evaluation = Evaluation(
            title=f"{without_home(what)} on {protocol}.{subset}",
            labels=trials.index.labels,
            speakers=trials.speakers,
            scorings=[_scoring(name, values, setting) for name, values in scores.items()],
            facts=facts_of(setting, command),
            remarks=remarks_of(setting),
            names=np.array(trials.names)[trials.index.trials],
        )
    write_evaluation(folder, trials, evaluation)
    # With many figures the table is wider than a narrow terminal: none may be cut off.
    console.print(figures_table(evaluation), crop=False)
    for remark in all_remarks(evaluation):
        say(console, remark)
    say(console, f"-> '{folder / 'report.html'}'")
    return folder


def _embed(
    setting: Setting, console: Console, batch: int, device: torch.device, workers: int
) -> Embedded:
    """Embed all that the scores need, each file once."""
    files = UniqueFiles()
    rows = files.add(setting.trials.index)
    others, normalisation = setting.calibration_trials, setting.normalisation
    other_rows = None if others is None else files.add(others.index)
    cohort_rows = None if normalisation is None else files.add(normalisation.cohort)
    embeddings = embed_once(
        setting.model.model,
        files,
        EmbeddingCache(
            setting.model.digest,
            setting.duration,
            setting.step,
            lambda remark: say(console, remark),
        ),
        console,
        duration=setting.duration,
        step=setting.step,
        batch_size=batch,
        device=device,
        num_workers=workers,
        reader=setting.reading.reader(setting.model.model.hparams["sample_rate"]),
    )
    return Embedded(
        embeddings[rows],
        None if other_rows is None else embeddings[other_rows],
        None if cohort_rows is None else embeddings[cohort_rows],
    )


def _scoring(name: str, scores: np.ndarray, setting: Setting) -> Scoring:
    figures = figures_of(
        scores,
        setting.trials.index.labels,
        setting.trials.speakers,
        method=setting.method,
        p_targets=setting.p_targets,
        calibrated=name.endswith(CALIBRATED),
        level=setting.level,
        seed=setting.seed,
        resamples=setting.resamples,
    )
    return Scoring(name, scores, figures)


@contextmanager
def _in_plain_words(where: str) -> Iterator[None]:
    """Name the trials of which scoring and metrics complain."""
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
