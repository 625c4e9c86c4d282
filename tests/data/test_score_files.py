"""Score files of any toolkit are read for what they are, and what is wrong is named by its line."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyannote_ge2e.data.score_files import (
    ScoredTrials,
    read_scores,
    read_utt2spk,
    speakers_of_trials,
    write_scores,
    write_trials,
    write_utt2spk,
)
from pyannote_ge2e.data.score_files.trial_speakers import speakers_by_name
from pyannote_ge2e.errors import UserError

# Two targets, two non-targets.
TRIALS = [
    ("ann/1.wav", "ann/2.wav", 1, 0.75),
    ("ann/1.wav", "bob/1.wav", 0, -0.25),
    ("bob/1.wav", "bob/2.wav", 1, 0.5),
    ("bob/2.wav", "ann/2.wav", 0, 1e-3),
]
WORDS = {1: "target", 0: "nontarget"}
KALDI = "".join(f"{a} {b} {s}\n" for a, b, _, s in TRIALS)
KALDI_TRIALS = "".join(f"{a} {b} {WORDS[label]}\n" for a, b, label, _ in TRIALS)
VOXCELEB_TRIALS = "".join(f"{label} {a} {b}\n" for a, b, label, _ in TRIALS)


def written(folder: Path, text: str | bytes, name: str = "scores.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def as_listed(scored: ScoredTrials) -> list[tuple[str, str, int, float]]:
    return [
        (scored.names[a], scored.names[b], label, score)
        for (a, b), label, score in zip(
            scored.trials.tolist(), scored.labels.tolist(), scored.scores.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("{a} {b} {word} {s}", "enrolment test label score"),
        ("{a} {b} {label} {s}", "enrolment test label score"),  # SpeechBrain
        ("{a} {b} {s} {word}", "enrolment test score label"),  # wespeaker
        ("{a} {b} {s} {label}", "enrolment test score label"),
        ("{label} {a} {b} {s}", "label enrolment test score"),  # VoxCeleb
        ("{a}\t{b}\t{s}\t{word}", "enrolment test score label"),
        ("{a},{b},{label},{s}", "enrolment test label score"),
        ("{a}, {b}, {s}, {word}", "enrolment test score label"),
        ('"{a}","{b}",{s},"{word}"', "enrolment test score label"),
        ("  {a}   {b} {s}\t{label}  ", "enrolment test score label"),
    ],
)
def test_each_column_order_with_labels(tmp_path, line, understood):
    text = "".join(
        line.format(a=a, b=b, label=label, word=WORDS[label], s=s) + "\n"
        for a, b, label, s in TRIALS
    )
    scored = read_scores(written(tmp_path, text))
    assert as_listed(scored) == TRIALS
    assert scored.understood == f"read as: {understood}"


def test_names_with_spaces_hold_together_between_tabs_and_commas(tmp_path):
    trials = [(a.replace("/", " "), b.replace("/", " "), label, s) for a, b, label, s in TRIALS]
    for separator in "\t,":
        text = "".join(separator.join(map(str, trial)) + "\n" for trial in trials)
        assert as_listed(read_scores(written(tmp_path, text))) == trials


def test_what_wespeaker_appends_is_ignored_and_said(tmp_path):
    text = "".join(f"{a} {b} {s} {WORDS[n]} 8.1 8.2 .1 .2\n" for a, b, n, s in TRIALS)
    scored = read_scores(written(tmp_path, text))
    assert as_listed(scored) == TRIALS
    assert scored.understood == "read as: enrolment test score label (4 other columns ignored)"


@pytest.mark.parametrize("line", ["{a} {b} {s}", "{s} {a} {b}"], ids=["Kaldi", "VoxSRC"])
@pytest.mark.parametrize("trials", [KALDI_TRIALS, VOXCELEB_TRIALS], ids=["Kaldi", "VoxCeleb"])
def test_labels_from_a_list_of_trials(tmp_path, line, trials):
    """In the list's order, whatever the order of the scores."""
    text = "".join(line.format(a=a, b=b, s=s) + "\n" for a, b, _, s in reversed(TRIALS))
    listed = written(tmp_path, trials, "list.txt")
    scored = read_scores(written(tmp_path, text), listed)
    assert as_listed(scored) == TRIALS
    assert scored.understood.endswith(f"labels from '{listed}'")
    assert not scored.remarks


