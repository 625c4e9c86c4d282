"""Where a task keeps the index of its training speech."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pyannote_ge2e.errors import UserError


def test_cache_that_cannot_be_written_is_done_without(ge2e, tiny_protocol, tmp_path, caplog):
    cache = tmp_path / "cache"
    cache.write_text("in the way")
    task = ge2e(tiny_protocol.name, cache=cache)
    with caplog.at_level(logging.WARNING, "pyannote_ge2e"):
        task.prepare_data()
    assert f"The cache '{cache}' cannot be used" in caplog.text
    folder = task.index.folder
    assert (folder / "index.json").is_file()
    assert tmp_path not in folder.parents
    del task
    assert not folder.parent.exists()


def test_no_room_in_the_temporary_folder_is_one_sentence(
    ge2e, tiny_protocol, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(UserError, match="The index finds no room in the temporary folder"):
        ge2e(tiny_protocol.name).prepare_data()
