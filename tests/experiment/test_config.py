"""config.yml: read, merged, resolved and checked before any work starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment, merge_configs, read_config

MODELS = Path(__file__).parents[2] / "models"

SMALL = """\
architecture:
  name: MelLSTM
  params:
    lstm: {hidden_size: 8, num_layers: 1, proj_size: 0}
    pooling: mean
    dimension: 8
task:
  name: GE2E
  params:
    duration: 1.0
    num_classes_per_batch: 3
    num_chunks_per_class: 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yml"
    path.write_text(text)
    return path


def load(folder: Path, text: str) -> Experiment:
    path = write(folder, text)
    return Experiment.from_config(read_config(path), path)


# ------------------------------------------------------------------------------------- reading


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"No such file: '.*config\.yml'.*models/"):
        read_config(tmp_path / "config.yml")


def test_a_folder_in_its_place_is_named(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        read_config(tmp_path)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xff\xfe\x00task")
    with pytest.raises(UserError, match=r"Cannot read '.*config\.yml'"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("task:\n  name: GE2E\n params: {\n", 3),
        ("task:\n\tname: GE2E\n", 2),
        ("task:\n  name: GE2E\n  name: GE2E\n", 3),
    ],
)
def test_broken_yaml_is_named_with_its_line(tmp_path, text, line):
    with pytest.raises(UserError, match=rf"config\.yml', line {line}: not valid YAML"):
        read_config(write(tmp_path, text))


@pytest.mark.parametrize("text", ["- task\n", "task\n", "3\n"])
def test_a_file_without_sections_is_refused(tmp_path, text):
    with pytest.raises(UserError, match=r"config\.yml', line 1: expected sections"):
        read_config(write(tmp_path, text))


def test_an_empty_file_has_no_sections(tmp_path):
    assert read_config(write(tmp_path, "# nothing yet\n")) == {}


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "0.001", "1.e-3", ".001"])
def test_every_way_to_write_a_number_is_a_number(tmp_path, number):
    assert read_config(write(tmp_path, f"rate: {number}")) == {"rate": 0.001}


# ------------------------------------------------------------------------------------- merging


def test_merging_changes_the_parameters_it_gives_and_keeps_the_others():
    base = {
        "architecture": {"name": "MelLSTM", "params": {"lstm": {"num_layers": 3, "dropout": 0}}}
    }
    override = {"architecture": {"params": {"lstm": {"dropout": 0.1}}}}
    assert merge_configs(base, override) == {
        "architecture": {"name": "MelLSTM", "params": {"lstm": {"num_layers": 3, "dropout": 0.1}}}
    }
    assert base["architecture"]["params"]["lstm"]["dropout"] == 0


def test_merging_another_name_replaces_the_section():
    base = {"optimizer": {"name": "SGD", "params": {"momentum": 0.9}}}
    assert merge_configs(base, {"optimizer": {"name": "Adam"}}) == {"optimizer": {"name": "Adam"}}


def test_merging_the_same_class_by_its_dotted_path_keeps_parameters():
    base = {"task": {"name": "GE2E", "params": {"duration": 2.0}}}
    override = {"task": {"name": "pyannote_ge2e.tasks.GE2E", "params": {"variant": "contrast"}}}
    merged = merge_configs(base, override)
    assert merged["task"]["params"] == {"duration": 2.0, "variant": "contrast"}


def test_merging_null_deletes_a_section():
    base = {"task": {"name": "GE2E"}, "data_augmentation": {"name": "AddNoise"}}
    assert merge_configs(base, {"data_augmentation": None}) == {"task": {"name": "GE2E"}}


def test_merging_one_spelling_replaces_the_other():
    base = {"task": {"name": "GE2E", "params": {"num_classes_per_batch": 64}}}
    merged = merge_configs(base, {"task": {"params": {"per_fold": 8}}})
    assert merged["task"]["params"] == {"per_fold": 8}


def test_merging_preprocessors_goes_key_by_key():
    base = {"preprocessors": {"audio": "/a/{uri}.wav", "domain": "telephone"}}
    merged = merge_configs(base, {"preprocessors": {"audio": "/b/{uri}.wav", "domain": None}})
    assert merged == {"preprocessors": {"audio": "/b/{uri}.wav"}}


# ------------------------------------------------------------------------------------ checking


def test_a_small_experiment_is_what_it_says(tmp_path):
    experiment = load(tmp_path, SMALL)
    assert experiment.architecture_name == "MelLSTM"
    assert experiment.task_name == "GE2E"
    assert experiment.sample_rate == 16000
    assert experiment.learning_rate == 0.001
    assert experiment.gradient_clip == 3.0
    assert experiment.freeze == []
    assert experiment.preprocessors == {}
    assert experiment.build_model().dimension == 8


