"""Generalised end-to-end loss (Wan et al., 2018, https://arxiv.org/abs/1710.10467).

For utterance i of speaker j, with unit embedding e and unit centroids c (eq. 5 and 9)::

    S(k) = w cos(e, c_k) + b                                k other than j
    S(j) = w cos(e, mean of the other utterances of j) + b

    softmax:  logsumexp_k S(k) - S(j)                                        (eq. 6)
    contrast: 1 - sigmoid(S(j)) + max over k other than j of sigmoid(S(k))   (eq. 7)

The paper sums these over the batch. We take their mean, so that the learning rate does not
depend on the batch size.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyannote_ge2e.losses.cosine import leave_one_out_cosine, unit_vectors

Variant = Literal["softmax", "contrast"]

# What "w > 0" means in practice: small enough not to matter, large enough for float32.
SMALLEST_W = 1e-6


def ge2e_loss(
    embeddings: Tensor,
    w: Tensor | float,
    b: Tensor | float,
    variant: Variant = "softmax",
) -> Tensor:
    """Generalised end-to-end loss of a batch of N speakers with M utterances each.

    Computed in float32 even inside autocast (half precision is off by a third here), or in
    float64 when the embeddings are. Memory grows as N²M, not as N²MD.

    Parameters
    ----------
    embeddings : (N, M, D) tensor
        M embeddings of each of N different speakers. They need not be normalised: the loss
        does that. At least two speakers and two utterances.
    w, b : 0-d tensors or numbers
        Scale and offset of the cosine similarity; `w` should be positive.
    variant : "softmax" or "contrast"
        Which of the paper's two losses (eq. 6 and 7).

    Returns
    -------
    loss : 0-d tensor
        Mean over the N x M utterances. Its gradient is finite for any finite embeddings, also
        collapsed, opposite or zero ones.

    Raises
    ------
    ValueError
        When the shape leaves nothing to compare with, or the variant is unknown.

    Examples
    --------
    >>> two_speakers = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> ge2e_loss(two_speakers, w=10.0, b=-5.0).item() < 1e-4
    True
    >>> ge2e_loss(two_speakers, w=10.0, b=-5.0, variant="contrast")
    tensor(0.0134)
    """
    _check_variant(variant)
    _check_batch(embeddings)
    with torch.autocast(device_type=embeddings.device.type, enabled=False):
        dtype = torch.promote_types(embeddings.dtype, torch.float32)
        w = torch.as_tensor(w, dtype=dtype, device=embeddings.device)
        b = torch.as_tensor(b, dtype=dtype, device=embeddings.device)

        unit = unit_vectors(embeddings.to(dtype))
        total = unit.sum(dim=1)
        own = w * leave_one_out_cosine(unit, total)
        # w goes into the N centroids, which spares a pass over the N²M similarities.
        centroids = w * unit_vectors(total)
        if variant == "softmax":
            return _softmax(unit, own, centroids) + (b - b)
        return _contrast(unit, own + b, centroids, b)


def _softmax(unit: Tensor, own: Tensor, centroids: Tensor) -> Tensor:
    """Cross entropy of choosing the right speaker.

    b shifts every similarity of an utterance alike and cancels out. Its gradient is exactly
    zero (the caller adds b - b so that it is not None): were it computed, an optimiser that
    normalises gradients, such as Adam, would take its rounding errors for a direction.
    """
    flat = unit.flatten(0, 1)
    speaker = _speaker_of_each(unit)
    similarity = flat @ centroids.T
    # Cheaper than `torch.where` on the whole matrix; the product's gradient does not need
    # its result, hence in place.
    similarity.scatter_(1, speaker.unsqueeze(1), own.reshape(-1, 1))
    return F.cross_entropy(similarity, speaker)


def _contrast(unit: Tensor, own: Tensor, centroids: Tensor, b: Tensor) -> Tensor:
    """Distance to the own centroid against the nearest of the others.

    Finding the nearest takes all N²M similarities, but only its own needs a gradient.
    """
    flat = unit.flatten(0, 1)
    with torch.no_grad():
        similarity = flat @ centroids.T
        similarity.scatter_(1, _speaker_of_each(unit).unsqueeze(1), -torch.inf)
        nearest = similarity.argmax(dim=1)
    hardest = (flat * centroids.index_select(0, nearest)).sum(dim=-1) + b
    return (torch.sigmoid(-own.flatten()) + torch.sigmoid(hardest)).mean()


def _speaker_of_each(unit: Tensor) -> Tensor:
    num_speakers, num_utterances, _ = unit.shape
    return torch.arange(num_speakers, device=unit.device).repeat_interleave(num_utterances)


class GE2ELoss(nn.Module):
    """Generalised end-to-end loss of labelled embeddings, with learnable scale and offset.

    Parameters
    ----------
    variant : "softmax" or "contrast"
        See `ge2e_loss`.
    init_w, init_b : float
        Where scale and offset start; the paper's 10 and -5 by default.

    Attributes
    ----------
    w, b : 0-d parameters

    Examples
    --------
    >>> loss = GE2ELoss()
    >>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> loss(embeddings, torch.tensor([7, 3, 7, 3])).item() < 1e-4
    True
    """

    def __init__(
        self, variant: Variant = "softmax", init_w: float = 10.0, init_b: float = -5.0
    ) -> None:
        super().__init__()
        _check_variant(variant)
        if not init_w > 0:
            raise ValueError(f"The scale w must start above 0; init_w is {init_w}.")
        self.variant: Variant = variant
        self.w = nn.Parameter(torch.tensor(float(init_w)))
        self.b = nn.Parameter(torch.tensor(float(init_b)))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        embeddings : (B, D) tensor
            Embeddings of any norm.
        labels : (B,) integer tensor
            Speaker of each embedding, in any order (fastest when each speaker's embeddings
            follow one another). Every speaker must come equally often.

        Returns
        -------
        loss : 0-d tensor

        Raises
        ------
        ValueError
            When labels are no tensor, lengths differ, a speaker comes more often than another,
            or fewer than two speakers or two embeddings of each are left.
        """
        # An optimiser step may have left w at or below 0. The value used is positive in any
        # case, while the gradient still reaches w and can bring it back.
        w = self.w + (self.w.clamp_min(SMALLEST_W) - self.w).detach()
        return ge2e_loss(_by_speaker(embeddings, labels), w, self.b, variant=self.variant)

    @torch.no_grad()
    def enforce_positive(self) -> None:
        """Put `w` back above 0, in place. To be called after each optimiser step."""
        self.w.clamp_(min=SMALLEST_W)

    def extra_repr(self) -> str:
        """Show the variant and the current scale and offset."""
        return f"variant={self.variant!r}, w={self.w.item():.4g}, b={self.b.item():.4g}"


