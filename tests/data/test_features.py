"""Stored features are read by chunks, and whatever is wrong with a file is said of that file."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.features.arrays import MissingFeatures
from pyannote_ge2e.data.features.description import read_description
from pyannote_ge2e.data.features.grid import FrameGrid
from pyannote_ge2e.data.features.source import FeatureSource
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.features.write import write_rows
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.trials.windows import FileWindows
from pyannote_ge2e.errors import UserError


@pytest.fixture
def features(tmp_path: Path) -> StoredFeatures:
    """Features of one file, 'Tiny' 'a/1': row i holds i, 10 i and 100 i; 200 rows."""
    path = tmp_path / "Tiny" / "a" / "1.npy"
    path.parent.mkdir(parents=True)
    np.save(path, np.outer(np.arange(200), [1, 10, 100]).astype(np.float32))
    return StoredFeatures(str(tmp_path), dimension=3)


@pytest.fixture
def path(features: StoredFeatures) -> str:
    return features.file("Tiny", "a/1")


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2"])
def test_chunk_holds_its_frames_whatever_the_type(features, path, dtype):
    np.save(path, np.arange(600).reshape(200, 3).astype(dtype))
    chunk = features.chunk(path, 7, 2)
    assert chunk.dtype == np.float32
    assert chunk.tolist() == [[21, 24], [22, 25], [23, 26]]


def test_a_chunk_reads_no_more_than_itself(features, path):
    np.save(path, np.zeros((1_000_000, 3), np.float32))  # 12 MB
    if (before := _bytes_read()) is None:
        pytest.skip("This system does not tell how much a process reads.")
    for first in range(0, 900_000, 100_000):
        features.chunk(path, first, 200)
    assert _bytes_read() - before < 9 * (200 * 12 + 2048)


def _bytes_read() -> int | None:
    """Bytes that this process has read so far; None where no system tells."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["rchar"])


def test_frames_of_a_segment_are_those_that_lie_in_it(features, path):
    # Frames 100 to 147: 48 windows of 25 ms fit into half a second.
    assert features.segment(path, 1.0, 1.5)[0].tolist() == list(range(100, 148))
    # What is not on the grid begins with the frame before it.
    assert features.segment(path, 1.007, 1.507)[0].tolist() == list(range(100, 148))
    assert features.segment(path, 1.5, 99.0)[0].tolist() == list(range(150, 200))
    assert features.duration(path) == pytest.approx(2.015)
    assert features.segment(path, 0.0, features.duration(path)).shape == (3, 200)


def test_shortest_segment_is_one_frame(features, path):
    assert features.segment(path, 0.5, 0.501).tolist() == [[50], [500], [5000]]


def test_annotation_that_rounds_up_is_filled_with_the_last_frame(features, path):
    assert features.chunk(path, 195, 10)[0].tolist() == [195, 196, 197, 198, 199, *[199] * 5]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 50), np.float32), r"shape \(3, 50\).*transpose it"),
        (np.zeros((50, 4), np.float32), r"shape \(50, 4\): expected \(frames, 3\)"),
        (np.zeros(50, np.float32), r"shape \(50,\)"),
        (np.zeros((50, 3)), "float64 numbers: expected .* float32 or float16"),
        (np.zeros((50, 3), np.int16), "int16 numbers"),
        (np.asfortranarray(np.zeros((50, 3), np.float32)), "Fortran order.*ascontiguousarray"),
        (np.full((50, 3), np.nan, np.float32), "no numbers .* frame 10"),
        (np.zeros((12, 3), np.float32), r"holds 12 frames .* frames 10 to 30"),
    ],
)
def test_what_is_wrong_with_an_array_is_said_of_its_file(features, path, array, said):
    np.save(path, array)
    with pytest.raises(UserError, match=said) as told:
        features.chunk(path, 10, 20)
    assert f"'{path}'" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("lost", [b"}", b")", b"{", b"'"])
def test_a_header_that_is_damaged_is_named(features, path, lost):
    np.save(path, np.zeros((50, 3), np.float32))
    Path(path).write_bytes(Path(path).read_bytes().replace(lost, b" ", 1))
    with pytest.raises(UserError, match=r"not a \.npy file: expected"):
        features.chunk(path, 0, 5)


@pytest.mark.parametrize("kept", [-1, -1000, 40, 3, 0])
def test_a_file_that_is_cut_short_is_named(features, path, kept):
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:kept])
    with pytest.raises(UserError, match=r"cut short|not a \.npy file") as told:
        features.chunk(path, 0, 5)
    assert f"'{path}'" in str(told.value)


def test_frames_that_lie_just_beyond_the_end_are_the_last_one(features, path):
    assert features.chunk(path, 203, 2).tolist() == [[199] * 2, [1990] * 2, [19900] * 2]
    with pytest.raises(UserError, match="too short"):
        features.chunk(path, 213, 2)


def test_a_file_that_is_missing_is_named(features):
    with pytest.raises(MissingFeatures, match=r"no stored features '.*/Tiny/b\.npy'"):
        features.chunk(features.file("Tiny", "b"), 0, 5)
    with pytest.raises(UserError, match="cannot be read"):
        features.chunk(str(features.folder), 0, 5)


def test_segment_beyond_the_end_is_refused(features, path):
    with pytest.raises(UserError, match=r"holds nothing from 3\.000 to 4\.000 s"):
        features.segment(path, 3.0, 4.0)


