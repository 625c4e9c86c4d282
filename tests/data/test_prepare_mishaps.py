"""`prepare`: names, disks and other processes that are not as one would like them."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
import yaml
from pyannote.database import FileFinder
from pyannote.database.registry import Registry

from pyannote_ge2e.data.prepare.lock import alone
from pyannote_ge2e.data.prepare.run import Prepared, prepare
from pyannote_ge2e.errors import UserError

RATE = 16000


def write(path: Path, seconds: float = 0.1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # soundfile takes no name that is not UTF-8
        noise = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
        soundfile.write(file, noise, RATE, format=path.suffix[1:])
    return path


def corpus(folder: Path, speakers: int = 6, utterances: int = 2) -> Path:
    for speaker in range(speakers):
        for utterance in range(utterances):
            write(folder / f"id{speaker:02d}" / f"{utterance}.wav")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def protocol(prepared: Prepared):
    """Read back with nothing but pyannote.database."""
    registry = Registry()
    registry.load_database(prepared.database_yml)
    return registry.get_protocol(prepared.protocol, {"audio": FileFinder(registry=registry)})


class TestNames:
    NAMES = (
        *("a b.wav", "a  b.wav", "a,b.wav", "İpek's ünï.flac", '"quoted".wav', "st*r.wav"),
        *("{uri}.wav", "100%.wav", "new\nline.wav", "ta\tb.wav", "#1.wav", "日本語.ogg"),
        os.fsdecode(b"latin-\xe9.wav"),
    )

    @pytest.fixture
    def prepared(self, tmp_path: Path) -> Prepared:
        for speaker in ("Ann Lee", "NA", "日本, 語", "01", 'q"u*o{te', "plain"):
            for name in self.NAMES:
                write(tmp_path / "my voices" / "test" / speaker / name)
                write(tmp_path / "my voices" / "train" / speaker / "call 1" / name)
        return prepare(tmp_path / "my voices", "V", tmp_path / "database.yml", trials=500)

    def test_of_any_kind_are_read_by_plain_pyannote(
        self, prepared: Prepared, tmp_path: Path
    ) -> None:
        assert not prepared.left_out
        read = protocol(prepared)
        for files, part in ((read.train, "train"), (read.test, "test")):
            found = {}
            for file in files():
                path = file["audio"].resolve()
                found[path] = file["annotation"].labels()
                assert soundfile.info(os.fspath(file["audio"])).duration == 0.1
                assert file["annotated"].duration() == 0.1
            there = [p for p in (tmp_path / "my voices" / part).rglob("*") if p.is_file()]
            assert sorted(found) == sorted(path.resolve() for path in there)
            for path, (speaker,) in found.items():
                assert path.relative_to(tmp_path / "my voices" / part).parts[0] == speaker

    def test_of_any_kind_are_in_trials(self, prepared: Prepared) -> None:
        trials = list(protocol(prepared).test_trial())
        assert len(trials) == prepared.subsets["test"].trials == 500
        for trial in trials:
            one, other = trial["file1"], trial["file2"]
            assert one["audio"].is_file()
            assert other["audio"].is_file()
            assert trial["reference"] == (
                one["annotation"].labels() == other["annotation"].labels()
            )

    def test_links_go_with_what_they_were_for(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "V")
        for name in ("a b.wav", "c d.wav"):
            write(root / "id00" / name)
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        audio = prepared.lists / "audio"
        assert sorted(link.name for link in audio.rglob("*.wav")) == ["a%20b.wav", "c%20d.wav"]
        (audio / "id00" / "mine.wav").touch()
        (root / "id00" / "a b.wav").rename(root / "id00" / "ab.wav")
        prepare(root, database_yml=tmp_path / "database.yml")
        assert sorted(link.name for link in audio.rglob("*.wav")) == ["c%20d.wav", "mine.wav"]
        (root / "id00" / "c d.wav").rename(root / "id00" / "cd.wav")
        (audio / "id00" / "mine.wav").unlink()
        prepare(root, database_yml=tmp_path / "database.yml")
        assert not audio.exists()
        templates = yaml.safe_load((tmp_path / "database.yml").read_text())["Databases"]["V"]
        assert templates == ["V/{uri}.wav"]


class Process:
    """`prepare` in a process of its own, which tells what it says and how it ends."""

    def __init__(self, *arguments, **options) -> None:
        context = get_context("fork")  # what is imported here need not be imported there
        self.told, telling = context.Pipe(duplex=False)
        self.process = context.Process(target=self._run, args=(telling, arguments, options))
        self.process.start()
        telling.close()

    @staticmethod
    def _run(telling, arguments, options) -> None:
        if options.pop("nobody", False) and os.geteuid() == 0:  # root may do everything
            os.setuid(65534)
        room = options.pop("room", None)
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        if options.pop("waits", False):
            options["progress"] = lambda *_: (telling.send("measuring"), time.sleep(60))
        try:
            prepare(*arguments, say=telling.send, **options)
            telling.send("done")
        except UserError as error:
            telling.send(f"error: {error}")
        except KeyboardInterrupt:
            telling.send("interrupted")

    def tells(self) -> str:
        assert self.told.poll(60)
        return self.told.recv()

    def kill(self, how: int) -> None:
        os.kill(self.process.pid, how)

    def join(self) -> None:
        self.process.join(60)
        assert self.process.exitcode is not None


class TestPermissions:
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that anybody may enter, unlike pytest's."""
        with TemporaryDirectory() as name:
            os.chmod(name, 0o755)
            yield Path(name)

    def test_folders_and_files_that_may_not_be_read_are_left_out(self, folder: Path) -> None:
        root = corpus(folder / "V")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        (root / "id00").chmod(0)
        (root / "id01" / "0.wav").chmod(0)
        try:
            process = Process(root, "V", folder / "out" / "database.yml", nobody=True)
            assert process.tells() == "done"
            process.join()
        finally:
            (root / "id00").chmod(0o755)
        lines = (folder / "out" / "lists" / "V" / "left_out.txt").read_text().splitlines()
        reasons = dict(line.split("\t") for line in lines)
        assert reasons["id00"] == "it cannot be listed: Permission denied"
        assert reasons["id01/0.wav"].startswith("it may not be read")

    def test_a_folder_that_may_not_be_written_stays_as_it_is(self, folder: Path) -> None:
        root = corpus(folder / "V")
        (folder / "out").mkdir(mode=0o555)
        process = Process(root, "V", folder / "out" / "database.yml", nobody=True)
        assert process.tells().startswith(f"error: Cannot write '{folder}/out/")
        process.join()
        assert contents(folder / "out") == {}


