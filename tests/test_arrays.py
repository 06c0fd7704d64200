"""Arrays on disk: NumPy reads what is written, and a map takes no other file for its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phiz.arrays import RowWriter, mapped
from phiz.errors import PhizError


@pytest.mark.parametrize(("dtype", "row"), [("|u1", (4, 4, 3)), ("<i2", (2,)), ("<i2", (0,)), ("<f4", ())])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_rows_come_back(tmp_path: Path, dtype: str, row: tuple[int, ...], count: int) -> None:
    rows = (np.random.default_rng(0).random((count, *row)) * 200).astype(dtype)
    writer = RowWriter(tmp_path / "a.npy", dtype, row)
    for one in rows:
        writer.write(one)
    writer.finish()
    assert writer.count == count
    for found in (np.load(tmp_path / "a.npy"), mapped(tmp_path / "a.npy", dtype, (count, *row))):
        assert found.dtype == np.dtype(dtype)
        assert np.array_equal(found, rows)


def test_a_file_of_numpy_is_mapped_as_well(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(mapped(tmp_path / "a.npy", "|u1", (2, 4, 3)), array)
    np.save(tmp_path / "a.npy", np.asfortranarray(array))
    with pytest.raises(PhizError, match="another set"):
        mapped(tmp_path / "a.npy", "|u1", (2, 4, 3))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(PhizError, match="another set"):
        mapped(tmp_path / "a.npy", "|u1", (1,))


def test_an_abandoned_file_does_not_hide_the_fault(tmp_path: Path) -> None:
    writer = RowWriter(tmp_path / "a.npy", "|u1", (3,))
    writer.abandon()
    writer.abandon()
    with pytest.raises(PhizError, match=r"no \.npy array"):
        mapped(tmp_path / "a.npy", "|u1", (0, 3))
