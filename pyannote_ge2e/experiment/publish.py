"""`emb publish`: a folder that is ready for the Hugging Face hub or for a release."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.evaluation.model import PUBLISHED, digest_of, find_model
from pyannote_ge2e.experiment.export import entry_of
from pyannote_ge2e.experiment.model_card import Card, evaluations_of
from pyannote_ge2e.experiment.output import check_output
from pyannote_ge2e.experiment.verification.decision import SUFFIX, Decision, find_decision
from pyannote_ge2e.interop.exports.check import check_same
from pyannote_ge2e.interop.exports.forms import from_pyannote, to_pyannote

SUMS = "SHA256SUMS"


def publish(
    what: str, folder: Path, *, name: str | None = None, licence: str | None = None
) -> Path:
    """Write weights without what only training needs, a card, the configuration, and sums.

    Parameters
    ----------
    what : str
        See `find_model`.
    folder : Path
        To make: it must not exist, or be empty.
    name : str, optional
        Title of the card. Defaults to the name of the folder.
    licence : str, optional
        SPDX identifier, such as "cc-by-4.0".

    Returns
    -------
    folder : Path
        Holds `pytorch_model.bin` (for ``Model.from_pretrained(folder)``), `README.md`,
        `config.yml`, `SHA256SUMS`, and for a calibrated model what `emb verify` reads.

    Raises
    ------
    UserError
        If the model cannot be found or loaded, or the folder is not empty or cannot be written.
    """
    folder = Path(os.path.abspath(folder.expanduser()))
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"'{folder}' exists and is not empty: choose another folder.")
    check_output(folder, "FOLDER")
    found = find_model(what, option="CHECKPOINT")
    entry = entry_of(found)
    decision = find_decision(found.name, found.weights, digest_of(found.model))
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        weights = partial / PUBLISHED
        to_pyannote(found.model, weights, entry)
        check_same(found.model, from_pyannote(weights))
        _write_config(partial / "config.yml", entry)
        if decision is not None:
            _write_decision(partial / f"{PUBLISHED}{SUFFIX}", decision, weights)
        card = Card(name or folder.name, found, entry, decision, evaluations_of(found), licence)
        (partial / "README.md").write_text(card.text(), encoding="utf-8")
        _write_sums(partial)
        os.replace(partial, folder)
    except OSError as error:
        raise UserError(f"Cannot write '{folder}': {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(Console(), f"-> '{folder}': {', '.join(sorted(os.listdir(folder)))}")
    return folder


def _write_config(path: Path, entry: dict) -> None:
    known = {key: entry[key] for key in ("trained_on", "imported") if key in entry}
    content = {**entry.get("config", {"architecture": entry.get("architecture")}), **known}
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")


def _write_decision(path: Path, decision: Decision, weights: Path) -> None:
    digest = digest_of(find_model(str(weights)).model)
    replace(decision, model=digest).write(path)


def _write_sums(folder: Path) -> None:
    """Write what `sha256sum --check SHA256SUMS` reads."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
