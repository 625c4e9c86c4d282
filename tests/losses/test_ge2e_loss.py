"""The loss against an independent double loop, and where public versions go wrong."""

import math

import numpy as np
import pytest
import torch

from pyannote_ge2e.losses import GE2ELoss, ge2e_loss
from pyannote_ge2e.losses.cosine import unit_vectors

VARIANTS = ["softmax", "contrast"]


def cosine(x, y):
    return (x @ y) / (x @ x).sqrt() / (y @ y).sqrt()


def double_loop(embeddings, w, b, variant):
    """The paper, word for word, one utterance and one centroid at a time."""
    embeddings = embeddings / embeddings.norm(dim=-1, keepdim=True)
    num_speakers, num_utterances, _ = embeddings.shape
    losses = []
    for j in range(num_speakers):
        for i in range(num_utterances):
            similarities = []
            for k in range(num_speakers):
                members = [m for m in range(num_utterances) if not (k == j and m == i)]
                centroid = sum(embeddings[k, m] for m in members) / len(members)
                similarities.append(w * cosine(embeddings[j, i], centroid) + b)
            if variant == "softmax":
                total = sum(s.exp() for s in similarities)
                losses.append(-similarities[j] + total.log())
            else:
                others = [s.sigmoid() for k, s in enumerate(similarities) if k != j]
                losses.append(1 - similarities[j].sigmoid() + max(others))
    return sum(losses) / len(losses)


def random_batch(num_speakers, num_utterances, dimension, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (num_speakers, num_utterances, dimension)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def scale_and_offset(dtype=torch.float64):
    return tuple(torch.tensor(value, dtype=dtype, requires_grad=True) for value in (10.0, -5.0))


def gradients(loss_function, embeddings, variant):
    embeddings = embeddings.detach().clone().requires_grad_()
    w, b = scale_and_offset(embeddings.dtype)
    loss = loss_function(embeddings, w, b, variant)
    return loss.detach(), torch.autograd.grad(loss, (embeddings, w, b))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(2, 2, 3), (5, 4, 7), (3, 10, 2)])
