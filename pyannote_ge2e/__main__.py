"""`python -m pyannote_ge2e`: the same as the script `pyannote-ge2e`."""

from pyannote_ge2e.cli import main

main()
