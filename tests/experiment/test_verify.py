"""Two recordings: a score, and what it means once the model was calibrated."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from evaluations import more_trials
from typer.testing import CliRunner, Result

from pyannote_ge2e import verify
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.verification.calibrate import calibrate
from pyannote_ge2e.experiment.verification.decision import read_decision


def run(*words: object) -> Result:
    return CliRunner().invoke(
        app, ["emb", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


@pytest.fixture
def weights(small_weights: Path, tmp_path: Path) -> Path:
    """A copy, beside which files may be written."""
    return Path(shutil.copy(small_weights, tmp_path / "small.pt"))


@pytest.fixture(scope="module")
def calibrated(small_weights: Path, tiny_protocol, tmp_path_factory) -> Path:
    """Weights with their calibration: to read, not to change."""
    path = Path(shutil.copy(small_weights, tmp_path_factory.mktemp("calibrated") / "small.pt"))
    calibrate(str(path), tiny_protocol.name, device="cpu", resamples=50)
    return path


@pytest.fixture(scope="module")
def pair(voices: Path) -> tuple[Path, Path]:
    first, second, *_ = sorted(voices.rglob("*.wav"))
    return first, second


def test_a_recording_is_itself_and_order_does_not_matter(weights: Path, pair) -> None:
    one, other = pair
    assert verify(one, one, model=weights, device="cpu").score == pytest.approx(1, abs=1e-5)
    there = verify(one, other, model=weights, device="cpu").score
    assert there == pytest.approx(verify(other, one, model=weights, device="cpu").score)
    assert -1 <= there < 0.999999


def test_without_calibration_there_is_a_score_and_how_to_get_the_rest(weights: Path, pair) -> None:
    result = run("verify", *pair, "--model", weights)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("score ")
    assert "emb calibrate" in result.stdout
    assert "speaker:" not in result.stdout
    decided = run("verify", *pair, "--model", weights, "--threshold", "-2")
    assert "same speaker: the score is at or above the threshold, -2.000" in decided.stdout


def test_calibration_tells_threshold_probability_and_errors(calibrated: Path, pair) -> None:
    beside = calibrated.with_name("small.pt.verification.yml")
    decision = read_decision(beside)
    assert (decision.trials, decision.targets, decision.speakers) == (66, 12, 4)
    found = verify(*pair, model=calibrated, device="cpu")
    assert found.threshold == decision.threshold
    assert found.same == (found.score >= decision.threshold)
    llr = decision.scale * found.score + decision.offset
    assert found.probability == pytest.approx(1 / (1 + np.exp(-llr)))
    rate = decision.equal_error_rate
    assert rate.low <= rate.value <= rate.high
    assert found.expected is not None
    assert found.expected.false_alarm.value == pytest.approx(rate.value, abs=0.1)
    printed = run("verify", *pair, "--model", calibrated).stdout
    for words in ("probability", "verdict", "of different speakers", "66 trials, only 4 speakers"):
        assert words in printed


def test_another_threshold_and_another_prior_move_what_depends_on_them(
    calibrated: Path, pair
) -> None:
    def found(**options):
        return verify(*pair, model=calibrated, device="cpu", **options)

    lenient, strict = found(threshold=-1.0), found(threshold=1.01)
    assert (lenient.same, strict.same) == (True, False)
    assert (lenient.expected.false_alarm.value, lenient.expected.miss.value) == (1, 0)
    assert strict.expected.false_alarm.value < 0.1
    assert strict.expected.miss.value > 0.5
    likely, rare = found(prior=0.9).probability, found(prior=0.001).probability
    assert rare < found().probability < likely


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": float("nan")}, "threshold must be a number"),
        ({"threshold": float("inf")}, "threshold must be a number"),
        ({"prior": 0}, "prior must lie between 0 and 1"),
        ({"prior": 2.0}, "prior must lie between 0 and 1"),
        ({"model": ""}, "--model is empty"),
    ],
)
def test_options_that_mean_nothing_are_refused(pair, options, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        verify(*pair, **options)


def test_rates_of_the_file_are_those_of_the_trials(calibrated: Path) -> None:
    decision = read_decision(calibrated.with_name("small.pt.verification.yml"))
    thresholds = [each.threshold for each in decision.rates]
    assert thresholds == sorted(thresholds)
    assert decision.threshold in thresholds
    misses = [each.miss.value for each in decision.rates]
    alarms = [each.false_alarm.value for each in decision.rates]
    assert misses == sorted(misses)
    assert alarms == sorted(alarms, reverse=True)
    at = decision.errors_at(decision.threshold)
    assert at.miss.value == pytest.approx(alarms[thresholds.index(decision.threshold)], abs=0.1)


def test_several_a_side_count_as_one_and_a_folder_as_its_recordings(
    calibrated: Path, voices: Path
) -> None:
    speaker = sorted(each for each in voices.iterdir() if each.is_dir())[0]
    files = sorted(speaker.rglob("*.wav"))
    words = ["verify", "--model", calibrated, "--json"]
    one = run(*words, "--enrol", *files[:2], "--test", files[2])
    assert one.exit_code == 0, one.output
    several = json.loads(one.stdout)
    assert len(several["enrolment"]) == 2
    assert "several score higher" in " ".join(several["remarks"])
    same = files[2].parent / ".." / files[2].parent.name / files[2].name
    folder = json.loads(run(*words, "--enroll", speaker, "--test", same).stdout)
    assert len(folder["enrolment"]) == len(files)
    assert "compared to itself" in " ".join(folder["remarks"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("silent", "is silent: every sample has the same value."),
        ("noise", "is not speech: its level stays within"),
        ("short", "is too short: 0.05 s of sound"),
        ("text", "is not audio that can be read"),
        ("half an Ogg", "is truncated: it ends within a page of its stream."),
        ("empty", "is empty (0 bytes)"),
        ("missing", "No such audio file"),
        ("pipe", "is a pipe or a device: expected an audio file"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence_in_place_of_a_score(
    tmp_path: Path, weights: Path, pair, name: str, sentence: str
) -> None:
    rng = np.random.default_rng(0)
    bad = tmp_path / f"{name}.wav"
    waveforms = {
        "silent": np.zeros(32000),
        "noise": 0.1 * rng.standard_normal(32000),
        "short": 0.1 * rng.standard_normal(1000),
    }
    if name in waveforms:
        soundfile.write(bad, waveforms[name], 16000)
    elif name == "half an Ogg":
        soundfile.write(bad, 0.1 * rng.standard_normal(64000), 16000, format="OGG")
        bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    elif name == "pipe":
        os.mkfifo(bad)
    elif name != "missing":
        bad.write_text("no audio at all" if name == "text" else "")
    result = run("verify", pair[0], bad, "--model", weights)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert sentence in result.stderr
    assert f"{name}.wav" in result.stderr
    assert result.stderr.count("\n") == 1


def test_who_knows_better_may_score_noise(tmp_path: Path, weights: Path, pair) -> None:
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, 0.1 * np.random.default_rng(0).standard_normal(32000), 16000)
    assert run("verify", pair[0], noise, "--model", weights, "--no-speech-check").exit_code == 0


def test_sample_rates_may_differ(tmp_path: Path, weights: Path, pair) -> None:
    from scipy.signal import resample_poly

    samples, rate = soundfile.read(pair[0])
    for up, down in ((3, 1), (441, 160)):
        path = tmp_path / f"at{up}.wav"
        soundfile.write(
            path, np.stack([resample_poly(samples, up, down)] * 2, 1), rate * up // down
        )
        assert verify(pair[0], path, model=weights, device="cpu").score > 0.999


@pytest.mark.parametrize("words", [(), ("a",), ("a", "b", "c"), ("a", "b", "--test", "c")])
def test_other_words_than_two_sides_are_explained(words: tuple[str, ...]) -> None:
    result = run("verify", *words)
    assert result.exit_code == 2
    assert "--enrol A1 A2 --test B1" in result.stderr


def test_the_exit_code_tells_the_verdict_only_when_asked(calibrated: Path, pair) -> None:
    apart = ["verify", *pair, "--model", calibrated, "--threshold", "1.01"]
    assert run(*apart).exit_code == 0
    assert run(*apart, "--exit-code").exit_code == 3
    together = ["verify", *pair, "--model", calibrated, "--threshold", "-1", "--exit-code"]
    assert run(*together).exit_code == 0


def test_calibrations_of_other_weights_newer_or_damaged_are_refused(
    calibrated: Path, weights: Path, pair, tmp_path: Path
) -> None:
    import torch

    good = calibrated.with_name("small.pt.verification.yml").read_text()
    beside = weights.with_name("small.pt.verification.yml")
    beside.write_text(good)
    assert verify(*pair, model=weights, device="cpu").probability is not None

    newer = yaml.safe_load(good) | {"format": 99}
    for text, sentence in (
        (yaml.safe_dump(newer), "newer version"),
        (good[: len(good) // 2], "damaged"),
        ("- 1\n", "damaged"),
        (": :\n- [", "damaged"),
    ):
        beside.write_text(text)
        with pytest.raises(UserError, match=sentence):
            verify(*pair, model=weights, device="cpu")

    beside.unlink()
    checkpoint = torch.load(weights, weights_only=False)
    checkpoint["state_dict"]["projection.bias"] += 1
    torch.save(checkpoint, weights)
    file = tmp_path / "calibration.yml"
    file.write_text(good)
    with pytest.raises(UserError, match="other weights"):
        verify(*pair, model=weights, device="cpu", calibration=file)
    with pytest.raises(UserError, match="Cannot read"):
        verify(*pair, model=weights, device="cpu", calibration=tmp_path / "gone.yml")


def test_verifying_uses_the_windows_of_the_calibration(
    weights: Path, tiny_protocol, pair, tmp_path: Path
) -> None:
    plain = verify(*pair, model=weights, device="cpu").score
    result = run(
        *("calibrate", weights, tiny_protocol.name, "--duration", "0.4", "--step", "1"),
        *("--resamples", "20", "--prior", "0.1"),
    )
    assert result.exit_code == 0, result.output
    assert "threshold" in result.stdout
    decision = read_decision(weights.with_name("small.pt.verification.yml"))
    assert decision.windows == {"duration": 0.4, "step": 1.0}
    assert decision.prior == 0.1
    assert verify(*pair, model=weights, device="cpu").score != plain


def test_calibrating_counts_trials_of_a_recording_with_itself_aloud(
    weights: Path, tiny_protocol
) -> None:
    words = ("calibrate", weights, tiny_protocol.name, "--resamples", "5")
    with more_trials(tiny_protocol, "1 dev0/0 dev0/0"):
        assert "compares a recording with itself ('dev0/0'" in run(*words).stdout
    assert "with itself" not in run(*words).stdout


def test_a_calibration_that_cannot_be_written_is_one_sentence(
    weights: Path, tiny_protocol, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    result = run(
        *("calibrate", weights, tiny_protocol.name, "--resamples", "5"),
        *("-o", tmp_path / "file" / "x.yml"),
    )
    assert result.exit_code == 1
    assert "Cannot write" in result.stderr
    assert "known already" not in result.stdout  # it is told before any file is embedded


def test_decisions_that_travel_with_the_package_are_of_its_weights() -> None:
    from pyannote_ge2e.experiment.embedding.load import load_embedder
    from pyannote_ge2e.experiment.verification import decision
    from pyannote_ge2e.hub import PRETRAINED

    for path in decision.OURS.glob("*"):
        name = path.name.removesuffix(decision.SUFFIX)
        assert name in PRETRAINED
        read_decision(path, load_embedder(name, device="cpu").digest)
