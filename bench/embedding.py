"""Embedding waveforms of any length: against the bare LSTM, and against Resemblyzer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bench.timing import Timings, time_in_turns, verdict
from pyannote_ge2e import hub
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.embedder import Embedder

FILES = {3.0: 24, 12.0: 6}  # seconds: number
BATCHES = (8, 16, 32, 64)
TURNS = 5
FRAMES = 160  # of a window
LSTM_GOAL, LSTM_AIM = 0.75, 0.85
SHIPPED_GOAL, ONE_THREAD_GOAL, COSINE_GOAL = 3.0, 0.95, 0.9999


def section() -> str:
    """Measure each length of file, and return the section."""
    model, trained = _model()
    encoder, reason = _resemblyzer() if trained else (None, "its weights are not installed")
    rows = [_row(model, encoder, seconds, number) for seconds, number in FILES.items()]
    threads = torch.get_num_threads()
    return "\n".join([TEXT.format(threads=threads), *rows, "", _about(encoder, reason)])


TEXT = f"""## Embedding

Whole utterances by the network of Resemblyzer (3 LSTM layers of 256, its windows of 1.6 s), from
waveforms in memory that are preprocessed already, on a CPU with {{threads}} thread(s), files a
second. Ours is what `emb embed --model resemblyzer` does once a file is read: mel energies,
windows in batches across files, LSTM, means. The bare LSTM is `torch.nn.LSTM` of that size on as
many windows of random frames, at the best of batches of {", ".join(map(str, BATCHES))}.
Resemblyzer is `VoiceEncoder.embed_utterance`, a file at a time: as it comes, and with the threads
of its BLAS set to one (they spin against torch's own).

Goals: at least {LSTM_GOAL:.0%} of the bare LSTM (aim: {LSTM_AIM:.0%}), at least {SHIPPED_GOAL:g}
times Resemblyzer as it comes, at least {ONE_THREAD_GOAL:g} times with one BLAS thread, and
embeddings with a cosine above {COSINE_GOAL:g} to its own.

| file | ours | bare LSTM (best batch) | ours / LSTM | Resemblyzer | ours / it | one BLAS thread \
| ours / it | least cosine | goals |
|---|---|---|---|---|---|---|---|---|---|"""


def _row(model: Any, encoder: Any, seconds: float, number: int) -> str:
    waveforms = _waveforms(model, seconds, number)
    embedder = Embedder(model, check=False, readers=0)
    recipe = model.recipe
    windows = sum(recipe.count(len(each), recipe.size, recipe.step) for each in waveforms)
    bare = {batch: _bare(model.lstm, windows, batch) for batch in BATCHES}
    tried = time_in_turns({str(batch): run for batch, run in bare.items()}, turns=2, warm_up=1)
    best = min(BATCHES, key=lambda batch: min(tried.seconds[str(batch)]))
    candidates: dict[str, Callable[[], object]] = {
        "ours": lambda: embedder.embed_waveforms(waveforms),
        "bare": bare[best],
    }
    if encoder is not None:
        candidates["shipped"] = lambda: [encoder.embed_utterance(each) for each in waveforms]
        candidates["one thread"] = lambda: _with_one_thread(encoder, waveforms)
    timings = time_in_turns(candidates, TURNS, warm_up=1)
    share = timings.ratio("bare", to="ours")
    cells = [
        f"{seconds:g} s",
        _rate(timings, "ours", number),
        f"{_rate(timings, 'bare', number)} ({best})",
        f"{share:.0%}",
    ]
    if encoder is None:
        return f"| {' | '.join([*cells, *['-'] * 5, verdict(share >= LSTM_GOAL)])} |"
    theirs = np.stack([encoder.embed_utterance(each) for each in waveforms])
    cosine = float((embedder.embed_waveforms(waveforms) * theirs).sum(axis=1).min())
    shipped, alone = (timings.ratio(name, to="ours") for name in ("shipped", "one thread"))
    passed = (
        share >= LSTM_GOAL
        and shipped >= SHIPPED_GOAL
        and alone >= ONE_THREAD_GOAL
        and cosine > COSINE_GOAL
    )
    cells += [
        *(_rate(timings, "shipped", number), f"{shipped:.2f}"),
        *(_rate(timings, "one thread", number), f"{alone:.2f}"),
        f"{cosine:.7f}",
        verdict(passed),
    ]
    return f"| {' | '.join(cells)} |"


def _rate(timings: Timings, name: str, number: int) -> str:
    return f"{number / timings.median(name):.1f}"


def _bare(lstm: torch.nn.LSTM, windows: int, batch: int) -> Callable[[], object]:
    """The LSTM alone, on so many windows in batches."""
    frames = torch.rand(windows, FRAMES, lstm.input_size)

    def run() -> None:
        with torch.inference_mode():
            for some in frames.split(batch):
                lstm(some)

    return run


def _with_one_thread(encoder: Any, waveforms: list[np.ndarray]) -> None:
    with threadpool_limits(1, user_api="blas"):
        for each in waveforms:
            encoder.embed_utterance(each)


def _waveforms(model: Any, seconds: float, number: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    spoken = (speak(draw_voice(rng), seconds, rng) for _ in range(number))
    length = round(seconds * SAMPLE_RATE)
    return [
        model.preprocess(torch.from_numpy(np.resize(each, length).astype(np.float32))).numpy()
        for each in spoken
    ]


def _model() -> tuple[Any, bool]:
    """The network, with Resemblyzer's weights where these are installed."""
    try:
        return hub.resemblyzer(), True
    except UserError:
        return hub.resemblyzer(pretrained=False), False


def _resemblyzer() -> tuple[Any, str]:
    """Resemblyzer's own code, or why it cannot run here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from resemblyzer import VoiceEncoder
    except Exception as error:  # it asks for packages that fail in their own ways today
        return None, str(error).splitlines()[0] if str(error) else repr(error)
    return VoiceEncoder("cpu", verbose=False), ""


def _about(encoder: Any, reason: str) -> str:
    if encoder is None:
        return (
            f"Resemblyzer was not measured: it cannot be imported here ({reason}). Its code asks "
            "for `resemblyzer`, `librosa` and `webrtcvad-wheels`."
        )
    return "Resemblyzer's own code and weights, of its wheel."
