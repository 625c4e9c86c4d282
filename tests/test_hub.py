"""torch.hub for real: in a fresh interpreter, elsewhere, without network."""

from __future__ import annotations

import functools
import http.server
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pyannote.audio import Inference

from pyannote_ge2e import hub, weights
from pyannote_ge2e.errors import UserError

REPOSITORY = Path(__file__).parents[1]

# Network: none, but for this machine's own.
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


def run(script: str, folder: Path) -> str:
    """Run a script where nothing of ours is installed but what torch.hub finds."""
    environment = {**os.environ, **OFFLINE, "TORCH_HOME": str(folder / "torch")}
    result = subprocess.run(
        # -I: the package must come from the repository, as on a machine that only has torch.hub.
        [sys.executable, "-I", "-c", f"import torch\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "alice.flac"
    samples = 0.1 * np.random.default_rng(0).standard_normal(4 * 16000)
    soundfile.write(path, samples, 16000)
    return path


def test_torch_hub_from_a_repository_of_github_and_from_a_folder(
    tmp_path: Path, audio: Path
) -> None:
    # Where torch.hub unpacks what it downloads.
    cached = tmp_path / "torch" / "hub" / "someone_repository_main"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(REPOSITORY)
    script = f"""
print(*torch.hub.list("someone/repository", trust_repo=True))
print(torch.hub.help("someone/repository", "resemblyzer", trust_repo=True))
model = torch.hub.load("someone/repository", "dvector", pretrained=False, trust_repo=True)
print(type(model).__name__, model(torch.randn(1, 1, 16000)).shape, model.training)
for name in {list(hub.PRETRAINED)}:
    model = torch.hub.load({str(REPOSITORY)!r}, name, source="local", window=1.0, step=0.5)
    print(model(torch.randn(3, 1, 16000)).shape, model.specifications.duration > 0)
rows = model({{"audio": {str(audio)!r}}})
print(rows.data.shape, rows.sliding_window.duration, rows.sliding_window.step)
"""
    printed = run(script, tmp_path).splitlines()
    assert printed[0] == "dvector ge2e ge2e_mel harryvolek resemblyzer"
    assert "pip install --no-deps resemblyzer" in "".join(printed)
    assert printed[-4:] == [
        "DVector torch.Size([1, 256]) False",
        *["torch.Size([3, 512]) True"] * len(hub.PRETRAINED),
        "(7, 512) 1.0 0.5",
    ]


@pytest.mark.parametrize("name", ["dvector", "ge2e", "ge2e_mel", "harryvolek", "resemblyzer"])
def test_the_options_that_entries_share_are_in_signature_and_help(name: str) -> None:
    entry = getattr(hub, name)
    assert list(inspect.signature(entry).parameters)[-3:] == ["device", "window", "step"]
    assert "Step between two of these, as a ratio of their duration." in entry.__doc__
    assert "{shared}" not in entry.__doc__


def test_a_file_gives_one_row_per_window(audio: Path) -> None:
    model = hub.ge2e(pretrained=False)
    rows = model({"audio": str(audio)})
    assert rows.sliding_window.duration == 2.0
    assert rows.sliding_window.step == 0.5
    assert rows.data.shape == (5, 512)

    samples, _ = soundfile.read(audio, dtype="float32")
    file = {"waveform": torch.from_numpy(samples[None]), "sample_rate": 16000}
    for other in (audio, str(audio), file):
        np.testing.assert_array_equal(model(other).data, rows.data)
    inference = Inference(model, duration=2.0, step=0.5)
    np.testing.assert_array_equal(inference(file).data, rows.data)
    with torch.no_grad():
        second = model(file["waveform"][None, :, 8000:40000])[0]
    np.testing.assert_allclose(rows.data[1], second, atol=1e-5)


def test_stereo_at_another_rate_and_shorter_than_a_window(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal((8000, 2)), 44100)
    assert hub.ge2e_mel(pretrained=False)({"audio": path}).data.shape == (1, 512)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    model = hub.ge2e(pretrained=False).train()
    text = tmp_path / "text.wav"
    text.write_text("no audio")
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 16000)
    for file, said in (
        (tmp_path / "gone.wav", "No such audio file"),
        (text, "cannot be read"),
        (empty, "holds no audio"),
        ({"uri": "alice"}, "Expected a file"),
    ):
        with pytest.raises(UserError, match=said):
            model(file)
    assert model.training


@pytest.mark.parametrize("name", list(hub.PRETRAINED))
def test_the_weights_in_the_repository_are_the_ones_that_were_published(name: str) -> None:
    assert hub.weights_of(name).stat().st_size < 25e6
    assert hub.weights_of(name) == REPOSITORY / hub.PRETRAINED[name].path


@pytest.mark.parametrize("name", list(hub.PRETRAINED))
def test_untrained_models_are_those_of_the_weights(name: str) -> None:
    entry = getattr(hub, name)
    trained, untrained = entry(), entry(pretrained=False)
    assert dict(untrained.hparams) == dict(trained.hparams)
    assert (
        next(iter(untrained.specifications)).problem == next(iter(trained.specifications)).problem
    )


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path, checkpoint_of_others: Path) -> None:
    with pytest.raises(UserError, match="known: ge2e, ge2e_mel"):
        hub.weights_of("ge3e")
    with pytest.raises(UserError, match="checkpoint=PATH"):
        hub.dvector()
    with pytest.raises(UserError, match="load it as 'harryvolek'"):
        hub.dvector(checkpoint=checkpoint_of_others)
    assert hub.harryvolek(checkpoint=checkpoint_of_others, silence="trim").dimension == 5
    absurd = ({"window": 0.0}, {"window": np.inf}, {"window": "2"}, {"step": 0.0}, {"step": 1.5})
    for option in (*absurd, {"device": "gpu"}, {"device": "cuda:99"}):
        with pytest.raises(UserError, match=next(iter(option))):
            hub.ge2e(pretrained=False, **option)
    with pytest.raises(TypeError, match="ge2e: got an unexpected keyword argument 'windw'"):
        hub.ge2e(pretrained=False, windw=1.0)
    with pytest.raises(UserError, match="A step of 1e-06 is less than a sample"):
        hub.ge2e(pretrained=False, step=1e-6)({"waveform": torch.ones(1, 9), "sample_rate": 16000})


