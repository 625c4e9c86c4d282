"""What must be said beside the figures of an evaluation: how they were made, and what to mind."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.experiment.cohort import Cohort, own_rows
from pyannote_ge2e.experiment.evaluated_model import EvaluatedModel
from pyannote_ge2e.experiment.evaluated_trials import EvaluatedTrials, Method
from pyannote_ge2e.report.words import counted

_PACKAGES = ("pyannote-ge2e", "pyannote.audio", "torch", "numpy")


@dataclass(frozen=True)
class Normalisation:
    """How scores are normalised: against which cohort, by how many of it."""

    cohort: Cohort
    per_speaker: bool
    top: int

    @property
    def size(self) -> int:
        """Number of embeddings that files are compared to."""
        if self.per_speaker and self.cohort.speakers is not None:
            return len(set(self.cohort.speakers))
        return len(self.cohort.paths)


@dataclass(frozen=True)
class Setting:
    """All that an evaluation depends on."""

    model: EvaluatedModel
    protocol: str
    subset: Subset
    trials: EvaluatedTrials
    normalisation: Normalisation | None
    calibrate: Subset | None
    calibration_trials: EvaluatedTrials | None
    duration: float
    step: float
    method: Method
    level: float
    resamples: int
    seed: int
    p_targets: Sequence[float]


def facts_of(setting: Setting, command: Sequence[str] | None) -> dict[str, str]:
    """Return the facts that a report shows, by name.

    Parameters
    ----------
    setting : Setting
    command : sequence of str, optional
        Words of the command line.
    """
    model, trials = setting.model, setting.trials
    architecture = type(model.model)
    facts = {
        "Model": without_home(model.name),
        "Epoch": "" if model.epoch is None else str(model.epoch),
        "Weights": f"SHA-256 {model.digest[:16]}...",
        "Architecture": f"{architecture.__module__}.{architecture.__qualname__}",
        "Protocol": setting.protocol,
        "Subset": setting.subset,
        "Trials": f"{len(trials.index):,} over {counted(len(trials.names), 'file')}",
        "Speakers": trials.source or "unknown",
        "Windows": f"{setting.duration:g} s, a step of {setting.step * setting.duration:g} s",
        "Cohort": _cohort(setting.normalisation),
        "Calibration": ""
        if setting.calibration_trials is None
        else f"logistic, on {counted(len(setting.calibration_trials.index), 'trial')} of the "
        f"{setting.calibrate} subset",
        "Intervals": f"{100 * setting.level:g} %, bootstrap over {setting.method}s "
        f"({setting.resamples:,} resamples, seed {setting.seed})",
        "Command": "" if command is None else command_line(command),
        "Versions": ", ".join(_versions()),
        "Date": datetime.now().astimezone().isoformat(" ", timespec="seconds"),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # ours, in a clone that nobody installed
            yield f"{package} {version(package)}"


def _cohort(normalisation: Normalisation | None) -> str:
    if normalisation is None:
        return ""
    top = min(normalisation.top, normalisation.size)
    what = "speaker means" if normalisation.per_speaker else "recordings"
    return f"{normalisation.cohort.summary()}; adaptive s-norm by the {top:,} nearest {what}"


def remarks_of(setting: Setting) -> list[str]:
    """Return what a reader of the figures should mind."""
    return [*_speaker_remarks(setting), *_cohort_remarks(setting)]


def _speaker_remarks(setting: Setting) -> Iterator[str]:
    trials = setting.trials
    if trials.speakers is None:
        yield (
            "Nothing tells who speaks in the files: intervals resample trials, and are too "
            "narrow when trials share speakers. Give --speakers utt2spk for honest ones."
        )
    learnt = next(iter(setting.model.model.specifications)).classes
    yield from _in_common(trials, learnt or [], "were also heard in training: figures flatter")
    others = setting.calibration_trials
    if others is not None and others.file_speakers is not None:
        yield from _in_common(
            trials, others.file_speakers.tolist(), "are also among those of the calibration"
        )


def _cohort_remarks(setting: Setting) -> Iterator[str]:
    if setting.normalisation is None:
        return
    trials, cohort = setting.trials, setting.normalisation.cohort
    yield from _in_common(
        trials, cohort.speakers or [], "are also in the cohort: choose one of other speakers"
    )
    own = int(np.sum(own_rows(trials.index, trials.file_speakers, cohort) >= 0))
    files = counted(own, "file")
    if own and setting.normalisation.per_speaker:
        yield f"{files} of the trials are also in the cohort, within its speakers' means."
    elif own:
        yield f"{files} of the trials are also in the cohort: none is compared to itself."
    if setting.normalisation.size < setting.normalisation.top:
        yield (
            f"The cohort has {counted(setting.normalisation.size, 'embedding')}, fewer than "
            f"--top {setting.normalisation.top:,}: all of them count."
        )
    if cohort.left_out:
        left_out = counted(cohort.left_out, "recording")
        yield f"{left_out} of the cohort without any speech: left out."


def _in_common(trials: EvaluatedTrials, names: Sequence[str], what: str) -> Iterator[str]:
    speakers = trials.speakers_among(names)
    if speakers and trials.file_speakers is not None:
        total = len(set(trials.file_speakers.tolist()))
        yield f"{len(speakers):,} of the {total:,} speakers of the trials {what}."


def command_line(words: Sequence[str]) -> str:
    """Command as one would type it: the program by its name, the home folder as `~`.

    Examples
    --------
    >>> command_line(["/usr/bin/pyannote-audio", "emb", "evaluate", "my model"])
    "pyannote-audio emb evaluate 'my model'"
    """
    program, *others = words
    return without_home(shlex.join([Path(program).name, *others]))


def without_home(text: str) -> str:
    """Text in which paths under the home folder start with `~`: reports are passed on.

    Examples
    --------
    >>> without_home(f"emb evaluate {Path.home()}/models/GE2E")
    'emb evaluate ~/models/GE2E'
    """
    home = re.escape(str(Path.home()))
    return re.sub(rf"(?<![^\s='\"]){home}(?=/)", "~", text)
