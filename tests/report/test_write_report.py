"""Files of a report: all new or all old, and readable by machines."""

import json
import shutil
import warnings

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from pyannote_ge2e.report import Evaluation, Scoring, write_report

FILES = {"metrics.json", "metrics.md", "det.svg", "det.png", "scores.png", "report.html"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_files_are_written_and_the_same_each_time(evaluation, report, tmp_path):
    write_report(evaluation, tmp_path)
    one = contents(report)
    assert set(one) == FILES
    assert one == contents(tmp_path)
    for picture in ("det.png", "scores.png"):
        assert matplotlib.image.imread(report / picture).shape[0] > 500


def test_json_holds_the_figures_given(evaluation, report):
    found = json.loads((report / "metrics.json").read_text())
    assert found["title"] == evaluation.title
    assert found["scorings"] == {of.name: of.figures.as_dict() for of in evaluation.scorings}
    assert (found["level"], found["method"], found["speakers"]) == (0.95, "speaker", 12)
    assert found["facts"] == evaluation.facts
    assert found["remarks"][:1] == list(evaluation.remarks)


def test_what_is_no_number_is_null_in_json(make, tmp_path):
    given = make(labels=[1, 0, 1, 0], raw=[0.9, 0.1, 0.4, 0.5])
    scoring = given.scorings[0]
    figures = type(scoring.figures)(**{**vars(scoring.figures), "min_cllr": float("nan")})
    write_report(
        Evaluation(**{**vars(given), "scorings": [Scoring("raw", scoring.scores, figures)]}),
        tmp_path,
    )

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    text = (tmp_path / "metrics.json").read_text()
    found = json.loads(text, parse_constant=refuse)
    assert found["scorings"]["raw"]["min_cllr"] is None


def test_markdown_holds_table_remarks_and_facts(report):
    text = (report / "metrics.md").read_text()
    assert text.startswith("# Demo.SpeakerVerification.All, test\n\n| scoring | EER % |")
    assert "> 3 speakers of the cohort are in the trials too." in text
    assert r"| Model | models/GE2E/weights/0040.pt |" in text


def test_a_failing_write_keeps_all_old_files_and_leaves_nothing_behind(
    report, make, tmp_path, monkeypatch
):
    shutil.copytree(report, tmp_path, dirs_exist_ok=True)
    before = contents(tmp_path)
    draw, written = Figure.savefig, []

    def full_disk(figure, target, **options):
        written.append(target)
        if len(written) == 3:
            raise OSError("disk full")
        draw(figure, target, **options)

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OSError, match="disk full"):
        write_report(make(labels=[1, 0], raw=[1.0, 0.0]), tmp_path)
    assert len(written) == 3
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "scores", [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], ids=["perfect", "constant", "all wrong"]
)
def test_two_trials_make_a_report_without_a_warning(scores, make, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(make(labels=[1, 0], raw=scores), tmp_path)
    assert set(contents(tmp_path)) == FILES


def test_names_that_are_no_text_are_written_all_the_same(make, tmp_path):
    """Names of files on disk need not be."""
    given = make(
        labels=[1, 1, 0, 0],
        raw=[0.9, 0.4, 0.6, 0.1],
        names=np.array([["caf\udce9", "b"]] * 4),
        title="caf\udce9",
    )
    write_report(given, tmp_path)
    assert "caf?" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["title"] == "caf?"


@pytest.mark.parametrize("name", ["caf\udce9", "语音", "two\nlines", "", 200 * "x"])
def test_odd_names_of_scorings_are_drawn_without_a_warning(name, make, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(make(labels=[1, 1, 0, 0], **{name: [0.9, 0.4, 0.6, 0.1]}), tmp_path)
    assert set(contents(tmp_path)) == FILES
