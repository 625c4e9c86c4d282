"""Ships the start-up line that lists `emb` among the commands of `pyannote-audio`.

Everything else about the package is in pyproject.toml, which has no way of saying "put this
file at the root of site-packages" (`data_files` land elsewhere). The line runs whenever Python
starts; what it does, and why, is told in pyannote_ge2e/startup.py.

From Python 3.15 on, `import` lines in `.pth` files give way to `.start` files that hold entry
points (PEP 829). The successor of our line, once 3.14 is the oldest version supported, is a
`pyannote_ge2e_startup.start` that reads `pyannote_ge2e.startup:install`.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Python reads .pth files in alphabetical order, and an editable installation can be imported
# only once its own `__editable__*.pth` was read: ours has to sort after it.
STARTUP = "pyannote_ge2e_startup.pth"


class BuildWithStartupLine(build_py):
    """Copies the start-up line to the root of what gets installed."""

    def run(self) -> None:
        super().run()
        self.copy_file(STARTUP, self._startup_target(), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), self._startup_target()]

    def get_source_files(self) -> list[str]:
        """List what an sdist must hold for the wheel to be built from it."""
        return [*super().get_source_files(), STARTUP]

    def _startup_target(self) -> str:
        if self.editable_mode:
            # What an editable build puts in `build_lib` never reaches the wheel.
            root = Path(self.get_finalized_command("install_lib").install_dir)
        else:
            root = Path(self.build_lib)
        return str(root / STARTUP)


setup(cmdclass={"build_py": BuildWithStartupLine})
