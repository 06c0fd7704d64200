"""What was looked at outlives the process, and one process works on it at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phiz.errors import PhizError
from phiz.prepare.looking import Found, Looked
from phiz.prepare.work import Work

HOW = {"size": 8}


def looked(index: int) -> Looked:
    face = np.full((8, 8, 3), index, np.uint8)
    return Looked(index, "ab" * 32, [Found((1, 2, 3, 4), None, {"side": index}, face)])


def test_what_was_kept_is_there_after_the_process_went(tmp_path: Path) -> None:
    work = Work(tmp_path / "w", 8, HOW)
    for index in range(5):
        work.add(f"{index}.png", 10 + index, looked(index))
    work.flush()
    work.add("5.png", 15, looked(5))  # not brought to the disk
    work._pixels.write(b"half a face")
    work.close()
    again = Work(tmp_path / "w", 8, HOW)
    pictures = [(index, f"{index}.png", 10 + index) for index in range(7)]
    assert list(again.missing(pictures)) == [5, 6]
    assert list(again.missing([(0, "0.png", 99)])) == [0]  # another size is another picture
    for index in (5, 6):
        again.add(f"{index}.png", 10 + index, looked(index))
    again.flush()
    for index in range(7):
        digest, reason, [(found, place)] = again.get(f"{index}.png", 10 + index)
        assert (digest, reason, found.box, found.figures) == ("ab" * 32, None, (1, 2, 3, 4), {"side": index})
        assert place is not None
        assert (again.face(place) == index).all()
    assert len(again) == 7
    again.close()


def test_other_settings_begin_anew(tmp_path: Path) -> None:
    work = Work(tmp_path / "w", 8, HOW)
    work.add("0.png", 10, looked(0))
    work.flush()
    work.close()
    other = Work(tmp_path / "w", 8, {"size": 8, "detector": "human"})
    assert len(other) == 0
    other.close()


def test_a_second_process_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    first = Work(tmp_path / "w", 8, HOW)
    first.add("0.png", 10, looked(0))
    first.flush()
    with pytest.raises(PhizError, match="is at work already"):
        Work(tmp_path / "w", 8, {"size": 9})
    first.add("1.png", 11, looked(1))
    first.flush()
    assert len(first) == 2
    first.close()


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "looked.sqlite").write_bytes(b"no table" * 200)
    with pytest.raises(PhizError, match="is damaged"):
        Work(tmp_path / "w", 8, HOW)
