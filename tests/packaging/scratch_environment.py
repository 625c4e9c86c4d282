"""Scratch environments, and a small stand-in for upstream to install in them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

REPOSITORY = Path(__file__).parents[2]

UPSTREAM_COMMAND = '''
import typer

app = typer.Typer()


@app.command("strip")
def strip():
    """Strip a pretrained CHECKPOINT."""
    print("stripped by {version}")


@app.command("apply")
def apply(what: str):
    """Apply a pretrained PIPELINE."""
    print("applied to", what)
'''

UPSTREAM_EMB = '''

emb = typer.Typer()


@emb.callback(invoke_without_command=True)
def own():
    """Embeddings of upstream's own."""
    print("upstream's own emb")


app.add_typer(emb, name="emb")
'''


def upstream_wheel(folder: Path, version: str, with_emb: bool = False) -> Path:
    """Write a wheel of the stand-in: same names as upstream, and typer all it needs."""
    command = UPSTREAM_COMMAND.format(version=version) + (UPSTREAM_EMB if with_emb else "")
    info = f"pyannote_audio-{version}.dist-info"
    files = {
        "pyannote/audio/__init__.py": "",
        "pyannote/audio/__main__.py": command,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: pyannote.audio\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": (
            "[console_scripts]\npyannote-audio = pyannote.audio.__main__:app\n"
        ),
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = folder / f"pyannote_audio-{version}-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def copy_of_the_source(folder: Path) -> Path:
    """Copy what a build reads: building leaves files behind."""
    folder.mkdir(parents=True)
    for path in REPOSITORY.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    shutil.copytree(
        REPOSITORY / "pyannote_ge2e",
        folder / "pyannote_ge2e",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for weights in shipped_weights():
        (folder / weights).parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / weights, folder / weights)
    return folder


def shipped_weights() -> dict[str, str]:
    """Name of what is shipped, by path of weights that installing puts into the package."""
    pretrained = json.loads((REPOSITORY / "pyannote_ge2e" / "weights.json").read_text())
    return {entry["path"]: name for name, entry in pretrained.items() if entry["shipped"]}


def shared_packages(folder: Path) -> Path:
    """Link to the build backend, typer and rich of this environment, and to what they need.

    Sharing the whole of this environment would show the real upstream to the scratch ones.
    """
    folder.mkdir()
    wanted, seen = ["setuptools", "wheel", "typer", "rich"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # needed on another platform or Python only, or `wheel`, by old setuptools
        _link(package, folder)
        wanted += [
            re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            for requirement in package.requires or []
            if "extra ==" not in requirement
        ]
    return folder


def _link(package: Distribution, folder: Path) -> None:
    for name in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
        if not (folder / name).exists():
            (folder / name).symlink_to(str(package.locate_file(name)))


class Environment:
    """A virtual environment that pip or uv installs in, without any network."""

    def __init__(self, folder: Path, installer: str, packages: Path) -> None:
        self.folder = folder
        self.installer = installer
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.site_packages = Path(
            self._run([self.bin / "python", "-c", "import site; print(site.getsitepackages()[-1])"])
        )
        (self.site_packages / "shared_packages.pth").write_text(f"{packages}\n")

    def install(self, *what: str | Path) -> None:
        """Install wheels or folders (`"--editable", folder`)."""
        # pip compiles what it installs, for seconds; uv does not.
        no_compile = ["--no-compile"] if self.installer == "pip" else []
        self._run(
            [*self._installer("install"), "--no-deps", "--no-build-isolation", *no_compile, *what]
        )

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution."""
        yes = ["--yes"] if self.installer == "pip" else []
        self._run([*self._installer("uninstall"), *yes, name])

    def run(self, program: str, *words: str, **variables: str) -> str:
        """Run a script of the environment: what it prints, stderr included."""
        return self._run([self.bin / program, *words], **variables)

    def files(self) -> dict[str, str]:
        """Digest of every file, but for compiled ones."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix != ".pyc" and path.name != ".lock"
        }

    def _installer(self, action: str) -> list[str | Path]:
        python = self.bin / "python"
        if self.installer == "pip":
            return [sys.executable, "-m", "pip", "--python", python, action, "--quiet"]
        import uv

        return [uv.find_uv_bin(), "pip", action, "--quiet", "--python", python]

    def _run(self, command: list[str | Path], **variables: str) -> str:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "PYTHON", "PYANNOTE_"))
        }
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "UV_OFFLINE": "1",
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(self.folder.parent / "uv-cache"),
            "COLUMNS": "100",
        }
        result = subprocess.run(
            [str(word) for word in command],
            env=inherited | offline | variables,
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if result.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}:\n{result.stdout}")
        return result.stdout.strip()
