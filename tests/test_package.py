"""What is shipped: the sdist holds all that a build and the tests need, and the wheel made from it works.

The wheel is installed into an environment of its own that borrows the libraries of this one, so that
nothing but phiz is installed twice.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import phiz
import toys

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("build") is None, reason='the package "build" is not installed'
)


def run(*command: str | Path, **more: str) -> str:
    """Run a program away from the source tree; return what it printed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=surroundings | more,
        cwd=Path(sys.executable).anchor,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    here = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "build", *here, "--outdir", out, ROOT)
    return out


@pytest.fixture(scope="module")
def python(built, tmp_path_factory) -> Path:
    """The python of a fresh environment in which the wheel is installed."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home, with_pip=False)
    place = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = built.glob("*.whl")
    run(
        sys.executable, "-m", "pip", "--python", place, "install", "--no-deps", "--no-index", "--quiet", wheel
    )
    site = Path(run(place, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    borrowed = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", "utf-8")
    return place


def test_the_sdist_holds_what_is_needed(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in ("pyproject.toml", "PKG-INFO", "README.md", "README.zh.md", "README.ja.md", "LICENSE"):
        assert path in names
    for path in ("CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "constraints.txt", "docs/way.svg"):
        assert path in names
    for top in ("src/phiz", "tests", "docs", "benchmarks"):
        sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / top).rglob("*.py")}
        assert sources <= names, sources - names
    assert {"tests/golden/latents.json", "docs/latents.md", "src/phiz/py.typed"} <= names
    assert not any(part in name.split("/") for name in names for part in (".venv", "__pycache__", ".git"))


def test_the_wheel_holds_phiz_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"phiz-{phiz.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        said = archive.read(f"phiz-{phiz.__version__}.dist-info/METADATA").decode("utf-8")
    assert {name.split("/")[0] for name in names} == {"phiz", f"phiz-{phiz.__version__}.dist-info"}
    assert "phiz/py.typed" in names
    assert not any("test" in name for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert "License-Expression: Apache-2.0" in said
    lines = [line for line in said.splitlines() if line.startswith("Requires-Dist:")]
    needed = [line for line in lines if "extra ==" not in line]
    assert any("onnxruntime" in line for line in needed)
    assert not any("torch" in line for line in needed)


PAGE = ROOT / "src/phiz/publish/page"
needs_page = pytest.mark.skipif(
    not (PAGE / "page.html").is_file(), reason="the page is not built (make page)"
)


@needs_page
def test_sdist_and_wheel_hold_the_built_page(built):
    files = {path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file()}
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name.removeprefix("phiz/publish/page/") for name in archive.namelist()}
    assert files <= shipped, files - shipped
    assert wheel.stat().st_size < 20e6
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/phiz/publish/page/{name}" for name in files} <= names
    assert {"web/package-lock.json", "web/src/main.ts", ".ci/page"} <= names
    assert not any("node_modules" in name for name in names)


@needs_page
def test_the_installed_phiz_publishes_without_node(python, tmp_path):
    model = toys.model(tmp_path / "model")
    run(
        *(python, "-m", "phiz", "publish", model.path, "-o", tmp_path / "site"),
        *("--author", "Ada", "--licence", "mit"),
        PATH="",
        PHIZ_SETTINGS=str(tmp_path / "settings"),
    )
    assert (tmp_path / "site" / "index.html").is_file()
    assert list((tmp_path / "site" / "runtime").glob("*.wasm.gz"))


def test_the_installed_command(python):
    assert run(python, "-m", "phiz", "--version").strip() == f"phiz {phiz.__version__}"
    command = python.with_name("phiz.exe" if os.name == "nt" else "phiz")
    assert "generate" in run(command, "--help")


def test_the_installed_phiz_makes_faces_without_torch(python, tmp_path):
    model = toys.model(tmp_path / "model")
    out = tmp_path / "faces.png"
    code = (
        "import sys, phiz, phiz.cli\n"
        "print(phiz.__file__)\n"
        "try:\n    phiz.cli.main()\n"
        "finally:\n    assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    said = run(
        python, "-c", code, "generate", model.path, "-o", out, "-n", "4", "--seed", "7", "--scale", "1"
    )
    where = Path(said.splitlines()[0])
    assert python.parent.parent.resolve() in where.resolve().parents, (
        "the wheel's phiz, not the source tree's"
    )
    with Image.open(out) as sheet:
        face = np.asarray(sheet.convert("RGB"))[2:18, 2:18]
    assert np.array_equal(face, model.sample(1, seed=7)[0])
