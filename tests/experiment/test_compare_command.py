"""`emb compare`: the same trials whatever their order, and whether a difference may be chance."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.data.score_files import write_scores, write_trials, write_utt2spk
from pyannote_ge2e.metrics import compare_systems, equal_error_rate, figures_of, min_dcf

NAMES = [f"spk{s}-{u}" for s in range(10) for u in range(4)]
TRIALS = np.array([(a, b) for a in range(40) for b in range(a)])
LABELS = (TRIALS[:, 0] // 4 == TRIALS[:, 1] // 4).astype(np.int64)
SPEAKERS = np.array([f"spk{s}" for s in range(10)])[TRIALS // 4]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["emb", "compare", *map(str, words)], env={"COLUMNS": "200"})


def scores_of(separation: float, seed: int) -> np.ndarray:
    """Systems hear the same recordings: their scores go together."""
    common = np.random.default_rng(0).normal(0, 1, len(TRIALS))
    return separation * LABELS + common + np.random.default_rng(seed).normal(0, 0.5, len(TRIALS))


class Evaluated:
    """A folder as `emb evaluate` leaves it."""

    def __init__(self, folder: Path, separation: float, seed: int) -> None:
        self.folder = folder
        self.scores = scores_of(separation, seed)
        write_scores(folder / "scores.txt", NAMES, TRIALS, self.scores)
        write_scores(folder / "scores.snorm.txt", NAMES, TRIALS, self.scores + LABELS)
        write_trials(folder / "trials.txt", NAMES, TRIALS, LABELS)
        write_utt2spk(folder / "utt2spk", {name: name[:4] for name in NAMES})


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Evaluated, Evaluated]:
    return Evaluated(tmp_path / "first", 1.0, 1), Evaluated(tmp_path / "second", 2.5, 2)


def shuffled(path: Path, seed: int = 0) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(np.random.default_rng(seed).permutation(lines)))


def points(value: float, sign: str = "+") -> str:
    return f"{100 * value:{sign}.2f}"


def test_two_evaluation_folders(pair):
    a, b = pair
    done = run(a.folder, b.folder)
    assert done.exit_code == 0, done.output
    found = compare_systems(equal_error_rate, a.scores, b.scores, LABELS, SPEAKERS)
    assert found.low > 0
    for system in pair:
        figure = figures_of(system.scores, LABELS, SPEAKERS).equal_error_rate
        assert points(figure.value, "") in done.stdout
        assert f"[{points(figure.low, '')}, {points(figure.high, '')}]" in done.stdout
    assert points(found.difference) in done.stdout
    assert f"[{points(found.low)}, {points(found.high)}]" in done.stdout
    assert (
        f"B has the lower EER: by {points(found.low, '')} to {points(found.high, '')} points with "
        f"95 % confidence (p = {found.p_value:.3f})." in done.stdout
    )
    assert "780 trials, 60 targets, 10 speakers" in done.stdout
    assert f"A: '{a.folder / 'scores.txt'}'" in done.stdout


def test_the_better_system_is_the_better_one_from_either_side(pair):
    a, b = pair
    assert "A has the lower EER" in run(b.folder, a.folder).stdout


def test_the_order_of_the_files_does_not_matter(pair):
    a, b = pair
    before = run(a.folder, b.folder).stdout
    shuffled(b.folder / "scores.txt")
    shuffled(b.folder / "trials.txt", seed=1)
    assert run(a.folder, b.folder).stdout == before


def test_a_difference_that_may_be_chance_is_said_to_be(tmp_path):
    a, b = Evaluated(tmp_path / "a", 2.0, 1), Evaluated(tmp_path / "b", 2.0, 2)
    done = run(a.folder, b.folder)
    found = compare_systems(equal_error_rate, a.scores, b.scores, LABELS, SPEAKERS)
    assert found.low < 0 < found.high
    assert "The difference of the EERs may be chance" in done.stdout
    assert f"(p = {found.p_value:.3f})" in done.stdout


@pytest.mark.parametrize("word", ["s-norm", "snorm", "S-norm,snorm"])
def test_other_scores_of_the_folders(pair, word):
    a, b = pair
    done = run(a.folder, b.folder, "--scores", word)
    found = compare_systems(
        equal_error_rate, a.scores + LABELS, b.scores + LABELS, LABELS, SPEAKERS
    )
    assert points(found.difference) in done.stdout
    assert f"B: '{b.folder / 'scores.snorm.txt'}'" in done.stdout


def test_two_scorings_of_one_folder(pair):
    a, _ = pair
    done = run(a.folder, a.folder, "--scores", "raw,s-norm")
    assert done.exit_code == 0, done.output
    assert f"A: '{a.folder / 'scores.txt'}'" in done.stdout
    assert f"B: '{a.folder / 'scores.snorm.txt'}'" in done.stdout
    assert "B has the lower EER" in done.stdout


def test_calibrated_scores_have_their_costs(pair):
    for system in pair:
        write_scores(system.folder / "scores.snorm.calibrated.txt", NAMES, TRIALS, system.scores)
    done = run(*(system.folder for system in pair), "--scores", "s-norm-calibrated")
    assert done.exit_code == 0, done.output
    for metric in ("actDCF (P=0.01)", "actDCF (P=0.05)", "Cllr"):
        assert metric in done.stdout
    assert "Cllr" not in run(*(system.folder for system in pair)).stdout


def test_score_files_of_other_toolkits(tmp_path):
    kaldi, speechbrain = tmp_path / "kaldi", tmp_path / "speechbrain"
    a, b = scores_of(1.0, 1), scores_of(2.0, 2)
    names = [f"{name}.wav" for name in NAMES]
    write_scores(kaldi, names, TRIALS, a)
    write_trials(tmp_path / "list", names, TRIALS, LABELS)
    speechbrain.write_text(
        "".join(
            f"{NAMES[e]} {NAMES[t]} {label} {score!r}\n"
            for (e, t), label, score in zip(TRIALS.tolist(), LABELS, b.tolist(), strict=True)
        )
    )
    done = run(kaldi, speechbrain, "--trials", tmp_path / "list", "--p-target", ".1")
    assert done.exit_code == 0, done.output
    found = compare_systems(partial(min_dcf, p_target=0.1), a, b, LABELS, method="trial")
    assert f"{found.difference:+.3f}" in done.stdout
    assert f"[{found.low:+.3f}, {found.high:+.3f}]" in done.stdout
    assert "mends that" in done.stdout


def test_files_without_names_are_taken_line_by_line_and_that_is_said(tmp_path):
    for name, separation in (("a", 1.0), ("b", 2.0)):
        lines = zip(LABELS, scores_of(separation, 1).tolist(), strict=True)
        (tmp_path / name).write_text("".join(f"{label} {score!r}\n" for label, score in lines))
    done = run(tmp_path / "a", tmp_path / "b")
    assert done.exit_code == 0, done.output
    assert "taken to be of the same trials in the same order" in done.stdout
    shuffled(tmp_path / "b")
    done = run(tmp_path / "a", tmp_path / "b")
    assert done.exit_code == 1
    assert "not the same line by line" in done.stderr


def test_output_holds_figures_words_and_pictures(pair, tmp_path):
    a, b = pair
    done = run(a.folder, b.folder, "--output", tmp_path / "out", "--seed", "5")
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        *("compare.json", "compare.md", "det.svg", "det.png")
    }
    found = compare_systems(equal_error_rate, a.scores, b.scores, LABELS, SPEAKERS, seed=5)
    content = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert content["differences"]["equal_error_rate"] == {
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
    }
    assert set(content["differences"]["min_dcf"]) == {"0.01", "0.05"}
    assert content["a"]["scores"] == str(a.folder / "scores.txt")
    assert content["b"]["equal_error_rate"]["value"] == equal_error_rate(b.scores, LABELS)
    assert content["seed"] == 5
    markdown = (tmp_path / "out" / "compare.md").read_text()
    assert content["summary"] in markdown
    assert content["summary"] in done.stdout
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) == 5  # head, rule, EER, minDCF twice
    assert {row.count("|") for row in rows} == {6}


def test_trials_that_only_one_has_are_counted_and_named(pair):
    a, b = pair
    for kept, system in ((slice(2, None), b), (slice(0, -1), a)):
        for name, values, write in (
            ("scores.txt", system.scores, write_scores),
            ("trials.txt", LABELS, write_trials),
        ):
            write(system.folder / name, NAMES, TRIALS[kept], values[kept])
    done = run(a.folder, b.folder)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "2, such as 'spk0-1 spk0-0', are missing in" in done.stderr
    assert f"1 is missing in '{a.folder / 'scores.txt'}'" in done.stderr
    done = run(b.folder, a.folder, "--trials", a.folder / "trials.txt")
    assert "No score of the trial 'spk0-1 spk0-0'" in done.stderr


def test_a_trial_of_two_labels_is_named(pair):
    a, b = pair
    labels = LABELS.copy()
    labels[100] = 1 - labels[100]
    write_trials(b.folder / "trials.txt", NAMES, TRIALS, labels)
    done = run(a.folder, b.folder)
    assert done.exit_code == 1
    trial = " ".join(NAMES[row] for row in TRIALS[100])
    assert f"The trial '{trial}' is a non-target for" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{a}", "{a}"], "A and B are the same scores"),
        (["{a}", "{b}", "--scores", "calibrated"], "has no 'scores.calibrated.txt', but"),
        (["{a}", "{b}", "--scores", "raw,s-norm,raw"], "expected one word, or one for each"),
        (["{a}", "{a}/none"], "There is no"),
        (["{a}", "{above}"], "holds no scores; did you mean"),
        (["{a}", "{empty}"], "run emb evaluate first"),
        (["{a}", "{b}", "--output", "{a}/scores.txt"], "is no folder that you may write to"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(pair, tmp_path, words, sentence):
    a, b = pair
    (tmp_path / "empty").mkdir()
    places = {"a": a.folder, "b": b.folder, "above": tmp_path, "empty": tmp_path / "empty"}
    done = run(*(word.format(**places) for word in words))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr


def test_nothing_is_written_when_something_is_wrong(pair, tmp_path):
    a, b = pair
    (b.folder / "scores.txt").write_text("spk0-0 spk0-1 high\n")
    done = run(a.folder, b.folder, "--output", tmp_path / "out")
    assert done.exit_code == 1
    assert not (tmp_path / "out").exists()


def test_the_same_scores_are_not_said_to_differ_by_chance(pair):
    a, b = pair
    (b.folder / "scores.txt").write_bytes((a.folder / "scores.txt").read_bytes())
    done = run(a.folder, b.folder, "--resamples=50")
    assert done.exit_code == 0, done.output
    assert "A and B do not differ in any figure." in done.stdout
    assert "chance" not in done.stdout
