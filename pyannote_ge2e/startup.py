"""Adds `emb` to upstream's own command: `pyannote-audio emb train ...`.

pyannote.audio owns the script `pyannote-audio` and offers no way to extend it. Installing a
second script of that name is no way either: whichever package is installed last wins, and
uninstalling one deletes the other's. Instead, the file `pyannote_ge2e_startup.pth` in
site-packages, one line that Python runs when it starts, calls `install()` if the program's name
contains `pyannote-audio`. Then:

1. `install()` looks at the exact name and at the first argument, and leaves when `emb` has
   nothing to do with it: upstream's other commands run as if we were not there.
2. Otherwise it waits for upstream's `pyannote.audio.__main__` to be imported, lets upstream's
   own loader run it, and adds our group of commands to the `app` it finds there. If `emb` is to
   run, it first looks at the `database.yml` that pyannote is about to read.

Nothing of upstream's is touched on disk, so that upgrading it or uninstalling us restores it.
Should anything fail in here, upstream goes on without `emb`. `pyannote-ge2e emb ...` does not
pass through here and always works; `python -m pyannote.audio emb` is not covered.

Set the environment variable `PYANNOTE_GE2E_NO_HOOK=1` to opt out.

This module runs when Python starts: it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

OPT_OUT = "PYANNOTE_GE2E_NO_HOOK"
UPSTREAM = "pyannote.audio.__main__"
_PACKAGE = "pyannote.audio"

# What the script is called on Windows as well: pyannote-audio.exe, pyannote-audio-script.py.
_PROGRAM = re.compile(r"(?:.*[/\\])?pyannote-audio(?:-script\.pyw?|\.exe)?", re.DOTALL)


def concerns_us(argv: list[str]) -> bool:
    """Tell whether a command line is upstream's script, run for or listing `emb`.

    Examples
    --------
    >>> concerns_us(["/usr/bin/pyannote-audio", "emb", "train"])
    True
    >>> concerns_us(["/usr/bin/pyannote-audio", "--help"])
    True
    >>> concerns_us(["/usr/bin/pyannote-audio", "strip", "emb"])
    False
    >>> concerns_us(["my-pyannote-audio", "emb"])
    False
    """
    if not argv or not _PROGRAM.fullmatch(argv[0]):
        return False
    return len(argv) == 1 or argv[1] in ("emb", "--help")


def install() -> None:
    """Arrange for upstream's command to know `emb`, if this process is about it.

    May be called any number of times: Python reads a `.pth` file more than once when
    site-packages is reachable by several paths.
    """
    if os.environ.get(OPT_OUT, "") not in ("", "0") or not concerns_us(sys.argv):
        return
    if not any(isinstance(finder, UpstreamFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, UpstreamFinder())


class UpstreamFinder:
    """Waits on `sys.meta_path` for upstream's command to be imported, once."""

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return upstream's own spec, whose loader adds `emb` after it has run.

        Returns None, and leaves the import to the other finders, for any other module.
        """
        if name == _PACKAGE:
            refuse_malformed_registries()
        if name != UPSTREAM:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            run_upstream = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run_upstream(module)
                add_emb(module)

            # On this one loader object rather than in a loader of our own, whose missing
            # methods (get_source, get_code...) tracebacks and debuggers would stumble upon.
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def refuse_malformed_registries() -> None:
    """End the process in one sentence if a `database.yml` is malformed and `emb` is to run.

    pyannote reads these files when it is imported, before any command of ours is called, and
    answers with a traceback.
    """
    if sys.argv[1:2] != ["emb"]:
        return
    try:
        from pyannote_ge2e.data.protocol import check_default_registries
        from pyannote_ge2e.errors import UserError
    except ImportError:
        return  # what is missing is for `add_emb` to say
    try:
        check_default_registries()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def add_emb(upstream: ModuleType) -> None:
    """Add the `emb` group to upstream's typer application, unless it has one.

    Whatever goes wrong costs one line on stderr, and upstream's command goes on.

    Parameters
    ----------
    upstream : module
        `pyannote.audio.__main__`, whose `app` is a `typer.Typer`.
    """
    try:
        app = upstream.app
        if any(known.name == "emb" for known in (*app.registered_groups, *app.registered_commands)):
            return
        from pyannote_ge2e.cli.emb import emb

        app.add_typer(emb, name="emb")
    except Exception as error:
        print(
            f"pyannote-ge2e could not add 'emb' to pyannote-audio ({error}); "
            "use 'pyannote-ge2e emb' instead.",
            file=sys.stderr,
        )
