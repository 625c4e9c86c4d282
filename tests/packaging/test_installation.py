"""Installing us adds `emb` to upstream's command; nothing we do breaks it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from scratch_environment import REPOSITORY, shipped_weights, upstream_wheel

STARTUP = "pyannote_ge2e_startup.pth"


@pytest.mark.parametrize("editable", [False, True], ids=["plain", "editable"])
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_upstream_keeps_working_from_installation_to_uninstallation(
    environment, source, tmp_path, installer, editable
):
    env = environment(installer)
    upstream, newer_upstream = (upstream_wheel(tmp_path, version) for version in ("4.0.7", "4.1.0"))
    env.install(upstream)
    before = env.files()

    env.install(*(["--editable"] if editable else []), source)
    assert (env.site_packages / STARTUP).read_text() == (REPOSITORY / STARTUP).read_text()
    assert "train" in env.run("pyannote-audio", "emb", "--help")
    assert "emb" in env.run("pyannote-audio", "--help")
    assert "PROTOCOL" in env.run("pyannote-audio", "emb", "train", "--help")
    assert "train" in env.run("pyannote-ge2e", "emb", "--help")
    assert env.run("pyannote-audio", "strip") == "stripped by 4.0.7"
    assert env.run("pyannote-audio", "apply", "emb") == "applied to emb"

    env.install(newer_upstream)
    assert env.run("pyannote-audio", "strip") == "stripped by 4.1.0"
    assert "train" in env.run("pyannote-audio", "emb", "--help")
    env.install(upstream)

    env.uninstall("pyannote-ge2e")
    assert env.files() == before
    assert env.run("pyannote-audio", "strip") == "stripped by 4.0.7"
    with pytest.raises(RuntimeError, match="No such command"):
        env.run("pyannote-audio", "emb", "--help")


def test_upstream_may_be_installed_after_us(environment, source, tmp_path):
    env = environment("pip")
    env.install(source)
    env.install(upstream_wheel(tmp_path, "4.0.7"))
    assert "train" in env.run("pyannote-audio", "emb", "--help")


def test_failures_of_ours_do_not_reach_upstream(environment, source, tmp_path):
    env = environment("pip")
    env.install(upstream_wheel(tmp_path, "4.0.7"))
    env.install("--editable", source)
    # Python also reads a .pth file twice when site-packages is reachable by two paths.
    shutil.copy(env.site_packages / STARTUP, env.site_packages / "zz_again.pth")
    assert env.run("pyannote-audio", "--help").count("Speaker embeddings") == 1

    # Opting out.
    assert "Speaker embeddings" not in env.run(
        "pyannote-audio", "--help", PYANNOTE_GE2E_NO_HOOK="1"
    )

    # Broken code: one line.
    (source / "pyannote_ge2e" / "cli" / "emb.py").write_text("raise OSError('the disk is tired')")
    assert env.run("pyannote-audio", "strip") == "stripped by 4.0.7"
    printed = env.run("pyannote-audio", "--help")
    assert printed.splitlines()[0].startswith("pyannote-ge2e could not add 'emb'")
    assert "the disk is tired" in printed
    assert "Traceback" not in printed
    assert "Strip a pretrained" in printed

    # Code that is gone, as when the folder of an editable installation was moved: nothing.
    source.rename(tmp_path / "elsewhere")
    printed = env.run("pyannote-audio", "--help")
    assert printed.lstrip().startswith("Usage")
    assert "Strip a pretrained" in printed

    # An upstream with an `emb` of its own: it is theirs.
    (tmp_path / "elsewhere").rename(source)
    env.install(upstream_wheel(tmp_path, "5.0.0", with_emb=True))
    assert env.run("pyannote-audio", "emb") == "upstream's own emb"


def test_a_wheel_from_the_sdist_is_complete(environment, source, tmp_path):
    env = environment("pip")
    env.run(
        "python",
        "-c",
        f"import os; os.chdir({str(source)!r}); "
        f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})",
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert f"{sdist.name.removesuffix('.tar.gz')}/{STARTUP}" in archive.getnames()
    env.run(
        "python",
        "-c",
        "import os, tarfile; from setuptools import build_meta; "
        f"tarfile.open({str(sdist)!r}).extractall('unpacked'); "
        f"os.chdir('unpacked/{sdist.name.removesuffix('.tar.gz')}'); "
        f"build_meta.build_wheel({str(tmp_path)!r})",
    )
    (wheel,) = tmp_path.glob("pyannote_ge2e*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {
        str(path.relative_to(source))
        for path in Path(source, "pyannote_ge2e").rglob("*")
        if path.is_file() and path.suffix in (".py", ".typed")
    }
    assert package | {STARTUP, "pyannote_ge2e/weights.json"} <= names
    for path, name in shipped_weights().items():
        with ZipFile(wheel) as archive:
            shipped = archive.read(f"pyannote_ge2e/shipped/{name}.pt")
        assert shipped == (REPOSITORY / path).read_bytes()
    assert wheel.stat().st_size < 10e6
    assert not [name for name in names if name.startswith(("tests", "bench", "setup", "hubconf"))]


def test_the_default_model_works_from_an_installation(environment, source, tmp_path):
    env = environment("pip")
    env.install(source)
    # The packages of this environment, ours excepted, whose editable finder would come first.
    everything = env.site_packages / "zz_everything.pth"
    everything.write_text(f"{Path(torch.__file__).parents[1]}\n")
    source.rename(tmp_path / "elsewhere")
    printed = env.run(
        "python",
        "-c",
        "import pyannote_ge2e.hub, torch; model = pyannote_ge2e.hub.ge2e(); "
        "print(pyannote_ge2e.hub.weights_of('ge2e'), model(torch.randn(1, 1, 32000)).shape)",
        TORCH_HOME=str(tmp_path / "torch"),
    )
    shipped = env.site_packages / "pyannote_ge2e" / "shipped" / "ge2e.pt"
    assert printed.splitlines()[-1] == f"{shipped} torch.Size([1, 512])"
