"""Packing that ends badly: killed, stopped, or out of room; nothing that was done is lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.pack.check import damaged_rows
from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.errors import UserError

FILES = 60
ABOUT = About("Tiny.SpeakerVerification.All", "train", 16000)

# Takes its time: half a minute for all files, of which some are done when it is killed.
SLOWLY = """
import sys, time
from pathlib import Path
from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.index.index import Index

def progress(done):
    print("done", flush=True)
    time.sleep(0.5)

about = About("Tiny.SpeakerVerification.All", "train", 16000)
write_pack(Index.load(sys.argv[1]), Path(sys.argv[2]), about, threads=2, progress=progress)
"""


@pytest.fixture
def index(tmp_path: Path) -> Index:
    (tmp_path / "audio").mkdir()
    rng = np.random.default_rng(0)
    utterances = []
    for k in range(FILES):
        path = tmp_path / "audio" / f"{k}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(8000), 16000)
        utterances.append(Utterance("a", "Tiny", str(path), 0.0, 0.5, str(k)))
    Index.of(utterances).save(tmp_path / "index")
    return Index.load(tmp_path / "index")


def packing(index: Index, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOWLY), str(index.folder), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_was_killed_is_gone_on_with(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    process = packing(index, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    # While it lives, nobody else may write there.
    with pytest.raises(UserError, match=rf"Another 'emb pack' \(process {process.pid}\)"):
        write_pack(index, folder, ABOUT)
    time.sleep(3)  # rows are on disk every two seconds
    process.kill()
    process.wait()
    with pytest.raises(UserError, match=r"not complete \([1-9]\d* of 60 utterances\)"):
        Pack(folder)
    packed = write_pack(index, folder, ABOUT)
    assert 0 < packed.written < FILES
    assert not list(damaged_rows(Pack(folder)))
    assert write_pack(index, folder, ABOUT).written == 0


def test_ctrl_c_keeps_what_is_done(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    left = [20]

    def progress(done: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match=r"Stopped\. [2-5]\d of 60 .* to go on"):
            write_pack(index, folder, ABOUT, threads=1, progress=progress)
    finally:
        signal.signal(signal.SIGINT, previous)
    packed = write_pack(index, folder, ABOUT)
    assert 0 < packed.written <= FILES - 20
    assert not list(damaged_rows(Pack(folder)))


def test_a_disk_that_fills_is_told_and_what_is_done_stays(index: Index, tmp_path: Path) -> None:
    """No file may grow beyond 300 kB here: the system refuses as it does on a full disk."""
    folder = tmp_path / "pack"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(UserError, match=r"00.*\.pcm' cannot be written: .* make room") as e:
                write_pack(index, folder, ABOUT, threads=2)
            assert "\n" not in str(e.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    packed = write_pack(index, folder, ABOUT)
    assert 0 < packed.written < FILES - 20
    assert not list(damaged_rows(Pack(folder)))
