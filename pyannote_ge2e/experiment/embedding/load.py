"""From the name of a model to an embedder, and to what tells its embeddings from others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyannote.audio import Model

from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.embedding.embedder import BATCH, Embedder
from pyannote_ge2e.experiment.evaluation.model import EvaluatedModel, digest_of, find_model


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to embed.

    Attributes
    ----------
    name : str
        What it was called.
    embedder : Embedder
    digest : str
        Of its class, options and weights: the same in whatever file they lie.
    weights : Path or None
        The file, where there is one.
    found : EvaluatedModel or None
        Where it was found; None for a model that was given as such.
    """

    name: str
    embedder: Embedder
    digest: str
    weights: Path | None = None
    found: EvaluatedModel | None = None


def load_embedder(
    model: str | Path | Model,
    *,
    option: str = "--model",
    device: str = "auto",
    duration: float | None = None,
    step: float = 0.25,
    every_window: bool = False,
    batch_size: int = BATCH,
    readers: int = 1,
    check: bool = True,
) -> Loaded:
    """Load a model to embed recordings with.

    Parameters
    ----------
    model : str, Path or Model
        See `find_model`; or a model.
    option : str
        What errors call it.
    device : str
        See `find_device`.
    duration, step, every_window, batch_size, readers, check
        See `Embedder`.

    Raises
    ------
    UserError
        If it cannot be found or loaded, or does not embed speech.
    """
    wanted = find_device(device)
    found = None if isinstance(model, Model) else find_model(str(model), option=option)
    network = model if isinstance(model, Model) else found.model  # type: ignore[union-attr]
    embedder = Embedder(
        network,
        device=wanted,
        duration=duration,
        step=step,
        every_window=every_window,
        batch_size=batch_size,
        readers=readers,
        check=check,
    )
    return Loaded(
        type(network).__name__ if found is None else found.name,
        embedder,
        digest_of(network),
        None if found is None else found.weights,
        found,
    )
