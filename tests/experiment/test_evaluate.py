"""The figures of `emb evaluate` are those of its score files, and these of the definitions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from evaluations import read_scores, run

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.experiment.evaluation.cohort import read_cohort
from pyannote_ge2e.scoring import adaptive_snorm, cosine_scores, speaker_means
from pyannote_ge2e.tasks.embedding import embed_files


def curve_by_hand(folder: Path, scores: str) -> tuple[list[float], list[float]]:
    """Miss and false-alarm rates at every threshold, with nothing but counting."""
    labels = {}
    for line in (folder / "trials.txt").read_text().splitlines():
        enrolment, test, word = line.split()
        labels[enrolment, test] = {"target": 1, "nontarget": 0}[word]
    scored = read_scores(folder / scores)
    assert list(scored) == list(labels)
    targets = [score for trial, score in scored.items() if labels[trial]]
    others = [score for trial, score in scored.items() if not labels[trial]]
    thresholds = [*sorted(set(scored.values())), float("inf")]
    return (
        [sum(score < threshold for score in targets) / len(targets) for threshold in thresholds],
        [sum(score >= threshold for score in others) / len(others) for threshold in thresholds],
    )


def test_figures_are_those_of_the_score_files(evaluated) -> None:
    scorings = evaluated["scorings"]
    assert set(scorings) == {
        "raw",
        "s-norm",
        "raw, calibrated",
        "s-norm, calibrated",
    }
    files = ("scores.txt", "scores.snorm.txt", "scores.calibrated.txt")
    for name, file in zip(scorings, files, strict=False):
        figures = scorings[name]
        miss, alarm = curve_by_hand(evaluated["folder"], file)
        for p_target in (0.01, 0.3):
            costs = [p_target * m + (1 - p_target) * a for m, a in zip(miss, alarm, strict=True)]
            expected = min(costs) / min(p_target, 1 - p_target)
            figure = figures["min_dcf"][str(p_target)]
            assert figure["value"] == pytest.approx(expected, abs=1e-12)
            assert figure["low"] <= figure["value"] <= figure["high"]
        # The rate at which the two curves cross, between the points on either side.
        crossing = next(k for k in range(len(miss)) if miss[k] >= alarm[k])
        gaps = [alarm[k] - miss[k] for k in (crossing - 1, crossing)]
        share = gaps[0] / (gaps[0] - gaps[1])
        expected = miss[crossing - 1] + share * (miss[crossing] - miss[crossing - 1])
        assert figures["equal_error_rate"]["value"] == pytest.approx(expected, abs=1e-12)


def test_calibrated_scores_are_log_likelihood_ratios(evaluated) -> None:
    figures, folder = evaluated["scorings"], evaluated["folder"]
    raw, calibrated = (
        np.array(list(read_scores(folder / name).values()))
        for name in ("scores.txt", "scores.calibrated.txt")
    )
    lines = (folder / "trials.txt").read_text().splitlines()
    is_target = np.array([line.endswith(" target") for line in lines])
    scale, offset = np.polyfit(raw, calibrated, 1)
    assert scale > 0
    np.testing.assert_allclose(calibrated, scale * raw + offset, atol=1e-9)
    costs = np.log2(1 + np.exp(-calibrated[is_target])).mean()
    costs += np.log2(1 + np.exp(calibrated[~is_target])).mean()
    assert figures["raw, calibrated"]["cllr"]["value"] == pytest.approx(costs / 2, abs=1e-9)
    assert figures["raw"]["cllr"] is None


def test_scores_are_those_of_the_definitions(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    evaluate("--top=10")
    model = load_model(trained_once / "weights" / "0003.pt")
    trials = trial_index(load_protocol(tiny_protocol.name), "development")
    cohort = read_cohort(tiny_protocol.name, "train")
    embeddings, others = (embed_files(model, files) for files in (trials, cohort))
    # Batches of other sizes round differently.
    raw = read_scores(tmp_path / "out" / "scores.txt")
    np.testing.assert_allclose(
        list(raw.values()), cosine_scores(embeddings, trials.trials), atol=1e-5
    )
    pairs = [tuple(trials.uris[row] for row in pair) for pair in trials.trials]
    assert list(raw) == pairs
    expected = adaptive_snorm(embeddings, embeddings, others, trials.trials, top=10)
    found = list(read_scores(tmp_path / "out" / "scores.snorm.txt").values())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)

    evaluate("--top=4", "--cohort-per-speaker")
    means, _ = speaker_means(others, np.array(cohort.speakers))
    assert len(means) == 8
    expected = adaptive_snorm(embeddings, embeddings, means, trials.trials, top=4)
    found = list(read_scores(tmp_path / "out" / "scores.snorm.txt").values())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_cohort_is_by_default_what_the_model_was_trained_on(
    evaluate, evaluated, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    assert evaluated["facts"]["Cohort"].startswith(
        f"{tiny_protocol.name}.train: 32 recordings of 8 speakers"
    )
    scores = (evaluated["folder"] / "scores.snorm.txt").read_bytes()
    named = evaluate("--cohort", f"{tiny_protocol.name}.train", to="named")
    assert (named["folder"] / "scores.snorm.txt").read_bytes() == scores
    # A checkpoint knows it too, wherever it is taken to.
    alone = tmp_path / "alone.pt"
    shutil.copy(trained_once / "weights" / "0003.pt", alone)
    found = evaluate("--snorm", what=alone, to="alone")
    assert (found["folder"] / "scores.snorm.txt").read_bytes() == scores


def test_files_of_the_trials_are_left_out_of_their_own_statistics(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    metrics = evaluate("--cohort", f"{tiny_protocol.name}.development", "--top=5")
    remarks = " ".join(metrics["remarks"])
    assert "4 of the 4 speakers of the trials are also in the cohort" in remarks
    assert "12 files of the trials are also in the cohort" in remarks
    model = load_model(trained_once / "weights" / "0003.pt")
    trials = trial_index(load_protocol(tiny_protocol.name), "development")
    embeddings = embed_files(model, trials)
    cosines = (embeddings @ embeddings.T).astype(np.float64)
    rounding = float(np.finfo(np.float32).eps)  # of a cosine
    for (one, other), score in zip(
        trials.trials, read_scores(tmp_path / "out" / "scores.snorm.txt").values(), strict=True
    ):
        sides, bounds = [], []
        for row in (one, other):
            nearest = np.sort(np.delete(cosines[row], row))[-5:]
            sides.append((cosines[one, other] - nearest.mean()) / nearest.std())
            # These cosines are nearly equal: dividing by how little they differ magnifies rounding.
            bounds.append(rounding * (2 + abs(sides[-1])) / nearest.std())
        assert score == pytest.approx(np.mean(sides), rel=0, abs=np.mean(bounds))


def test_validate_and_evaluate_agree(evaluate, trained_once: Path, tiny_protocol) -> None:
    folder = trained_once / "validate_equal_error_rate" / f"{tiny_protocol.name}.development"
    best = yaml.safe_load((folder / "params.yml").read_text())
    metrics = evaluate("--resamples=1000", what=folder)
    assert metrics["facts"]["Epoch"] == str(best["epoch"])
    raw = metrics["scorings"]["raw"]
    assert raw["equal_error_rate"]["value"] == best["equal_error_rate"]
    assert (raw["method"], raw["speakers"], raw["trials"]) == ("speaker", 4, 66)


def test_a_diarization_protocol_is_evaluated_turn_by_turn(
    tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    cohort = f"--cohort={tiny_protocol.diarization}.train"
    output = f"--output={tmp_path / 'out'}"
    result = run(trained_once, tiny_protocol.diarization, cohort, output)
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["speakers"] == 2
    assert metrics["facts"]["Cohort"].startswith(
        f"{tiny_protocol.diarization}.train: 4 recordings of 4 speakers"
    )
