"""From a folder of recordings to a protocol that pyannote reads: lists, trials, database.yml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Literal

from pyannote_ge2e.data.prepare import database_yml as registry
from pyannote_ge2e.data.prepare.folder import LeftOut, Utterance, scan
from pyannote_ge2e.data.prepare.lists import audio_templates, list_lines, list_paths, write_lists
from pyannote_ge2e.data.prepare.make_trials import make_trials
from pyannote_ge2e.data.prepare.measure import Progress, measure
from pyannote_ge2e.data.prepare.split import SUBSETS, split_speakers
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["Prepared", "SubsetSummary", "prepare"]


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
    protocol : str
        Full name, such as `Voices.SpeakerVerification.All`.
    database_yml : Path
    lists : Path
        Folder of the lists.
    subsets : dict of str to SubsetSummary
    left_out : list of LeftOut
        Audio that cannot be read comes first.
    notes : list of str
        What one should know before training.
    """

    protocol: str
    database_yml: Path
    lists: Path
    subsets: dict[str, SubsetSummary]
    left_out: list[LeftOut]
    notes: list[str]

    @property
    def export(self) -> str:
        """The line to type for pyannote to find the protocol from any folder."""
        return f"export PYANNOTE_DATABASE_CONFIG={quote(str(self.database_yml))}"

    def table(self, most: int = 10) -> Group:
        """Return the summary for `rich.print`, with at most so many of the files left out.

        `export` is not in it: print that with `soft_wrap=True`, for it is to be copied.
        """
        from pyannote_ge2e.data.prepare.summary import prepare_table

        return prepare_table(self, most)


def prepare(
    path: Path,
    name: str | None = None,
    database_yml: Path = Path("database.yml"),
    *,
    seed: int = 0,
    ratios: Sequence[float] = (0.8, 0.1, 0.1),
    trials: int | Literal["all"] = 20_000,
    extensions: Collection[str] | None = None,
    progress: Progress | None = None,
    threads: int = 8,
) -> Prepared:
    """Turn `[subset/]speaker/[session/]utterance.wav` into a verification protocol.

    Writes `lists/<name>/{train,development,test}.{lst,rttm,uem,trial}` beside `database_yml`, and
    `<name>.SpeakerVerification.All` into it. The same folder gives the same files, byte for byte.
    What is left out, if anything, is in `lists/<name>/left_out.txt` with the reason.

    Parameters
    ----------
    path : Path
        Corpus. Top folders named train, dev / development / val and test are taken as the
        subsets; else speakers are shared out at random.
    name : str, optional
        Name of the database. Defaults to the folder's.
    database_yml : Path, optional
        Made when missing, else merged: nothing else in it changes.
    seed : int, optional
        Of the split and of the trials.
    ratios : three floats, optional
        Shares of the speakers for train, development and test.
    trials : int or "all", optional
        Trials of development and of test, half of them targets as far as there are any.
    extensions : collection of str, optional
        Audio formats to take, such as `["wav"]`. Defaults to any.
    progress : callable, optional
        Called with (files measured, files in all) now and then.
    threads : int, optional
        Files measured at a time.

    Returns
    -------
    prepared : Prepared
        Unreadable files are left out, and listed there.

    Raises
    ------
    UserError
        When there is nothing to prepare, the name cannot be used, or `database_yml` is malformed,
        already describes another corpus of that name, or stands beside lists of that name that
        are another's. No file is then written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pyannote_ge2e.data.synthetic.corpus import make_corpus
    >>> folder = TemporaryDirectory()
    >>> corpus = make_corpus(Path(folder.name) / "voices", speakers=6, utterances=2)
    >>> prepared = prepare(corpus, "Voices", Path(folder.name) / "database.yml")
    >>> prepared.protocol, {s: summary.speakers for s, summary in prepared.subsets.items()}
    ('Voices.SpeakerVerification.All', {'train': 2, 'development': 2, 'test': 2})
    """
    root = Path(path).expanduser().resolve()
    database_yml = Path(database_yml).expanduser().resolve()
    if name is None:
        name = registry.suggested_name(root.name)
    registry.check_name(name)
    if "*" in str(root):
        raise UserError(f"'{root}' has a * in its path, which pyannote takes for a pattern.")
    if {"{", "}"} & set(str(database_yml)):
        raise UserError(
            f"'{database_yml}' has braces in its path, which pyannote wants to fill in."
        )
    lists = database_yml.parent / "lists" / name
    _check_own(lists, database_yml, name)

    found = scan(root, extensions)
    durations, unreadable = measure(root, found.utterances, progress, threads)
    utterances = [u for u in found.utterances if u.uri in durations]
    left_out = [*unreadable, *found.left_out]
    _check_enough(root, utterances, left_out)

    subsets, notes = _subsets(utterances, ratios, seed)
    contents: dict[str, dict[str, list[str]]] = {}
    summaries: dict[str, SubsetSummary] = {}
    for number, (subset, members) in enumerate(subsets.items()):
        contents[subset] = list_lines(members, durations)
        pairs = _trials(members, trials, [seed, number]) if subset != "train" else []
        if pairs:
            contents[subset]["trial"] = pairs
        elif subset != "train":
            notes.append(
                f"No trials for {subset}: they take two speakers or more, and one of them with "
                "two utterances or more."
            )
        summaries[subset] = _summary(members, durations, pairs)

    registry.register(
        database_yml,
        name,
        audio_templates(root, database_yml, {utterance.suffix for utterance in utterances}),
        {subset: list_paths(lists, subset, lines) for subset, lines in contents.items()},
        before=lambda: write_lists(lists, contents, left_out),
    )
    protocol = f"{name}.{registry.TASK}.{registry.PROTOCOL}"
    return Prepared(protocol, database_yml, lists, summaries, left_out, notes)


