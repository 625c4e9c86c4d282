"""Packing that ends badly: killed, stopped, or out of room; nothing that was done is lost."""

from __future__ import annotations

import os
import resource
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_packs import ABOUT

from pyannote_ge2e.data.audio.pack import fill
from pyannote_ge2e.data.audio.pack.check import damaged_rows
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.errors import UserError

FILES = 60


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("crash")
    rng = np.random.default_rng(0)
    utterances = []
    for k in range(FILES):
        path = folder / f"{k}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(8000), 16000)
        utterances.append(Utterance("a", "Tiny", str(path), 0.0, 0.5, str(k)))
    Index.of(utterances).save(folder / "index")
    return Index.load(folder / "index")


def pack_slowly(told: Connection, index: Path, folder: Path) -> None:
    """Take seconds for all files, of which some are on disk when it is killed."""
    fill._SYNC_EVERY = 0.1

    def progress(done: int) -> None:
        told.send(done)
        time.sleep(0.05)

    write_pack(Index.load(index), folder, ABOUT, threads=2, progress=progress)


def test_a_run_that_was_killed_is_gone_on_with(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    context = get_context("fork")  # what is imported here need not be imported there
    told, telling = context.Pipe(duplex=False)
    process = context.Process(target=pack_slowly, args=(telling, index.folder, folder))
    process.start()
    try:
        assert told.poll(60)
        # While it lives, nobody else may write there.
        with pytest.raises(UserError, match=rf"Another 'emb pack' \(process {process.pid}\)"):
            write_pack(index, folder, ABOUT)
        for _ in range(10):
            assert told.poll(60)
            told.recv()
    finally:
        process.kill()
        process.join()
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
