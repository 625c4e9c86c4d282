"""What tests of `emb evaluate` share: the line that is typed, and the files that it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app

QUICK = ["--subset=development", "--parallel=0", "--cpu", "--resamples=50"]
REPORT = {"metrics.json", "metrics.md", "det.svg", "det.png", "scores.png", "report.html"}


def run(*words: object) -> Result:
    """Evaluate on the development trials."""
    typed = ["emb", "evaluate", *map(str, words), *QUICK]
    return CliRunner().invoke(app, typed, env={"COLUMNS": "200", "NO_COLOR": "1"})


def evaluation(folder: Path, *words: object) -> dict:
    """What `metrics.json` holds, the output and the folder."""
    result = run(*words, f"--output={folder}")
    assert result.exit_code == 0, result.output
    metrics = json.loads((folder / "metrics.json").read_text())
    return {**metrics, "output": result.output, "folder": folder}


def read_scores(path: Path) -> dict[tuple[str, str], float]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return {(enrolment, test): float(score) for enrolment, test, score in lines}


@contextmanager
def more_trials(tiny_protocol, *lines: str) -> Iterator[None]:
    """Let the development trials be some more for a while."""
    path = tiny_protocol.database_yml.parent / "Tiny" / "development.trials.txt"
    content = path.read_text()
    try:
        path.write_text(content + "".join(f"{line}\n" for line in lines))
        yield
    finally:
        path.write_text(content)
