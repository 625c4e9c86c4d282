"""From corpora as they are on disk to protocols that pyannote alone reads, a layout at a time."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pyannote.database import FileFinder
from pyannote.database.registry import Registry

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.prepare.run import Prepared, prepare

RATE = 16000


@pytest.fixture(scope="module")
def m4a(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Half a second of AAC."""
    if not has_ffmpeg():
        pytest.skip("FFmpeg's libraries are not installed")
    import torch
    from torchcodec.encoders import AudioEncoder

    path = tmp_path_factory.mktemp("m4a") / "a.m4a"
    noise = 0.1 * torch.randn(1, RATE // 2, generator=torch.Generator().manual_seed(0))
    AudioEncoder(noise, sample_rate=RATE).to_file(str(path))
    return path.read_bytes()


def write(root: Path, *names: str) -> Path:
    """Write a fifth of a second of noise to each file."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE // 5)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise, RATE)
    return root


def read(prepared: Prepared, name: str):
    """Read a protocol with nothing but pyannote.database."""
    registry = Registry()
    registry.load_database(prepared.database_yml)
    return registry.get_protocol(name, {"audio": FileFinder(registry=registry)})


def audio(files) -> dict[str, str]:
    """File of each uri, as pyannote finds it; links are followed."""
    return {file["uri"]: os.path.realpath(file["audio"]) for file in files}


def rows(trials) -> list[tuple[int, str, str]]:
    return [(t["reference"], t["file1"]["uri"], t["file2"]["uri"]) for t in trials]


def test_voxceleb_with_m4a_and_official_trials(tmp_path: Path, m4a: bytes) -> None:
    root, video = tmp_path / "VoxCeleb", "x6uYqmx31kE"
    first = [f"id{n}/{video}/0000{k}" for n in (10001, 10002, 10003, 10004) for k in (1, 2)]
    test = [f"id{n}/{video}/0000{k}" for n in (10270, 10271) for k in (1, 2)]
    second = [f"id0{n}/{video}/0000{k}" for n in (1012, 1013) for k in (1, 2)]
    write(root, *(f"wav/{name}.wav" for name in (*first, *test)))
    for name in second:
        path = root / f"dev/aac/{name}.m4a"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(m4a)
    trials = [(1, test[0], test[1]), (0, test[0], test[2]), (0, test[1], test[3])]
    lines = (f"{label} {one}.wav {two}.wav\n" for label, one, two in trials)
    (root / "veri_test.txt").write_text("".join(lines))

    prepared = prepare(root, database_yml=tmp_path / "database.yml", ratios=(0.5, 0.5, 0))
    name = "VoxCeleb.SpeakerVerification"
    assert list(prepared.protocols) == [
        f"{name}.{protocol}" for protocol in ("VoxCeleb1", "VoxCeleb1_X", "VoxCeleb2")
    ]
    assert not prepared.left_out
    one = read(prepared, f"{name}.VoxCeleb1")
    assert list(audio(one.train())) == first
    assert rows(one.test_trial()) == trials
    split = read(prepared, f"{name}.VoxCeleb1_X")
    parts = [
        {uri.split("/")[0] for uri in audio(files())} for files in (split.train, split.development)
    ]
    assert [len(part) for part in parts] == [2, 2]
    assert not parts[0] & parts[1]
    two = read(prepared, f"{name}.VoxCeleb2")
    assert audio(two.train()) == {uri: f"{root}/dev/aac/{uri}.m4a" for uri in second}
    assert rows(two.test_trial()) == trials
    (file, *_) = two.train()
    assert file["annotation"].labels() == ["id01012"]
    assert file["annotated"].duration() == pytest.approx(0.5, abs=0.1)


def test_librispeech(tmp_path: Path) -> None:
    root = tmp_path / "LibriSpeech"
    names = [
        f"{subset}/{speaker}/7/{speaker}-7-000{k}"
        for subset, speakers in {"train-clean-100": (19, 26), "test-clean": (61, 121)}.items()
        for speaker in speakers
        for k in (0, 1)
    ]
    write(root, *(f"{name}.flac" for name in names))
    (root / "SPEAKERS.TXT").write_text(
        "61 | M | test-clean | 8 | x\n121 | F | test-clean | 8 | y\n"
    )
    prepared = prepare(root, database_yml=tmp_path / "database.yml")
    protocol = read(prepared, "LibriSpeech.SpeakerVerification.All")
    assert audio(protocol.train()) == {uri: f"{root}/{uri}.flac" for uri in names[:4]}
    assert {file["annotation"].labels()[0] for file in protocol.test()} == {"61", "121"}
    assert len(rows(protocol.test_trial())) == 6


def test_folders_with_awkward_names(tmp_path: Path) -> None:
    names = [
        f"{subset}/{speaker}/{name}.wav"
        for subset, speaker in (("train", "Ann Lee"), ("train", "Bob, Jr."), ("test", "{Eve} İpek"))
        for name in ("call 1", 'a "b"', "star*", "100%", "NA", "001", "tab\t", "名")
    ]
    names.append(f"test/joe/{os.fsdecode(bytes([0x6C, 0xE9]))}.wav")  # Latin-1
    root = write(tmp_path / "my {voices} [2]*", *(name for name in names if name.isprintable()))
    for name in names:
        if not name.isprintable():  # libsndfile takes names in UTF-8 only
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((root / names[0]).read_bytes())
    prepared = prepare(root, "Voices", tmp_path / "database.yml")
    protocol = read(prepared, "Voices.SpeakerVerification.All")
    found = {**audio(protocol.train()), **audio(protocol.test())}
    assert sorted(found.values()) == sorted(f"{root}/{name}" for name in names)
    labels = {label for file in protocol.test() for label in file["annotation"].labels()}
    assert labels == {"{Eve} İpek", "joe"}
    trials = rows(protocol.test_trial())
    assert len(trials) == 9 * 8 / 2
    assert {uri for _, *both in trials for uri in both} == set(audio(protocol.test()))


def test_several_folders_that_share_names(tmp_path: Path) -> None:
    roots = [write(tmp_path / name, "ann/1.wav", "ann/2.wav", f"{name}/1.wav") for name in "abcdef"]
    prepared = prepare(roots, "Voices", tmp_path / "database.yml", ratios=(1, 0, 0))
    protocol = read(prepared, "Voices.SpeakerVerification.All")
    found = audio(protocol.train())
    assert sorted(found.values()) == sorted(
        f"{root}/{name}.wav" for root in roots for name in ("ann/1", "ann/2", f"{root.name}/1")
    )
    assert len({file["annotation"].labels()[0] for file in protocol.train()}) == 7


def test_kaldi_folders(tmp_path: Path) -> None:
    write(tmp_path, *(f"audio/{n}.wav" for n in range(8)))
    for subset, first in (("train", 0), ("test", 4)):
        folder = tmp_path / "data" / subset
        folder.mkdir(parents=True)
        utterances = [f"{subset}{n}-{k}" for n in (1, 2) for k in (0, 1)]
        (folder / "wav.scp").write_text(
            "".join(f"{u} {tmp_path}/audio/{first + n}.wav\n" for n, u in enumerate(utterances))
        )
        (folder / "utt2spk").write_text("".join(f"{u} {u[:-2]}\n" for u in utterances))
    (tmp_path / "data/test/trials").write_text(
        "test1-0 test1-1 target\ntest1-0 test2-0 nontarget\n"
    )
    prepared = prepare(tmp_path / "data", "Mine", tmp_path / "database.yml")
    protocol = read(prepared, "Mine.SpeakerVerification.All")
    for first, (subset, files) in enumerate([("train", protocol.train), ("test", protocol.test)]):
        uris = [f"{subset}1-0", f"{subset}1-1", f"{subset}2-0", f"{subset}2-1"]
        places = [f"{tmp_path}/audio/{4 * first + n}.wav" for n in range(4)]
        assert audio(files()) == dict(zip(uris, places, strict=True))
    assert rows(protocol.test_trial()) == [(1, "test1-0", "test1-1"), (0, "test1-0", "test2-0")]


def test_a_table(tmp_path: Path) -> None:
    names = [f"{speaker} {k}.wav" for speaker in ("ann", "bob") for k in range(2)]
    write(tmp_path, *names)
    lines = (f'"{name}",{name[:3]},train\n' for name in names)
    (tmp_path / "v.csv").write_text("file,speaker,subset\n" + "".join(lines))
    prepared = prepare(tmp_path / "v.csv", "Mine", tmp_path / "database.yml")
    found = audio(read(prepared, "Mine.SpeakerVerification.All").train())
    assert sorted(found.values()) == sorted(f"{tmp_path}/{name}" for name in names)


def test_three_columns_with_pairs(tmp_path: Path) -> None:
    names = [f"{speaker}/{k}.wav" for speaker in ("ann", "bob", "eve", "joe") for k in range(2)]
    write(tmp_path, *names)
    lines = (f"{name} {number // 2} -1\n" for number, name in enumerate(names[:4]))
    (tmp_path / "train.lst").write_text("".join(lines))
    (tmp_path / "test_clients.txt").write_text("eve/0.wav eve/1.wav\njoe/0.wav joe/1.wav\n")
    (tmp_path / "test_impostors.txt").write_text("eve/0.wav joe/1.wav\n")
    lists = [tmp_path / name for name in ("train.lst", "test_clients.txt", "test_impostors.txt")]
    prepared = prepare(lists, "Mine", tmp_path / "database.yml", ratios=(1, 0, 0))
    protocol = read(prepared, "Mine.SpeakerVerification.All")
    assert [file["annotation"].labels() for file in protocol.train()] == [
        ["0"],
        ["0"],
        ["1"],
        ["1"],
    ]
    assert rows(protocol.test_trial()) == [
        (1, "eve/0", "eve/1"),
        (1, "joe/0", "joe/1"),
        (0, "eve/0", "joe/1"),
    ]
