"""Trials and their scores as files of text: written in Kaldi's column order, read in anyone's.

Reading goes from characters to trials: `text_lines`; `text_columns`, whatever separates them;
`column_facts` and `columns`, which holds what; `table`, the file as arrays; `scored_trials`, with
the labels beside or within.
"""

from pyannote_ge2e.data.score_files.scored_trials import ScoredTrials, read_scores
from pyannote_ge2e.data.score_files.trial_speakers import speakers_of_trials
from pyannote_ge2e.data.score_files.utt2spk import read_utt2spk, write_utt2spk
from pyannote_ge2e.data.score_files.write import write_scores, write_trials

__all__ = [
    "ScoredTrials",
    "read_scores",
    "read_utt2spk",
    "speakers_of_trials",
    "write_scores",
    "write_trials",
    "write_utt2spk",
]
