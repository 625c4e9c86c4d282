"""A folder of recordings into one file, gone on with after anything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner, Result

from pyannote_ge2e import embed
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding import embed as embed_module
from pyannote_ge2e.experiment.embedding.progress import Progress
from pyannote_ge2e.experiment.embedding.table import Rows


def run(*words: object) -> Result:
    return CliRunner().invoke(
        app, ["emb", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


@pytest.fixture
def folder(voices: Path, tmp_path: Path) -> Path:
    """Nine recordings, to change at will."""
    return Path(shutil.copytree(voices, tmp_path / "voices"))


def test_numpy_alone_reads_what_was_written(folder: Path, small_weights: Path) -> None:
    output = folder.parent / "out.npz"
    result = run("embed", folder, "-o", output, "--model", small_weights)
    assert result.exit_code == 0, result.output
    assert "9 recordings to embed, 0 known already" in result.stdout
    code = (
        f"import sys; import numpy as np; file = np.load({str(output)!r})\n"
        "print(file['names'][0], file['embeddings'].shape, str(file['model']))\n"
        "assert 'torch' not in sys.modules\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    first = sorted(folder.rglob("*.wav"))[0].relative_to(folder).as_posix()
    assert printed.stdout == f"{first} (9, 12) {small_weights}\n"
    in_memory = embed(folder, model=small_weights, device="cpu")
    with np.load(output) as file:
        np.testing.assert_allclose(file["embeddings"], in_memory.embeddings, atol=1e-6)
        assert file["names"].tolist() == in_memory.names.tolist()
        np.testing.assert_allclose(np.linalg.norm(file["embeddings"], axis=1), 1, atol=1e-5)
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.npz", "voices"]


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_only_what_is_new_or_changed_is_embedded_again(
    folder: Path, small_weights: Path, suffix: str
) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="parquet files need pyarrow")
    output = folder.parent / f"out.{suffix}"
    words = ["embed", folder, "-o", output, "--model", small_weights]
    run(*words)
    before = output.stat().st_mtime_ns
    partial = output.with_name(f"{output.name}.partial")
    partial.mkdir()  # of an interrupted run, whose recordings are gone
    assert "0 recordings to embed, 9 known already" in run(*words).stdout
    assert output.stat().st_mtime_ns == before
    assert not partial.exists()

    first, second, third, *_ = sorted(folder.rglob("*.wav"))
    samples, rate = soundfile.read(first)
    soundfile.write(first, samples[: len(samples) // 2], rate)
    shutil.copy(second, folder / "new.wav")
    third.unlink()
    assert "2 recordings to embed, 7 known already" in run(*words).stdout
    wanted = embed(folder, model=small_weights, device="cpu")
    names, embeddings = read(output)
    assert names == wanted.names.tolist()
    np.testing.assert_allclose(embeddings, wanted.embeddings, atol=1e-6)


def read(output: Path) -> tuple[list[str], np.ndarray]:
    if output.suffix == ".npz":
        with np.load(output) as file:
            return file["names"].tolist(), file["embeddings"]
    import pyarrow.parquet as pq

    table = pq.read_table(output)
    return table["names"].to_pylist(), np.array(table["embeddings"].to_pylist(), np.float32)


def test_windows_have_a_row_each(folder: Path, small_weights: Path) -> None:
    output = folder.parent / "out.npz"
    words = ["embed", folder, "-o", output, "--model", small_weights, "--windows", "--window", ".5"]
    assert run(*words).exit_code == 0
    with np.load(output) as file:
        assert len(file["names"]) > 9
        assert len(set(file["names"])) == 9
        assert (file["starts"] > 0).any()
    assert "0 recordings to embed, 9 known" in run(*words).stdout
    other = run("embed", folder, "-o", output, "--model", small_weights)
    assert other.exit_code == 1
    assert "of other windows" in other.stderr


def test_bad_recordings_are_listed_with_the_reason_and_left_out(
    folder: Path, small_weights: Path
) -> None:
    (folder / "text.wav").write_text("no audio")
    (folder / "empty.flac").write_bytes(b"")
    soundfile.write(folder / "silent.wav", np.zeros(32000), 16000)
    output = folder.parent / "out.npz"
    words = ["embed", folder, "-o", output, "--model", small_weights]
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert "3 recordings left out: see" in result.stdout
    listed = output.with_name("out.npz.left-out.txt").read_text().splitlines()
    assert [Path(line.split("\t")[0]).name for line in listed] == [
        *("empty.flac", "silent.wav", "text.wav")
    ]
    assert "is empty (0 bytes)" in listed[0]
    assert len(np.load(output)["names"]) == 9
    for name in ("text.wav", "empty.flac", "silent.wav"):
        (folder / name).unlink()
    run(*words)
    assert not output.with_name("out.npz.left-out.txt").exists()


def test_what_cannot_be_listed_or_would_be_waited_for_is_left_out(
    folder: Path, small_weights: Path
) -> None:
    name = os.fsdecode(b"\xff.wav")  # no text in UTF-8
    shutil.copy(next(folder.rglob("*.wav")), folder / name)
    os.mkfifo(folder / "pipe.wav")
    (folder / "again").symlink_to(folder)
    output = folder.parent / "out.npz"
    result = run("embed", folder, "-o", output, "--model", small_weights)
    assert result.exit_code == 0, result.output
    listed = output.with_name("out.npz.left-out.txt").read_text()
    assert "pipe.wav' is a pipe or a device" in listed
    assert "again' is left out: it is a symbolic link to a folder that contains it." in listed
    with np.load(output) as file:
        assert len(file["names"]) == 10
        assert name in file["names"]


def test_nothing_that_can_be_embedded_is_an_error(tmp_path: Path, small_weights: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_text("no audio")
    result = run("embed", tmp_path, "-o", tmp_path / "out.npz", "--model", small_weights)
    assert result.exit_code == 1
    assert "None of 2 recordings can be embedded. The first: " in result.stderr
    assert not (tmp_path / "out.npz").exists()
    with pytest.raises(UserError, match="No recording is given"):
        embed([], model=small_weights)


@pytest.fixture
def ctrl_c() -> Callable:
    return lambda: nullcontext(os.kill(os.getpid(), signal.SIGINT))


def stopped(monkeypatch: pytest.MonkeyPatch, by: Callable, *words: object) -> Result:
    """Run the command in shards of two recordings, and stop it in the second."""
    keep = Progress.keep

    def watched(self: Progress, rows: Rows) -> None:
        with by() if list(self.folder.glob("*.npz")) else nullcontext():
            keep(self, rows)

    with monkeypatch.context() as patched:
        patched.setattr(embed_module, "SMALLEST_SHARD", 2)
        patched.setattr(embed_module, "LARGEST_SHARD", 2)
        patched.setattr(Progress, "keep", watched)
        return run(*words)


@pytest.mark.parametrize(
    ("by", "code", "sentence"),
    [
        ("ctrl_c", 130, "2 of 9 recordings are embedded and kept: the same command goes on"),
        ("full_disk", 1, "Cannot write"),
    ],
    ids=["Ctrl-C", "full disk"],
)
def test_whatever_stops_it_the_next_run_goes_on(
    folder: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch, request, by, code, sentence
) -> None:
    output = folder.parent / "out.npz"
    words = ["embed", folder, "-o", output, "--model", small_weights]
    result = stopped(monkeypatch, request.getfixturevalue(by), *words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert not output.exists()
    check_that_it_goes_on(folder, small_weights, words)


# Writes a second shard, and is killed before it gets its name.
KILLED = """
import os, signal, sys
from pathlib import Path
from pyannote_ge2e.data.prepare.lock import alone
from pyannote_ge2e.experiment.embedding.progress import Progress
from pyannote_ge2e.experiment.embedding.table import read_npz
output = Path(sys.argv[1])
made, rows = read_npz(output.with_name("out.npz.partial") / "000000.npz")
with alone(output.with_name(".out.npz.lock")):
    os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
    Progress(output, made).keep(rows)
