"""The demo, from nothing to a report; and `reproduce.ipynb` run on it, from first cell to last."""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.demo import demo
from pyannote_ge2e.experiment.error_rate import ErrorRate
from pyannote_ge2e.metrics import equal_error_rate
from pyannote_ge2e.scoring import adaptive_snorm, cosine_scores

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "models" / "demo"
NOTEBOOK = ROOT / "reproduce.ipynb"

# Said by the last cell of the test: what the notebook found, to be found again here.
REVEAL = """
np.savez("found.npz", embeddings=embeddings, trials=trials, labels=labels, cohort=cohort, top=top,
         raw=raw, normalised=normalised)
"""


def printed(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


class Made(NamedTuple):
    """What a demo left, and what it gave."""

    output: Path
    untrained: ErrorRate
    trained: ErrorRate
    printed: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A demo of 40 speakers and two epochs instead of 100 and six."""
    output = tmp_path_factory.mktemp("made") / "demo"
    with redirect_stdout(io.StringIO()) as printed:
        untrained, trained = demo(output, experiment=EXPERIMENT, speakers=40, epochs=2)
    return Made(output, untrained, trained, printed.getvalue())


@pytest.fixture(scope="module")
def executed(
    made: Made, tmp_path_factory: pytest.TempPathFactory
) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after running on that demo, and the folder that it ran in."""
    folder = made.output.parent
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(REVEAL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        NotebookClient(
            notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    return notebook, folder


def test_the_demo_learns_voices_and_prints_both_error_rates(made: Made) -> None:
    assert made.trained.high < made.untrained.low  # far from chance
    assert f"untrained: test EER {made.untrained}" in made.printed
    assert f"trained:   test EER {made.trained}" in made.printed
    assert len(list(made.output.rglob("evaluate/*/*/report.html"))) == 1
    assert re.search(r"s-norm +\d+\.\d\d \[", made.printed)

    with pytest.raises(UserError, match="--force"):
        demo(made.output, experiment=EXPERIMENT)
    assert len(list(made.output.rglob("report.html"))) == 1


def test_the_demo_deletes_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="no earlier demo"):
        demo(tmp_path, experiment=EXPERIMENT, force=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_the_notebook_runs_and_prints_both_error_rates(executed) -> None:
    notebook, folder = executed
    found = np.load(folder / "found.npz")
    text = printed(notebook)
    trials, labels = found["trials"], found["labels"]

    raw = cosine_scores(found["embeddings"], trials)
    assert raw == pytest.approx(found["raw"])
    assert f"cosine: EER {equal_error_rate(raw, labels):.2%}" in text

    normalised = adaptive_snorm(
        found["embeddings"], found["embeddings"], found["cohort"], trials, top=int(found["top"])
    )
    assert normalised == pytest.approx(found["normalised"])
    assert f"EER {equal_error_rate(normalised, labels):.2%}\n" in text.split("adaptive s-norm")[1]


def test_the_notebook_shows_a_picture(executed) -> None:
    notebook, _ = executed
    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 1


def test_the_notebook_is_committed_as_it_runs_with_figures_to_read() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    parameters = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(parameters) == 1
    assert 'CORPUS = "demo"' in parameters[0].source
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert "adaptive s-norm" in printed(notebook)
