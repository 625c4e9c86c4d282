"""From the scores of a model to decisions: what `emb calibrate` leaves beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.special import expit, logit

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.user_cache import cache_root
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.hub import PRETRAINED
from pyannote_ge2e.metrics import ErrorRates, Figure
from pyannote_ge2e.metrics.speakers import FEW_SPEAKERS
from pyannote_ge2e.scoring import Calibration

SUFFIX = ".verification.yml"
FORMAT = 1
# Those of our own weights travel with the package, wherever the weights are downloaded to.
OURS = Path(__file__).parents[2] / "decisions"
_HEADER = """\
# What the scores of these weights mean; made by 'emb calibrate'. A row of 'rates' is a threshold,
# false alarms there with their interval, and misses with theirs.
"""


@dataclass(frozen=True)
class Decision:
    """What the scores of a model mean, as trials of a protocol told.

    Attributes
    ----------
    model : str
        Digest of the model: see `Loaded`.
    windows : dict
        Duration and step of the windows; empty where they are the model's own.
    threshold : float
        Score from which on two recordings are said to be of the same speaker: there, misses and
        false alarms were equally frequent.
    scale, offset : float
        ``scale * score + offset`` is the natural-log likelihood ratio.
    prior : float
        Probability of the same speaker before anything was heard.
    equal_error_rate : Figure
    rates : list of ErrorRates
        Errors at thresholds, in increasing order.
    level : float
        Of the intervals.
    method : "speaker" or "trial"
        What they resample.
    protocol, subset : str
        Where the trials are from.
    trials, targets : int
    speakers : int or None
        How many, where the protocol tells.
    """

    model: str
    windows: dict[str, float]
    threshold: float
    scale: float
    offset: float
    prior: float
    equal_error_rate: Figure
    rates: list[ErrorRates]
    level: float
    method: str
    protocol: str
    subset: str
    trials: int
    targets: int
    speakers: int | None

    def probability(self, score: float, prior: float | None = None) -> float:
        """Probability that the two sides of a score are the same speaker.

        Parameters
        ----------
        score : float
        prior : float, optional
            What is known before anything is heard, where it is not `self.prior`.
        """
        ratio = Calibration(self.scale, self.offset)(score)
        return float(expit(ratio + logit(self.prior if prior is None else prior)))

    def errors_at(self, threshold: float) -> ErrorRates:
        """Errors to expect at a threshold: between two that were counted, on the line."""
        thresholds = [each.threshold for each in self.rates]

        def between(kind: str) -> Figure:
            rows = np.array([_flat(getattr(each, kind)) for each in self.rates])
            return Figure(*(float(np.interp(threshold, thresholds, column)) for column in rows.T))

        return ErrorRates(threshold, between("false_alarm"), between("miss"))

    @property
    def source(self) -> str:
        """What the figures were counted on, in words."""
        counts = f"{self.trials:,} trials"
        if self.speakers is not None:
            few = self.method == "speaker" and self.speakers < FEW_SPEAKERS
            counts += f", {'only ' if few else ''}{self.speakers:,} speakers"
        return (
            f"{self.protocol}, {self.subset}: {counts}; {100 * self.level:g} % intervals over "
            f"{self.method}s"
        )

    def write(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        content = asdict(self)
        content["rates"] = [
            [rate.threshold, *_flat(rate.false_alarm), *_flat(rate.miss)] for rate in self.rates
        ]
        content = {"format": FORMAT, **content}
        text = _HEADER + yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _flat(figure: Figure) -> tuple[float, float, float]:
    return figure.value, figure.low, figure.high


def decision_path(weights: Path | None, digest: str) -> Path:
    """Where the decision of a model is kept: beside its weights, else in our cache.

    Examples
    --------
    >>> decision_path(Path("weights/0042.pt"), "0f3a").name
    '0042.pt.verification.yml'
    """
    if weights is not None:
        return weights.with_name(weights.name + SUFFIX)
    return cache_root() / "verification" / f"{digest[:16]}{SUFFIX}"


def read_decision(path: Path, model: str | None = None) -> Decision:
    """Read what `Decision.write` wrote.

    Parameters
    ----------
    path : Path
    model : str, optional
        Digest of the model that it must be of.

    Raises
    ------
    UserError
        If the file is missing, damaged, of a newer version, or of another model.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and int(content.get("format", 0)) > FORMAT:
            raise UserError(
                f"'{path}' was written by a newer version of pyannote-ge2e: upgrade, or make it "
                "again with 'emb calibrate'."
            )
        decision = _of_content(content)
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except UserError:
        raise
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"'{path}' is damaged, or is not what 'emb calibrate' writes: make it again."
        ) from error
    if model is not None and decision.model != model:
        raise UserError(
            f"'{path}' was made for other weights than these: make it again with 'emb calibrate'."
        )
    return decision


def limit_of(
    decision: Decision | None, threshold: float | None = None, prior: float | None = None
) -> float | None:
    """Score from which on it is the same speaker: as asked for, else that of the calibration.

    Raises
    ------
    UserError
        If the threshold, or the prior that goes with it, is none.

    Examples
    --------
    >>> limit_of(None, threshold=0.5)
    0.5
    >>> limit_of(None, prior=2)
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: prior must lie between 0 and 1, not 2.
    """
    if prior is not None and not 0 < prior < 1:
        raise UserError(f"prior must lie between 0 and 1, not {prior!r}.")
    if threshold is None:
        return None if decision is None else decision.threshold
    if not np.isfinite(threshold):
        raise UserError(f"threshold must be a number, such as 0.5, not {threshold!r}.")
    return threshold


def find_decision(name: str, weights: Path | None, digest: str) -> Decision | None:
    """Decision of a model, if it was calibrated: beside its weights, or in the package for ours.

    Parameters
    ----------
    name : str
        What the model was called.
    weights : Path or None
        The file, where there is one.
    digest : str
        See `Loaded`.

    Raises
    ------
    UserError
        As `read_decision`.
    """
    places = [decision_path(weights, digest)]
    if name in PRETRAINED:
        places.append(OURS / f"{name}{SUFFIX}")
    path = next(filter(Path.exists, places), None)
    return None if path is None else read_decision(path, digest)


def _of_content(content: Any) -> Decision:
    values = dict(content)
    values.pop("format")
    values["equal_error_rate"] = Figure(**values["equal_error_rate"])
    values["rates"] = [
        ErrorRates(float(row[0]), Figure(*map(float, row[1:4])), Figure(*map(float, row[4:7])))
        for row in values["rates"]
    ]
    numbers = [values[name] for name in ("threshold", "scale", "offset", "prior")]
    if not values["rates"] or not np.isfinite(np.array(numbers, float)).all():
        raise ValueError("not a decision")
    return Decision(**values)
