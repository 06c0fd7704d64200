"""The manifest: rows in and out, a full disk as an ordinary fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from phiz.manifest import Manifest, rows


def test_rows_come_back_past_the_first_thousands(tmp_path: Path) -> None:
    path = tmp_path / "odd ?#% 名.sqlite"
    manifest = Manifest(path)
    for index in range(4500):
        manifest.add(f"名/{index}", (0, 0, 1, 1), [[1.5, 2]], "ab", {}, {"blur": 0.5}, "kept", None, index)
    manifest.finish()
    found = list(rows(path, "WHERE position >= 4498 ORDER BY position"))
    assert [row["source"] for row in found] == ["名/4498", "名/4499"]
    assert found[0]["landmarks"] == [[1.5, 2]]
    assert found[0]["figures"] == {"blur": 0.5}
    assert found[0]["labels"] == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"space|I/O|Input"):
        fill(Manifest(Path("/dev/full")))


def fill(manifest: Manifest) -> None:
    for _ in range(5000):
        manifest.add("a", None, None, None, None, None, "rejected", "x" * 100, None)
    manifest.finish()
