"""`emb score`: figures of anyone's score file, with the right intervals, or one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.data.score_files import write_scores, write_trials, write_utt2spk
from pyannote_ge2e.metrics import act_dcf, cllr, equal_error_rate, figures_of, min_dcf


def run(*words: object, width: int = 200) -> Result:
    return CliRunner().invoke(app, ["emb", "score", *map(str, words)], env={"COLUMNS": str(width)})


class Experiment:
    """Scores of all pairs of 8 speakers x 4 recordings, each speaker harder or easier."""

    def __init__(self, folder: Path, separator: str = "-") -> None:
        rng = np.random.default_rng(7)
        self.names = [f"spk{s}{separator}{u}" for s in range(8) for u in range(4)]
        self.trials = np.array([(a, b) for a in range(32) for b in range(a)])
        self.labels = (self.trials[:, 0] // 4 == self.trials[:, 1] // 4).astype(np.int64)
        offset = rng.normal(0, 0.5, 8)[self.trials // 4].sum(axis=1)
        self.scores = rng.normal(2.0 * self.labels, 1.0) + offset
        self.speakers = np.array([f"spk{s}" for s in range(8)])[self.trials // 4]
        self.path, self.list = folder / "ours.txt", folder / "list.txt"
        self.utt2spk = folder / "speakers.txt"
        write_scores(self.path, self.names, self.trials, self.scores)
        write_trials(self.list, self.names, self.trials, self.labels)
        write_utt2spk(self.utt2spk, {name: name[:4] for name in self.names})


@pytest.fixture
def made(tmp_path: Path) -> Experiment:
    return Experiment(tmp_path)


def eer(figures) -> str:
    figure = figures.equal_error_rate
    return f"{100 * figure.value:.2f} [{100 * figure.low:.2f}, {100 * figure.high:.2f}]"


def test_figures_of_a_kaldi_file_over_the_speakers_of_utt2spk(made):
    done = run(made.path, "--trials", made.list, "--speakers", made.utt2spk)
    assert done.exit_code == 0, done.output
    assert eer(figures_of(made.scores, made.labels, made.speakers)) in done.stdout
    assert done.stdout.startswith(
        f"read as: enrolment test score, labels from '{made.list}'; speakers from '{made.utt2spk}'"
    )
    assert "496 trials, 48 targets, 8 speakers" in done.stdout
    assert "95 % interval over speakers" in done.stdout


def test_speakers_that_nobody_knows_are_missed_aloud(made):
    done = run(made.path, "--trials", made.list)
    assert done.exit_code == 0, done.output
    assert eer(figures_of(made.scores, made.labels)) in done.stdout
    assert "speakers unknown" in done.stdout
    assert "--speakers utt2spk mends that" in done.stdout


def test_speakers_are_taken_from_names_that_the_labels_confirm(tmp_path):
    made = Experiment(tmp_path, separator="/")
    done = run(made.path, "--trials", made.list)
    assert eer(figures_of(made.scores, made.labels, made.speakers)) in done.stdout
    assert "speakers from the names: 'spk0/1' is of 'spk0'" in done.stdout


def test_trials_are_resampled_when_asked_though_speakers_are_known(made):
    words = [made.path, "--trials", made.list, "--speakers", made.utt2spk, "--ci", "trial"]
    done = run(*words)
    figures = figures_of(made.scores, made.labels, made.speakers, method="trial")
    assert eer(figures) in done.stdout
    assert "mends that" not in done.stdout


def test_the_words_reach_the_figures(made):
    words = ["--p-target", ".2", "0.5", "--level", "0.8", "--seed", "3", "--resamples", "50"]
    done = run("--trials", made.list, "--speakers", made.utt2spk, *words, "--llr", "--", made.path)
    assert done.exit_code == 0, done.output
    figures = figures_of(
        made.scores,
        made.labels,
        made.speakers,
        p_targets=(0.2, 0.5),
        level=0.8,
        seed=3,
        resamples=50,
        calibrated=True,
    )
    assert eer(figures) in done.stdout
    assert "80 % interval" in done.stdout
    for p in (0.2, 0.5):
        assert f"minDCF (P={p})" in done.stdout
        assert f"{min_dcf(made.scores, made.labels, p_target=p):.3f} [" in done.stdout
        assert f"{act_dcf(made.scores, made.labels, p_target=p):.3f} [" in done.stdout
    assert f"{cllr(made.scores, made.labels):.3f} [" in done.stdout


def test_no_figure_is_cut_off_in_a_narrow_terminal(made):
    words = [made.path, "--trials", made.list, "--llr", "--p-target", ".01", ".05", ".1", ".5"]
    done = run(*words, width=80)
    figures = figures_of(made.scores, made.labels, calibrated=True)
    assert "minCllr" in done.stdout
    assert f"{figures.min_cllr:.3f}" in done.stdout
    assert f"{figures.cllr.value:.3f}" in done.stdout


def test_scores_that_are_no_likelihood_ratios_have_no_cllr(made):
    done = run(made.path, "--trials", made.list)
    assert "Cllr" not in done.stdout
    assert "actDCF" not in done.stdout


def test_distances_are_noticed_and_turned_round(made):
    write_scores(made.path, made.names, made.trials, -made.scores)
    done = run(made.path, "--trials", made.list)
    assert "The scores seem to be distances" in done.stdout
    assert "--negate" in done.stdout
    done = run(made.path, "--trials", made.list, "--negate")
    assert f"{100 * equal_error_rate(made.scores, made.labels):.2f} [" in done.stdout
    assert "seem to be distances" not in done.stdout


def test_scores_of_no_trial_are_remarked(made):
    write_trials(made.list, made.names, made.trials[1:], made.labels[1:])
    done = run(made.path, "--trials", made.list)
    assert done.exit_code == 0
    assert f"1 score of '{made.path}' is of no trial of '{made.list}', and left out." in done.stdout


def test_the_same_files_give_the_same_words(made):
    words = [made.path, "--trials", made.list, "--speakers", made.utt2spk]
    assert run(*words).stdout == run(*words).stdout


def test_output_is_the_report(made, tmp_path):
    folder = tmp_path / "report"
    words = [made.path, "--trials", made.list, "--speakers", made.utt2spk, "--output", folder]
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert {"metrics.json", "metrics.md", "det.svg", "det.png", "scores.png", "report.html"} == {
        file.name for file in folder.iterdir()
    }
    figures = figures_of(made.scores, made.labels, made.speakers)
    assert eer(figures) in (folder / "metrics.md").read_text()
    assert str(figures.equal_error_rate.value) in (folder / "metrics.json").read_text()
    json.loads((folder / "metrics.json").read_text())
    assert str(folder) in done.stdout


def test_an_output_that_is_a_file_is_refused_before_any_work(made, tmp_path):
    done = run(tmp_path / "none.txt", "--output", made.list)
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: Cannot write '{made.list}': '{made.list}' is no folder that you may write to; "
        "choose another with --output.\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{path}"], "--trials"),
        (["{path}", "--trials", "{path}"], "holds scores but no labels"),
        (["{path}", "--trials", "{list}", "--ci", "speaker"], "--ci speaker needs the speakers"),
        (["{path}", "--trials", "{list}", "--speakers", "{list}"], "expected 'uri speaker'"),
        (["{list}", "--trials", "{list}"], "is a list of trials without scores"),
        (["{folder}"], "is a folder: name a score file"),
        (["{folder}/none.txt"], "No such file"),
        (["{path}", "--trials", "{list}", "--columns", "score"], "1 columns, and"),
    ],
)
def test_what_cannot_be_is_one_sentence(made, tmp_path, words, sentence):
    places = {"path": made.path, "list": made.list, "folder": tmp_path}
    done = run(*(word.format(**places) for word in words))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert not done.stdout


def test_labels_of_one_class_are_one_sentence(made):
    write_trials(made.list, made.names, made.trials, np.ones(len(made.trials), int))
    done = run(made.path, "--trials", made.list)
    assert done.exit_code == 1
    assert "496 trials, and no non-target among them: error rates need both" in done.stderr


def test_trials_that_are_listed_twice_are_counted_aloud(made):
    once = run(made.path, "--trials", made.list)
    lines = made.list.read_text().splitlines(keepends=True)
    made.list.write_text("".join([*lines, lines[0], lines[0], lines[7]]))
    done = run(made.path, "--trials", made.list)
    assert f"3 lines repeat a trial of '{made.list}'" in done.stdout
    assert "repeat" not in once.stdout
    write_scores(
        made.path, made.names, made.trials[[*range(496), 0]], made.scores[[*range(496), 0]]
    )
    made.list.write_text("".join(lines))
    assert "repeat" not in run(made.path, "--trials", made.list).stdout  # the list decides


def test_negated_similarities_are_not_advised_to_be_negated(made):
    done = run(made.path, "--trials", made.list, "--negate")
    assert "Leave --negate out." in done.stdout
    assert "--negate turns them round" not in done.stdout


@pytest.mark.parametrize("separator", [";", "|"])
def test_fields_that_nothing_known_separates_are_named(made, separator):
    made.path.write_text(made.path.read_text().replace(" ", separator))
    done = run(made.path, "--trials", made.list)
    assert done.exit_code == 1
    assert "separate its columns by spaces, tabs or commas" in done.stderr


def test_speakers_that_deny_a_label_are_one_sentence(made):
    write_utt2spk(made.utt2spk, dict.fromkeys(made.names, "spk0"))
    done = run(made.path, "--trials", made.list, "--speakers", made.utt2spk)
    assert done.exit_code == 1
    assert "The trial 'spk1-0 spk0-0' is a non-target, and by" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_recording_without_speaker_is_one_sentence(made):
    write_utt2spk(made.utt2spk, {name: name[:4] for name in made.names[2:]})
    done = run(made.path, "--trials", made.list, "--speakers", made.utt2spk)
    assert done.exit_code == 1
    assert "No speaker is given for 'spk0-1' and 1 other recording" in done.stderr


def test_an_utt2spk_that_lies_beside_is_taken_or_left_aside_aloud(made, tmp_path):
    write_utt2spk(tmp_path / "utt2spk", {name: name[:4] for name in made.names})
    done = run(made.path, "--trials", made.list)
    assert f"speakers from '{tmp_path / 'utt2spk'}'" in done.stdout
    write_utt2spk(tmp_path / "utt2spk", {"other": "one"})
    done = run(made.path, "--trials", made.list)
    assert done.exit_code == 0
    assert "is left aside" in done.stdout
    assert "interval over trials" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x", "--ci", "parametric"], "--ci"),
        (["x", "--level", "95"], "'95' is not a number between 0 and 1"),
        (["x", "--p-target", "0"], "'0' is not a number between 0 and 1"),
        (["x", "--resamples", "0"], "--resamples"),
        ([], "Missing argument"),
    ],
)
def test_wrong_words_are_named(words, sentence):
    done = run(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_no_model_library_is_imported(made):
    code = (
        "import sys\n"
        f"sys.argv = ['pyannote-ge2e', 'emb', 'score', {str(made.path)!r}, '--trials', "
        f"{str(made.list)!r}]\n"
        "from pyannote_ge2e.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'lightning', 'pyannote', 'pyannote.audio', 'matplotlib', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "EER" in done.stdout
