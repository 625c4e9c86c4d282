"""A pack that was damaged, or is another one: what is noticed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from made_packs import ABOUT, COMMAND, RATE, index_of

from pyannote_ge2e.data.audio.pack.check import damaged_rows
from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.errors import UserError


def test_a_truncated_shard_is_named(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT, shard_size=100_000)
    shard = folder / "00001.pcm"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserError, match=rf"00001\.pcm' has .* bytes.*were written.*{COMMAND}"):
        Pack(folder)
    shard.unlink()
    with pytest.raises(UserError, match=r"00001\.pcm' is missing"):
        Pack(folder)
    packed = write_pack(index, folder, ABOUT, shard_size=100_000)
    assert 0 < packed.written < 9
    assert not list(damaged_rows(Pack(folder)))


def test_a_changed_shard_is_found_by_its_checksums(paths: list[Path], folder: Path) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    pack = Pack(folder)
    place = 2 * (pack.first.item(3) + 100)
    with (folder / "00000.pcm").open("r+b") as shard:
        shard.seek(place)
        byte = shard.read(1)[0]
        shard.seek(place)
        shard.write(bytes([byte ^ 1]))
    assert list(damaged_rows(Pack(folder))) == [3]


@pytest.mark.parametrize("name", ["rows.npy", "uris.blob.npy", "file_database.npy"])
def test_a_changed_index_is_named(paths: list[Path], folder: Path, name: str) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    path = folder / "index-1" / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"index of the pack.*is not the one that was written"):
        Pack(folder)
    # Cut short; and without its braces, which numpy's parser has no words for.
    for damaged in (content[:20], bytes(content).replace(b"}", b" ", 1)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"index of the pack .* is damaged: remove"):
            Pack(folder)


def test_shards_that_changed_places_are_packed_again(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT, shard_size=100_000, threads=1)
    one, other = folder / "00000.pcm", folder / "00001.pcm"
    assert one.stat().st_size != other.stat().st_size
    one.rename(folder / "moved.pcm")
    other.rename(one)
    (folder / "moved.pcm").rename(other)
    packed = write_pack(index, folder, ABOUT, shard_size=100_000)
    assert 0 < packed.written < 9
    assert not list(damaged_rows(Pack(folder)))


def test_a_changed_index_is_not_gone_on_with(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    path = folder / "index-1" / "rows.npy"
    rows = np.load(path)
    rows["first"][3] = 0
    np.save(path, rows)
    with pytest.raises(UserError, match=r"is not the one that was written: remove '.*index-1'"):
        write_pack(index, folder, ABOUT)


@pytest.mark.parametrize("content", ["{", ""])
def test_a_damaged_pack_json_is_named_and_costs_nothing(
    paths: list[Path], folder: Path, content: str
) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    (folder / "pack.json").write_text(content)
    with pytest.raises(UserError, match=r"remove '.*pack\.json' and run 'emb pack' again"):
        write_pack(index, folder, ABOUT)
    (folder / "pack.json").unlink()
    assert write_pack(index, folder, ABOUT).written == 0


def test_what_is_no_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no pack '.*nowhere'"):
        Pack(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a pack: make one"):
        Pack(tmp_path)
    (tmp_path / "pack.json").write_text("{}")
    with pytest.raises(UserError, match="is not a pack that 'emb pack' made"):
        Pack(tmp_path)
    about = json.dumps(asdict(ABOUT))
    for shards in ("[]", "null"):
        (tmp_path / "pack.json").write_text(
            f'{{"about": {about}, "index": "index-1", "digest": "0", "shards": {shards}}}'
        )
        with pytest.raises(UserError, match="is not a pack that 'emb pack' made"):
            Pack(tmp_path)
    (tmp_path / "pack.json").write_text('{"about": {"format": 99}}')
    with pytest.raises(UserError, match="is of format 99"):
        Pack(tmp_path)


def test_a_folder_with_other_things_is_left_alone(paths: list[Path]) -> None:
    with pytest.raises(UserError, match=r"holds other things \('utterance0\.wav'\)"):
        write_pack(index_of(paths), paths[0].parent, ABOUT)
    for folder in (paths[0], paths[0] / "pack"):
        with pytest.raises(UserError, match=r"utterance0\.wav.* is a file: give a new or an empty"):
            write_pack(index_of(paths), folder, ABOUT)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (About("Other.SpeakerVerification.All", "train", RATE), "is the pack of Tiny"),
        (About(ABOUT.protocol, "test", RATE), "is the pack of Tiny.*train: give another folder"),
        (About(ABOUT.protocol, "train", 8000), "is a pack at 16000 Hz: give another folder"),
    ],
)
def test_another_pack_is_left_alone(
    paths: list[Path], folder: Path, other: About, words: str
) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    with pytest.raises(UserError, match=words):
        write_pack(index_of(paths), folder, other)
    assert Pack(folder).whole.about == ABOUT