def test_agrees_with_the_double_loop(shape, variant):
    embeddings = random_batch(*shape)
    loss, (to_embeddings, to_w, to_b) = gradients(ge2e_loss, embeddings, variant)
    expected, (expected_e, expected_w, expected_b) = gradients(double_loop, embeddings, variant)
    assert abs(loss - expected) < 1e-10
    assert (to_embeddings - expected_e).abs().max() < 1e-10
    assert abs(to_w - expected_w) < 1e-10
    assert abs(to_b - expected_b) < 1e-10


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradcheck(variant):
    embeddings = random_batch(4, 3, 5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda e, w, b: ge2e_loss(e, w, b, variant), (embeddings, *scale_and_offset())
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradcheck_below_the_smallest_norm(variant):
    embeddings = random_batch(3, 3, 4)
    embeddings[0, 0] *= 0.7e-6 / embeddings[0, 0].norm()
    embeddings.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda e: ge2e_loss(e, 10.0, -5.0, variant), (embeddings,), eps=1e-12, rtol=1e-2, atol=1e-2
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradcheck_where_the_others_cancel(variant):
    """With M = 3, the two others of the first utterance add up to less than the smallest norm."""
    embeddings = unit_vectors(random_batch(3, 3, 4))
    embeddings[0, 1] = -embeddings[0, 2]
    embeddings[0, 1, :2] += 0.4e-6
    others = unit_vectors(embeddings)[0, 1:].sum(dim=0)
    assert 0.1e-6 < others.norm() < 0.9e-6
    embeddings.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda e: ge2e_loss(e, 1.0, -0.5, variant), (embeddings,), eps=1e-9, rtol=1e-3, atol=1e-1
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradcheck_of_labelled_embeddings(variant):
    loss = GE2ELoss(variant).double()
    labels = torch.tensor([4, 1, 4, 9, 9, 1])
    embeddings = random_batch(3, 2, 5).reshape(6, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda e: loss(e, labels), (embeddings,))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("apart", [1.0, 0.1, 0.01])
def test_float32_gradient_survives_nearly_opposite_utterances(variant, apart):
    """With M = 3, the two other utterances of the first one nearly cancel."""
    embeddings = random_batch(8, 3, 16)
    embeddings[:, 2] = -embeddings[:, 1] + apart * random_batch(8, 1, 16, seed=1)[:, 0]
    _, (exact, exact_w, _) = gradients(ge2e_loss, embeddings, variant)
    _, (single, single_w, _) = gradients(ge2e_loss, embeddings.float(), variant)
    assert single.dtype == torch.float32
    assert (single - exact).norm() / exact.norm() < 1e-3
    assert abs(single_w - exact_w) / abs(exact_w) < 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_embeddings_are_scored_in_float32(variant, dtype):
    embeddings = random_batch(6, 4, 32, dtype)
    inside_autocast = ge2e_loss(embeddings.float(), 10.0, -5.0, variant)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, (to_embeddings, to_w, _) = gradients(ge2e_loss, embeddings, variant)
    assert loss.dtype == torch.float32
    assert loss == inside_autocast
    assert to_embeddings.dtype == dtype
    assert torch.isfinite(to_w)


def test_float64_stays_float64_inside_autocast():
    embeddings = random_batch(3, 3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = ge2e_loss(embeddings, 10.0, -5.0)
    assert loss.dtype == torch.float64
    assert loss == ge2e_loss(embeddings, 10.0, -5.0)


def degenerate_batches():
    one = random_batch(1, 1, 8, torch.float32)
    others = random_batch(4, 3, 8, torch.float32)
    opposite = others.clone()
    opposite[0] = torch.stack([one[0, 0], -one[0, 0], torch.zeros(8)])
    opposite[1] = torch.stack([others[1, 0], one[0, 0], -one[0, 0]])
    some_zero = others.clone()
    some_zero[2] = 0
    return {
        "collapsed": one.expand(4, 3, 8),
        "all zero": torch.zeros(4, 3, 8),
        "one speaker zero": some_zero,
        "opposite": opposite,
        "opposite pairs": torch.stack([one[0], -one[0]]).transpose(0, 1).expand(4, 2, 8),
        "tiny": 1e-30 * others,
        "large": 1e15 * others,
    }


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", degenerate_batches())
def test_degenerate_embeddings_keep_finite_gradients(case, variant):
    loss, found = gradients(ge2e_loss, degenerate_batches()[case], variant)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in found)


def test_collapsed_embeddings_cost_the_logarithm_of_the_number_of_speakers():
    collapsed = torch.ones(5, 3, 4, dtype=torch.float64)
    assert ge2e_loss(collapsed, 10.0, -5.0).item() == pytest.approx(math.log(5))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_norm_of_an_embedding_does_not_matter(variant):
    embeddings = random_batch(3, 4, 5)
    norms = 1 + torch.arange(12.0).reshape(3, 4, 1)
    expected = ge2e_loss(embeddings, 10.0, -5.0, variant)
    assert torch.allclose(ge2e_loss(norms * embeddings, 10.0, -5.0, variant), expected)


def test_the_offset_cancels_out_of_the_softmax_exactly():
    _, (_, _, to_b) = gradients(ge2e_loss, random_batch(6, 4, 8, torch.float32), "softmax")
    assert to_b == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_order_of_labels_does_not_matter(variant):
    embeddings = random_batch(4, 5, 6).reshape(20, 6)
    labels = torch.tensor([30, 10, 20, 0]).repeat_interleave(5)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    loss = GE2ELoss(variant)
    shuffled = embeddings.clone().requires_grad_()
    in_blocks = embeddings.clone().requires_grad_()
    loss_shuffled = loss(shuffled[order], labels[order])
    loss_in_blocks = loss(in_blocks, labels)
    assert torch.allclose(loss_shuffled, loss_in_blocks, rtol=1e-12)
    assert torch.allclose(
        torch.autograd.grad(loss_shuffled, shuffled)[0],
        torch.autograd.grad(loss_in_blocks, in_blocks)[0],
        atol=1e-12,
    )
    assert torch.allclose(
        loss_in_blocks, ge2e_loss(embeddings.reshape(4, 5, 6), 10.0, -5.0, variant)
    )


def test_blocks_of_equal_length_that_share_a_speaker_are_not_taken_for_speakers():
    embeddings = random_batch(2, 4, 6).reshape(8, 6)
    labels = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])
    by_speaker = torch.stack([embeddings[labels == 0], embeddings[labels == 1]])
    assert torch.allclose(GE2ELoss()(embeddings, labels), ge2e_loss(by_speaker, 10.0, -5.0))