def test_the_list_beside_the_scores_is_taken_and_said(tmp_path):
    listed = written(tmp_path, KALDI_TRIALS, "trials.txt")
    scored = read_scores(written(tmp_path, KALDI))
    assert as_listed(scored) == TRIALS
    assert str(listed) in scored.understood


@pytest.mark.parametrize("text", ["1 .5\n0 -1\n1 2\n", ".5 target\n-1 nontarget\n2 target\n"])
def test_labels_and_scores_without_names(tmp_path, text):
    scored = read_scores(written(tmp_path, text))
    assert scored.labels.tolist() == [1, 0, 1]
    assert scored.scores.tolist() == [0.5, -1.0, 2.0]
    assert scored.names == []
    assert scored.trials.shape == (0, 2)


@pytest.mark.parametrize(
    "header",
    ["enrol,test,label,score", "File1,File2,Target,LLR", "modelid,segmentid,targettype,score"],
)
def test_a_header_with_known_words_says_the_columns(tmp_path, header):
    text = f"{header}\n" + "".join(f"{a},{b},{WORDS[n]},{s}\n" for a, b, n, s in TRIALS)
    assert as_listed(read_scores(written(tmp_path, text))) == TRIALS


def test_a_header_decides_what_the_values_leave_open(tmp_path):
    text = "test,side,label,score,enrolment\n" + "".join(
        f"{b},a,{label},{s},{a}\n" for a, b, label, s in TRIALS
    )
    scored = read_scores(written(tmp_path, text))
    assert as_listed(scored) == TRIALS
    assert "(1 other column ignored)" in scored.understood


def test_numbers_as_names_are_told_from_scores_by_the_decimals(tmp_path):
    text = "1034 1035 0.5\n1034 1036 1\n1035 1036 0.25\n"
    trials = "1034 1035 target\n1034 1036 nontarget\n1035 1036 nontarget\n"
    scored = read_scores(written(tmp_path, text), written(tmp_path, trials, "list"))
    assert scored.understood.startswith("read as: enrolment test score")
    assert scored.scores.tolist() == [0.5, 1.0, 0.25]


def test_two_possible_readings_are_for_the_user_to_decide(tmp_path):
    path = written(tmp_path, "1034 1035 5\n1034 1036 7\n1035 1036 2\n")
    trials = written(tmp_path, "1 1034 1035\n0 1034 1036\n0 1035 1036\n", "list")
    with pytest.raises(UserError, match=r"can be read as .* or as .*--columns"):
        read_scores(path, trials)
    assert read_scores(path, trials, "enrolment,test,score").scores.tolist() == [5.0, 7.0, 2.0]


def test_named_columns_override_what_the_file_looks_like(tmp_path):
    text = "".join(f"x {s} {b} {a} {n}\n" for a, b, n, s in TRIALS)
    scored = read_scores(written(tmp_path, text), columns="-,score,test,enrolment,label")
    assert as_listed(scored) == TRIALS


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("enrolment,tset,score", "'tset' is none of"),
        ("enrolment,test,label", "names no score"),
        ("enrolment,score,score", "'score' twice"),
        ("test,score,label", "one side"),
        ("enrolment,test,score,label", "names 4 columns, and .* has 3"),
    ],
)
def test_impossible_columns_are_named(tmp_path, columns, sentence):
    with pytest.raises(UserError, match=sentence):
        read_scores(written(tmp_path, KALDI), columns=columns)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + KALDI.encode(),
        KALDI.replace("\n", "\r\n").encode(),
        KALDI.replace("\n", "  \n\n").encode(),
        KALDI.replace("\n", "\r\n\r\n").encode(),
        b"# cosine, model 7\n" + KALDI.replace("\n", "\n#\n").encode(),
        KALDI.rstrip().encode(),
        b"\n \t\n" + KALDI.encode(),
    ],
    ids=[
        "byte order mark",
        "CRLF",
        "blank lines",
        "blank CRLF",
        "comments",
        "no end of line",
        "blank start",
    ],
)
def test_dressing_does_not_matter(tmp_path, text):
    listed = written(tmp_path, KALDI_TRIALS, "list.txt")
    assert as_listed(read_scores(written(tmp_path, text), listed)) == TRIALS


