from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F
import yaml
from evaluations import more_trials
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.apply import apply, embed_sliding
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.experiment.validate import validate


@pytest.fixture
def trained(experiment: Path, tiny_protocol) -> Path:
    """A run of three epochs."""
    return train(experiment, tiny_protocol.no_development, to_epoch=3, parallel=0, device="cpu")


def test_validate_names_the_best_epoch_with_its_interval_and_ends(
    trained: Path, tiny_protocol
) -> None:
    folder = validate(trained, tiny_protocol.name, device="cpu")
    assert folder == (trained / "validate_equal_error_rate" / f"{tiny_protocol.name}.development")
    params = yaml.safe_load((folder / "params.yml").read_text())
    epochs = yaml.safe_load((folder / "epochs.yml").read_text())["epochs"]
    assert sorted(epochs) == [1, 2, 3]
    rates = {epoch: figure["equal_error_rate"] for epoch, figure in epochs.items()}
    assert params["epoch"] == min(rates, key=rates.__getitem__)
    assert params["equal_error_rate"] == rates[params["epoch"]]
    low, high = params["interval"]
    assert 0 <= low <= params["equal_error_rate"] <= high <= 1
    assert (params["method"], params["speakers"], params["trials"]) == ("speaker", 4, 66)

    events = EventAccumulator(str(trained))
    events.Reload()
    tag = f"validate/{tiny_protocol.name}.development/equal_error_rate"
    logged = {event.step: event.value for event in events.Scalars(tag)}
    assert logged == pytest.approx(rates)


def test_validate_embeds_a_file_as_the_mean_of_its_windows(trained: Path, tiny_protocol) -> None:
    folder = validate(trained, tiny_protocol.name, device="cpu", to_epoch=1)
    figure = yaml.safe_load((folder / "epochs.yml").read_text())["epochs"][1]

    model = load_model(trained / "weights" / "0001.pt")
    root = tiny_protocol.database_yml.parent / "Tiny"
    scores, labels = [], []
    embeddings: dict[str, torch.Tensor] = {}
    for line in (root / "development.trials.txt").read_text().splitlines():
        label, *uris = line.split()
        for uri in uris:
            waveform, _ = soundfile.read(root / f"{uri}.wav", dtype="float32")
            # What is annotated is rounded to the millisecond, and so is the audio's length.
            starts = [*range(0, len(waveform) - 8000, 2000), len(waveform) - 8000]
            with torch.inference_mode():
                windows = [
                    F.normalize(
                        model(torch.from_numpy(waveform[s : s + 8000])[None, None])[0], dim=0
                    )
                    for s in starts
                ]
            embeddings[uri] = F.normalize(torch.stack(windows).mean(0), dim=0)
        scores.append(float(embeddings[uris[0]] @ embeddings[uris[1]]))
        labels.append(int(label))
    scores, labels = np.array(scores), np.array(labels, bool)
    thresholds = np.unique(scores)
    misses = np.array([(scores[labels] < t).mean() for t in thresholds])
    alarms = np.array([(scores[~labels] >= t).mean() for t in thresholds])
    nearest = np.argmin(abs(misses - alarms))
    # Between the two rates at the nearest threshold, however it is interpolated.
    bounds = sorted((misses[nearest], alarms[nearest]))
    step = max(np.diff(bounds)[0], 1 / labels.sum())
    assert bounds[0] - step <= figure["equal_error_rate"] <= bounds[1] + step


