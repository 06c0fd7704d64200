"""What tests share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import phiz.onnx
from phiz import bundled

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers on two cores
hypothesis.settings.register_profile("phiz", deadline=None)  # another process may have the core just then
hypothesis.settings.load_profile("phiz")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of real pictures and weights beside the checkout."""
    place = ROOT.parent / "shared"
    if not (place / "data").is_dir():
        pytest.skip("the optional real pictures (../shared/data) are not here")
    return place


_EXPORT = phiz.onnx.export
_GRAPHS: dict[tuple, bytes] = {}
_EXPORTS = ("test_onnx.py", "test_networks.py", "test_stored.py", "test_bundled.py")


@pytest.fixture(autouse=True)
def graphs_kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export a network once, and fill its graph with the weights of others like it: exporting takes seconds.

    The tests of exporting itself, and those that run phiz as a process, export each time.
    """
    if request.node.path.name not in _EXPORTS:
        monkeypatch.setattr(phiz.onnx, "export", _export)


def _export(generator: Any, z: int, attributes: int = 0, centres: Any = None, plain: bool = False) -> bytes:
    weights = {name: tensor.detach().cpu().numpy() for name, tensor in generator.state_dict().items()}
    weights |= {} if centres is None else {"centres": centres}
    shapes = tuple((name, array.shape) for name, array in weights.items())
    key = (type(generator), repr(generator), shapes, z, attributes)
    if key not in _GRAPHS:
        _GRAPHS[key] = bundled.bare(_EXPORT(generator, z, attributes, centres, plain=True), weights)
    return bundled.filled(_GRAPHS[key], weights)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "phiz-test", str(place)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", str(place)], check=False)