def _by_speaker(embeddings: Tensor, labels: Tensor) -> Tensor:
    """(B, D) embeddings and (B,) labels to (N, M, D), without a copy when already in blocks."""
    if embeddings.dim() != 2:
        raise ValueError(
            f"Expected embeddings of shape (batch, dimension), got {tuple(embeddings.shape)}."
        )
    if not isinstance(labels, Tensor):
        raise ValueError(
            "Expected labels as a tensor, one whole number for each embedding, "
            f"not as a {type(labels).__name__}."
        )
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"Expected one label for each of the {len(embeddings)} embeddings, "
            f"got labels of shape {tuple(labels.shape)}."
        )
    speakers, counts = torch.unique_consecutive(labels, return_counts=True)
    if len(speakers.unique()) < len(speakers):
        order = torch.argsort(labels, stable=True)
        speakers, counts = torch.unique_consecutive(labels[order], return_counts=True)
        embeddings = embeddings.index_select(0, order)
    uneven = counts != counts[:1]
    if uneven.any():
        other = int(uneven.nonzero()[0])
        raise ValueError(
            "Every speaker of a batch needs the same number of embeddings, but speaker "
            f"{speakers[0].item()} has {counts[0].item()} and speaker {speakers[other].item()} "
            f"has {counts[other].item()}."
        )
    num_speakers = len(speakers)
    return embeddings.reshape(num_speakers, -1 if num_speakers else 0, embeddings.shape[1])


def _check_variant(variant: str) -> None:
    if variant not in get_args(Variant):
        raise ValueError(f"Unknown GE2E variant {variant!r}: choose 'softmax' or 'contrast'.")


def _check_batch(embeddings: Tensor) -> None:
    shape = tuple(embeddings.shape)
    if len(shape) != 3:
        raise ValueError(
            f"Expected embeddings of shape (speaker, utterance, dimension), got {shape}."
        )
    if not embeddings.is_floating_point():
        raise ValueError(f"Expected floating-point embeddings, got {embeddings.dtype}.")
    num_speakers, num_utterances, _ = shape
    if num_speakers < 2:
        raise ValueError(f"GE2E compares speakers: a batch needs at least 2, got {num_speakers}.")
    if num_utterances < 2:
        raise ValueError(
            "GE2E compares an utterance with the others of its speaker: each speaker needs at "
            f"least 2, got {num_utterances}."
        )