def test_validate_goes_on_where_it_stopped(
    trained: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    validate(trained, tiny_protocol.name, device="cpu", to_epoch=2)
    (trained / "weights" / "0001.pt").write_bytes(b"never read again")
    capsys.readouterr()
    folder = validate(trained, tiny_protocol.name, device="cpu")
    assert "epoch    3" in capsys.readouterr().out
    assert sorted(yaml.safe_load((folder / "epochs.yml").read_text())["epochs"]) == [1, 2, 3]


def test_validate_starts_again_when_the_trials_are_others(trained: Path, tiny_protocol) -> None:
    path = tiny_protocol.database_yml.parent / "Tiny" / "development.trials.txt"
    content = path.read_text()
    before = validate(trained, tiny_protocol.name, device="cpu") / "epochs.yml"
    settings = yaml.safe_load(before.read_text())["settings"]
    lines = content.splitlines(keepends=True)
    try:
        path.write_text("".join([*lines[1:], lines[1]]))  # as many of them
        validate(trained, tiny_protocol.name, device="cpu", to_epoch=1)
    finally:
        path.write_text(content)
    history = yaml.safe_load(before.read_text())
    assert list(history["epochs"]) == [1]
    assert history["settings"] != settings


def test_validate_tells_trials_of_a_recording_with_itself_once(
    trained: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    with more_trials(tiny_protocol, "1 dev0/0 dev0/0"):
        folder = validate(trained, tiny_protocol.name, device="cpu", to_epoch=2)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("1 of 67 trials compares a recording with itself ('dev0/0', for one)") == 1
    assert yaml.safe_load((folder / "params.yml").read_text())["trials"] == 67
    validate(trained, tiny_protocol.name, device="cpu", to_epoch=1)
    assert "with itself" not in capsys.readouterr().out


def test_validate_chooses_epochs(
    trained: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    folder = validate(trained, tiny_protocol.name, device="cpu", every=2, evergreen=True)
    assert sorted(yaml.safe_load((folder / "epochs.yml").read_text())["epochs"]) == [1, 3]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [int(line.split()[1]) for line in lines if "EER" in line][-2:] == [3, 1]
    with pytest.raises(UserError, match="--from 7"):
        validate(trained, tiny_protocol.name, device="cpu", from_epoch=7)


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
def test_metrics_that_rank_alike_give_the_same_rate(
    trained: Path, tiny_protocol, metric: str
) -> None:
    rates = []
    for name in ("cosine", metric):
        folder = validate(trained, tiny_protocol.name, device="cpu", to_epoch=1, metric=name)
        params = yaml.safe_load((folder / "params.yml").read_text())
        rates.append(params["equal_error_rate"])
    # Distances near zero lose digits, which can tie or swap two scores.
    assert rates[0] == pytest.approx(rates[1], abs=0.05)


def test_validate_says_what_is_missing(trained: Path, tmp_path: Path, tiny_protocol) -> None:
    with pytest.raises(UserError, match="no training folder"):
        validate(tmp_path / "nothing", tiny_protocol.name, device="cpu")
    with pytest.raises(UserError, match="Did you mean"):
        validate(trained.parent.parent, tiny_protocol.name, device="cpu")
    with pytest.raises(UserError, match="development"):
        validate(trained, tiny_protocol.no_development, device="cpu")
    with pytest.raises(UserError, match="--metric"):
        validate(trained, tiny_protocol.name, device="cpu", metric="manhattan")


def test_apply_writes_one_row_per_window_of_every_file(trained: Path, tiny_protocol) -> None:
    validated = validate(trained, tiny_protocol.name, device="cpu")
    best = yaml.safe_load((validated / "params.yml").read_text())["epoch"]
    folder = apply(validated, tiny_protocol.name, subset="train", device="cpu", step=0.5)
    assert folder == validated / "apply" / f"{best:04d}"
    metadata = yaml.safe_load((folder / "metadata.yml").read_text())
    assert metadata == {"start": 0.0, "duration": 0.5, "step": 0.25, "dimension": 8}
    files = sorted(folder.rglob("*.npy"))
    assert len(files) == 32
    model = load_model(trained / "weights" / f"{best:04d}.pt")
    waveform, _ = soundfile.read(
        tiny_protocol.database_yml.parent / "Tiny" / "train0" / "0.wav", dtype="float32"
    )
    embeddings = np.load(folder / "Tiny" / "train0" / "0.npy")
    assert embeddings.shape == (1 + (len(waveform) - 8000) // 4000, 8)
    with torch.inference_mode():
        second = model(torch.from_numpy(waveform[4000:12000])[None, None])[0].numpy()
    np.testing.assert_allclose(embeddings[1], second, atol=1e-5)


def test_apply_keeps_what_is_there_and_refuses_to_mix_windows(trained: Path, tiny_protocol) -> None:
    validated = validate(trained, tiny_protocol.name, device="cpu")
    folder = apply(validated, tiny_protocol.name, subset="train", device="cpu")
    file = folder / "Tiny" / "train0" / "0.npy"
    written = file.stat().st_mtime_ns
    (folder / "Tiny" / "train0" / "1.npy").unlink()
    apply(validated, tiny_protocol.name, subset="train", device="cpu", parallel=2)
    assert file.stat().st_mtime_ns == written
    assert (folder / "Tiny" / "train0" / "1.npy").is_file()
    with pytest.raises(UserError, match="other windows"):
        apply(validated, tiny_protocol.name, subset="train", device="cpu", step=0.5)


def test_apply_needs_a_validated_run(trained: Path, tiny_protocol) -> None:
    with pytest.raises(UserError, match="emb validate"):
        apply(trained, tiny_protocol.name, subset="train", device="cpu")


def test_a_file_shorter_than_a_window_gives_one_row(trained: Path) -> None:
    model = load_model(trained / "weights" / "0001.pt")
    assert embed_sliding(model, torch.randn(1, 4000), 8000, 2000).shape == (1, 8)


def test_apply_takes_another_epoch_than_the_best(trained: Path, tiny_protocol) -> None:
    validated = validate(trained, tiny_protocol.name, device="cpu", to_epoch=1)
    options = {"subset": "train", "device": "cpu", "step": 1.0}
    assert apply(validated, tiny_protocol.name, from_epoch=2, **options).name == "0002"
    assert apply(validated, tiny_protocol.name, from_epoch="last", **options).name == "0003"


def test_validating_otherwise_is_said_to_start_anew(
    trained: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    validate(trained, tiny_protocol.name, device="cpu", to_epoch=1)
    assert "made anew" not in capsys.readouterr().out
    validate(trained, tiny_protocol.name, device="cpu", to_epoch=1, step=0.5)
    assert "made anew" in capsys.readouterr().out
