"""Ships what lies outside the package: a start-up line, and the weights of the default model.

Everything else is in pyproject.toml, which has no way of saying "put this file at the root of
site-packages" (`data_files` land elsewhere), nor "put that one, of models/, into the package".
The line lists `emb` among the commands of `pyannote-audio`. It runs whenever Python starts; what
it does, and why, is told in pyannote_ge2e/startup.py. Which weights to ship, and where they are,
is in pyannote_ge2e/weights.json.

From Python 3.15 on, `import` lines in `.pth` files give way to `.start` files that hold entry
points (PEP 829). The successor of our line, once 3.14 is the oldest version supported, is a
`pyannote_ge2e_startup.start` that reads `pyannote_ge2e.startup:install`.
"""

from __future__ import annotations

import json
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Python reads .pth files in alphabetical order, and an editable installation can be imported
# only once its own `__editable__*.pth` was read: ours has to sort after it.
STARTUP = "pyannote_ge2e_startup.pth"

PRETRAINED = json.loads(Path("pyannote_ge2e", "weights.json").read_text("utf-8"))
SHIPPED = {name: entry["path"] for name, entry in PRETRAINED.items() if entry["shipped"]}


class BuildWithOthers(build_py):
    """Copies the start-up line to the root of what gets installed, and weights into the package."""

    def run(self) -> None:
        super().run()
        for source, target in self._others().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target, preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *self._others().values()]

    def get_source_files(self) -> list[str]:
        """List what an sdist must hold for the wheel to be built from it."""
        return [*super().get_source_files(), STARTUP, *SHIPPED.values()]

    def _others(self) -> dict[str, str]:
        """Where to copy what lies outside the package."""
        if self.editable_mode:
            # What an editable build puts in `build_lib` never reaches the wheel. The weights are
            # found where they are.
            root = Path(self.get_finalized_command("install_lib").install_dir)
            return {STARTUP: str(root / STARTUP)}
        root = Path(self.build_lib)
        return {STARTUP: str(root / STARTUP)} | {
            path: str(root / "pyannote_ge2e" / "shipped" / f"{name}.pt")
            for name, path in SHIPPED.items()
        }


setup(cmdclass={"build_py": BuildWithOthers})
