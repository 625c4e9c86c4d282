"""What an evaluation leaves on disk: all of it, or what was there before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files import write_scores, write_trials, write_utt2spk
from pyannote_ge2e.data.score_files.text_lines import separator_for
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.evaluation.trials import EvaluatedTrials
from pyannote_ge2e.experiment.output import check_output
from pyannote_ge2e.report import Evaluation, write_report

# Scores of each scoring; what an evaluation without it finds there is of another one.
SCORES = {
    "raw": "scores.txt",
    "s-norm": "scores.snorm.txt",
    "raw, calibrated": "scores.calibrated.txt",
    "s-norm, calibrated": "scores.snorm.calibrated.txt",
}
_OPTIONAL = {*SCORES.values(), "utt2spk"}


def check_folder(folder: Path, trials: EvaluatedTrials) -> None:
    """Check that the files can be written, before an hour is spent on what goes into them.

    Raises
    ------
    UserError
        If the folder cannot be made or written to, or a name does not fit a line of text.
    """
    check_output(folder)
    separator_for(folder / SCORES["raw"], trials.names)


def write_evaluation(folder: Path, trials: EvaluatedTrials, evaluation: Evaluation) -> None:
    """Write scores, trials, speakers and the report.

    They are written beside, then take the place of those of an earlier evaluation one by one:
    a full disk leaves the earlier ones as they were.

    Raises
    ------
    UserError
        If they cannot be written.
    """
    partial = folder / f".{os.getpid()}.partial"
    try:
        partial.mkdir(parents=True)
        rows, labels = trials.index.trials, trials.index.labels
        for scoring in evaluation.scorings:
            write_scores(partial / SCORES[scoring.name], trials.names, rows, scoring.scores)
        write_trials(partial / "trials.txt", trials.names, rows, labels)
        if trials.file_speakers is not None:
            write_utt2spk(partial / "utt2spk", _utt2spk(trials.names, trials.file_speakers))
        write_report(evaluation, partial)
        written = sorted(path.name for path in partial.iterdir())
        for name in written:
            os.replace(partial / name, folder / name)
        for name in _OPTIONAL.difference(written):
            (folder / name).unlink(missing_ok=True)
    except (OSError, UserError) as error:
        # What wrote a single file says it of a name that is soon gone.
        cause = error.__cause__ if isinstance(error, UserError) else error
        raise UserError(
            f"Cannot write '{folder}': {getattr(cause, 'strerror', None) or error}. Embeddings "
            "are kept: make room, or choose another folder with --output, and start again."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _utt2spk(names: list[str], speakers: np.ndarray) -> Mapping[str, str]:
    return dict(zip(names, speakers.tolist(), strict=True))
