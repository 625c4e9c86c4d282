"""Values that an option cannot have: one sentence that names the option, and no traceback."""

from __future__ import annotations

import pytest

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.errors import UserError

NO_SIZE = [0, -1, 2.5, "40", None, True]
NO_DURATION = [0, -0.01, "0.025", None, True, float("inf"), float("nan")]
NO_SWITCH = [None, 1, "yes"]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("num_mels", NO_SIZE),
        ("stack", NO_SIZE),
        ("window", NO_DURATION),
        ("hop", NO_DURATION),
        ("normalise", NO_SWITCH),
    ],
)
def test_mel_options(option, values):
    for value in values:
        with pytest.raises(UserError, match=f"^mel: {option} must be .*, not {value!r}\\.$"):
            MelLSTM(mel={option: value})


@pytest.mark.parametrize("build", [SincNetLSTM, MelLSTM])
@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("hidden_size", NO_SIZE),
        ("num_layers", NO_SIZE),
        ("proj_size", [-1, 2.5, "0", None, True]),
        ("dropout", [-0.1, 1, "0.1", None, True]),
        ("bidirectional", NO_SWITCH),
    ],
)
def test_lstm_options(build, option, values):
    for value in values:
        with pytest.raises(UserError, match=f"^lstm: {option} must be .*, not {value!r}\\.$"):
            build(lstm={option: value})


@pytest.mark.parametrize("value", [*NO_SIZE, 252])
def test_sincnet_stride(value):
    with pytest.raises(UserError, match=r"^sincnet: stride must be a whole number from 1 to 251"):
        SincNetLSTM(sincnet={"stride": value})


@pytest.mark.parametrize("value", [0, -3, 2.5, "256", True])
@pytest.mark.parametrize("build", [SincNetLSTM, MelLSTM])
def test_dimension(build, value):
    with pytest.raises(UserError, match=f"^dimension must be a whole number.*, not {value!r}\\.$"):
        build(dimension=value)


def test_dimension_can_be_left_out_but_not_be_nothing():
    with pytest.raises(UserError, match="dimension must be a whole number, 1 at least, not None"):
        SincNetLSTM(dimension=None)
    assert MelLSTM(preset="td-sv", dimension=None).dimension == 64


def test_projection_is_true_or_false():
    with pytest.raises(UserError, match="projection must be true or false, not 'no'"):
        MelLSTM(projection="no")


@pytest.mark.parametrize("option", ["window", "hop"])
def test_durations_of_less_than_a_sample(option):
    with pytest.raises(UserError, match=f"mel: {option} is shorter than one sample at 16000 Hz"):
        MelLSTM(mel={option: 1e-9})


@pytest.mark.parametrize("build", [SincNetLSTM, MelLSTM])
def test_dropout_needs_two_layers(build):
    with pytest.raises(UserError, match=r"lstm: dropout \(0\.2\) acts between layers"):
        build(lstm={"num_layers": 1, "dropout": 0.2})
    assert build(lstm={"num_layers": 2, "dropout": 0.2}).lstm.dropout == 0.2
