"""The card of a published model: what it is, how to use it, and what is known of its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyannote_ge2e.experiment.evaluation.model import EvaluatedModel
from pyannote_ge2e.experiment.verification.decision import Decision
from pyannote_ge2e.metrics import Figure
from pyannote_ge2e.report.words import percent


@dataclass(frozen=True)
class Card:
    """All that a model card is made from.

    Attributes
    ----------
    name : str
    found : EvaluatedModel
    entry : dict
        What the checkpoint says beside its weights.
    decision : Decision or None
    evaluations : list of dict
        Each a `metrics.json` of `emb evaluate`.
    licence : str or None
    """

    name: str
    found: EvaluatedModel
    entry: dict[str, Any]
    decision: Decision | None
    evaluations: list[dict[str, Any]]
    licence: str | None

    def text(self) -> str:
        """The card, in Markdown, with the header that the Hugging Face hub reads."""
        return "\n".join(
            [
                *self._header(),
                f"# {self.name}",
                "",
                *self._what(),
                *self._use(),
                *self._figures(),
                *self._limits(),
            ]
        )

    def _header(self) -> Iterator[str]:
        yield "---"
        yield "library_name: pyannote-audio"
        if self.licence is not None:
            yield f"license: {self.licence}"
        yield "tags:"
        tags = ("pyannote", "pyannote-audio", "pyannote-audio-model")
        for tag in (*tags, "speaker", "speaker-verification", "speaker-embedding"):
            yield f"- {tag}"
        yield "---"
        yield ""

    def _what(self) -> Iterator[str]:
        model = self.found.model
        count = sum(each.numel() for each in model.parameters())
        specifications = next(iter(model.specifications))
        yield "Speaker embedding for pyannote.audio, made with pyannote-ge2e."
        yield ""
        yield "| | |"
        yield "|---|---|"
        yield f"| architecture | `{type(model).__module__}.{type(model).__qualname__}` |"
        yield f"| parameters | {count:,} |"
        yield f"| embedding | {model.dimension} numbers |"
        yield f"| audio | mono, {model.hparams['sample_rate']:,} Hz |"
        yield f"| trained on windows of | {specifications.duration:g} s |"
        if specifications.classes:
            yield f"| speakers in training | {len(specifications.classes):,} |"
        if self.found.trained_on is not None:
            yield f"| trained on | {', '.join(self.found.trained_on)} |"
        if "imported" in self.entry:
            yield f"| imported from | {self.entry['imported']} |"
        if self.found.epoch is not None:
            yield f"| epoch | {self.found.epoch} |"
        yield f"| licence | {self.licence or 'not stated'} |"
        yield ""

    def _use(self) -> Iterator[str]:
        yield "## Use"
        yield ""
        yield "```python"
        yield "from pyannote.audio import Inference, Model"
        yield ""
        yield "model = Model.from_pretrained(PATH_OR_NAME)  # this folder, or owner/name on the hub"
        yield 'embedding = Inference(model, window="whole")("alice.wav")'
        yield "```"
        yield ""
        yield "or `pyannote-ge2e emb verify a.wav b.wav --model PATH_OR_NAME`. Both need"
        yield "`pip install pyannote-ge2e`, which defines the architecture. `config.yml` is what it"
        yield "was trained with; `sha256sum --check SHA256SUMS` tells whether all arrived whole."
        yield ""

    def _figures(self) -> Iterator[str]:
        yield "## Figures"
        yield ""
        if not self.evaluations and self.decision is None:
            yield "None are known: `emb evaluate` and `emb calibrate` make some."
            yield ""
            return
        yield "| trials | number | speakers | scores | equal error rate, % |"
        yield "|---|---|---|---|---|"
        for each in self.evaluations:
            facts = each["facts"]
            where = f"{facts['Protocol']}, {facts['Subset']}"
            for scores, figures in each["scorings"].items():
                rate = percent(Figure(**figures["equal_error_rate"]))
                counts = f"{each['trials']:,} | {_count(each['speakers'])}"
                yield f"| {where} | {counts} | {scores} | {rate} |"
        if self.decision is not None:
            known = self.decision
            rate = percent(known.equal_error_rate)
            where = f"{known.protocol}, {known.subset} (sets the threshold)"
            yield f"| {where} | {known.trials:,} | {_count(known.speakers)} | raw | {rate} |"
        yield ""
        yield "In brackets: intervals over speakers where these are known, over trials elsewhere."
        yield ""

    def _limits(self) -> Iterator[str]:
        yield "## Limits"
        yield ""
        yield "Figures hold for speech like that of the trials above. Other languages, channels,"
        yield "noise or recordings that are years apart make more errors; how many is for you to"
        yield "measure. A match is not proof of identity."
        yield ""


def evaluations_of(found: EvaluatedModel) -> list[dict[str, Any]]:
    """Read what `emb evaluate` wrote of these very weights, in the folder of the model.

    Returns
    -------
    evaluations : list of dict
        Those that are damaged, or of other weights, are not among them.
    """
    evaluations = []
    for path in sorted(found.home.glob("**/metrics.json")):
        evaluation = _read(path)
        said = evaluation.get("facts", {}).get("Weights", "")
        if f"{found.digest[:16]}" in said and "scorings" in evaluation:
            evaluations.append(evaluation)
    return evaluations


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"
