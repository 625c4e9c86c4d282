"""`emb export`: a model to a file that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.evaluation.model import EvaluatedModel, find_model
from pyannote_ge2e.experiment.output import check_file
from pyannote_ge2e.interop.exports.check import check_same
from pyannote_ge2e.interop.exports.forms import FORMS


def export(what: str, to: str, output: Path) -> float:
    """Write a model in another form, once that gives the same embeddings.

    Parameters
    ----------
    what : str
        See `find_model`.
    to : {"pyannote", "torchscript", "onnx", "safetensors"}
    output : Path

    Returns
    -------
    largest : float
        Largest difference between the outputs of the two.

    Raises
    ------
    UserError
        If the model cannot be found, loaded or exported, something that the form needs is not
        installed, the outputs differ, or the file cannot be written. What was there before is then
        untouched.
    """
    if to not in FORMS:
        raise UserError(f"--to '{to}' is none of {', '.join(FORMS)}.")
    if (output.suffix == ".safetensors") != (to == "safetensors"):
        raise UserError(
            f"--output '{output}': what ends in .safetensors is read as such, and nothing else is; "
            "let the two agree."
        )
    check_file(output)
    write, load = FORMS[to]
    found = find_model(what, option="CHECKPOINT")
    with replacing(output) as temporary:
        # The reader of safetensors is chosen by the name.
        draft = temporary.with_name(f"{temporary.name}.draft{output.suffix}")
        try:
            try:
                write(found.model, draft, entry_of(found))
            except (UserError, OSError):
                raise
            except Exception as error:  # tracing ends in as many ways as there are models
                reason = str(error).strip().splitlines()
                raise UserError(
                    f"'{what}', a {type(found.model).__name__}, cannot be written as {to}: "
                    f"{reason[0] if reason else repr(error)}"
                ) from error
            largest = check_same(found.model, load(draft))
            draft.rename(temporary)
        finally:
            draft.unlink(missing_ok=True)
    say(
        Console(),
        f"-> '{output}' ({to}, {output.stat().st_size / 1e6:.1f} MB); of other lengths and batch "
        f"sizes, outputs differ by {largest:.0e} at most",
    )
    return largest


def entry_of(found: EvaluatedModel) -> dict[str, Any]:
    """What a checkpoint says beside its weights."""
    if found.weights is None:
        return {}
    return load_checkpoint(found.weights)["pyannote.audio"]
