"""What our embeddings give in pyannote.audio's diarization: the table of docs/diarization.md.

`python -m bench.diarization` prints it, for the conversation that pyannote.audio ships. With a
folder of `speaker/utterance.ogg`, also for conversations that are made of these. An oracle says
which speakers are heard when in each window: what errors there are come from embeddings and
clustering.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.utils import oracle_segmentation
from pyannote.core import Annotation, SlidingWindow, SlidingWindowFeature
from pyannote.metrics.diarization import DiarizationErrorRate

from bench.conversations import made_conversations, sample_conversation
from pyannote_ge2e import hub
from pyannote_ge2e.interop.no_plda import NoPLDA

THRESHOLDS = np.arange(0.2, 0.85, 0.05)
GIVEN = 0.5  # threshold from which the pipeline looks for the number of speakers that it is told
DURATION = 10.0  # of the windows of pyannote/segmentation-3.0 and community-1


class OracleDiarization(SpeakerDiarization):
    """The pipeline with a segmentation that knows.

    Parameters
    ----------
    embedding : Model
        Embedding.
    """

    def __init__(self, embedding: Model) -> None:
        segmentation = PyanNet()  # lends the pipeline its frames
        segmentation.specifications = Specifications(
            problem=Problem.MONO_LABEL_CLASSIFICATION,
            resolution=Resolution.FRAME,
            duration=DURATION,
            classes=["first", "second"],
            powerset_max_classes=2,
            permutation_invariant=True,
        )
        super().__init__(
            segmentation=segmentation,
            embedding=embedding,
            embedding_batch_size=16,
            plda=NoPLDA(),
            clustering="AgglomerativeClustering",
        )
        self.training = True  # keeps embeddings of a file for the next threshold

    def get_segmentations(self, file: Mapping[str, Any], hook: Any = None) -> SlidingWindowFeature:
        """Tell who is heard in each window, instead of estimating it."""
        window = SlidingWindow(duration=DURATION, step=0.1 * DURATION)
        return oracle_segmentation(file, window, self._segmentation.model.receptive_field)


def everything_by_one(annotation: Annotation) -> Annotation:
    """Give all speech to one speaker: the error rate to compare with."""
    one = Annotation(uri=annotation.uri)
    for segment in annotation.get_timeline().support():
        one[segment] = "one"
    return one


def measure(
    pipeline: SpeakerDiarization, files: Sequence[dict[str, Any]], threshold: float, told: bool
) -> str:
    """Diarize files.

    Parameters
    ----------
    pipeline : SpeakerDiarization
        Pipeline.
    files : list of dict
        Conversations.
    threshold : float
        Cosine distance up to which clusters are merged.
    told : bool
        Whether the number of speakers is given.

    Returns
    -------
    cell : str
        Diarization error rate, and the number of speakers found, of those there are.
    """
    clustering = {"method": "average", "threshold": threshold, "min_cluster_size": 12}
    pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": clustering})
    error_rate, found, there = DiarizationErrorRate(), 0, 0
    for file in files:
        speakers = len(file["annotation"].labels())
        output = pipeline(file, num_speakers=speakers if told else None)
        error_rate(file["annotation"], output.speaker_diarization, uem=file["annotated"])
        # Overlap gets a label of its own where there is but one cluster: one without embedding.
        found += int(output.speaker_embeddings.any(axis=1).sum())
        there += speakers
    return f"{100 * abs(error_rate):.1f} ({found} of {there})"


def main() -> None:
    """Measure, and print markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.diarization")
    parser.add_argument("folder", nargs="?", type=Path, help="of speaker/utterance.ogg")
    folder = parser.parse_args().folder
    sets = {"sample": [sample_conversation()]}
    if folder:
        sets["made"] = made_conversations(folder)

    columns = {}
    for name in hub.PRETRAINED:
        for kind, files in sets.items():
            pipeline = OracleDiarization(getattr(hub, name)())
            own = [dict(file) for file in files]
            cells = [measure(pipeline, own, float(each), told=False) for each in THRESHOLDS]
            cells.append(measure(pipeline, own, GIVEN, told=True))
            columns[f"{name}, {kind}"] = cells
    print(f"| threshold | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    heads = [*(f"{each:.2f}" for each in THRESHOLDS), "number given"]
    for head, *row in zip(heads, *columns.values(), strict=True):
        print(f"| {head} | {' | '.join(row)} |")
    for kind, files in sets.items():
        error_rate = DiarizationErrorRate()
        for file in files:
            one = everything_by_one(file["annotation"])
            error_rate(file["annotation"], one, uem=file["annotated"])
        print(f"\n{kind}: all speech by one speaker, {100 * abs(error_rate):.1f} %")


if __name__ == "__main__":
    main()
