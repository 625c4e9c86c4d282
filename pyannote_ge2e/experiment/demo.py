"""`pyannote-ge2e demo`: from synthetic voices on disk to an error rate, in minutes."""

from __future__ import annotations

import shutil
from pathlib import Path

from pyannote.audio import Model
from rich.console import Console

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.data.protocol import load_protocol, train_on
from pyannote_ge2e.data.synthetic.corpus import make_corpus
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment, read_config
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.error_rate import ErrorRate, error_rate, score_trials
from pyannote_ge2e.experiment.evaluate import evaluate
from pyannote_ge2e.experiment.layout import TrainFolder, ValidateFolder
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.reproducibility import seed_everything
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.experiment.validate import validate

PROTOCOL = "Demo.SpeakerVerification.All"

_NEXT = """
Next, with real voices (speaker/[session/]utterance.wav, or VoxCeleb as downloaded):

    pyannote-audio emb prepare /path/to/VoxCeleb1 --trial-list veri_test.txt
    export EXP=models/GE2E PROTOCOL=VoxCeleb.SpeakerVerification.VoxCeleb1_X
    pyannote-audio emb train $EXP $PROTOCOL
    pyannote-audio emb validate $EXP/train/$PROTOCOL.train $PROTOCOL
    pyannote-audio emb evaluate $EXP/train/$PROTOCOL.train $PROTOCOL --snorm
"""


def demo(
    output: Path,
    *,
    experiment: Path = Path("models/demo"),
    seed: int = 0,
    force: bool = False,
    speakers: int = 100,
    epochs: int = 6,
) -> tuple[ErrorRate, ErrorRate]:
    """Run the whole path on a corpus made on the spot.

    Parameters
    ----------
    output : Path
        Folder for the corpus, its `database.yml`, the experiment and its report.
    experiment : Path
        Folder of the `config.yml` to train.
    seed : int
        Of the voices and of the training.
    force : bool
        Delete what an earlier demo left in `output`.
    speakers : int
        Number of voices.
    epochs : int
        Number of epochs.

    Returns
    -------
    untrained, trained : ErrorRate
        On the test subset, before and after training.

    Raises
    ------
    UserError
        If `output` holds something else, or there is no `config.yml`.
    """
    console = Console()
    output = Path(output)
    config = read_config(Path(experiment) / "config.yml")
    _make_room(output, force)

    console.rule("1. Voices", align="left")
    corpus = make_corpus(output / "voices", speakers=speakers, utterances=8, seed=seed)
    console.rule("2. Protocol: emb prepare", align="left")
    database_yml = output / "database.yml"
    prepared = prepare(
        corpus, name="Demo", database_yml=database_yml, seed=seed, ratios=(0.6, 0.2, 0.2)
    )
    console.print(prepared.table())
    root = output / "experiment"
    root.mkdir(exist_ok=True)
    shutil.copyfile(Path(experiment) / "config.yml", root / "config.yml")

    console.rule("3. Training: emb train", align="left")
    trials = trial_index(load_protocol(PROTOCOL, database_yml), "test")
    untrained = _test(_untrained_model(config, database_yml, seed), trials)
    say(console, f"untrained: test EER {untrained}")
    folder = train(root, PROTOCOL, registry=database_yml, seed=seed, device="cpu", to_epoch=epochs)

    console.rule("4. The best epoch on the development speakers: emb validate", align="left")
    validated = ValidateFolder(validate(folder, PROTOCOL, registry=database_yml, device="cpu"))
    best = TrainFolder(folder).weights_of(validated.best_epoch())

    console.rule("5. Speakers never heard: emb evaluate", align="left")
    evaluate(
        str(validated.path),
        PROTOCOL,
        registry=database_yml,
        device="cpu",
        snorm=True,
        cohort_per_speaker=True,
        top=20,
    )
    trained = _test(load_model(best), trials)
    say(console, f"untrained: test EER {untrained}")
    say(console, f"trained:   test EER {trained}")
    say(console, f"Weights: Model.from_pretrained('{best}')")
    say(console, _NEXT)
    return untrained, trained


def _make_room(output: Path, force: bool) -> None:
    if not output.exists() or not any(output.iterdir()):
        output.mkdir(parents=True, exist_ok=True)
        return
    ours = (output / "voices").is_dir()
    if not ours:
        raise UserError(f"'{output}' is not empty and no earlier demo: choose another --output.")
    if not force:
        raise UserError(f"'{output}' holds an earlier demo: add --force to make it anew.")
    shutil.rmtree(output)
    output.mkdir(parents=True)


def _untrained_model(config: dict, database_yml: Path, seed: int) -> Model:
    built = Experiment.from_config(config, None)
    task = built.build_task(
        train_on(load_protocol(PROTOCOL, database_yml)), seed=seed, num_workers=0, cache=None
    )
    seed_everything(seed)
    model = built.build_model(task)
    task.prepare_data()
    model.setup()
    return model


def _test(model: Model, trials: TrialIndex) -> ErrorRate:
    with quiet():
        scores = score_trials(model, trials, device=find_device("cpu"))
    return error_rate(scores, trials)