def _check_own(lists: Path, database_yml: Path, name: str) -> None:
    """Check that no other registry beside this one has lists where ours would go."""
    if lists.is_dir() and any(lists.iterdir()) and not registry.declares(database_yml, name):
        raise UserError(
            f"'{lists}' holds lists already, and not of '{database_yml}': choose another name "
            "for this corpus (--name), or remove that folder if nothing needs it."
        )


def _check_enough(root: Path, utterances: list[Utterance], left_out: list[LeftOut]) -> None:
    speakers = sorted({utterance.speaker for utterance in utterances})
    if not utterances:
        first = left_out[0]
        raise UserError(
            f"None of the {sum(item.files for item in left_out)} audio files in '{root}' can be "
            f"used; '{first.path}', for one: {first.reason}."
        )
    if len(speakers) == 1:
        raise UserError(
            f"'{root}' holds one speaker ('{speakers[0]}'), and verification compares speakers: "
            "expected two folders or more, each with one speaker's utterances."
        )


def _subsets(
    utterances: list[Utterance], ratios: Sequence[float], seed: int
) -> tuple[dict[str, list[Utterance]], list[str]]:
    """Return the utterances of each subset, in the order of `SUBSETS`, and what is remarkable."""
    notes: list[str] = []
    if utterances[0].subset is None:
        counts = Counter(utterance.speaker for utterance in utterances)
        chosen: Mapping[str, str] = split_speakers(counts, ratios, seed)
        of = [chosen[utterance.speaker] for utterance in utterances]
        for subset, ratio in zip(SUBSETS, ratios, strict=True):
            if ratio and subset not in of:
                notes.append(
                    f"No {subset} subset: {len(counts)} speakers are too few, or too few of them "
                    "have two utterances."
                )
    else:
        of = [str(utterance.subset) for utterance in utterances]
        notes.extend(_shared_speakers(utterances))
        if "train" not in of:
            notes.append(
                "No training subset: rename the folder of the training speakers to 'train' "
                "(VoxCeleb calls it 'dev')."
            )
        elif "development" not in of:
            notes.append("No development subset: training will not be validated as it goes.")
    members = {
        subset: [utterance for utterance, its in zip(utterances, of, strict=True) if its == subset]
        for subset in SUBSETS
    }
    return {subset: some for subset, some in members.items() if some}, notes


def _shared_speakers(utterances: list[Utterance]) -> list[str]:
    where: dict[str, set[str]] = {}
    for utterance in utterances:
        where.setdefault(utterance.speaker, set()).add(str(utterance.subset))
    shared = sorted(speaker for speaker, subsets in where.items() if len(subsets) > 1)
    if not shared:
        return []
    names = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
    return [
        f"{len(shared)} speaker(s) are in more than one subset ({names}): error rates will be too "
        "good. Move each to one subset, or rename those who are different people."
    ]


def _trials(members: list[Utterance], trials: int | Literal["all"], seed: list[int]) -> list[str]:
    pairs, labels = make_trials([utterance.speaker for utterance in members], trials, seed)
    if not 0 < labels.sum() < len(labels):
        return []
    return [
        f"{label} {members[first].uri} {members[second].uri}"
        for label, (first, second) in zip(labels.tolist(), pairs.tolist(), strict=True)
    ]


def _summary(
    members: list[Utterance], durations: dict[str, int], trials: list[str]
) -> SubsetSummary:
    seconds = [durations[utterance.uri] / 1000 for utterance in members]
    return SubsetSummary(
        speakers=len({utterance.speaker for utterance in members}),
        utterances=len(members),
        seconds=sum(seconds),
        shortest=min(seconds),
        longest=max(seconds),
        trials=len(trials),
        targets=sum(line.startswith("1") for line in trials),
    )
