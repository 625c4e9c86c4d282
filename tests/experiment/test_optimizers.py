"""Optimiser and schedule: the rate, step by step and epoch by epoch."""

from __future__ import annotations

import pytest
import torch

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.optimizers import parse_optimizer
from pyannote_ge2e.experiment.schedule import TrainingLength
from pyannote_ge2e.experiment.schedulers import parse_scheduler


def length() -> TrainingLength:
    return TrainingLength(steps_per_epoch=4, total_steps=12)


def optimizer(*rates: float, name: str = "SGD") -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "lr": rate} for rate in rates]
    return parse_optimizer({"name": name}).build(groups, 1.0)


def rates(section: dict, num_epochs: int = 3, initial: float = 1.0, name: str = "SGD") -> list:
    """First group's rate in every step, as Lightning would step the schedule."""
    built = optimizer(initial, name=name)
    schedule = parse_scheduler(section).build(built, length, "loss/train")
    seen = []
    for _ in range(num_epochs):
        for _ in range(length().steps_per_epoch):
            seen.append(round(built.param_groups[0]["lr"], 6))
            built.step()
            if schedule and schedule["interval"] == "step":
                schedule["scheduler"].step()
        if schedule and schedule["interval"] == "epoch":
            schedule["scheduler"].step()
    return seen


# ----------------------------------------------------------------------------------- optimizer


def test_adam_is_the_default():
    recipe = parse_optimizer(None)
    assert recipe.kind is torch.optim.Adam
    assert recipe.default_learning_rate == 0.001
    assert recipe.gradient_clip == 3.0


@pytest.mark.parametrize(
    "name", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "torch.optim.NAdam"]
)
def test_any_optimiser_of_torch_can_be_named(name):
    assert type(optimizer(0.1, name=name)).__name__ == name.rpartition(".")[2]


def test_the_rate_of_a_group_comes_first():
    built = parse_optimizer({"name": "SGD", "params": {"momentum": 0.9}}).build(
        [{"params": [torch.nn.Parameter(torch.ones(1))]}, {"params": [], "lr": 0.5}], 0.1
    )
    assert [group["lr"] for group in built.param_groups] == [0.1, 0.5]
    assert built.param_groups[0]["momentum"] == 0.9


def test_the_rate_may_stand_in_the_optimizer_section():
    assert parse_optimizer({"name": "Adam", "params": {"lr": 0.02}}).learning_rate == 0.02


def test_clipping_can_be_switched_off():
    assert parse_optimizer({"params": {"gradient_clip": 0}}).gradient_clip == 0.0
    assert parse_optimizer({"params": {"gradient_clip": None}}).gradient_clip == 0.0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "Adamm"}, r"no such optimizer; did you mean 'Adam'\?"),
        ({"name": "SGD", "params": {"momentun": 1}}, r"did you mean 'momentum'\?"),
        ({"name": "SGD", "params": {"params": 1}}, "'params' is not set here"),
        ({"name": "SGD", "params": {"lr": -1}}, "should be a positive number"),
        ({"name": "SGD", "params": {"lr": 1, "learning_rate": 1}}, "keep one"),
        ({"name": "SGD", "params": {"gradient_clip": -1}}, "'gradient_clip' should be a number"),
    ],
)
def test_a_wrong_optimizer_section_says_what_is_wrong(section, message):
    with pytest.raises(UserError, match=message):
        parse_optimizer(section)


def test_a_value_that_torch_refuses_is_an_error_of_the_section():
    recipe = parse_optimizer({"name": "SGD", "params": {"nesterov": True}})
    with pytest.raises(UserError, match="optimizer SGD: Nesterov momentum requires"):
        recipe.build([{"params": [torch.nn.Parameter(torch.ones(1))]}], 0.1)


# ----------------------------------------------------------------------------------- scheduler


@pytest.mark.parametrize("name", ["Constant", "ConstantScheduler"])
def test_constant_needs_no_schedule(name):
    recipe = parse_scheduler({"name": name, "params": {"learning_rate": 0.01}})
    assert recipe.learning_rate == 0.01
    assert recipe.build(optimizer(0.01), length, "loss/train") is None


def test_halving_every_so_many_epochs():
    assert rates({"name": "Halving", "params": {"every": 2}}, 5)[::4] == [1, 1, 0.5, 0.5, 0.25]


def test_halving_every_so_many_steps():
    expected = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert rates({"name": "Halving", "params": {"every_steps": 3}}, 2) == expected


def test_step_is_torchs():
    ours = rates({"name": "Step", "params": {"step_size": 1, "gamma": 0.1}})
    assert ours == rates({"name": "StepLR", "params": {"step_size": 1, "gamma": 0.1}})
    assert ours[::4] == [1, 0.1, 0.01]


def test_warm_up_rises_in_a_line_step_by_step():
    assert rates({"params": {"warmup_steps": 4}}, 2) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert rates({"params": {"warmup_epochs": 1}}, 2) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_warm_up_in_steps_and_halving_in_epochs_go_together():
    section = {"name": "Halving", "params": {"warmup_steps": 2, "every": 1}}
    assert rates(section, 2) == [0.5, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]


