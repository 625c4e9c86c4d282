"""A second network, whose embedding follows that of the first."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.errors import UserError

LSTM = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}
SECOND = {
    "mel": {"num_mels": 20, "window": 0.064, "stack": 3},
    "stem": {"channels": 4},
    "lstm": LSTM,
    "pooling": "mean",
    "dimension": 5,
}


def two(**options) -> MelLSTM:
    return MelLSTM(lstm=LSTM, dimension=7, second=SECOND, **options).eval()


def test_the_embedding_is_both_of_unit_length_and_cosines_are_their_mean():
    model = two()
    alone = MelLSTM(lstm=LSTM, dimension=7).eval()
    alone.load_state_dict({name: model.state_dict()[name] for name in alone.state_dict()})
    beside = MelLSTM(**SECOND).eval()
    beside.load_state_dict(model.second.state_dict())
    waveforms = torch.randn(4, 1, 16000)
    embeddings = model(waveforms)
    each = [alone(waveforms), beside(waveforms)]
    assert model.dimension == 12
    torch.testing.assert_close(embeddings, torch.cat([normalize(one) for one in each], -1))
    torch.testing.assert_close(
        cosine_similarity(embeddings[:2], embeddings[2:]),
        sum(cosine_similarity(one[:2], one[2:]) for one in each) / 2,
    )


def test_a_mask_is_for_both():
    model = two()
    waveforms, weights = torch.randn(2, 1, 16000), torch.ones(2, 50)
    weights[0, :20], weights[1, 35:] = 0, 0
    kept = model(waveforms, weights=weights)
    rest = weights.repeat_interleave(320, dim=1)[:, None] == 0
    torch.testing.assert_close(kept, model(waveforms + 9 * rest, weights=weights))
    second = model.second(waveforms, weights=weights)
    torch.testing.assert_close(kept[:, 7:], normalize(second))


def test_a_checkpoint_holds_both(save, tmp_path):
    model = two()
    assert model.hparams["second"]["stem"] == {"channels": 4, "blocks": 3}
    assert not {"second", "sample_rate", "task"} & set(model.hparams["second"])
    loaded = load_model(save(model, tmp_path / "two.pt"))
    waveforms = torch.randn(2, 1, 16000)
    assert torch.equal(loaded(waveforms), model(waveforms))


def test_audio_must_be_long_enough_for_both():
    model = two()
    needed = model.second.receptive_field_size(1)
    assert model(torch.randn(1, 1, needed)).isfinite().all()
    with pytest.raises(ValueError, match=f"needs at least {needed}"):
        model(torch.randn(1, 1, needed - 1))


def test_too_little_for_one_of_them_is_no_embedding_at_all_and_no_gradient():
    model = two().train()
    weights = torch.zeros(2, 100)
    weights[0, 50:53] = 1  # more than two windows of the first, less than a frame of the second
    weights[1] = 1
    embeddings = model(torch.randn(2, 1, 16000), weights=weights)
    assert embeddings[0].isnan().all()
    assert embeddings[1].isfinite().all()
    embeddings[1].sum().backward()
    assert all(value.grad.isfinite().all() for value in model.parameters())


def test_both_learn_and_either_can_be_frozen():
    model = two().train()
    model(torch.randn(3, 1, 16000)).square().sum(0)[[0, 8]].sum().backward()
    assert all(value.grad is not None for value in model.parameters())
    model.freeze_by_name("second")
    assert not any(value.requires_grad for value in model.second.parameters())
    assert all(value.requires_grad for value in model.lstm.parameters())


def test_stored_features_are_not_for_two():
    model = two()
    assert model.stored_dimension is None
    with pytest.raises(UserError, match=r"\(batch, 1, sample\)"):
        model(torch.randn(2, 40, 100))


def test_sinc_filters_of_two_lengths():
    model = SincNetLSTM(
        sinc={"stack": 3, "stride": 20},
        lstm=LSTM,
        second={"sinc": {"window": 0.064, "filter_size": 1023, "stride": 160}, "lstm": LSTM},
    ).eval()
    assert model(torch.randn(2, 1, 16000)).shape == (2, 512)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"second": True}, "second must be a mapping of options, not True"),
        ({"second": {"mell": {}}}, "Unknown second option 'mell': did you mean 'mel'"),
        ({"second": {"second": {}}}, "Unknown second option 'second'"),
        ({"second": {"sample_rate": 8000}}, "Unknown second option 'sample_rate'"),
        ({"second": {"mel": {"hops": 1}}}, "second: Unknown mel option 'hops'"),
        ({"second": {"features": {}}}, "second: both networks listen to audio"),
        ({"second": {}, "features": {}}, "second: both networks listen to audio"),
    ],
)
def test_wrong_options_are_a_sentence(options, message):
    with pytest.raises(UserError, match=message):
        MelLSTM(**options)
