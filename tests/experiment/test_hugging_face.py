"""Models of the Hugging Face hub, from a server of this machine that answers as the hub does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.pretrained import load_pretrained

PATH = "/owner/name/resolve/main/pytorch_model.bin"


class Hub:
    """A server of one model, of which it can be told what was asked."""

    def __init__(self, content: bytes) -> None:
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                found = self.path == PATH
                self.send_response(200 if found else 404)
                if found:
                    self.send_header("X-Repo-Commit", 40 * "a")
                    self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                else:
                    self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", str(len(content) if found else 0))
                self.end_headers()

            def do_GET(self) -> None:
                self.do_HEAD()
                if self.path == PATH:
                    self.wfile.write(content)

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hub(small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    running = Hub(small_weights.read_bytes())
    # What HF_ENDPOINT and HF_HOME say, which are read when huggingface_hub is imported.
    monkeypatch.setattr(constants, "ENDPOINT", running.url)
    template = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()
    yield running
    running.stop()
    huggingface_hub.close_session()


def refused(name: str) -> str:
    with pytest.raises(UserError) as caught:
        load_pretrained(name, "--model")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_is_downloaded_once_and_loaded_without_the_hub(
    hub: Hub, small_weights: Path
) -> None:
    expected = load_model(small_weights).state_dict()
    for _ in range(2):
        found = load_pretrained("owner/name").model.state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert hub.asked.count(f"GET {PATH}") == 1
    hub.stop()
    found = load_pretrained("owner/name").model.state_dict()
    assert found.keys() == expected.keys()


def test_where_the_hub_cannot_be_reached_it_is_said_at_once(hub: Hub) -> None:
    hub.stop()
    begin = time.perf_counter()
    said = refused("owner/name")
    assert time.perf_counter() - begin < 5  # asking again and again would take 23 s at least
    assert said.startswith(
        f"--model 'owner/name' could not be loaded: {hub.url.removeprefix('http://')} cannot be "
        "reached ("
    )
    assert said.endswith(
        "and it was not downloaded before. Check the connection, or give a file of weights."
    )


def test_offline_by_choice_is_said_as_such(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refused("owner/name") == (
        "--model 'owner/name' could not be loaded: it was not downloaded before, and "
        "HF_HUB_OFFLINE forbids it now. Unset that, or give a file of weights."
    )
    assert not hub.asked


def test_what_the_hub_answers_is_told(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert "404" in refused("owner/another")
    assert "cannot be reached" not in refused("owner/another")
    assert "private or gated" in capsys.readouterr().out  # as pyannote.audio puts it