class TestFullDisk:
    """A file that may not grow beyond some bytes is what a disk without room looks like."""

    @pytest.mark.parametrize("room", [0, 40, 500])
    def test_leaves_what_was_there(self, tmp_path: Path, room: int) -> None:
        out = tmp_path / "out"
        prepare(corpus(tmp_path / "V"), "V", out / "database.yml")
        before = contents(out)
        write(tmp_path / "V" / "id00" / "more.wav")
        process = Process(tmp_path / "V", "V", out / "database.yml", room=room)
        assert process.tells().startswith("error: Cannot write")
        process.join()
        after = contents(out)
        measured = "lists/V/measured.tsv"  # which may hold more than before
        assert {**after, measured: b""} == {**before, measured: b""}

    def test_leaves_nothing_where_nothing_was(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        process = Process(corpus(tmp_path / "V"), "V", out / "database.yml", room=0)
        assert process.tells().startswith("error: Cannot write")
        process.join()
        assert contents(out) == {}
        assert prepare(tmp_path / "V", "V", out / "database.yml").subsets  # with room again


def test_a_registry_that_cannot_be_replaced_leaves_no_lists_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "database.yml"
    path.write_text("# mine\n")
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if target == path:  # as of a file that is mounted into a container
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match=r"Cannot write .*busy"):
        prepare(corpus(tmp_path / "V"), database_yml=path)
    assert list(contents(tmp_path / "lists")) == ["V/measured.tsv"]
    monkeypatch.undo()
    assert prepare(tmp_path / "V", database_yml=path).subsets


def test_interrupted_it_writes_nothing_but_what_it_measured(tmp_path: Path) -> None:
    root = corpus(tmp_path / "V", speakers=20, utterances=10)
    process = Process(root, "V", tmp_path / "out" / "database.yml", waits=True)
    assert process.tells() == "measuring"
    process.kill(signal.SIGINT)
    assert process.tells() == "interrupted"
    process.join()
    assert list(contents(tmp_path / "out")) == ["lists/V/measured.tsv"]
    assert prepare(root, "V", tmp_path / "out" / "database.yml").subsets["train"].speakers == 16


