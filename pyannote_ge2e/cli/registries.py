"""Commands that come to import pyannote.audio, and with it every `database.yml` that it finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from pyannote_ge2e.cli.failures import Words, in_one_sentence


def with_registries(command: Callable[Words, None]) -> Callable[Words, None]:
    """Make a command end in a sentence, as `in_one_sentence` does, for malformed registries too.

    pyannote.database loads those of the current folder, of the home folder and of
    `PYANNOTE_DATABASE_CONFIG` when it is imported: what is wrong with one would be a traceback
    inside an import, whatever the command was to do.
    """

    @wraps(command)
    def run(*args: Words.args, **kwargs: Words.kwargs) -> None:
        from pyannote_ge2e.data.protocol import check_default_registries

        check_default_registries()
        command(*args, **kwargs)

    return in_one_sentence(run)
