"""A local Ray of two workers gives the set that one process gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phiz.errors import Surroundings
from phiz.verbs.prepare import prepare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ray():
    engine = pytest.importorskip("ray", reason="Ray, the extra ray, is not installed")
    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield engine
    engine.shutdown()


def test_two_workers_give_the_same_set(ray, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for index in range(70):
        small = Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8))
        small.resize((80, 72)).save(tmp_path / "pictures" / f"{index}.png")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    options = {"size": 48, "quality": "normal", "warn": lambda line: None}
    alone = prepare(tmp_path / "pictures", tmp_path / "alone", **options)
    spread = prepare(tmp_path / "pictures", tmp_path / "spread", ray="local", **options)
    assert spread.id == alone.id
    assert list(spread.rows()) == list(alone.rows())


def test_with_a_detector(ray, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHIZ_WEIGHTS", str(shared / "weights"))
    options = {"size": 64, "all_faces": True, "warn": lambda line: None}
    source = shared / "data" / "pictures-photos.zip"
    alone = prepare(source, tmp_path / "alone", **options)
    spread = prepare(source, tmp_path / "spread", ray="local", **options)
    assert (spread.id, list(spread.rows())) == (alone.id, list(alone.rows()))


def test_no_cluster_at_that_address(tmp_path: Path) -> None:
    engine = pytest.importorskip("ray", reason="Ray, the extra ray, is not installed")
    engine.shutdown()
    for index in range(18):
        Image.new("RGB", (40, 40), (index * 9, 9, 9)).save(tmp_path / f"{index}.png")
    with pytest.raises(Surroundings, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        prepare(tmp_path, tmp_path.with_name("set"), size=32, ray="127.0.0.1:1")
