"""Uris that pyannote's lists can carry: awkward names go through pandas and back."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from pyannote.database.loader import load_lst, load_trial

from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.names import audio_template, is_safe_uri, safe_speaker, safe_uri

AWKWARD = [
    *("ann/call 1", 'ann/"1"', "ann/a*", "{uri}/1", "ann/tab\t1", "ann/new\nline", "#ann/1"),
    *("ann/\u00a0x", "ann/\u3000x", "ann/\u200bx", "ann/\x00".rstrip("\0") + "\x1fx", "../ann"),
    *("/ann/1", "ann//1", "ann/./1", "ann/", "", ".", "..", "ann/\ufeff1"),
    os.fsdecode(b"ann/latin-\xe9"),
]
FINE = [
    "ann/1",
    "İpek/ses,1",
    "ann/1.5",
    "名前/一",
    "ann/a%20b",
    "o'neill/1",
    "N/Ab",
    "x[1]",
    "a#b",
]
NOT_WORDS = [
    *("1", "001", "1e5", "-3.5", "inf", "nan", "Infinity", "1_000"),
    *("True", "false", "None", *sorted(pd._libs.parsers.STR_NA_VALUES - {""})),
]


class TestSafeUri:
    @pytest.mark.parametrize("name", FINE)
    def test_names_that_are_fine_stay(self, name: str) -> None:
        assert is_safe_uri(name)
        assert safe_uri(name) == name

    @pytest.mark.parametrize("name", [*AWKWARD, *NOT_WORDS])
    def test_others_are_changed_into_one_that_is_fine(self, name: str) -> None:
        assert not is_safe_uri(name)
        assert is_safe_uri(safe_uri(name))

    def test_what_differs_stays_different_but_for_rare_cases(self) -> None:
        assert len({safe_uri(name) for name in AWKWARD}) == len(AWKWARD)

    def test_it_never_leads_out_of_a_folder(self, tmp_path: Path) -> None:
        for name in AWKWARD:
            path = os.path.normpath(tmp_path / f"{safe_uri(name)}.wav")
            assert path.startswith(f"{tmp_path}/")

    def test_pyannote_reads_back_what_was_written(self, tmp_path: Path) -> None:
        uris = [safe_uri(name) for name in [*AWKWARD, *FINE, *NOT_WORDS]]
        (tmp_path / "a.lst").write_text("".join(f"{uri}\n" for uri in uris), encoding="utf-8")
        assert load_lst(str(tmp_path / "a.lst")) == uris
        lines = (f"1 {uri} {uri}\n" for uri in uris)
        (tmp_path / "a.trial").write_text("".join(lines), encoding="utf-8")
        assert [trial["uri1"] for trial in load_trial(tmp_path / "a.trial")] == uris

    @pytest.mark.parametrize("name", NOT_WORDS)
    def test_pyannote_takes_no_column_for_numbers(self, tmp_path: Path, name: str) -> None:
        uri = safe_uri(name)
        (tmp_path / "a.trial").write_text(f"1 {uri} {uri}\n" * 3)
        trials = list(load_trial(tmp_path / "a.trial"))
        assert [(trial["uri1"], trial["uri2"]) for trial in trials] == [(uri, uri)] * 3

    def test_a_long_name_still_fits_a_file_system(self, tmp_path: Path) -> None:
        names = ["ann/" + "日 " * 60 + end for end in "ab"]
        uris = [safe_uri(name) for name in names]
        assert uris[0] != uris[1]
        for uri in uris:
            path = tmp_path / f"{uri}.flac"
            path.parent.mkdir(exist_ok=True)
            path.touch()

    def test_speakers_keep_their_spaces(self) -> None:
        assert safe_speaker("Ann Lee, Jr.") == "Ann Lee, Jr."
        assert safe_speaker(os.fsdecode(b"Ren\xe9\n")) == "Ren%E9%0A"


class TestTemplates:
    def test_braces_are_what_they_are(self) -> None:
        template = audio_template("/data/my {voices}", ".wav")
        assert template.format(uri="ann/1") == "/data/my {voices}/ann/1.wav"

    @pytest.mark.parametrize("folder", ["/data/a*", os.fsdecode(b"/data/\xe9"), "/data/a\nb"])
    def test_a_folder_that_no_template_can_name_has_none(self, folder: str) -> None:
        assert audio_template(folder, ".wav") == ""


class TestRecordingsOf:
    def test_a_changed_name_never_takes_that_of_another(self) -> None:
        stems = ["ann/a b", "ann/a%20b", "ann/a\nb", "ann/a%0Ab"]
        recordings, renamed = recordings_of([Found(s, "/v", ".wav", "ann") for s in stems])
        assert len({recording.uri for recording in recordings}) == 4
        assert renamed == {"ann/a b": "ann/a%20b-2", "ann/a\nb": "ann/a%0Ab-2"}
        assert [r.path for r in recordings if not r.template] == [
            "/v/ann/a\nb.wav",
            "/v/ann/a b.wav",
        ]