def test_names_of_any_alphabet(tmp_path):
    names = ["зоя/1", "名前\u3000二/1", "zoë\xa0a/2", "a#b"]
    trials, labels, scores = np.array([[0, 1], [2, 3]]), [1, 0], [0.1, 0.3]
    write_scores(tmp_path / "scores.txt", names, trials, scores)
    write_trials(tmp_path / "trials.txt", names, trials, labels)
    scored = read_scores(tmp_path / "scores.txt")
    assert as_listed(scored) == [(names[0], names[1], 1, 0.1), (names[2], names[3], 0, 0.3)]


@pytest.mark.parametrize(("ours", "theirs"), [(".wav", ""), ("", ".flac"), (".wav", ".flac")])
def test_names_match_without_their_suffix_where_they_differ(tmp_path, ours, theirs):
    text = KALDI.replace(".wav", theirs)
    listed = written(tmp_path, KALDI_TRIALS.replace(".wav", ours), "list.txt")
    scored = read_scores(written(tmp_path, text), listed)
    assert scored.scores.tolist() == [trial[3] for trial in TRIALS]
    assert scored.names[0] == f"ann/1{ours}"


def test_an_exact_name_goes_before_one_without_suffix(tmp_path):
    text = "a b.wav 1.5\na b.flac 2.5\n"
    listed = written(tmp_path, "a b.flac target\na b.wav nontarget\n", "list.txt")
    assert read_scores(written(tmp_path, text), listed).scores.tolist() == [2.5, 1.5]
    listed = written(tmp_path, "a b.mp3 target\na b.wav nontarget\n", "list.txt")
    with pytest.raises(UserError, match=r"No score of the trial 'a b\.mp3'"):
        read_scores(written(tmp_path, text), listed)


def test_a_trial_without_score_is_named_and_counted(tmp_path):
    text = "".join(KALDI.splitlines(keepends=True)[::2])
    listed = written(tmp_path, VOXCELEB_TRIALS, "list.txt")
    with pytest.raises(UserError) as raised:
        read_scores(written(tmp_path, text), listed)
    message = str(raised.value)
    assert "'ann/1.wav bob/1.wav'" in message
    assert "line 2" in message
    assert "2 of the 4 trials" in message


def test_scores_of_no_trial_are_left_out_with_a_remark(tmp_path):
    listed = written(tmp_path, "".join(KALDI_TRIALS.splitlines(keepends=True)[1:3]), "list.txt")
    text = KALDI + "x/1 y/1 3.5\nx/1 y/1 3.5\n"
    scored = read_scores(written(tmp_path, text), listed)
    assert as_listed(scored) == TRIALS[1:3]
    (remark,) = scored.remarks
    assert remark.startswith("3 scores of ")


def test_a_trial_may_be_there_twice_with_one_score(tmp_path):
    listed = written(tmp_path, KALDI_TRIALS + KALDI_TRIALS.splitlines()[0] + "\n", "list.txt")
    scored = read_scores(written(tmp_path, KALDI + KALDI), listed)
    assert as_listed(scored) == [*TRIALS, TRIALS[0]]


def test_two_scores_of_a_trial_are_named_by_their_lines(tmp_path):
    with pytest.raises(UserError, match=r"'ann/1\.wav ann/2\.wav', in lines 1 and 6"):
        read_scores(written(tmp_path, KALDI + "\nann/1.wav ann/2.wav 0.76\n"))


def test_two_labels_of_a_trial_are_named_by_their_lines(tmp_path):
    listed = written(tmp_path, VOXCELEB_TRIALS + "0 bob/1.wav bob/2.wav\n", "list.txt")
    with pytest.raises(UserError, match=r"two labels of the trial .* lines 3 and 5"):
        read_scores(written(tmp_path, KALDI), listed)


