"""What `prepare` tells when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from pyannote_ge2e.data.prepare.plan import LeftOut

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["Prepared", "SubsetSummary"]


@dataclass(frozen=True)
class SubsetSummary:
    """What a subset holds. Durations are in seconds.

    Attributes
    ----------
    speakers, utterances : int
    seconds : float
        Of all utterances together.
    shortest, longest : float
        Utterances.
    trials, targets : int
        Trials, and those among them that compare one speaker with themselves.
    """

    speakers: int
    utterances: int
    seconds: float
    shortest: float
    longest: float
    trials: int
    targets: int


@dataclass(frozen=True)
class Prepared:
    """What `prepare` wrote, and what it left out.

    Attributes
    ----------
    layout : str
        How the corpus is laid out, such as "voxceleb".
    protocols : dict of str to dict of str to SubsetSummary
        Subsets of each protocol, by its full name, such as `Voices.SpeakerVerification.All`.
    database_yml : Path
    lists : Path
        Folder of the lists.
    left_out : list of LeftOut
        Audio that cannot be read comes first.
    notes : list of str
        What one should know before training.
    """

    layout: str
    protocols: dict[str, dict[str, SubsetSummary]]
    database_yml: Path
    lists: Path
    left_out: list[LeftOut]
    notes: list[str]

    @property
    def protocol(self) -> str:
        """The protocol, or the first of several."""
        return next(iter(self.protocols))

    @property
    def subsets(self) -> dict[str, SubsetSummary]:
        """Subsets of the protocol, or of the first of several."""
        return self.protocols[self.protocol]

    @property
    def commands(self) -> list[str]:
        """What to type next: for pyannote to find the protocols from any folder, and to train."""
        export = f"export PYANNOTE_DATABASE_CONFIG={quote(str(self.database_yml))}"
        train = [name for name, subsets in self.protocols.items() if "train" in subsets]
        return [export, *(f"pyannote-audio emb train models/GE2E {name}" for name in train[:1])]

    def table(self, most: int = 3) -> Group:
        """Return the summary for `rich.print`, with so many examples for each reason to leave out.

        `commands` are not in it: print them with `soft_wrap=True`, for they are to be copied.
        """
        from pyannote_ge2e.data.prepare.summary import prepare_table

        return prepare_table(self, most)
