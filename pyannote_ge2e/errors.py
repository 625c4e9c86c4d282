"""The one exception that a user is meant to read."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user can mend: the message names it and says what to do.

    The command line prints the message alone, without a traceback, and exits with status 1.
    Library callers may catch it as the `ValueError` it is.

    Examples
    --------
    >>> raise UserError("No such file: 'a.wav'. Check the path.")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: No such file: 'a.wav'. Check the path.
    """
