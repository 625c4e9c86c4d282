"""Error rates and their intervals, from ten thousand to ten million trials, against peers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.timing import Timings, time_in_turns, verdict
from pyannote_ge2e.metrics import cllr, confidence_interval, equal_error_rate, min_dcf
from pyannote_ge2e.metrics.resampling.estimators import Metric, estimator_of
from pyannote_ge2e.metrics.resampling.speaker_bootstrap import SpeakerResampling
from pyannote_ge2e.metrics.trials import SortedTrials

# As many trials and speakers as the "E" list of VoxCeleb1 has.
TRIALS, SPEAKERS = 579_818, 1251
SIZES = (10_000, 100_000, TRIALS, 1_000_000, 10_000_000)
RESAMPLES = 1000
CURVE_GOAL, RATE_GOAL, COST_GOAL, MEMORY_GOAL = 2.5, 100.0, 50.0, 400.0

# A thousand resamples take the peer minutes: it is timed on so many and scaled up.
PEER_RESAMPLES = 4

Trials = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]


def section() -> str:
    """Measure at every size, and memory, and return the section."""
    missing = [name for name in ("sklearn", "confidence_intervals") if not find_spec(name)]
    if missing:
        return (
            "## Error rates and intervals\n\nNot measured: "
            f'{" and ".join(missing)} missing (`pip install "pyannote-ge2e[bench]"`).'
        )
    _check_resamples(draw_trials(20_000, decimals=1), resamples=30)
    return "\n".join([TEXT, *map(_row, SIZES), "", _memory()])


TEXT = f"""## Error rates and intervals

