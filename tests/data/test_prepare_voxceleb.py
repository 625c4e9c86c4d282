"""The `database.yml` of the repository, and what `prepare` makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from made_corpora import contents, write
from pyannote.database import FileFinder
from pyannote.database.registry import Registry

from pyannote_ge2e.data.prepare.run import prepare

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