def test_labels_within_that_contradict_the_list_are_named(tmp_path):
    text = "".join(f"{a} {b} {s} {WORDS[n]}\n" for a, b, n, s in TRIALS)
    listed = written(tmp_path, KALDI_TRIALS.replace("2.wav nontarget", "2.wav target"), "list.txt")
    with pytest.raises(UserError) as raised:
        read_scores(written(tmp_path, text), listed)
    assert "'bob/2.wav ann/2.wav' is a non-target in" in str(raised.value)
    assert str(raised.value).count("line 4") == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ann/1.wav ann/2.wav", "line 3: expected 3 columns, .* found 2: 'ann/1.wav ann/2.wav'"),
        ("ann/1.wav ann/2.wav 0.5 7", "line 3: expected 3 columns, .* found 4"),
        ("ann/1.wav ann/2.wav high", "line 3: 'high' stands where a score"),
        ("ann/1.wav ann/2.wav 1_0", "line 3: '1_0' stands where a score"),
        ("ann/1.wav ann/2.wav nan", "line 3: the score is 'nan'"),
        ("ann/1.wav ann/2.wav -inf", "line 3: the score is '-inf'"),
        ("ann/1.wav ann/2.wav 1e999", "line 3: the score is '1e999'"),
    ],
)
@pytest.mark.parametrize("comments", ["", "#"])
def test_the_malformed_line_is_named(tmp_path, line, sentence, comments):
    lines = KALDI.splitlines()
    text = "\n".join([lines[0], comments, line, *lines[1:]])
    with pytest.raises(UserError, match=sentence) as raised:
        read_scores(written(tmp_path, text), written(tmp_path, KALDI_TRIALS, "list.txt"))
    assert "\n" not in str(raised.value)


def test_the_malformed_line_is_named_however_far_down(tmp_path):
    text = "".join(f"speaker{n}/a speaker{n + 1}/b {n}.5\n" for n in range(60_000))
    assert len(text) > 1 << 20
    for line in ("a b c", "a b", "a b nan"):
        with pytest.raises(UserError, match="line 60001: "):
            read_scores(written(tmp_path, text + line + "\n" + text))


