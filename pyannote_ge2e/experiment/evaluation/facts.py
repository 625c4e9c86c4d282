"""How the figures of an evaluation were made, in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pyannote_ge2e.experiment.evaluation.setting import Normalisation, Setting
from pyannote_ge2e.report.words import counted

_PACKAGES = ("pyannote-ge2e", "pyannote.audio", "torch", "numpy")


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
        "Read": ""
        if setting.reading.stored is None
        else f"stored features: {setting.reading.stored}",
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
