"""CSV tables: read strictly, matched to pictures by the ends of their paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phiz.errors import PhizError
from phiz.prepare.table import Table, match, read_table


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Table:
    (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
    return read_table(tmp_path / "labels.csv")


def fault(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    with pytest.raises(PhizError) as caught:
        table(tmp_path, text, encoding)
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_write_is_read(mark: str, end: str, encoding: str, tmp_path: Path) -> None:
    lines = ["file|髪|eyes", '1.jpg|"long, red;"|', "", "2.jpg", " 3.jpg | brown |blue"]
    found = table(tmp_path, end.join(lines).replace("|", mark) + end, encoding)
    assert found.columns == ["髪", "eyes"]
    assert {file: row for file, (_, row) in found.rows.items()} == {
        "1.jpg": ["long, red;", ""],
        "2.jpg": ["", ""],
        "3.jpg": ["brown", "blue"],
    }


def test_trailing_commas_are_no_columns(tmp_path: Path) -> None:
    assert table(tmp_path, "file,hair,,\n1.jpg,red,,\n").columns == ["hair"]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    assert "is empty" in fault(tmp_path, "\n\n")
    assert "no rows" in fault(tmp_path, "file,hair\n")
    assert "no header" in fault(tmp_path, "1.jpg,red\n2.jpg,blue\n")
    assert "no column beside" in fault(tmp_path, "file\n1.jpg\n")
    assert 'two columns called "hair"' in fault(tmp_path, "file,hair,hair\n1.jpg,a,b\n")
    assert "column 3 has no name" in fault(tmp_path, "file,hair,\n1.jpg,a,b\n")
    assert "line 3 has 3 fields" in fault(tmp_path, "file,hair\n1.jpg,a\n2.jpg,a,b\n")
    assert "line 2 names no file" in fault(tmp_path, "file,hair\n,a\n")
    assert "lines 2 and 4 differ about 1.jpg" in fault(tmp_path, "file,hair\n1.jpg,a\n2.jpg,a\n1.jpg,b\n")
    assert "not UTF-8" in fault(tmp_path, "file,hair\n1.jpg,grün\n", "latin-1")
    assert "line" in fault(tmp_path, 'file,hair\n1.jpg,"open\n')
    with pytest.raises(PhizError, match="cannot be read"):
        read_table(tmp_path / "nothing.csv")


def test_the_same_row_twice_is_no_matter(tmp_path: Path) -> None:
    assert len(table(tmp_path, "file,hair\n1.jpg,a\n1.jpg,a\n").rows) == 1


def rows(*files: str) -> Table:
    return Table(Path("labels.csv"), ["n"], {file: (i + 2, [str(i)]) for i, file in enumerate(files)})


@pytest.mark.parametrize(
    "file",
    [
        "a/b/1.jpg",
        "b/1.jpg",
        "1.jpg",
        "./a/b/1.jpg",
        "/home/me/a/b/1.jpg",
        "C:\\me\\a\\b\\1.jpg",
        "A/B/1.JPG",
        "1",
    ],
)
def test_a_row_fits_where_one_path_ends_with_the_other(file: str) -> None:
    found = match(rows(file), ["a/2.jpg", "a/b/1.jpg", "11.jpg"])
    assert found.fields == [None, ["0"], None]
    assert found.unknown == []
    assert found.column("n") == ["", "0", ""]


@pytest.mark.parametrize("file", ["c/1.jpg", "a/1.jpg", "1.png", "jpg", "x1.jpg", "b", ""])
def test_a_row_that_fits_nothing_is_unknown(file: str) -> None:
    assert match(rows(file), ["a/b/1.jpg"]).unknown == [file]


def test_accents_may_be_spelt_in_two_ways() -> None:
    assert match(rows("e\u0301.jpg"), ["é.jpg"]).unknown == []


def test_a_row_that_fits_several_pictures_is_refused() -> None:
    with pytest.raises(PhizError, match=r"line 2: 1\.jpg fits 2 pictures, a/1\.jpg and b/1\.jpg"):
        match(rows("1.jpg"), ["a/1.jpg", "b/1.jpg"])
    assert match(rows("a/1.jpg", "b/1.jpg"), ["a/1.jpg", "b/1.jpg"]).fields == [["0"], ["1"]]
    assert match(rows("1.jpg"), ["1.jpg", "b/1.jpg"]).fields == [["0"], None]
    assert match(rows("A.jpg", "a.jpg"), ["A.jpg", "a.jpg"]).fields == [["0"], ["1"]]


def test_two_rows_that_differ_about_one_picture_are_refused() -> None:
    with pytest.raises(PhizError, match=r"lines 2 and 3 differ about a/1\.jpg"):
        match(rows("1.jpg", "a/1.jpg"), ["a/1.jpg"])


@given(st.lists(st.text(alphabet="ab1/.", min_size=1, max_size=6), unique_by=lambda name: name.casefold()))
def test_whole_paths_always_fit(names: list[str]) -> None:
    assert match(rows(*names), names).fields == [[str(index)] for index in range(len(names))]