Synthetic trials, half of them targets, of {SPEAKERS:,} speakers who are known by name and differ
in how well they are recognised; EER about 7 %, P_target .01. "Figures" is `equal_error_rate` and
`min_dcf` one after the other, `det_curve` scikit-learn's, which yields neither yet. Intervals are
`confidence_interval` from arrays to the two ends, {RESAMPLES:,} resamples of speakers. The peer is
`confidence-intervals`, which resamples trials; its metric takes the EER (interpolated) or the
minDCF from scikit-learn's `roc_curve`, and gives the same figure (checked at every size). It is
timed on {PEER_RESAMPLES} resamples, times {RESAMPLES // PEER_RESAMPLES:,}. Each of our resamples is
the full computation on repeated trials to 1e-12 (checked on 20,000 trials with many ties, and at
every size up to a million).

Goals at {TRIALS:,} trials: figures at least {CURVE_GOAL:g} times as fast as `det_curve` alone,
intervals {RATE_GOAL:g} times (EER) and {COST_GOAL:g} times (minDCF) as fast as the peer.

| trials | `det_curve`, ms | figures, ms | `det_curve` / figures | EER interval, s | peer / ours \
| minDCF interval, s | peer / ours | Cllr interval, s | goals |
|---|---|---|---|---|---|---|---|---|---|"""


def _row(size: int) -> str:
    trials = draw_trials(size)
    if size <= 1_000_000:
        _check_resamples(trials, resamples=2)
    _check_peer(trials)
    curve = _time_figures(trials)
    intervals = _time_intervals(trials)
    faster = [
        intervals.ratio(f"peer {name}", to=name) * RESAMPLES / PEER_RESAMPLES
        for name in ("EER", "minDCF")
    ]
    times = curve.ratio("det_curve", to="figures")
    passed = times >= CURVE_GOAL and faster[0] >= RATE_GOAL and faster[1] >= COST_GOAL
    return (
        f"| {size:,} | {1e3 * curve.median('det_curve'):.1f} | {1e3 * curve.median('figures'):.1f} "
        f"| {times:.1f} | {intervals.median('EER'):.2f} | {faster[0]:,.0f} "
        f"| {intervals.median('minDCF'):.2f} | {faster[1]:,.0f} | {intervals.median('Cllr'):.2f} "
        f"| {verdict(passed) if size == TRIALS else '-'} |"
    )


def _time_figures(trials: Trials) -> Timings:
    from sklearn.metrics import det_curve

    scores, labels, _ = trials
    return time_in_turns(
        {
            "det_curve": lambda: det_curve(labels, scores),
            "figures": lambda: (equal_error_rate(scores, labels), min_dcf(scores, labels)),
        },
        turns=15 if len(scores) <= 1_000_000 else 3,
        calls=max(1, 50_000 // len(scores)),
    )


def _time_intervals(trials: Trials) -> Timings:
    from confidence_intervals import Bootstrap

    scores, labels, _ = trials

    def of_peer(metric: Callable) -> Callable[[], object]:
        return lambda: Bootstrap(PEER_RESAMPLES, metric).get_conf_int(scores, labels)

    return time_in_turns(
        {
            "EER": partial(confidence_interval, equal_error_rate, *trials, resamples=RESAMPLES),
            "peer EER": of_peer(peer_equal_error_rate),
            "minDCF": partial(confidence_interval, min_dcf, *trials, resamples=RESAMPLES),
            "peer minDCF": of_peer(peer_min_dcf),
            "Cllr": partial(confidence_interval, cllr, *trials, resamples=RESAMPLES),
        },
        turns=5 if len(scores) <= 1_000_000 else 1,
        warm_up=1 if len(scores) <= 1_000_000 else 0,
    )


def peer_equal_error_rate(labels: NDArray, scores: NDArray) -> float:
    """EER from the points of scikit-learn's ROC, interpolated."""
    from sklearn.metrics import roc_curve

    false_alarm, hit, _ = roc_curve(labels, scores)
    excess = false_alarm - (1 - hit)
    after = int(np.argmax(excess >= 0))
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(false_alarm[after - 1] + share * (false_alarm[after] - false_alarm[after - 1]))


def peer_min_dcf(labels: NDArray, scores: NDArray) -> float:
    """Normalised minDCF, P_target .01, from the points of scikit-learn's ROC."""
    from sklearn.metrics import roc_curve

    false_alarm, hit, _ = roc_curve(labels, scores)
    return float(np.min(0.01 * (1 - hit) + 0.99 * false_alarm) / 0.01)


def _check_peer(trials: Trials) -> None:
    """Make sure that the peer computes what it is compared to."""
    scores, labels, _ = trials
    ours = equal_error_rate(scores, labels), min_dcf(scores, labels)
    peers = peer_equal_error_rate(labels, scores), peer_min_dcf(labels, scores)
    np.testing.assert_allclose(peers, ours, rtol=0, atol=1e-9)


def _check_resamples(trials: Trials, resamples: int) -> None:
    """Make sure that resamples are the full computation on trials repeated as often as drawn."""
    scores, labels, speakers = trials
    in_order = SortedTrials.of(scores, labels == 1)
    resampling = SpeakerResampling(in_order, speakers)
    draws = resampling.draw(np.random.default_rng(0), 40)
    everything = np.arange(len(scores))[None]
    metrics: list[Metric] = [equal_error_rate, min_dcf, partial(min_dcf, p_target=0.5), cllr]
    for metric in metrics:
        found = estimator_of(metric, resampling)(draws)[-resamples:]
        for row, value in zip(range(40 - resamples, 40), found, strict=True):
            times = resampling.weights(draws, np.array([row]), everything)[0].astype(np.intp)
            repeated = np.repeat(in_order.scores, times), np.repeat(in_order.is_target, times)
            np.testing.assert_allclose(value, metric(*repeated), rtol=1e-12)


def draw_trials(size: int, decimals: int = 9) -> Trials:
    """Scores, labels, and the names of the two speakers of each trial."""
    rng = np.random.default_rng(0)
    labels = np.arange(size) % 2
    one = rng.integers(SPEAKERS, size=size)
    other = (one + rng.integers(1, SPEAKERS, size=size)) % SPEAKERS
    other[labels == 1] = one[labels == 1]
    of_targets, of_others = 0.4 * rng.normal(size=SPEAKERS), 0.3 * rng.normal(size=SPEAKERS)
    means = np.where(labels == 1, 3.2 + of_targets[one], of_others[one] + of_others[other])
    scores = (means + rng.normal(size=size)).round(decimals)
    names = np.array([f"id{10_000 + number}" for number in range(SPEAKERS)])
    return scores, labels, names[np.stack([one, other], axis=1)]


def _memory() -> str:
    """Sentence on what intervals need at most, each in a process of its own."""
    if not Path("/proc/self/status").exists():
        return "Memory was not measured: this system does not say how much a process used."
    peaks = []
    for name in ("equal_error_rate", "min_dcf", "cllr"):
        command = [sys.executable, "-c", f"from bench.metrics import measure; measure('{name}')"]
        root = Path(__file__).parent.parent
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        peaks.append(float(run.stdout))
    return (
        f"Memory at {TRIALS:,} trials, at most above what the process held with the inputs: "
        f"{peaks[0]:.0f} MB (EER), {peaks[1]:.0f} MB (minDCF), {peaks[2]:.0f} MB (Cllr). Goal, "
        f"less than {MEMORY_GOAL:g} MB: {verdict(max(peaks) < MEMORY_GOAL)}."
    )


def measure(name: str) -> None:
    """Print MB at most above the inputs of the interval of a metric."""
    metric = {"equal_error_rate": equal_error_rate, "min_dcf": min_dcf, "cllr": cllr}[name]
    trials = draw_trials(TRIALS)
    # The peak counts from here on, not from when the trials were drawn.
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = _status("VmRSS")
    confidence_interval(metric, *trials, resamples=RESAMPLES)
    print(_status("VmHWM") - before)


def _status(field: str) -> float:
    """MB of memory, from what Linux says about this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)
