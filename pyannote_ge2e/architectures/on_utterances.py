"""Models that define the embedding of a whole utterance themselves, its windows included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.architectures.public_mel import PublicMel, Windows, together
from pyannote_ge2e.architectures.recipes import Recipe
from pyannote_ge2e.architectures.speech import listened_to


class OnUtterances:
    """Adds the two halves of a public project's embedding: what is heard, and the embedding of it.

    Attributes
    ----------
    recipe : Recipe
    mel : PublicMel
    """

    recipe: Recipe
    mel: PublicMel
    if TYPE_CHECKING:
        device: torch.device
        hparams: Any

        def check(self, waveforms: Tensor, weights: Tensor | None = None) -> None: ...

        def embed_windows(self, windows: Windows) -> Tensor: ...

    @torch.inference_mode()
    def preprocess(self, waveform: Tensor) -> Tensor:
        """Set the level of an utterance and drop its silence, as the project does beforehand.

        Parameters
        ----------
        waveform : (sample,) Tensor
            Whole utterance at 16 kHz.

        Returns
        -------
        waveform : (sample,) Tensor
            What is listened to of it.

        Examples
        --------
        >>> from pyannote_ge2e.architectures import DVector
        >>> model = DVector(recipe="dvector")
        >>> model.preprocess(torch.cat([torch.zeros(8000), torch.full((8000,), 0.1)])).shape
        torch.Size([8000])
        """
        waveform = self.recipe.level(at_least_single(waveform.to(self.device))[None], None)[0]
        return waveform[listened_to(waveform, self.hparams["silence"])]

    @torch.inference_mode()
    def embed_utterance(self, waveform: Tensor, step: int | None = None) -> Tensor:
        """Embed an utterance that is preprocessed already, in the project's own way.

        `forward` preprocesses, then does the same.

        Parameters
        ----------
        waveform : (sample,) Tensor
            Utterance at 16 kHz, from `preprocess` or from the project's own preprocessing.
        step : int, optional
            Step between windows, in frames of 10 ms. Defaults to the project's (77 for
            Resemblyzer; Real-Time-Voice-Cloning takes 80).

        Returns
        -------
        embedding : (dimension,) Tensor
            Of unit length.

        Examples
        --------
        >>> from pyannote_ge2e.architectures import DVector
        >>> model = DVector().eval()
        >>> waveform = torch.randn(48000)
        >>> whole = model(waveform.view(1, 1, -1))[0]
        >>> torch.allclose(model.embed_utterance(model.preprocess(waveform)), whole, atol=1e-6)
        True
        """
        return self.embed_utterances([waveform], step)[0]

    @torch.inference_mode()
    def embed_utterances(self, waveforms: Sequence[Tensor], step: int | None = None) -> Tensor:
        """Embed utterances of any lengths at once, each as `embed_utterance` does.

        Their windows are a single batch.

        Parameters
        ----------
        waveforms : sequence of (sample,) Tensors
            Utterances at 16 kHz, preprocessed already.
        step : int, optional
            As in `embed_utterance`.

        Returns
        -------
        embeddings : (utterance, dimension) Tensor

        Examples
        --------
        >>> from pyannote_ge2e.architectures import DVector
        >>> model = DVector().eval()
        >>> waveforms = torch.randn(48000), torch.randn(20000)
        >>> together = model.embed_utterances(waveforms)
        >>> torch.allclose(together[1], model.embed_utterance(waveforms[1]), atol=1e-6)
        True
        """
        several = []
        for waveform in waveforms:
            self.check(waveform[None, None])
            alone = at_least_single(waveform.to(self.device))[None]
            several.append(self.mel(alone, step=step))
        return self.embed_windows(together(several))
