"""Fine-tuning on real speech: against the weights it starts from, and against fresh ones."""

from __future__ import annotations

import os
import random
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import merge_configs
from pyannote_ge2e.experiment.error_rate import error_rate, score_trials
from pyannote_ge2e.experiment.pretrained import load_pretrained
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.metrics import compare_systems, equal_error_rate

# `corpus/subset/speaker/utterance.ogg`, beside the repository unless the environment says where.
SPEECH = Path(os.environ.get("BENCH_SPEECH", Path(__file__).parents[2] / "shared" / "data"))
START = "resemblyzer"
STEPS, SPEAKERS, CHUNKS = 150, 12, 4
RATE, FRESH_RATE, WARMUP = 1e-4, 1e-3, 20
# That of `ge2e_mel`: what one would train from scratch, and a sterner rival than the network of
# START, whose energies without a logarithm are slow to learn from.
RIVAL = {
    "name": "MelLSTM",
    "params": {
        "mel": {"stack": 3},
        "lstm": {"hidden_size": 256, "num_layers": 3, "proj_size": 0},
        "pooling": "mean",
    },
}


@dataclass(frozen=True)
class Corpus:
    """Who is fine-tuned on, and who is judged on.

    Attributes
    ----------
    name : str
        Folder in `SPEECH`.
    words : str
        What the speech is.
    speakers : int
        How many to fine-tune on, drawn from its `train`.
    judged : str or None
        Subset to judge on; the other speakers of `train` where there is no second one.
    """

    name: str
    words: str
    speakers: int
    judged: str | None = None


CORPORA = (
    Corpus("so762", "English sentences, Mandarin accents", 125, "dev"),
    Corpus("dsp", "Chinese and English words", 17),
    Corpus("wuw", "US telephone, several calls", 60),
)


def section() -> str:
    """Fine-tune on each corpus, and return the section."""
    reason = _missing()
    if reason is not None:
        return f"## Fine-tuning\n\nNot measured here: {reason}"
    torch.set_num_threads(1)
    with redirect_stdout(sys.stderr):  # of what training says
        rows = [_row(corpus) for corpus in CORPORA]
    return "\n".join([TEXT, *rows])


TEXT = f"""## Fine-tuning

Resemblyzer's public weights (`--pretrained resemblyzer`) fine-tuned on speakers of a corpus
that they have never met, and judged on other speakers of it: equal error rate over all pairs of
their utterances, 95 % interval over speakers. {STEPS} steps of {SPEAKERS} speakers x {CHUNKS}
chunks of 1.6 s with Adam, learning rate {RATE:g} after a warm-up of {WARMUP} steps. Frozen:
`freeze: [lstm]`, so that only the projection, w and b learn. From scratch: the same network, and
the one of `ge2e_mel` (log-mel energies), with as many steps on the same batches, fresh weights and
a learning rate of {FRESH_RATE:g}. One seed; nothing was chosen on the speakers who are judged.
Negative differences are fewer errors; an interval that leaves out 0 is a difference that is not
the chance of these speakers.

| corpus | fine-tuned on | judged on | pretrained | frozen | fine-tuned | from scratch \
| log-mel from scratch | fine-tuned - pretrained | fine-tuned - log-mel from scratch |
|---|---|---|---|---|---|---|---|---|---|"""


def _missing() -> str | None:
    """Why nothing can be measured, if so."""
    for corpus in CORPORA:
        for subset in ("train", corpus.judged or "train"):
            if not (SPEECH / corpus.name / subset).is_dir():
                return (
                    f"there are no recordings in `{corpus.name}/{subset}` of `../shared/data`, nor "
                    "of the folder that the environment variable `BENCH_SPEECH` names."
                )
    try:
        load_pretrained(START)
    except UserError as error:
        return str(error)
    return None


def _row(corpus: Corpus) -> str:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        protocol, registry = _protocol(corpus, root)
        trials = trial_index(load_protocol(protocol, registry), "test")

        def score(name: str, config: dict[str, Any], pretrained: str | None) -> np.ndarray:
            (root / name).mkdir()
            (root / name / "config.yml").write_text(yaml.safe_dump(config))
            run = train(
                *(root / name, protocol),
                registry=registry,
                pretrained=pretrained,
                to_epoch=1,
                device="cpu",
                parallel=0,
            )
            return _scores(load_model(run / "weights" / "0001.pt"), trials)

        start = load_pretrained(START)
        fresh = merge_configs(start.config, _config(FRESH_RATE))
        before = _scores(start.model, trials)
        frozen = score("frozen", _config(RATE) | {"freeze": ["lstm"]}, START)
        tuned = score("tuned", _config(RATE), START)
        scratch = score("scratch", fresh, None)
        rival = score("rival", merge_configs(fresh, {"architecture": RIVAL}), None)
        heard = len(os.listdir(root / "speech" / "train"))
    judged = error_rate(before, trials)
    cells = [
        f"{corpus.name}: {corpus.words}",
        f"{heard} speakers",
        f"{judged.speakers} speakers, {judged.trials:,} trials, {judged.targets:,} targets",
        *(error_rate(scores, trials).rate for scores in (before, frozen, tuned, scratch, rival)),
        *(_difference(tuned, other, trials) for other in (before, rival)),
    ]
    return f"| {' | '.join(cells)} |"


def _config(rate: float) -> dict[str, Any]:
    """What a user would write to `config.yml`."""
    batches = {"num_classes_per_batch": SPEAKERS, "num_chunks_per_class": CHUNKS}
    return {
        "task": {"params": {**batches, "batches_per_epoch": STEPS}},
        "scheduler": {
            "name": "Constant",
            "params": {"learning_rate": rate, "warmup_steps": WARMUP},
        },
    }


def _protocol(corpus: Corpus, root: Path) -> tuple[str, Path]:
    """Links to the recordings of the speakers chosen, prepared: protocol, and `database.yml`."""
    speakers = sorted((SPEECH / corpus.name / "train").iterdir())
    random.Random(0).shuffle(speakers)
    subset = {"train": speakers[: corpus.speakers], "test": speakers[corpus.speakers :]}
    if corpus.judged is not None:
        subset["test"] = sorted((SPEECH / corpus.name / corpus.judged).iterdir())
    for name, chosen in subset.items():
        (root / "speech" / name).mkdir(parents=True)
        for speaker in chosen:
            (root / "speech" / name / speaker.name).symlink_to(speaker.resolve())
    database = f"{corpus.name.capitalize()}Tuning"
    prepare(root / "speech", database, root / "database.yml", trials="all")
    return f"{database}.SpeakerVerification.All", root / "database.yml"


def _scores(model: Any, trials: TrialIndex) -> np.ndarray:
    return score_trials(model, trials, device=torch.device("cpu"))


def _difference(tuned: np.ndarray, other: np.ndarray, trials: TrialIndex) -> str:
    speakers = None if trials.speakers is None else np.asarray(trials.speakers)[trials.trials]
    found = compare_systems(equal_error_rate, tuned, other, trials.labels, speakers)
    return f"{100 * found.difference:+.2f} [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"