class TestAtOnce:
    def test_different_corpora_are_both_there(self, tmp_path: Path) -> None:
        database_yml = tmp_path / "database.yml"
        database_yml.write_text("# mine\nDatabases:\n  Old: old/{uri}.wav  # and this\n")
        names = ("A", "B", "C", "D")
        roots = [corpus(tmp_path / name) for name in names]
        processes = [Process(r, n, database_yml) for r, n in zip(roots, names, strict=True)]
        for process in processes:
            while (said := process.tells()) != "done":
                assert said.startswith("Another command is writing")
            process.join()
        text = database_yml.read_text()
        assert text.count("# mine") == text.count("# and this") == 1
        assert set(yaml.safe_load(text)["Protocols"]) == set(names)
        for root, name in zip(roots, names, strict=True):
            prepared = prepare(root, name, database_yml)
            assert len(list(protocol(prepared).train())) == 4

    def test_the_second_of_one_corpus_waits_and_says_so(self, tmp_path: Path) -> None:
        root, database_yml = corpus(tmp_path / "V"), tmp_path / "database.yml"
        with alone(tmp_path / ".lists.V.lock"):
            process = Process(root, "V", database_yml)
            assert process.tells() == (
                f"Another command is writing '{tmp_path}/lists/V': waiting until it is done."
            )
            assert not database_yml.exists()
        assert process.tells() == "done"
        process.join()
        assert "V" in yaml.safe_load(database_yml.read_text())["Protocols"]
        assert {path.name for path in tmp_path.iterdir()} == {"V", "lists", "database.yml"}

    def test_who_is_killed_blocks_nobody(self, tmp_path: Path) -> None:
        root, database_yml = corpus(tmp_path / "V"), tmp_path / "database.yml"
        process = Process(root, "V", database_yml, waits=True)
        assert process.tells() == "measuring"
        (tmp_path / "lists" / ".V.new").mkdir(parents=True)  # half of what it would write
        process.kill(signal.SIGKILL)
        process.join()
        assert (tmp_path / ".lists.V.lock").exists()
        said: list[str] = []
        prepare(root, "V", database_yml, say=said.append)
        assert not said
        assert {path.name for path in tmp_path.iterdir()} == {"V", "lists", "database.yml"}
        assert [path.name for path in (tmp_path / "lists").iterdir()] == ["V"]

    def test_many_take_turns(self, tmp_path: Path) -> None:
        """Each adds one to a number in a file: none may read it before another has written it."""
        path = tmp_path / "number"
        path.write_text("0")

        def count() -> None:
            for _ in range(25):
                with alone(tmp_path / "lock"):
                    number = int(path.read_text()) + 1
                    time.sleep(0.001)
                    path.write_text(str(number))

        processes = [get_context("fork").Process(target=count) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert path.read_text() == "100"
        assert [path.name for path in tmp_path.iterdir()] == ["number"]


VOXCELEB = Path(__file__).parents[2] / "database.yml"
PARTS = {
    "vox1/dev/wav": range(10001, 10013),
    "vox1/test/wav": range(10270, 10273),
    "vox2/dev/wav": range(12, 16),
}


class TestVoxCelebRegistry:
    """The `database.yml` of the repository, and what `prepare` makes of it."""

    @pytest.fixture
    def voxceleb(self, tmp_path: Path) -> Path:
        for part, speakers in PARTS.items():
            for speaker in speakers:
                for number in (1, 2):
                    write(tmp_path / part / f"id{speaker:05}" / "x6uYqmx31kE" / f"{number:05}.wav")
        shutil.copyfile(VOXCELEB, tmp_path / "database.yml")
        return tmp_path

    def test_declares_what_prepare_writes(self, voxceleb: Path) -> None:
        path = voxceleb / "database.yml"
        before = yaml.safe_load(path.read_text())["Protocols"]["VoxCeleb"]["SpeakerVerification"]
        comments = [line for line in path.read_text().splitlines() if line.strip().startswith("#")]
        paths = [voxceleb / "vox1", voxceleb / "vox2"]
        prepared = prepare(paths, database_yml=path, layout="voxceleb")
        lines = path.read_text().splitlines()
        assert [line for line in lines if line.strip().startswith("#")] == comments
        content = yaml.safe_load(path.read_text())
        after = content["Protocols"]["VoxCeleb"]["SpeakerVerification"]
        assert set(after) == set(before) == {"VoxCeleb1", "VoxCeleb1_X", "VoxCeleb2"}
        for name, entries in before.items():
            for subset in ("train", "development", "test"):
                declared = {k: str(voxceleb / v) for k, v in entries.get(subset, {}).items()}
                assert after[name].get(subset, declared) == declared
        assert content["Databases"]["VoxCeleb"] == [f"{part}/{{uri}}.wav" for part in PARTS]
        assert prepared.protocol == "VoxCeleb.SpeakerVerification.VoxCeleb1"
        first = contents(voxceleb)
        prepare(paths, database_yml=path, layout="voxceleb")
        assert contents(voxceleb) == first

    def test_a_subset_that_protocols_share_is_written_once(self, voxceleb: Path) -> None:
        prepared = prepare(
            [voxceleb / "vox1", voxceleb / "vox2"],
            database_yml=voxceleb / "database.yml",
            layout="voxceleb",
        )
        tables = {path.name for path in prepared.lists.glob("*.utterances")}
        assert tables == {
            *(f"VoxCeleb1.{subset}.utterances" for subset in ("train", "test")),
            *(f"VoxCeleb1_X.{subset}.utterances" for subset in ("train", "development")),
            "VoxCeleb2.train.utterances",
        }
        registry = Registry()
        registry.load_database(prepared.database_yml)
        trials = {}
        for name, subsets in prepared.protocols.items():
            read = registry.get_protocol(name, {"audio": FileFinder(registry=registry)})
            speakers = {
                subset: {s for file in getattr(read, subset)() for s in file["annotation"].labels()}
                for subset in subsets
            }
            assert not set.intersection(*speakers.values())
            trials[name] = [(t["file1"]["uri"], t["file2"]["uri"]) for t in read.test_trial()]
        assert len({str(each) for each in trials.values()}) == 1
        assert prepared.protocols["VoxCeleb.SpeakerVerification.VoxCeleb1_X"].keys() == {
            "train",
            "development",
            "test",
        }
