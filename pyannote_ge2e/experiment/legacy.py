"""Waveforms and SincTDNN of pyannote.audio 1.x, in today's words.

Experiments published for 1.x must train as they stand. What version 4 always does is accepted
when the file asks for it and refused, in one sentence, when the file asks for something else:
a switch that is silently ignored would train another model than the one that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyannote_ge2e.experiment.sections import Section, nearest

_ARCHITECTURES_1X = {"SincTDNN": "XVectorSincNet"}


def last_word(name: str) -> str:
    """Name of the class in a dotted path of pyannote.audio, whichever module held it.

    Examples
    --------
    >>> last_word("pyannote.audio.embedding.approaches.AdditiveAngularMarginLoss")
    'AdditiveAngularMarginLoss'
    >>> last_word("mine.AdditiveAngularMarginLoss")
    'mine.AdditiveAngularMarginLoss'
    """
    return name.rpartition(".")[2] if name.startswith("pyannote.audio.") else name


def sample_rate(section: Section) -> int:
    """Sample rate that a `feature_extraction` section asks for.

    Raises
    ------
    UserError
        If it asks for anything but mono waveforms: architectures compute their own features.

    Examples
    --------
    >>> name = "pyannote.audio.features.RawAudio"
    >>> sample_rate(Section(("feature_extraction",), name, {"sample_rate": 16000}))
    16000
    """
    if last_word(section.name) != "RawAudio":
        raise section.problem(
            "architectures take waveforms and compute their own features; use RawAudio, or "
            "Precomputed for those that are stored."
        )
    _accept(section, {"mono": True}, also=("sample_rate",))
    rate = section.params.get("sample_rate", 16000)
    if not isinstance(rate, int) or isinstance(rate, bool) or rate <= 0:
        raise section.problem(
            f"expected a number of samples per second, not {rate!r}.", "sample_rate"
        )
    return rate


def translate_architecture(section: Section) -> Section:
    """SincTDNN of 1.x as XVectorSincNet; anything else is left as it is.

    Raises
    ------
    UserError
        For a value that version 4 cannot express.

    Examples
    --------
    >>> params = {"sincnet": {"stride": [5, 1, 1]}, "tdnn": {"embedding_dim": 512}}
    >>> name = "pyannote.audio.models.SincTDNN"
    >>> translate_architecture(Section(("architecture",), name, params)).params
    {'sincnet': {'stride': 5}, 'dimension': 512}
    """
    name = last_word(section.name)
    if name not in _ARCHITECTURES_1X:
        return section

    blocks = {}
    for block in ("sincnet", "tdnn", "embedding"):
        params = section.params.get(block) or {}
        if not isinstance(params, dict):
            raise section.problem(f"'{block}' should be 'key: value' pairs.", block)
        blocks[block] = section.with_params(params, keys=(*section.keys, "params", block))
    for block in section.params:
        if block not in blocks:
            raise section.problem(f"no parameter '{block}'; {nearest(block, blocks)}", block)

    always = {
        "waveform_normalize": True,
        "instance_normalize": True,
        "sample_rate": 16000,
        "min_low_hz": 50,
        "min_band_hz": 50,
        "out_channels": [80, 60, 60],
        "kernel_size": [251, 5, 5],
        "max_pool": [3, 3, 3],
        "activation": "leaky_relu",
        "dropout": 0,
    }
    _accept(blocks["sincnet"], always, also=("stride",), parent=section)
    _accept(blocks["tdnn"], {}, also=("embedding_dim",), parent=section)
    never = {"batch_normalize": False, "unit_normalize": False, "scale": None}
    _accept(blocks["embedding"], never, parent=section)

    stride = blocks["sincnet"].params.get("stride", [1, 1, 1])
    if not (isinstance(stride, list) and len(stride) == 3 and stride[1:] == [1, 1]):
        raise section.problem(
            f"pyannote.audio 4 strides in the first layer only: it can do [5, 1, 1], not {stride}.",
            "sincnet",
            "stride",
        )
    params = {
        "sincnet": {"stride": stride[0]},
        "dimension": blocks["tdnn"].params.get("embedding_dim", 512),
    }
    return section.with_params(params, name=_ARCHITECTURES_1X[name])


def _accept(
    section: Section,
    always: Mapping[str, Any],
    also: tuple[str, ...] = (),
    parent: Section | None = None,
) -> None:
    """Refuse parameters of 1.x that differ from what version 4 always does."""
    inside = (str(section.keys[-1]),) if parent is not None else ()
    report = parent or section
    for name, value in section.params.items():
        if name in also:
            continue
        if name not in always:
            known = [*always, *also]
            path = ".".join((*inside, name))
            raise report.problem(f"no parameter '{path}'; {nearest(name, known)}", *inside, name)
        fixed = always[name]
        if value != fixed and not (fixed is None and value == {}):
            path = ".".join((*inside, name))
            raise report.problem(
                f"pyannote.audio 4 cannot do '{path}: {value}': it is always {fixed}.",
                *inside,
                name,
            )