def test_a_malformed_label_is_named(tmp_path):
    listed = written(tmp_path, KALDI_TRIALS.replace("nontarget", "nontraget", 1), "list.txt")
    with pytest.raises(UserError, match="line 2: 'nontraget' stands where a label"):
        read_scores(written(tmp_path, KALDI), listed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("# nothing\n\n", "is empty"),
        ("enrol test score\n", "is empty below its header"),
        ("enrol test label\na b 1\n", "names no score in its header"),
        ("enrol test score\na b 1 0.5\n", "names 3 columns in its header, and has 4"),
        (KALDI_TRIALS, "is a list of trials without scores"),
        ("a b\nc d\n", "does not look like a score file, with its 2 columns"),
        ("a b c d e f\n", "does not look like a score file"),
        (b"PK\x03\x04\0\0\0", "is not UTF-8 text"),
        ("a b 0.5\n".encode("utf-16"), "is not UTF-8 text"),
        (b"caf\xe9 b 0.5\n", "is not UTF-8 text"),
    ],
)
def test_what_is_no_score_file_is_said(tmp_path, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read_scores(written(tmp_path, text), written(tmp_path, KALDI_TRIALS, "list.txt"))


def test_scores_without_labels_ask_for_the_trials(tmp_path):
    with pytest.raises(UserError, match="--trials"):
        read_scores(written(tmp_path, KALDI))
    with pytest.raises(UserError, match="holds scores but no labels"):
        read_scores(written(tmp_path, KALDI), written(tmp_path, KALDI, "list.txt"))
    listed = written(tmp_path, f"enrol test score\n{KALDI}", "list.txt")
    with pytest.raises(UserError, match="names no label in its header"):
        read_scores(written(tmp_path, KALDI), listed)
    with pytest.raises(UserError, match="names no recordings"):
        read_scores(written(tmp_path, "1 .5\n"), written(tmp_path, KALDI_TRIALS, "list.txt"))
    with pytest.raises(UserError, match="No such file"):
        read_scores(tmp_path / "none.txt")


def test_what_is_written_is_read_back_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"speaker{n // 3}/{n}" for n in range(60)]
    trials = np.array(list(itertools.combinations(range(60), 2)))
    trials = trials[rng.permutation(len(trials))]
    labels = (trials[:, 0] // 3 == trials[:, 1] // 3).astype(np.int64)
    scores = rng.standard_normal(len(trials)) * 10.0 ** rng.integers(-300, 300, len(trials))
    write_scores(tmp_path / "scores.txt", names, trials, scores)
    write_trials(tmp_path / "trials.txt", names, trials, labels)
    scored = read_scores(tmp_path / "scores.txt")
    assert np.array_equal(scored.scores, scores)
    assert np.array_equal(scored.labels, labels)
    assert np.array_equal(np.array(scored.names)[scored.trials], np.array(names)[trials])


def test_a_name_that_cannot_stand_in_a_line_leaves_the_old_file(tmp_path):
    path = tmp_path / "scores.txt"
    write_scores(path, ["a", "b"], np.array([[0, 1]]), [0.5])
    for name in ("", " b", "#b", "a\tb", "a\nb"):
        with pytest.raises(UserError, match="cannot stand in a line"):
            write_scores(path, ["a", name], np.array([[0, 1]]), [0.5])
    with pytest.raises(ValueError, match="zip"):
        write_scores(path, ["a", "b"], np.array([[0, 1]]), [0.5, 0.6])
    assert path.read_text() == "a b 0.5\n"
    assert [file.name for file in tmp_path.iterdir()] == ["scores.txt"]


def test_speakers_of_recordings_are_written_and_read(tmp_path):
    path = tmp_path / "utt2spk"
    speakers = {"bob/1": "bob", "ann 2": "ann", "зоя/1": "зоя"}
    write_utt2spk(path, speakers)
    assert read_utt2spk(path) == speakers
    assert list(read_utt2spk(path)) == sorted(speakers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a ann\nb\n", "line 2: expected 'uri speaker', found 'b'"),
        ("a ann\n\nb bob x\n", "line 3: expected"),
        ("a ann\nb bob\na bob\n", "line 3: 'a' is said to be 'bob', and 'ann' further up"),
        ("# none\n", "is empty"),
        (b"a \xe9\n", "line 1: not UTF-8"),
    ],
)
def test_a_malformed_utt2spk_is_named_by_its_line(tmp_path, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read_utt2spk(written(tmp_path, text, "utt2spk"))


def test_speakers_of_trials():
    trials = np.array([[0, 1], [2, 1]])
    speakers = {"a.wav": "ann", "b": "bob", "b.flac": "bob"}
    sides = speakers_of_trials(["a.flac", "b.wav", "ann"], trials, speakers)
    assert sides.tolist() == [["ann", "bob"], ["ann", "bob"]]  # "ann": a model of the speaker
    with pytest.raises(UserError, match=r"'c\.wav' and 1 other recording"):
        speakers_of_trials(["a", "c.wav", "d"], trials, speakers)


def test_speakers_are_told_by_names_only_where_the_labels_agree():
    names = ["/vox/id10270/x/1.wav", "/vox/id10270/y/1.wav", "/vox/id10271/x/1.wav"]
    trials, labels = np.array([[0, 1], [0, 2]]), np.array([1, 0])
    sides = speakers_by_name(names, trials, labels)
    assert sides is not None
    assert sides.tolist() == [["id10270", "id10270"], ["id10270", "id10271"]]
    assert speakers_by_name(names, trials, 1 - labels) is None
    assert speakers_by_name([name.replace("/", "_") for name in names], trials, labels) is None
    assert speakers_by_name(["a/1", "a/2", "b"], trials, labels) is None


def test_a_big_file_takes_little_more_than_its_own_size(tmp_path):
    """200,000 trials over 20,000 recordings, 13 MB: as objects, its fields would be 70 MB more."""
    rng = np.random.default_rng(0)
    names = [f"id{10000 + n // 20}/abcdefghijk/{n % 20:05d}.wav" for n in range(20_000)]
    trials = np.stack([np.arange(200_000) // 10, np.arange(200_000) * 7 % 19_997], axis=1)
    labels = (trials[:, 0] // 20 == trials[:, 1] // 20).astype(int)
    write_scores(tmp_path / "scores.txt", names, trials, rng.standard_normal(200_000))
    write_trials(tmp_path / "trials.txt", names, trials, labels)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pyannote_ge2e.data.score_files import read_scores\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"scored = read_scores(Path({str(tmp_path / 'scores.txt')!r}))\n"
        "assert len(scored.scores) == 200_000\n"
        "assert not {'torch', 'pyannote'} & set(sys.modules)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size = (tmp_path / "scores.txt").stat().st_size
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 4 * size
