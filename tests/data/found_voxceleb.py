"""A few files of VoxCeleb as they are unzipped, and what is found in them: for tests."""

from __future__ import annotations

from pathlib import Path

from found_corpora import touch

from pyannote_ge2e.data.prepare.layouts import find_corpus
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, ProtocolPlan

VIDEO = "x6uYqmx31kE"
DEV, TEST = ("id10001", "id10002", "id11251"), ("id10270", "id10309")


def part(root: Path, folder: str, *speakers: str, suffix: str = ".wav", count: int = 2) -> Path:
    return touch(
        root,
        *(f"{folder}/{s}/{VIDEO}/{n:05d}{suffix}" for s in speakers for n in range(1, count + 1)),
    )


def both_corpora(root: Path) -> Path:
    """VoxCeleb1 and 2, a few speakers of each, as their archives unpack."""
    part(root, "VoxCeleb1/wav", *DEV, *TEST)
    part(root, "VoxCeleb2/dev/aac", "id00012", "id09272", suffix=".m4a")
    return part(root, "VoxCeleb2/test/aac", "id00017", suffix=".m4a")


def trials(path: Path, *rows: tuple[int, str, str]) -> Path:
    lines = (
        f"{label} {one}/{VIDEO}/00001.wav {two}/{VIDEO}/00002.wav\n" for label, one, two in rows
    )
    path.write_text("".join(lines))
    return path


def official(path: Path) -> Path:
    return trials(path, (1, "id10270", "id10270"), (0, "id10270", "id10309"))


def corpus(*paths: Path, **options) -> Corpus:
    return find_corpus(paths, "voxceleb", **options)


def groups(found: Corpus) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for recording in found.recordings:
        result.setdefault(recording.group, set()).add(recording.speaker)
    return result


def plans(found: Corpus) -> dict[str, ProtocolPlan]:
    return {plan.name: plan for plan in found.protocols}


def shape(plan: ProtocolPlan) -> dict[str, tuple[tuple[str, ...], object]]:
    """Groups and trials of each subset; of given trials, what the file is called."""
    return {
        subset: (
            its.groups,
            Path(its.trials.source).name if isinstance(its.trials, GivenTrials) else its.trials,
        )
        for subset, its in plan.subsets.items()
    }