@pytest.fixture
def checkpoint_of_others(tmp_path: Path) -> Path:
    lstm, projection = torch.nn.LSTM(40, 8, 1), torch.nn.Linear(8, 5)
    state = {f"LSTM_stack.{name}": value for name, value in lstm.state_dict().items()}
    state |= {f"projection.{name}": value for name, value in projection.state_dict().items()}
    torch.save(state, tmp_path / "others.pt")
    return tmp_path / "others.pt"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package outside of a checkout, with an empty cache of torch.hub: its folder."""
    package = tmp_path / "site" / "pyannote_ge2e"
    monkeypatch.setattr(weights, "_PACKAGE", package)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return package


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder behind the address of the release."""
    folder = tmp_path / "release"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(weights, "RELEASE", f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()


def test_weights_come_from_the_installation_then_the_cache_then_the_release(
    installed: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = (REPOSITORY / hub.PRETRAINED["ge2e"].path).read_bytes()
    name = weights.file_name("ge2e", hub.PRETRAINED["ge2e"])
    (release / name).write_bytes(published)

    downloaded = hub.weights_of("ge2e")
    assert downloaded == Path(torch.hub.get_dir()) / "checkpoints" / name
    assert downloaded.read_bytes() == published
    assert str(downloaded) in capsys.readouterr().err  # it does not go unsaid

    (release / name).unlink()
    assert hub.weights_of("ge2e") == downloaded

    shipped = installed / "shipped" / "ge2e.pt"
    shipped.parent.mkdir(parents=True)
    shipped.write_bytes(published)
    assert hub.weights_of("ge2e") == shipped

    shipped.write_bytes(published[:-1])
    with pytest.raises(UserError, match=f"'{shipped}' is damaged"):
        hub.weights_of("ge2e")


def test_a_release_that_is_out_of_reach_or_wrong_leaves_nothing(
    installed: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = weights.file_name("ge2e", hub.PRETRAINED["ge2e"])
    with pytest.raises(UserError, match=r"could not be downloaded .*404"):
        hub.weights_of("ge2e")
    (release / name).write_bytes(b"something else")
    with pytest.raises(UserError, match=r"could not be downloaded .*hash"):
        hub.weights_of("ge2e")
    monkeypatch.setattr(weights, "RELEASE", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="copy them to") as refusal:
        hub.weights_of("ge2e")
    assert "\n" not in str(refusal.value)
    assert list((Path(torch.hub.get_dir()) / "checkpoints").iterdir()) == []
