"""What a reader of an evaluation's figures should mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pyannote_ge2e.data.trials.themselves import with_themselves
from pyannote_ge2e.experiment.evaluation.cohort import own_rows
from pyannote_ge2e.experiment.evaluation.setting import Setting
from pyannote_ge2e.experiment.evaluation.trials import EvaluatedTrials
from pyannote_ge2e.report.words import counted


def remarks_of(setting: Setting) -> list[str]:
    """Return what a reader of the figures should mind."""
    return [*_trial_remarks(setting), *_speaker_remarks(setting), *_cohort_remarks(setting)]


def _trial_remarks(setting: Setting) -> Iterator[str]:
    subsets = {setting.subset: setting.trials, setting.calibrate: setting.calibration_trials}
    for subset, some in subsets.items():
        if some is not None:
            source = f"{setting.protocol}.{subset}"
            yield from with_themselves(some.index.trials, some.names.__getitem__, source)


def _speaker_remarks(setting: Setting) -> Iterator[str]:
    trials = setting.trials
    others = setting.calibration_trials
    for subset, some in ((setting.subset, trials), (setting.calibrate, others)):
        if some is not None and some.index.made:
            yield (
                f"{setting.protocol} lists no trials in its {subset} subset: its speech turns were "
                "paired, at random where there are many."
            )
    denied = trials.index.denied
    if trials.speakers is None and len(denied):
        pair = " ".join(trials.names[row] for row in trials.index.trials[denied[0]])
        yield (
            f"The annotation and {counted(len(denied), 'trial')}, such as '{pair}', do not agree "
            "on who speaks (perhaps its labels hold within a file only): intervals resample "
            "trials, and are too narrow when trials share speakers. Mend one of the two, or give "
            "--speakers utt2spk."
        )
    elif trials.speakers is None:
        yield (
            "Nothing tells who speaks in the files: intervals resample trials, and are too "
            "narrow when trials share speakers. Give --speakers utt2spk for honest ones."
        )
    learnt = next(iter(setting.model.model.specifications)).classes
    yield from _in_common(trials, learnt or [], "were also heard in training: figures flatter")
    if others is not None and others.file_speakers is not None:
        yield from _in_common(
            trials, others.file_speakers.tolist(), "are also among those of the calibration"
        )
        yield from _in_common(
            others,
            learnt or [],
            "were heard in training: calibrated scores promise too much",
            "the calibration",
        )
    pairs = np.sort(trials.index.trials, axis=1) @ [len(trials.names), 1]
    repeated = len(pairs) - len(np.unique(pairs))
    if repeated:
        repeats = "repeats" if repeated == 1 else "repeat"
        yield f"{counted(repeated, 'trial')} {repeats} another: it counts as often as it is listed."


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


def _in_common(
    trials: EvaluatedTrials, names: Sequence[str], what: str, whose: str = "the trials"
) -> Iterator[str]:
    speakers = trials.speakers_among(names)
    if speakers and trials.file_speakers is not None:
        total = len(set(trials.file_speakers.tolist()))
        yield f"{len(speakers):,} of the {total:,} speakers of {whose} {what}."