@pytest.mark.parametrize("wrong", ["/feats/{speaker}/{uri}", "/feats/{database}.npy", "/feats/{"])
def test_templates_with_other_names_are_refused(wrong):
    with pytest.raises(UserError, match=r"hold \{uri\}"):
        StoredFeatures(wrong, 3)


def test_frames_and_seconds_agree():
    grid = FrameGrid(0.01, 0.025)
    lengths = np.arange(400, 40000, 7)
    expected = 1 + (lengths - 400) // 160
    assert (grid.units(lengths / 16000) == expected).all()
    assert grid.units(np.array([1.225, 0.0, 0.0249])).tolist() == [121, 0, 0]
    assert [grid.first(frame / 100) for frame in range(300)] == list(range(300))


def test_windows_of_features_follow_the_step_in_frames(features, path):
    _, (only,) = FileWindows([path], [[(0.0, 2.015)]], 0.5, 0.5, features)[0]
    assert only.shape == (8, 3, 48)
    assert only[:, 0, 0].tolist() == [0, 25, 50, 75, 100, 125, 150, 152]


# --- batches --------------------------------------------------------------------------------


def corpus(root: Path, seconds: dict[str, list[float]], missing: float = 0.0) -> Index:
    """An index, and for each file features whose first is the speaker, and second the frame."""
    utterances = []
    for number, (speaker, durations) in enumerate(seconds.items()):
        for k, duration in enumerate(durations):
            uri = f"{speaker}/{k}"
            frames = int(FrameGrid(0.01, 0.025).units(np.array(duration - missing)))
            write_rows(
                root / "Tiny" / f"{uri}.npy",
                [np.stack([np.full(frames, number), np.arange(frames)], axis=1)],
                2,
                "float16",
            )
            utterances.append(Utterance(speaker, "Tiny", "", 0.0, duration, uri=uri))
    return Index.of(utterances, {"Tiny": [str(root / "{uri}.wav")]})


def batches(root: Path, index: Index, **options) -> BatchDataset:
    features = StoredFeatures(str(root), 2)
    settings = {"short": "join", "duration": (0.3, 0.5), **options}
    selection = select_speakers(
        index, settings["duration"][1], 2, short=settings["short"], least=features.window
    )
    return BatchDataset(
        index,
        selection,
        num_classes=2,
        num_chunks=3,
        batches_per_epoch=5,
        source=FeatureSource(index, features),
        **settings,
    )


def test_batches_hold_consecutive_frames_of_their_speakers(tmp_path):
    index = corpus(tmp_path, {"a": [1.0, 2.0], "b": [1.5], "c": [3.0, 0.7]})
    dataset = batches(tmp_path, index)
    lengths = set()
    for batch in dataset:
        X, y = batch["X"].numpy(), batch["y"].numpy()
        assert X.shape[:2] == (6, 2)
        assert (X[:, 0] == y[:, None]).all()
        assert (np.diff(X[:, 1]) == 1).all()
        lengths.add(X.shape[2])
    assert lengths <= set(range(28, 49))
    assert len(lengths) > 1
    again = pickle.loads(pickle.dumps(dataset)).batch(3)
    assert (again["X"] == dataset.batch(3)["X"]).all()


def test_short_utterances_are_joined_frame_by_frame(tmp_path):
    index = corpus(tmp_path, {"a": [0.2, 0.25, 0.02], "b": [0.3, 0.3]})
    for batch in batches(tmp_path, index, duration=(0.4, 0.4)):
        assert batch["X"].shape == (6, 2, 38)
        assert (batch["X"][:, 0] == batch["y"][:, None]).all()


def test_speakers_of_less_than_a_frame_are_left_out(tmp_path):
    index = corpus(tmp_path, {"a": [0.02, 0.01], "b": [1.0], "c": [1.0]})
    dataset = batches(tmp_path, index)
    assert [index.speakers[row] for row in dataset.selection.speakers] == ["b", "c"]


def test_features_of_fewer_frames_than_annotated_are_named(tmp_path):
    index = corpus(tmp_path, {"a": [1.0], "b": [1.0]}, missing=0.5)
    dataset = batches(tmp_path, index, duration=(0.9, 0.9))
    with pytest.raises(UserError, match=r"/Tiny/[ab]/0\.npy' is too short"):
        dataset.batch(0)


# --- features.yml ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dimension: many", "dimension should be a whole number, 1 at least, not 'many'"),
        ("step: -1", "step should be a number of seconds"),
        ("step: [", "not valid YAML"),
        ("LogMel", "expected lines such as"),
        ("name: 3", "name should be a word"),
    ],
)
def test_descriptions_that_make_no_sense_are_refused(tmp_path, text, said):
    (tmp_path / "features.yml").write_text(text)
    with pytest.raises(UserError, match=said) as told:
        read_description(tmp_path)
    assert str(tmp_path / "features.yml") in str(told.value)


def test_other_keys_of_a_description_are_left_alone(tmp_path):
    (tmp_path / "features.yml").write_text("dimension: 6\nauthor: me\n")
    found = read_description(tmp_path)
    assert found is not None
    assert found.dimension == 6
    assert read_description(tmp_path / "elsewhere") is None


# --- writing --------------------------------------------------------------------------------


def test_an_interrupted_file_leaves_nothing(tmp_path):
    def blocks():
        yield np.zeros((5, 2))
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_rows(tmp_path / "a.npy", blocks(), 2)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "Tiny").write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"Cannot write '.*/Tiny/a\.npy'"):
        write_rows(tmp_path / "Tiny" / "a.npy", [np.zeros((5, 2))], 2)
