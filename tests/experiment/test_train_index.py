"""`emb train` keeps the index of a protocol for the next run."""

from __future__ import annotations

from pathlib import Path

from pyannote_ge2e.experiment.train import train


def test_index_of_a_protocol_is_found_by_the_next_run(
    experiment: Path, tiny_protocol, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("PYANNOTE_GE2E_CACHE", str(tmp_path / "cache"))
    written = []
    for _ in range(2):
        train(experiment, tiny_protocol.name, to_epoch=1, parallel=0, device="cpu", force=True)
        (folder,) = (tmp_path / "cache" / "indexes").iterdir()
        written.append((folder.name, (folder / "end.npy").stat().st_mtime_ns))
    assert written[0] == written[1]
