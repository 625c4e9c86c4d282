"""Names in config.yml: ours, pyannote.audio's, any dotted path; a wrong one names the nearest."""

from __future__ import annotations

import pytest
import torch

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment import resolve as names
from pyannote_ge2e.experiment.sections import Section, nearest, parse_section


def section(kind: str, name: str) -> Section:
    return Section((kind,), name, {})


@pytest.mark.parametrize(
    ("kind", "known", "name"),
    [
        ("architecture", names.architectures, "SincNetLSTM"),
        ("architecture", names.architectures, "MelLSTM"),
        ("architecture", names.architectures, "XVectorSincNet"),
        ("architecture", names.architectures, "WeSpeakerResNet34"),
        ("task", names.tasks, "GE2E"),
        ("task", names.tasks, "AdditiveAngularMargin"),
        ("data_augmentation", names.augmentations, "BackgroundNoise"),
        ("data_augmentation", names.augmentations, "PolarityInversion"),
        ("optimizer", names.optimizers, "AdamW"),
        ("scheduler", names.schedulers, "OneCycleLR"),
        ("callbacks", names.callbacks, "EarlyStopping"),
    ],
)
def test_a_bare_name_is_found(kind, known, name):
    assert names.resolve(section(kind, name), known()).__name__ == name


def test_a_dotted_path_is_imported():
    found = names.resolve(section("architecture", "pyannote_ge2e.architectures.MelLSTM"), {})
    assert found.__module__ == "pyannote_ge2e.architectures.mel_lstm"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SincNetLTSM", r"no such architecture; did you mean 'SincNetLSTM'\?"),
        ("sincnetlstm", r"did you mean 'SincNetLSTM'\?"),
        ("pyannote_ge2e.architectures.MelLTSM", r"has no 'MelLTSM'; did you mean 'MelLSTM'\?"),
        ("nowhere.at_all.Model", "cannot import nowhere.at_all"),
    ],
)
def test_a_wrong_name_is_an_error_with_the_nearest(name, message):
    with pytest.raises(UserError, match=message):
        names.resolve(section("architecture", name), names.architectures())


def test_a_class_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"optimizer torch\.nn\.Linear: not a torch.*Optimizer"):
        names.resolve(section("optimizer", "torch.nn.Linear"), {}, torch.optim.Optimizer)


def test_a_preprocessor_needs_a_dotted_path():
    with pytest.raises(UserError, match="expected a dotted path"):
        names.import_dotted(section("preprocessors", "FileFinder"))


def test_nearest_names_everything_when_nothing_is_near():
    assert nearest("zzz", ["b", "a"]) == "choose from a, b."


def test_a_section_can_be_a_bare_name():
    parsed = parse_section("GE2E", ("task",))
    assert (parsed.name, parsed.params) == ("GE2E", {})


def test_required_parameters_are_asked_for():
    def target(needed, optional=3): ...

    with pytest.raises(UserError, match="task GE2E: parameter 'needed' is missing"):
        section("task", "GE2E").check(target)


def test_what_a_class_refuses_becomes_an_error_of_the_section():
    def target(size):
        raise ValueError("size must be even.")

    with pytest.raises(UserError, match="task GE2E: size must be even"):
        Section(("task",), "GE2E", {"size": 3}).build(target)