def test_warm_up_before_a_schedule_of_torch():
    section = {"name": "ExponentialLR", "params": {"gamma": 0.5, "warmup_epochs": 1}}
    assert rates(section, 4)[::4] == [0.5, 1, 0.5, 0.25]


def test_one_cycle_lasts_the_whole_training_and_peaks_at_the_learning_rate():
    seen = rates({"name": "OneCycleLR", "params": {"learning_rate": 1.0}}, 3, name="Adam")
    assert max(seen) == pytest.approx(1.0, abs=0.02)
    assert seen[-1] == min(seen)


def test_a_cycle_keeps_the_scales_of_the_groups():
    built = optimizer(1.0, 0.01, name="Adam")
    section = {"name": "OneCycleLR", "params": {"learning_rate": 1.0, "max_lr": 2.0, "epochs": 3}}
    parse_scheduler(section).build(built, length, "loss/train")
    assert [group["max_lr"] for group in built.param_groups] == [2.0, 0.02]


def test_one_cycle_without_a_last_epoch_asks_for_one():
    recipe = parse_scheduler({"name": "OneCycleLR", "params": {"max_lr": 1.0}})
    assert recipe.learning_rate == 1.0
    with pytest.raises(UserError, match="'epochs' is missing"):
        recipe.build(optimizer(1.0, name="Adam"), lambda: TrainingLength(4), "loss/train")


def test_plateau_watches_the_error_rate_or_what_it_is_told():
    recipe = parse_scheduler({"name": "ReduceLROnPlateau", "params": {"patience": 3}})
    built = recipe.build(optimizer(1.0), length, "equal_error_rate")
    assert built["monitor"] == "equal_error_rate"
    assert built["interval"] == "epoch"
    told = parse_scheduler({"name": "ReduceLROnPlateau", "params": {"monitor": "loss/train"}})
    assert told.build(optimizer(1.0), length, "equal_error_rate")["monitor"] == "loss/train"


@pytest.mark.parametrize("name", ["CosineAnnealingLR", "MultiStepLR", "PolynomialLR"])
def test_schedules_of_torch_go_by_epoch_unless_told(name):
    params = {"CosineAnnealingLR": {"T_max": 3}, "MultiStepLR": {"milestones": [1]}}.get(name, {})
    for interval in ("epoch", "step"):
        section = {"name": name, "params": {**params, "interval": interval}}
        built = parse_scheduler(section).build(optimizer(1.0), length, "loss/train")
        assert built["interval"] == interval
    assert parse_scheduler({"name": name, "params": params}).interval == "epoch"


def test_a_resumed_schedule_gives_the_same_rates():
    section = {"name": "Halving", "params": {"warmup_steps": 3, "every_steps": 4}}
    recipe = parse_scheduler(section)
    whole, half = optimizer(1.0), optimizer(1.0)
    schedule = recipe.build(whole, length, "")["scheduler"]
    for _ in range(5):
        schedule.step()
    state, weights = schedule.state_dict(), whole.state_dict()
    resumed = recipe.build(half, length, "")["scheduler"]
    half.load_state_dict(weights)
    resumed.load_state_dict(state)
    for _ in range(9):
        schedule.step()
        resumed.step()
        assert half.param_groups[0]["lr"] == whole.param_groups[0]["lr"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "Halvin"}, r"no such scheduler; did you mean 'Halving'\?"),
        ({"name": "Halving"}, r"give 'every' \(epochs\) or 'every_steps'"),
        ({"name": "Halving", "params": {"every": 1, "every_steps": 1}}, "one of the two"),
        ({"name": "Halving", "params": {"every": 0.5}}, "whole positive number"),
        ({"name": "Halving", "params": {"evry": 1}}, r"did you mean 'every'\?"),
        ({"name": "Step", "params": {"every": 1, "gamma": "x"}}, "'gamma' should be"),
        ({"params": {"warmup_steps": 1, "warmup_epochs": 1}}, "not both"),
        ({"params": {"learning_rate": "fast"}}, "should be a positive number"),
        ({"params": {"learning_rat": 1}}, r"did you mean 'learning_rate'\?"),
        ({"name": "OneCycleLR"}, "give 'learning_rate' or 'max_lr'"),
        ({"name": "CyclicLR", "params": {"learning_rate": 1}}, "'max_lr' is missing"),
        ({"name": "OneCycleLR", "params": {"max_lr": 1, "warmup_steps": 1}}, "takes no warm-up"),
        ({"name": "ExponentialLR", "params": {"gamma": 0.5, "warmup_steps": 1}}, "counts epochs"),
        ({"name": "ExponentialLR", "params": {"gama": 0.5}}, r"did you mean 'gamma'\?"),
        ({"name": "ExponentialLR", "params": {"gamma": 1, "interval": "day"}}, "'interval' is"),
        ({"name": "ExponentialLR", "params": {"gamma": 1, "last_epoch": 3}}, "not set here"),
    ],
)
def test_a_wrong_scheduler_section_says_what_is_wrong(section, message):
    with pytest.raises(UserError, match=message):
        parse_scheduler(section)