def test_scale_and_offset_are_saved_and_trained():
    loss = GE2ELoss(init_w=3.0, init_b=-1.0)
    assert {name: value.item() for name, value in loss.state_dict().items()} == {"w": 3, "b": -1}
    assert {name for name, _ in loss.named_parameters()} == {"w", "b"}
    restored = GE2ELoss()
    restored.load_state_dict(loss.state_dict())
    assert restored.w.item() == 3
    loss(random_batch(3, 2, 4).reshape(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert loss.w.grad is not None
    assert loss.b.grad is not None


def test_scale_is_put_back_above_zero():
    loss = GE2ELoss()
    with torch.no_grad():
        loss.w.fill_(-2.0)
    loss.enforce_positive()
    assert 0 < loss.w.item() < 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_negative_scale_is_used_as_positive_and_still_learns(variant):
    loss = GE2ELoss(variant)
    with torch.no_grad():
        loss.w.fill_(-2.0)
    embeddings = random_batch(3, 1, 4, torch.float32) + 0.01 * random_batch(3, 5, 4, torch.float32)
    value = loss(embeddings.reshape(15, 4), torch.arange(3).repeat_interleave(5))
    value.backward()
    expected = ge2e_loss(embeddings, 1e-6, -5.0, variant)
    assert torch.allclose(value, expected)
    assert loss.w.grad < 0  # the classes are well apart: a larger scale lowers the loss


def test_training_separates_speakers():
    embeddings = random_batch(6, 4, 8, torch.float32).requires_grad_()
    loss = GE2ELoss()
    optimizer = torch.optim.SGD([embeddings, *loss.parameters()], lr=1.0)
    labels = torch.arange(6).repeat_interleave(4)
    before = loss(embeddings.reshape(24, 8), labels).item()
    for _ in range(50):
        optimizer.zero_grad()
        value = loss(embeddings.reshape(24, 8), labels)
        value.backward()
        optimizer.step()
        loss.enforce_positive()
    assert value.item() < 0.1 * before


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 5, 4), "at least 2, got 1"),
        ((0, 5, 4), "at least 2, got 0"),
        ((5, 1, 4), "each speaker needs at least 2, got 1"),
        ((6, 4), r"shape \(speaker, utterance, dimension\), got \(6, 4\)"),
    ],
)
def test_batches_without_anything_to_compare_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ge2e_loss(torch.ones(shape), 10.0, -5.0)


def test_integer_embeddings_are_refused():
    with pytest.raises(ValueError, match="floating-point"):
        ge2e_loss(torch.ones(3, 2, 4, dtype=torch.int64), 10.0, -5.0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 0, 1, 1, 2], "speaker 0 has 3 and speaker 1 has 2"),
        ([5, 7, 5, 5, 7, 5], "speaker 5 has 4 and speaker 7 has 2"),
        ([0, 1, 2, 3, 4, 5], "each speaker needs at least 2, got 1"),
        ([3, 3, 3, 3, 3, 3], "a batch needs at least 2, got 1"),
        ([0, 0, 1, 1], "one label for each of the 6 embeddings"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        GE2ELoss()(torch.ones(6, 4), torch.tensor(labels))


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], ["a", "a", "b", "b"], np.array([0, 0, 1, 1])])
def test_labels_that_are_no_tensor_are_refused(labels):
    with pytest.raises(ValueError, match=f"labels as a tensor.* not as a {type(labels).__name__}"):
        GE2ELoss()(torch.ones(4, 4), labels)


def test_empty_batch_is_refused():
    with pytest.raises(ValueError, match="got 0"):
        GE2ELoss()(torch.ones(0, 4), torch.ones(0, dtype=torch.int64))


def test_three_dimensional_embeddings_with_labels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(batch, dimension\)"):
        GE2ELoss()(torch.ones(2, 3, 4), torch.ones(2, dtype=torch.int64))


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="'softmax' or 'contrast'"):
        GE2ELoss("triplet")
    with pytest.raises(ValueError, match="'softmax' or 'contrast'"):
        ge2e_loss(torch.ones(2, 2, 2), 10.0, -5.0, variant="triplet")


def test_scale_starting_at_zero_is_refused():
    with pytest.raises(ValueError, match="init_w is 0"):
        GE2ELoss(init_w=0.0)
