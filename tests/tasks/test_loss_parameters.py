"""w and b are optimised, more slowly than the rest, kept positive, saved and resumed."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from pyannote.audio import Model
from pyannote.audio.models.embedding import XVectorSincNet

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.tasks.gradients import GradientScales


def optimised_by(model, make):
    model.configure_optimizers = make
    return model


def test_w_is_optimised_and_saved_and_resumed(small, ge2e, trainer, tiny_protocol, tmp_path):
    options = {"variant": "contrast", "gradient_scale": {}}
    model = small(task=ge2e(tiny_protocol.name, **options))
    fitted = trainer()
    fitted.fit(model)
    w, b = model.loss_func.w.item(), model.loss_func.b.item()
    assert w != 10.0
    assert b != -5.0
    fitted.save_checkpoint(tmp_path / "last.ckpt")

    resumed = small(task=ge2e(tiny_protocol.name, **options))

    class Look(Callback):
        def on_train_start(self, trainer, pl_module):
            assert pl_module.loss_func.w.item() == w
            assert pl_module.loss_func.b.item() == b
            optimised = {id(p) for g in trainer.optimizers[0].param_groups for p in g["params"]}
            assert id(pl_module.loss_func.w) in optimised

    trainer(max_epochs=2, callbacks=[Look()]).fit(
        resumed, ckpt_path=tmp_path / "last.ckpt", weights_only=False
    )
    assert resumed.loss_func.w.item() != w


def test_checkpoint_of_a_task_is_a_pyannote_model(small, ge2e, trainer, tiny_protocol, tmp_path):
    model = small(task=ge2e(tiny_protocol.name))
    fitted = trainer()
    fitted.fit(model)
    fitted.save_checkpoint(tmp_path / "last.ckpt")
    loaded = Model.from_pretrained(tmp_path / "last.ckpt").eval()
    waveform = torch.randn(1, 1, 16000)
    assert torch.equal(loaded(waveform), model.eval()(waveform))


def test_loss_starts_where_fine_tuning_says(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name)
    task.initial_loss_state = {
        "loss_func.w": torch.tensor(7.0),
        "b": torch.tensor(-3.0),
        "loss_func.unknown": torch.zeros(3),
    }
    model = optimised_by(small(task=task), lambda: torch.optim.SGD(model.parameters(), lr=0.0))
    trainer().fit(model)
    assert model.loss_func.w.item() == 7.0
    assert model.loss_func.b.item() == -3.0


def test_a_start_that_was_chosen_comes_before_what_fine_tuned_weights_bring(
    small, ge2e, trainer, tiny_protocol
):
    task = ge2e(tiny_protocol.name, w=30.0)
    task.initial_loss_state = {"loss_func.w": torch.tensor(7.0), "b": torch.tensor(-3.0)}
    model = optimised_by(small(task=task), lambda: torch.optim.SGD(model.parameters(), lr=0.0))
    trainer().fit(model)
    assert (model.loss_func.w.item(), model.loss_func.b.item()) == (30.0, -3.0)


@pytest.mark.parametrize("name", ["w", "b"])
@pytest.mark.parametrize("value", ["high", True, float("nan"), float("inf")])
def test_w_and_b_are_numbers(ge2e, tiny_protocol, name, value):
    with pytest.raises(UserError, match=f"{name} should be a number, not"):
        ge2e(tiny_protocol.name, **{name: value})


@pytest.mark.parametrize("w", [0.0, -1.0])
def test_w_that_is_not_positive_is_refused(ge2e, tiny_protocol, w):
    with pytest.raises(UserError, match="it scales similarities"):
        ge2e(tiny_protocol.name, w=w)


def test_state_of_another_shape_is_left_alone(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name)
    task.initial_loss_state = {"w": torch.zeros(3)}
    model = optimised_by(small(task=task), lambda: torch.optim.SGD(model.parameters(), lr=0.0))
    trainer().fit(model)
    assert model.loss_func.w.item() == 10.0


def test_w_stays_positive(small, ge2e, trainer, tiny_protocol):
    class Drive(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            pl_module.loss_func.w.grad.fill_(1e6)

    model = small(task=ge2e(tiny_protocol.name))
    optimised_by(model, lambda: torch.optim.SGD(model.parameters(), lr=1.0))
    trainer(callbacks=[Drive()], limit_train_batches=2).fit(model)
    assert 0 < model.loss_func.w.item() < 1


# --- gradient scales --------------------------------------------------------------------------


class Steps(Callback):
    """Gradients after backward, and weights before and after the first step."""

    def on_after_backward(self, trainer, pl_module):
        parameters = dict(pl_module.named_parameters())
        self.gradients = {name: p.grad.clone() for name, p in parameters.items()}
        self.before = {name: p.detach().clone() for name, p in parameters.items()}

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.after = {name: p.detach().clone() for name, p in pl_module.named_parameters()}


def one_step(small, ge2e, trainer, tiny_protocol, scale, clip=0.0):
    task = ge2e(tiny_protocol.name, variant="contrast", gradient_scale=scale)
    model = small(task=task)
    optimised_by(
        model,
        lambda: torch.optim.SGD(task.parameter_groups(model, torch.optim.SGD, 0.1), lr=0.1),
    )
    steps = Steps()
    trainer(
        callbacks=[steps], limit_train_batches=1, limit_val_batches=0, gradient_clip_val=clip
    ).fit(model)
    return steps


def test_gradients_are_scaled(small, ge2e, trainer, tiny_protocol):
    plain = one_step(small, ge2e, trainer, tiny_protocol, {})
    scaled = one_step(small, ge2e, trainer, tiny_protocol, None)
    factors = {"loss_func.w": 0.01, "loss_func.b": 0.01, "projection.weight": 0.5}
    for name, gradient in plain.gradients.items():
        factor = factors.get(name, 0.5 if name.startswith("projection.") else 1.0)
        assert torch.allclose(scaled.gradients[name], factor * gradient, atol=1e-8), name


def test_gradients_are_scaled_before_they_are_clipped(small, ge2e, trainer, tiny_protocol):
    clip = 0.01
    steps = one_step(small, ge2e, trainer, tiny_protocol, None, clip)
    norm = torch.cat([gradient.flatten() for gradient in steps.gradients.values()]).norm()
    assert norm > clip
    for name, gradient in steps.gradients.items():
        step = (steps.before[name] - steps.after[name]) / 0.1
        assert torch.allclose(step, gradient * clip / norm, rtol=1e-2, atol=1e-5), name


def test_adam_gets_learning_rates_instead(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name)
    model = small(task=task)
    trainer(limit_train_batches=1, limit_val_batches=0).fit(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {
        names[id(parameter)]: group["lr"]
        for group in task.parameter_groups(model, torch.optim.AdamW, 1e-3)
        for parameter in group["params"]
    }
    assert rates.keys() == set(names.values())
    assert rates["loss_func.w"] == rates["loss_func.b"] == pytest.approx(1e-5)
    assert rates["projection.weight"] == pytest.approx(5e-4)
    assert rates["lstm.weight_ih_l0" if "lstm.weight_ih_l0" in rates else next(iter(rates))] == 1e-3


def test_pyannotes_default_optimiser_honours_the_scales(small, ge2e, trainer, tiny_protocol):
    fitted = trainer(limit_train_batches=1, limit_val_batches=0)
    fitted.fit(XVectorSincNet(task=ge2e(tiny_protocol.name)))
    rates = sorted(group["lr"] for group in fitted.optimizers[0].param_groups)
    assert rates == pytest.approx([1e-5, 1e-3])


def test_another_task_of_the_same_model_brings_its_own_scales(small, ge2e, trainer, tiny_protocol):
    model = small(task=ge2e(tiny_protocol.name))
    for scale, rates in ((None, [1e-5, 5e-4, 1e-3]), ({"lstm.*": 0.1}, [1e-4, 1e-3])):
        model.task = ge2e(tiny_protocol.name, gradient_scale=scale)
        fitted = trainer(limit_train_batches=1, limit_val_batches=0)
        fitted.fit(model)
        groups = fitted.optimizers[0].param_groups
        assert sorted(group["lr"] for group in groups) == pytest.approx(rates)


def test_scales_are_not_applied_twice():
    model = torch.nn.Linear(1, 1, bias=False)
    scales = GradientScales({"weight": 0.5})
    for _ in range(3):
        scales.groups(model, torch.optim.SGD, 1.0)
    model(torch.ones(1, 1)).sum().backward()
    assert model.weight.grad.item() == 0.5


def test_frozen_parameters_are_let_be():
    model = torch.nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    (group,) = GradientScales({"*": 0.5}).groups(model, torch.optim.SGD, 1.0)
    assert len(group["params"]) == 2


def test_pattern_that_matches_nothing_is_refused():
    with pytest.raises(UserError, match=r"'projction\.\*' matches no parameter; try bias\.\*"):
        GradientScales({"projction.*": 0.5}, strict=True).groups(
            torch.nn.Linear(2, 2), torch.optim.Adam, 1.0
        )