def test_the_saved_config_says_the_same_again(tmp_path):
    experiment = load(tmp_path, SMALL)
    again = Experiment.from_config(experiment.config)
    assert again.config == experiment.config
    assert again.config["optimizer"] == {"name": "Adam"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimiser: Adam", r"line 13: no section 'optimiser'; did you mean 'optimizer'\?"),
        ("zebra: 3", r"line 13: no section 'zebra'; choose from architecture, callbacks"),
        ("freeze: 3", "line 13: freeze: expected names of modules"),
        ("callbacks: LearningRateMonitor", "line 13: callbacks: expected a list"),
        ("callbacks: [{name: LearningRateMonitors}]", r"did you mean 'LearningRateMonitor'\?"),
        ("callbacks: [{name: torch.nn.Linear}]", "callbacks torch.nn.Linear: not a .*Callback"),
        ("callbacks: [{name: ModelCheckpoint}]", "training brings its own; remove it"),
        ("callbacks: [{name: EarlyStopping}]", "parameter 'monitor' is missing"),
        ("preprocessors: audio", "line 13: preprocessors: expected"),
        ("preprocessors: {audio: {name: nowhere.Finder}}", "cannot import nowhere"),
        ("preprocessors: {audio: {name: os.path.joim}}", r"did you mean 'join'\?"),
        ("scheduler: {name: Constant, learning_rate: 1}", "belongs one level deeper"),
        ("scheduler: {params: 3}", "'params:' should be 'key: value' pairs"),
        ("scheduler: [Constant]", "scheduler: expected 'name:' and 'params:'"),
        ("data_augmentation: {name: Gian}", r"no such augmentation; did you mean 'Gain'\?"),
        ("data_augmentation: {name: Gain, params: {q: 1}}", "no parameter 'q'"),
        ("data_augmentation: {name: AddBackgroundNoise}", "'background_paths' is missing"),
        ("data_augmentation: {name: AddNoiseFromGaps}", "no counterpart"),
        ("data_augmentation: [Gain, {name: Compose, params: {transforms: 3}}]", "a list"),
        ("data_augmentation: {params: {p: 1}}", "'name:' is missing"),
        ("feature_extraction: {name: LibrosaMFCC}", "use RawAudio"),
        ("feature_extraction: {name: RawAudio, params: {sample_rate: fast}}", "samples per second"),
        ("feature_extraction: {name: RawAudio, params: {mono: false}}", "always True"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, change, message):
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path, f"{SMALL}{change}\n")
    assert "config.yml', line 1" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MelLSTM", "MelLSTMM", r"line 2: .*no such architecture; did you mean 'MelLSTM'\?"),
        ("MelLSTM", "torch.nn.Linear", "architecture torch.nn.Linear: not a .*Model"),
        (
            "MelLSTM",
            "pyannote.audio.models.SincTDN",
            r"no such architecture; did you mean 'XVectorSincNet'|choose from",
        ),
        (
            "pooling: mean",
            "poling: mean",
            r"line 5: .*no parameter 'poling'; did you mean 'pooling'",
        ),
        ("pooling: mean", "pooling: means", r"did you mean 'mean'\?"),
        ("num_layers", "num_layer", r"did you mean 'num_layers'\?"),
        ("pooling: mean", "sample_rate: 8000", "set it in 'feature_extraction:'"),
        ("name: GE2E", "name: GE3E", r"line 8: .*no such task; did you mean 'GE2E'\?"),
        ("name: GE2E", "name: TripletLoss", "no counterpart; use GE2E or AdditiveAngularMargin"),
        ("name: GE2E", "name: torch.nn.Linear", "not a .*EmbeddingTask"),
        ("num_chunks_per_class", "per_labl", r"line 12: .*'per_labl'; did you mean 'per_label'"),
        ("duration: 1.0", "duration: 1.0\n    seed: 3", "'seed' is not set here"),
        ("duration: 1.0", "duration: one", "'duration' should be a number, not 'one'"),
        ("duration: 1.0", "duration: 0.001", "too short for MelLSTM"),
    ],
)
def test_what_is_wrong_in_the_architecture_or_task_is_named(tmp_path, old, new, message):
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path, SMALL.replace(old, new))
    assert "config.yml', line" in str(error.value)


@pytest.mark.parametrize("section", ["architecture", "task"])
def test_a_missing_section_is_named(tmp_path, section):
    config = read_config(write(tmp_path, SMALL))
    del config[section]
    with pytest.raises(UserError, match=f"section '{section}:' is missing"):
        Experiment.from_config(config)


def test_checking_leaves_the_random_generator_alone(tmp_path):
    import torch

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    load(tmp_path, SMALL)
    assert torch.equal(torch.rand(1), expected)


# ------------------------------------------------------------------------------------- building


def test_augmentations_are_built_for_the_sample_rate(tmp_path):
    import torch

    section = "data_augmentation: [{name: Gain, params: {p: 1.0}}, {name: LowPassFilter}]\n"
    experiment = load(tmp_path, SMALL + section)
    augmentation = experiment.recipe.augmentation.build(experiment.sample_rate)
    waveforms = torch.rand(2, 1, 16000)
    assert augmentation(samples=waveforms, sample_rate=16000).samples.shape == waveforms.shape


def test_callbacks_are_built_and_frozen_modules_stay_in_evaluation_mode(tmp_path):
    sections = "callbacks: [{name: LearningRateMonitor}]\nfreeze: [projection]\n"
    experiment = load(tmp_path, SMALL + sections)
    monitor, keep_frozen = experiment.build_callbacks()
    assert type(monitor).__name__ == "LearningRateMonitor"
    model = experiment.build_model().train()
    keep_frozen.on_train_epoch_start(None, model)
    assert model.training
    assert not model.projection.training


def test_preprocessors_are_templates_functions_or_instances(tmp_path):
    sections = """\
preprocessors:
  audio: /corpus/{uri}.wav
  database: {name: os.path.basename}
  finder: {name: pyannote.database.FileFinder}
"""
    preprocessors = load(tmp_path, SMALL + sections).preprocessors
    assert preprocessors["audio"] == "/corpus/{uri}.wav"
    assert preprocessors["database"]("/a/b") == "b"
    assert type(preprocessors["finder"]).__name__ == "FileFinder"


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/config.yml")), ids=lambda p: p.parent.name)
def test_every_published_experiment_builds(path):
    experiment = Experiment.from_config(read_config(path), path)
    model = experiment.build_model()
    assert model.dimension > 0
    assert experiment.task_name == "GE2E"
