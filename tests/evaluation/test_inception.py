"""FID's network is opened only if it is the file meant, and fed as its two conventions say.

The real weights are 95 MB at NVIDIA; a small TorchScript of the same interface stands in for them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from phiz import weights
from phiz.errors import MissingExtra, PhizError
from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.resizing import clean_bicubic

torch = pytest.importorskip("torch", reason="torch, of the extra train, is not installed")


class Layers(torch.nn.Module):
    """Stands for the network's layers: values at 2048 fixed places, no two of which are alike."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, 0 : 2048 * 97 : 97]


class StandIn(torch.nn.Module):
    """The interface of NVIDIA's file: bytes in, resized by the network itself, `layers` reachable."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers()

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        if img.dtype != torch.uint8 or not return_features:
            return torch.zeros(len(img), 1008)
        resized = torch.nn.functional.interpolate(img.float(), [299, 299])
        return self.layers((resized - 128) / 128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("weights")
    torch.jit.script(StandIn()).save(str(place / "inception-2015-12-05.pt"))
    return place


@pytest.fixture
def stand_in(folder, monkeypatch):
    data = (folder / "inception-2015-12-05.pt").read_bytes()
    entry = replace(weights.WEIGHTS["inception"], sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    monkeypatch.setitem(weights.WEIGHTS, "inception", entry)
    monkeypatch.setenv("PHIZ_WEIGHTS", str(folder))
    return entry


def pictures(count: int, size: int = 24) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def places(pixels: np.ndarray) -> np.ndarray:
    scaled = (pixels - 128) / 128
    return scaled.reshape(len(scaled), -1)[:, 0 : 2048 * 97 : 97]


def test_clean_resizes_before_the_network(stand_in):
    run = extractor("inception")
    faces = pictures(19)
    assert np.allclose(run(faces), places(clean_bicubic(faces, 299)), atol=1e-5)


def test_legacy_leaves_resizing_to_the_network(stand_in):
    run = extractor("inception-legacy")
    faces = pictures(3)
    nearest = faces.transpose(0, 3, 1, 2)[:, :, np.arange(299) * 24 // 299][..., np.arange(299) * 24 // 299]
    assert np.allclose(run(faces), places(nearest.astype(np.float64)), atol=1e-5)


@pytest.mark.parametrize("name", ["inception", "inception-legacy"])
def test_it_says_what_it_is(stand_in, name):
    run = extractor(name)
    said = about(run)
    assert said["name"] == name
    assert said["sha256"] == stand_in.sha256
    assert (said["size"], said["dimensions"]) == (299, 2048)
    assert ("tensorflow" in said["resize"]) == (name == "inception-legacy")
    assert run(pictures(0)).shape == (0, 2048)
    assert run(pictures(2)).dtype == np.float32


def test_another_file_is_not_opened(folder, monkeypatch, tmp_path):
    """A TorchScript runs code when it is opened: one of another hash must not be."""
    (tmp_path / "inception-2015-12-05.pt").write_bytes((folder / "inception-2015-12-05.pt").read_bytes())
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path))
    opened = []
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: opened.append(a))
    with pytest.raises(PhizError, match=r"SHA-256 begins .* not f58cb9b6ec32"):
        extractor("inception")
    assert not opened


def test_a_file_that_is_no_torchscript(monkeypatch, tmp_path):
    data = b"PK not a TorchScript"
    (tmp_path / "inception-2015-12-05.pt").write_bytes(data)
    entry = replace(weights.WEIGHTS["inception"], sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    monkeypatch.setitem(weights.WEIGHTS, "inception", entry)
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path))
    with pytest.raises(PhizError, match="cannot be opened") as fault:
        extractor("inception")
    assert "\n" not in str(fault.value)


def test_without_torch_the_extra_is_named(stand_in, monkeypatch):
    import builtins

    plain = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"phiz\[train\]"):
        extractor("inception")
