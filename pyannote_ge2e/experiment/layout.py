"""Where an experiment's files live: the layout of pyannote.audio 1.x.

<root>/config.yml
<root>/train/<protocol>.<subset>/                      config.yml, specs.yml, weights/0001.pt ...
  validate_equal_error_rate/<protocol>.<subset>/       params.yml, epochs.yml
    apply/0001/                                        metadata.yml, <database>/<uri>.npy
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError

_WEIGHTS = re.compile(r"^(\d{4,})\.pt$")


def write_yaml(path: Path, content: Any) -> None:
    """Write a YAML file atomically, keys in the order given."""
    with replacing(path) as temporary:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        temporary.write_text(text, encoding="utf-8")


def read_yaml(path: Path) -> Any:
    """Read a YAML file that this package wrote.

    Raises
    ------
    UserError
        If the file is missing or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"'{path}' is not valid YAML ({error}). Mend it or delete it.") from error


@dataclass(frozen=True)
class TrainFolder:
    """`<root>/train/<protocol>.<subset>`: one training run.

    Examples
    --------
    >>> run = TrainFolder.of(Path("models/GE2E"), "Debug.SpeakerVerification.All", "train")
    >>> run.weights_of(12).as_posix()
    'models/GE2E/train/Debug.SpeakerVerification.All.train/weights/0012.pt'
    """

    path: Path

    @classmethod
    def of(cls, root: Path, protocol: str, subset: str) -> TrainFolder:
        """Folder of the run that trains `root` on this subset of `protocol`."""
        return cls(root / "train" / f"{protocol}.{subset}")

    @classmethod
    def existing(cls, path: Path) -> TrainFolder:
        """Folder of a run that has weights.

        Raises
        ------
        UserError
            If there is no such folder or it holds no weights; runs nearby are named.
        """
        folder = cls(path)
        if folder.epochs():
            return folder
        if not path.is_dir():
            reason = f"There is no training folder '{path}'."
        else:
            reason = f"'{path}' holds no weights (expected '{path / 'weights'}/0001.pt')."
        nearby = sorted(p.parent.parent for p in path.glob("train/*/weights/*.pt"))
        hint = f" Did you mean '{nearby[-1]}'?" if nearby else " Run 'emb train' first."
        raise UserError(reason + hint)

    @property
    def weights(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "weights"

    @property
    def config(self) -> Path:
        """The configuration this run was started with, after every default and merge."""
        return self.path / "config.yml"

    @property
    def specs(self) -> Path:
        """What the run was trained on, for people."""
        return self.path / "specs.yml"

    def weights_of(self, epoch: int) -> Path:
        """Path of one epoch's checkpoint."""
        return self.weights / f"{epoch:04d}.pt"

    def epochs(self) -> list[int]:
        """Epochs whose weights are on disk, in order (0 is a pretrained start)."""
        if not self.weights.is_dir():
            return []
        names = (_WEIGHTS.match(path.name) for path in self.weights.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def make(self) -> None:
        """Make the folder of the checkpoints, before an epoch is spent on what cannot be saved.

        Raises
        ------
        UserError
            If it cannot be made.
        """
        try:
            self.weights.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"Cannot write '{self.weights}': {error.strerror or error}. "
                "Choose an experiment folder you may write to."
            ) from error

    def prune(self, keep: int) -> None:
        """Delete all but the `keep` newest checkpoints."""
        for epoch in self.epochs()[:-keep]:
            self.weights_of(epoch).unlink()

    def archive(self) -> Path:
        """Move the whole run aside (`<name>.1`, `.2`...), and say where."""
        names = (self.path.with_name(f"{self.path.name}.{number}") for number in count(1))
        moved = next(name for name in names if not name.exists())
        self.path.rename(moved)
        return moved


@dataclass(frozen=True)
class ValidateFolder:
    """`<train>/validate_equal_error_rate/<protocol>.<subset>`: a run's error rate per epoch."""

    path: Path

    @classmethod
    def of(cls, run: TrainFolder, protocol: str, subset: str) -> ValidateFolder:
        """Folder of the validation of `run` on this subset of `protocol`."""
        return cls(run.path / "validate_equal_error_rate" / f"{protocol}.{subset}")

    @property
    def run(self) -> TrainFolder:
        """The training run that was validated."""
        return TrainFolder(self.path.parent.parent)

    @property
    def params(self) -> Path:
        """The best epoch and its error rate."""
        return self.path / "params.yml"

    @property
    def history(self) -> Path:
        """Every validated epoch."""
        return self.path / "epochs.yml"

    def best_epoch(self) -> int:
        """Epoch with the lowest error rate so far.

        Raises
        ------
        UserError
            If nothing was validated there.
        """
        if not self.params.is_file():
            raise UserError(f"'{self.path}' holds no params.yml. Run 'emb validate' first.")
        params = read_yaml(self.params)
        if not isinstance(params, dict) or not isinstance(params.get("epoch"), int):
            raise UserError(f"'{self.params}' names no epoch. Run 'emb validate' again.")
        return params["epoch"]

    def apply_of(self, epoch: int) -> Path:
        """Folder of the embeddings extracted with one epoch's weights."""
        return self.path / "apply" / f"{epoch:04d}"
