"""GE2E loss, forward and backward, against what no implementation can do without."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.timing import Timings, time_in_turns, verdict
from pyannote_ge2e.losses import GE2ELoss, ge2e_loss

NUM_UTTERANCES, DIMENSION = 10, 256
PURE_GOAL, LABELLED_GOAL = 1.5, 2.0
W, B = 10.0, -5.0

# The plain loop takes minutes at 512 speakers: it is timed on so many and scaled up.
LOOP_SPEAKERS = 2


def section() -> str:
    """Measure both forms of the loss at two batch sizes and return the section."""
    threads_before = torch.get_num_threads()
    _check_loop()
    rows = []
    try:
        for threads in sorted({1, threads_before}):
            torch.set_num_threads(threads)
            rows += [_row(64, threads, turns=40, calls=4), _row(512, threads, turns=11, calls=1)]
    finally:
        torch.set_num_threads(threads_before)
    return TEXT + "\n".join(rows)


TEXT = f"""## Loss

`ge2e_loss` and `GE2ELoss`, softmax, forward and backward, {NUM_UTTERANCES} utterances a speaker,
dimension {DIMENSION}, float32, CPU. The floor is normalise + sum + one matrix product + cross
entropy, which is not yet the loss. The plain loop goes through the batch utterance by utterance,
as the paper writes it; it gives the same loss and gradient (checked on 16 speakers) and is timed
on {LOOP_SPEAKERS} of the speakers, times their number.

Goals: `ge2e_loss` at most {PURE_GOAL} times the floor, `GE2ELoss` with labels at most
{LABELLED_GOAL} times.

| speakers | threads | floor, ms | `ge2e_loss` / floor | labels in blocks / floor \
| labels shuffled / floor | contrast / floor | plain loop / `ge2e_loss` | goals |
|---|---|---|---|---|---|---|---|---|
"""


def _row(num_speakers: int, threads: int, turns: int, calls: int) -> str:
    generator = torch.Generator().manual_seed(0)
    embeddings = _random_batch(num_speakers, generator)
    flat = embeddings.detach().flatten(0, 1).requires_grad_()
    labels = torch.arange(num_speakers).repeat_interleave(NUM_UTTERANCES)
    order = torch.randperm(len(labels), generator=generator)
    shuffled = flat.detach()[order].requires_grad_()
    w, b = (torch.tensor(value, requires_grad=True) for value in (W, B))
    module = GE2ELoss(init_w=W, init_b=B)

    candidates: dict[str, Callable[[], Tensor]] = {
        "floor": _step(lambda: floor(embeddings, w), embeddings),
        "pure": _step(lambda: ge2e_loss(embeddings, w, b), embeddings),
        "blocks": _step(lambda: module(flat, labels), flat),
        "shuffled": _step(lambda: module(shuffled, labels[order]), shuffled),
        "contrast": _step(lambda: ge2e_loss(embeddings, w, b, "contrast"), embeddings),
    }
    timings = time_in_turns(candidates, turns=turns, calls=calls)
    loop = time_in_turns({"loop": _loop_step(embeddings, LOOP_SPEAKERS)}, turns=3, warm_up=1)
    loop_seconds = loop.median("loop") * num_speakers / LOOP_SPEAKERS
    return _format(num_speakers, threads, timings, loop_seconds)


def _format(num_speakers: int, threads: int, timings: Timings, loop_seconds: float) -> str:
    pure, blocks, shuffled, contrast = (
        timings.ratio(name, to="floor") for name in ("pure", "blocks", "shuffled", "contrast")
    )
    passed = pure <= PURE_GOAL and max(blocks, shuffled) <= LABELLED_GOAL
    times = loop_seconds / timings.median("pure")
    return (
        f"| {num_speakers} | {threads} | {1e3 * timings.median('floor'):.1f} | {pure:.2f} "
        f"| {blocks:.2f} | {shuffled:.2f} | {contrast:.2f} | {times:.0f} | {verdict(passed)} |"
    )


def floor(embeddings: Tensor, w: Tensor) -> Tensor:
    """Normalise, sum, one matrix product, cross entropy: (N, M, D) to a scalar."""
    num_speakers, num_utterances, _ = embeddings.shape
    unit = F.normalize(embeddings, dim=-1)
    similarity = unit.flatten(0, 1) @ (w * unit.sum(dim=1)).T
    speaker = torch.arange(num_speakers).repeat_interleave(num_utterances)
    return F.cross_entropy(similarity, speaker)


def loop_over_speaker(embeddings: Tensor, speaker: int) -> Tensor:
    """Sum of the losses of one speaker's utterances, one after the other."""
    unit = F.normalize(embeddings, dim=-1)
    centroids = unit.mean(dim=1)
    losses = []
    for utterance in range(unit.shape[1]):
        others = [m for m in range(unit.shape[1]) if m != utterance]
        compared = centroids.clone()
        compared[speaker] = unit[speaker, others].mean(dim=0)
        similarity = W * F.cosine_similarity(unit[speaker, utterance], compared) + B
        losses.append(torch.logsumexp(similarity, dim=0) - similarity[speaker])
    return torch.stack(losses).sum()


def _step(loss: Callable[[], Tensor], embeddings: Tensor) -> Callable[[], Tensor]:
    def step() -> Tensor:
        embeddings.grad = None
        value = loss()
        value.backward()
        return value.detach()

    return step


def _loop_step(embeddings: Tensor, num_speakers: int) -> Callable[[], Tensor]:
    """Backward after each speaker: one graph of the whole loop would take gigabytes."""

    def step() -> Tensor:
        embeddings.grad = None
        total = torch.zeros(())
        for speaker in range(num_speakers):
            value = loop_over_speaker(embeddings, speaker) / embeddings[..., 0].numel()
            value.backward()
            total += value.detach()
        return total

    return step


def _check_loop() -> None:
    """Make sure that the loop computes what it is compared to."""
    embeddings = _random_batch(16, torch.Generator().manual_seed(0))
    ours = _step(lambda: ge2e_loss(embeddings, W, B), embeddings)
    loss, gradient = ours(), embeddings.grad
    expected, expected_gradient = _loop_step(embeddings, 16)(), embeddings.grad
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-6)


def _random_batch(num_speakers: int, generator: torch.Generator) -> Tensor:
    shape = (num_speakers, NUM_UTTERANCES, DIMENSION)
    return torch.randn(shape, generator=generator).requires_grad_()
