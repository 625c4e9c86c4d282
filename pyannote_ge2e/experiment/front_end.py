"""The log-mel front-end that an experiment asks for, in what decides which features are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.architectures.mel import LogMel
from pyannote_ge2e.architectures.mel_lstm import MEL
from pyannote_ge2e.architectures.options import merge_options
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment import legacy
from pyannote_ge2e.experiment.config_file import read_config
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.precomputed import is_precomputed
from pyannote_ge2e.experiment.resolve import architectures, resolve
from pyannote_ge2e.experiment.sections import parse_section

__all__ = ["front_end_of"]


def front_end_of(root: Path, console: Console) -> tuple[int, dict[str, Any]]:
    """Sample rate and options of the log-mel front-end of an experiment.

    Raises
    ------
    UserError
        If there is no such folder, or what config.yml asks for has no such front-end.
    """
    if not root.is_dir():
        raise UserError(
            f"There is no folder '{root}': expected that of an experiment, or any other for the "
            "default front-end of MelLSTM."
        )
    path = root / "config.yml"
    if not path.is_file():
        say(console, f"'{root}' holds no config.yml: the default front-end of MelLSTM it is.")
        return 16000, _grid(16000, dict(MEL))
    config = read_config(path)
    section = parse_section(config.get("architecture"), ("architecture",), path)
    found = resolve(section, architectures())
    if not issubclass(found, MelLSTM):
        raise section.problem("it starts from waveforms: only MelLSTM has features to store.")
    if section.params.get("features") is not None:
        raise section.problem("it has features of its own: log-mel energies are of no use.")
    if section.params.get("second") is not None:
        raise section.problem(
            "with 'second' it listens to audio: it cannot start from stored features."
        )
    raw: Any = config.get("feature_extraction") or "RawAudio"
    source = parse_section(raw, ("feature_extraction",), path)
    if is_precomputed(raw):
        sample_rate = source.params.get("sample_rate", 16000)
    else:
        sample_rate = legacy.sample_rate(source)
    try:
        mel = merge_options(MEL, section.params.get("mel"), "mel")
        return sample_rate, _grid(sample_rate, mel)
    except UserError as error:
        raise section.problem(str(error), "mel") from error


def _grid(sample_rate: int, mel: dict[str, Any]) -> dict[str, Any]:
    """What decides what is stored, in whole samples."""
    front_end = LogMel(sample_rate, **mel)
    return {
        "num_mels": front_end.stored_dimension,
        "window": front_end.window_size / sample_rate,
        "hop": front_end.hop_size / sample_rate,
    }
