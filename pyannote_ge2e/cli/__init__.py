"""The command line: words to calls, nothing else.

Commands import what they call when they are called, so that `--help` imports no torch. Nothing
in the package imports the command line.
"""

from __future__ import annotations


def main() -> None:
    """Run `pyannote-ge2e`: the entry point of the script."""
    from pyannote_ge2e.cli.app import app

    app()
