"""What is kept of features stays within its limit, the oldest go first, and nothing that is in use."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from phiz.evaluation import kept

VALUES = np.arange(64, dtype=np.float32).reshape(16, 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path))
    monkeypatch.setattr(kept, "_IN_USE", set())
    monkeypatch.setattr(kept, "MOST_BYTES", 1000)  # two files of 16 x 4 numbers
    return tmp_path / "features"


def keep(name: str, hours: float, folder) -> None:
    """Keep features that were last asked for so many hours ago, by another process."""
    before = set(folder.glob("*.npy"))
    kept.kept({"name": name, "dimensions": 4}, 16, lambda: VALUES)
    (path,) = set(folder.glob("*.npy")) - before
    os.utime(path, (time.time() - 3600 * hours,) * 2)
    kept._IN_USE.clear()


def there(name: str) -> bool:
    made = []
    kept.kept({"name": name, "dimensions": 4}, 16, lambda: made.append(1) or VALUES)
    return not made


def test_what_was_not_asked_for_the_longest_goes_first(folder):
    for name, hours in (("older", 30), ("oldest", 50)):
        keep(name, hours, folder)
    keep("new", 0, folder)
    assert sum(path.stat().st_size for path in folder.glob("*.npy")) <= 1000
    assert len(list(folder.glob("*.json"))) == 2
    assert there("new")
    assert there("older")
    assert not there("oldest")


def test_asking_keeps_it(folder):
    keep("a", 50, folder)
    keep("b", 30, folder)
    assert there("a")
    kept._IN_USE.clear()
    keep("c", 0, folder)
    assert there("a")
    assert not there("b")


def test_what_is_in_use_stays(folder):
    keep("mine", 50, folder)
    (path,) = folder.glob("*.npy")
    kept._IN_USE.add(path)
    for name in ("lately", "too"):
        kept.kept({"name": name, "dimensions": 4}, 16, lambda: VALUES)
    assert all(there(name) for name in ("mine", "lately", "too")), "more than the limit, but all of it in use"


def test_what_a_killed_process_left_goes_too(folder):
    folder.mkdir(parents=True)
    left = folder / ".x.npy.123.partial"
    left.write_bytes(bytes(2000))
    os.utime(left, (time.time() - 7200,) * 2)
    keep("new", 0, folder)
    assert not left.exists()
    assert there("new")