"""


def test_killed_while_it_writes_it_goes_on(
    folder: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: Callable
) -> None:
    output = folder.parent / "out.npz"
    words = ["embed", folder, "-o", output, "--model", small_weights]
    stopped(monkeypatch, ctrl_c, *words)
    killed = subprocess.run([sys.executable, "-c", KILLED, output], stderr=subprocess.PIPE)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = {path.suffix for path in output.with_name("out.npz.partial").iterdir()}
    assert left == {".npz", ".tmp"}
    check_that_it_goes_on(folder, small_weights, words)


def check_that_it_goes_on(folder: Path, weights: Path, words: list[object]) -> None:
    result = run(*words)
    assert "7 recordings to embed, 2 known already" in result.stdout, result.output
    wanted = embed(folder, model=weights, device="cpu")
    output = folder.parent / "out.npz"
    with np.load(output) as file:
        assert file["names"].tolist() == wanted.names.tolist()
        np.testing.assert_allclose(file["embeddings"], wanted.embeddings, atol=1e-6)
    assert {path.name for path in output.parent.iterdir()} <= {"out.npz", "voices", ".out.npz.lock"}


def test_another_models_or_a_foreign_file_is_refused_until_forced(
    folder: Path, small_weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.npz"
    run("embed", folder, "-o", output, "--model", small_weights)
    checkpoint = torch.load(small_weights, weights_only=False)
    checkpoint["state_dict"]["projection.bias"] += 1
    torch.save(checkpoint, tmp_path / "other.pt")
    words = ["embed", folder, "-o", output, "--model", tmp_path / "other.pt"]
    before = output.read_bytes()
    refused = run(*words)
    assert refused.exit_code == 1
    assert "another model" in refused.stderr
    assert output.read_bytes() == before
    assert run(*words, "--force").exit_code == 0
    for content in (before[: len(before) // 2], b"mine", b""):
        output.write_bytes(content)
        refused = run(*words)
        assert "damaged, or was not written by 'emb embed'" in refused.stderr
        assert output.read_bytes() == content


def test_what_is_missing_is_told_before_any_work(
    folder: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"must end in \.npz or \.parquet"):
        embed(folder, folder.parent / "out.csv", model=small_weights)
    (folder.parent / "folder.npz").mkdir()
    with pytest.raises(UserError, match="it is a folder; choose another with --output"):
        embed(folder, folder.parent / "folder.npz", model=small_weights)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'pyannote-ge2e\[parquet\]'"):
        embed(folder, folder.parent / "out.parquet", model=small_weights)


def test_a_name_that_parquet_cannot_hold_is_told_before_any_work(
    folder: Path, small_weights: Path
) -> None:
    pytest.importorskip("pyarrow", reason="parquet files need pyarrow")
    shutil.copy(next(folder.rglob("*.wav")), folder / os.fsdecode(b"\xff.wav"))
    with pytest.raises(UserError, match=r"'\\udcff\.wav' is not UTF-8, which names in a parquet"):
        embed(folder, folder.parent / "out.parquet", model=small_weights)


def test_a_damaged_shard_is_embedded_again(folder: Path, small_weights: Path) -> None:
    output = folder.parent / "out.npz"
    partial = output.with_name("out.npz.partial")
    partial.mkdir()
    (partial / "000000.npz").write_bytes(b"half")
    result = run("embed", folder, "-o", output, "--model", small_weights)
    assert "9 recordings to embed, 0 known already" in result.stdout, result.output
    assert len(np.load(output)["names"]) == 9
