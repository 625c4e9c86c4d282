"""Files that are there in name only, and what layouts find of them."""

from __future__ import annotations

import os
from pathlib import Path

from pyannote_ge2e.data.prepare.layouts import find_corpus
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def find(layout: str, *paths: Path, **options) -> Corpus:
    """What is found, once it is certain that pyannote finds it too."""
    found = find_corpus(paths, layout, **options)
    check_that_each_is_found_once(found)
    return found


def lists(*paths: Path, **options) -> Corpus:
    """What lists name."""
    found = find(options.pop("layout", "auto"), *paths, **options)
    assert found.layout == "lists"
    return found


def check_that_each_is_found_once(found: Corpus) -> None:
    """As pyannote looks for files: under each template."""
    uris = [recording.uri for recording in found.recordings]
    assert uris == sorted(set(uris))
    templates = {recording.template for recording in found.recordings} - {""}
    for recording in found.recordings:
        hits = [t.format(uri=recording.uri) for t in templates]
        hits = [hit for hit in hits if os.path.isfile(hit)]
        assert hits == ([recording.path] if recording.template else [])
        assert os.path.isfile(recording.path)


def left_out(found: Corpus) -> dict[str, str]:
    return {item.path: item.reason for item in found.left_out}


def given(found: Corpus, subset: str) -> GivenTrials:
    (plan,) = found.protocols
    trials = plan.subsets[subset].trials
    assert isinstance(trials, GivenTrials)
    return trials
