"""What a trained model is evaluated on: the audio of a protocol, or its stored features."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyannote.database import Protocol

from pyannote_ge2e.data.audio.reader import audio_duration
from pyannote_ge2e.data.audio.segments import AudioSegments
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.protocol import MissingFile, Preprocessors, load_protocol
from pyannote_ge2e.data.trials.windows import SegmentReader
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.layout import TrainFolder, read_yaml
from pyannote_ge2e.experiment.precomputed import (
    Precomputed,
    folder_of,
    is_precomputed,
    parse_precomputed,
)
from pyannote_ge2e.experiment.resolve import architectures, resolve
from pyannote_ge2e.experiment.sections import parse_section
from pyannote_ge2e.experiment.stored_start import fitted_architecture
from pyannote_ge2e.tasks.stored_features import with_features

__all__ = ["AUDIO", "Reading", "features_command", "reading_of", "reading_of_run"]


@dataclass(frozen=True)
class Reading:
    """How the files of a protocol are read for a model.

    Attributes
    ----------
    stored : Precomputed or None
        Features in place of audio.
    root : Path or None
        Folder whose config.yml tells how they are stored.
    """

    stored: Precomputed | None = None
    root: Path | None = None

    def reader(self, sample_rate: int) -> SegmentReader:
        """Reads stretches of files, for a model that works at a sample rate."""
        return AudioSegments(sample_rate) if self.stored is None else self.stored.features

    def duration(self, path: str) -> float:
        """Duration of a file, in seconds."""
        return audio_duration(path) if self.stored is None else self.stored.features.duration(path)

    def protocol(
        self, name: str, registry: Path | None = None, preprocessors: Preprocessors | None = None
    ) -> Protocol:
        """Load a protocol, the `audio` of whose files is what is read.

        Raises
        ------
        UserError
            See `load_protocol`.
        """
        protocol = load_protocol(name, registry, preprocessors)
        return protocol if self.stored is None else with_features(protocol, self.stored.features)

    @contextmanager
    def telling(self, protocol: str, subset: str) -> Iterator[None]:
        """Tell, where features of a subset are missing, how to get them.

        Raises
        ------
        UserError
            In place of `MissingFile`.
        """
        try:
            yield
        except MissingFile as error:
            if self.stored is None:
                raise
            raise UserError(f"{error} {self._way_out(protocol, subset)}") from error

    def _way_out(self, protocol: str, subset: str) -> str:
        assert self.stored is not None
        if not self.stored.is_log_mel:
            return "The model starts from stored features: compute these, as those of training."
        features = self.stored.features
        folder = str(features.folder)
        if features.template != StoredFeatures(folder, features.dimension).template:
            return (
                "'emb features' stores FOLDER/DATABASE/URI.npy: let 'path' be such a FOLDER, or "
                "put the features where it says."
            )
        return f"Store features first: '{features_command(self.root, protocol, folder, subset)}'."


AUDIO = Reading()


def features_command(root: Path | None, protocol: str, output: str, subset: str) -> str:
    """Command that stores the features of a subset.

    Examples
    --------
    >>> features_command(Path("models/GE2E-mel"), "Debug.SpeakerVerification.All", "feats", "test")
    'pyannote-audio emb features models/GE2E-mel Debug.SpeakerVerification.All feats --subset test'
    """
    words = ["ROOT" if root is None else str(root), protocol, output]
    return shlex.join(["pyannote-audio", "emb", "features", *words, "--subset", subset])


def reading_of(
    config: Mapping[str, Any] | None,
    root: Path | None = None,
    remark: Callable[[str], None] = lambda sentence: None,
) -> Reading:
    """What a model is to be evaluated on: what it was trained on.

    A model that takes audio as well falls back on it, with a remark, where the folder of the
    features is not there: on another machine, for instance.

    Parameters
    ----------
    config : mapping or None
        Configuration of the run, as it was saved.
    root : Path, optional
        Folder that holds it.
    remark : callable
        Takes a sentence.

    Returns
    -------
    reading : Reading

    Raises
    ------
    UserError
        If the features are no longer those that the model was trained on.
    """
    section = (config or {}).get("feature_extraction")
    source = None if root is None else root / "config.yml"
    if config is None or not is_precomputed(section):
        return AUDIO
    features = parse_section(section, ("feature_extraction",), source)
    architecture = parse_section(config["architecture"], ("architecture",), source)
    takes_audio = architecture.params.get("features") is None
    folder = folder_of(features)
    if takes_audio and not folder.is_dir():
        remark(f"There is no folder '{folder}' of stored features: audio is read instead.")
        return AUDIO
    stored = parse_precomputed(features)
    fitted_architecture(architecture, resolve(architecture, architectures()), stored)
    return Reading(stored, root)


def reading_of_run(run: TrainFolder, remark: Callable[[str], None]) -> Reading:
    """What the epochs of a training run are to be evaluated on: see `reading_of`."""
    config = read_yaml(run.config) if run.config.is_file() else None
    return reading_of(config if isinstance(config, Mapping) else None, run.path, remark)
