"""Labels: from folders and CSV files, and what is said where a user would want to know."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from phiz.errors import PhizError
from phiz.prepare.ages import is_minor
from phiz.prepare.labels import Labels, read_labels


def folders(*names: str) -> Labels:
    return read_labels("folders", names, pytest.fail)


def named(labels: Labels) -> list[dict[str, str]]:
    """Return the labels of each picture by name."""
    schema = list(labels.schema.items())
    return [
        {name: values[code] for (name, values), code in zip(schema, row, strict=True) if code >= 0}
        for row in labels.table
    ]


def test_no_labels() -> None:
    found = read_labels(None, ["a", "b"], pytest.fail)
    assert (found.schema, found.table.shape, found.made) == ({}, (2, 0), None)


def test_folder_names_are_the_values() -> None:
    found = folders("faces/joy/1.png", "faces/怒り/1.png", "faces/joy/2.png")
    assert found.schema == {"folder": ["joy", "怒り"]}
    assert found.table.dtype == np.int16
    assert found.table.tolist() == [[0], [1], [0]]


def test_nested_folders_are_several_attributes() -> None:
    found = folders("AFAD/9/111/1.jpg", "AFAD/10/112/2.jpg", "AFAD/10/3.jpg", "AFAD/4.jpg")
    assert found.schema == {"folder1": ["9", "10"], "folder2": ["111", "112"]}
    assert named(found) == [
        {"folder1": "9", "folder2": "111"},
        {"folder1": "10", "folder2": "112"},
        {"folder1": "10"},
        {},
    ]


def test_many_numbered_folders_become_ranges_and_that_is_said() -> None:
    said: list[str] = []
    found = read_labels("folders", [f"{age}/{age}.jpg" for age in range(15, 73)], said.append)
    assert found.schema["folder"][:2] == ["10-19", "20-29"]
    assert said == ['"folder": 58 different numbers became 7 ranges, 10-19 to 70-79.']


@pytest.mark.parametrize("names", [["1.jpg", "2.jpg"], ["a/1.jpg", "a/2.jpg"], ["a/b/1.jpg"]])
def test_one_folder_is_no_label(names: list[str]) -> None:
    with pytest.raises(PhizError, match="no label folders"):
        folders(*names)


NAMES = [f"faces/{index}.jpg" for index in range(100)]


def csv(tmp_path: Path, text: str, columns: str = "", names: list[str] = NAMES) -> tuple[Labels, list[str]]:
    (tmp_path / "labels.csv").write_text(text, "utf-8")
    said: list[str] = []
    found = read_labels(f"{tmp_path / 'labels.csv'}{columns}", names, said.append, include_minors=True)
    return found, said


ROWS = "file,hair,age,tags,set\n" + "".join(
    f"{index}.jpg,{'red' if index % 2 else ''},{index},tag {index},train\n" for index in range(100)
)


def test_columns_are_attributes_and_empty_is_missing(tmp_path: Path) -> None:
    found, said = csv(
        tmp_path, "file,hair,eyes\n1.jpg,red,blue\n2.jpg,,brown\n0.jpg,black,\n", names=NAMES[:3]
    )
    assert found.schema == {"hair": ["black", "red"], "eyes": ["blue", "brown"]}
    assert found.table.tolist() == [[0, -1], [1, 0], [-1, 1]]
    assert found.made is not None
    assert found.made["columns"] == ["hair", "eyes"]
    assert said == []


def test_columns_that_make_no_label_are_left_out_aloud(tmp_path: Path) -> None:
    found, said = csv(tmp_path, ROWS)
    assert list(found.schema) == ["age"]
    assert found.schema["age"][:2] == ["0-9", "10-19"]
    text = "\n".join(said)
    assert 'column "tags" has 100 different texts' in text
    assert 'column "hair" has one value only (red): left out' in text
    assert 'column "set" has one value only (train): left out' in text


def test_a_column_whose_name_cannot_be_asked_for_is_left_out(tmp_path: Path) -> None:
    found, said = csv(tmp_path, "file,hair,q>=5\n1.jpg,red,x\n2.jpg,blue,y\n0.jpg,red,y\n", names=NAMES[:3])
    assert list(found.schema) == ["hair"]
    assert 'column "q>=5" has a = in its name' in "\n".join(said)


def test_a_column_asked_for_is_taken(tmp_path: Path) -> None:
    found, said = csv(tmp_path, ROWS, ":tags, hair")
    assert list(found.schema) == ["tags", "hair"]
    assert len(found.schema["tags"]) == 100
    assert said == []


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        PhizError, match=r'no column "hairs"; it has hair, age, tags, set\. Did you mean "hair"\?'
    ):
        csv(tmp_path, ROWS, ":hairs")
    with pytest.raises(PhizError, match="names no column"):
        csv(tmp_path, ROWS, ":,")
    with pytest.raises(PhizError, match='column "eyes" is empty'):
        csv(tmp_path, "file,hair,eyes\n1.jpg,red,\n2.jpg,black,\n", ":eyes")


def test_unknown_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    found, said = csv(tmp_path, "file,hair\n1.jpg,red\n2.jpg,black\ngone.jpg,red\n", names=NAMES[:4])
    assert found.schema == {"hair": ["black", "red"]}
    assert any("1 of 3 rows name no picture that is there, the first gone.jpg" in line for line in said)
    assert any("2 of 4 pictures have no row, so no labels, the first faces/0.jpg" in line for line in said)


def test_values_of_unknown_files_are_no_values(tmp_path: Path) -> None:
    found, _ = csv(tmp_path, "file,hair\n1.jpg,red\n2.jpg,black\ngone.jpg,green\n")
    assert found.schema == {"hair": ["black", "red"]}


def test_a_csv_of_other_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhizError, match=r"none of the pictures.* x\.jpg, the pictures with faces/0\.jpg"):
        csv(tmp_path, "file,hair\nx.jpg,red\ny.jpg,black\n")


def test_a_csv_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhizError, match="no column can be a label"):
        csv(tmp_path, "file,set\n1.jpg,train\n2.jpg,train\n")


@pytest.mark.parametrize(("labels", "hint"), [("folder", "folders"), ("nothing.csv", ""), ("a.csv:hair", "")])
def test_labels_that_are_not_there(labels: str, hint: str) -> None:
    with pytest.raises(PhizError, match=rf"{labels} does not exist.*{hint}"):
        read_labels(labels, NAMES, pytest.fail)


def test_a_file_whose_name_has_a_colon(tmp_path: Path) -> None:
    path = tmp_path / "a:b.csv"
    try:
        path.write_text("file,hair\n1.jpg,red\n2.jpg,black\n", "utf-8")
    except OSError:
        pytest.skip("this system allows no colons")
    assert read_labels(path, NAMES[1:3], pytest.fail).schema == {"hair": ["black", "red"]}
    assert read_labels(f"{path}:hair", NAMES[1:3], pytest.fail).schema == {"hair": ["black", "red"]}


def test_the_labels_beside_the_shared_pictures(shared: Path) -> None:
    said: list[str] = []
    with zipfile.ZipFile(shared / "data" / "anime96.zip") as archive:
        names = archive.namelist()
    found = read_labels(shared / "data" / "anime96-labels.csv", names, said.append)
    assert list(found.schema) == ["hair", "eyes"]
    assert (found.table >= 0).all(axis=1).sum() == 6000
    assert any('"tags" has 1,140 different texts' in line for line in said)


def test_afad_gives_age_and_gender_and_leaves_minors_out() -> None:
    names = [f"AFAD/{age}/{sex}/{age}-{n}.jpg" for age in range(15, 45) for sex in (111, 112) for n in (0, 1)]
    said: list[str] = []
    found = read_labels("afad", [*names, "AFAD/readme.jpg"], said.append)
    assert found.schema["gender"] == ["female", "male"]
    assert found.schema["age"][:2] == ["10-19", "20-29"]
    assert len(found.left_out) == 3 * 4  # 15, 16 and 17
    assert found.left_out[0] == "under 18: age 15"
    assert found.of(0) == {}
    assert found.of(12) == {"age": "10-19", "gender": "male"}
    assert any("12 of 121 pictures are of under-18s" in line for line in said)
    assert any("1 of 121 pictures do not lie as in AFAD" in line for line in said)
    whole = read_labels("afad", names, said.append, include_minors=True)
    assert (whole.left_out, whole.of(0)) == ({}, {"age": "10-19", "gender": "male"})
    with pytest.raises(PhizError, match="no picture lies as in AFAD"):
        read_labels("afad", NAMES, pytest.fail)


def test_minors_of_a_table_are_left_out_too(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("file,Age,hair\n1.jpg,17,red\n2.jpg,18,black\n3.jpg,,red\n", "utf-8")
    found = read_labels(tmp_path / "l.csv:hair,Age", ["1.jpg", "2.jpg", "3.jpg"], lambda line: None)
    assert found.left_out == {0: "under 18: age 17"}
    assert [found.of(index) for index in range(3)] == [{}, {"hair": "black", "Age": "18"}, {"hair": "red"}]


def test_ages_are_read_as_people_write_them(tmp_path: Path) -> None:
    ages = ["0-2", "10-19", "20-29", "017", "17.5", "18", "15 to 20", "unknown"]
    lines = [f"{index}.jpg,{age}" for index, age in enumerate(ages)]
    (tmp_path / "l.csv").write_text("\n".join(["file,age", *lines]), "utf-8")
    names = [f"{index}.jpg" for index in range(len(ages))]
    found = read_labels(tmp_path / "l.csv", names, lambda line: None)
    assert sorted(found.left_out) == [0, 1, 3, 4, 6]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        *(
            (young, True)
            for young in ("(8, 12)", "[8,12]", "10+", "10s", "<18", "< 21", "under 18", "up to 25")
        ),
        *((young, True) for young in ("17 years", "15yo", "age 9", "teen", "Child", "0", "12\N{EN DASH}19")),
        *(
            (other, False)
            for other in ("20s", "(25, 32)", "18+", "adult", "-1", "", "40 years", "older than 30")
        ),
    ],
)
def test_whatever_tells_an_age_below_18_is_understood(text: str, minor: bool) -> None:
    assert is_minor(text) is minor


def test_one_age_for_all_is_looked_at_as_well(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("file,age,hair\n1.jpg,16,red\n2.jpg,16,black\n", "utf-8")
    assert sorted(read_labels(tmp_path / "l.csv", ["1.jpg", "2.jpg"], lambda line: None).left_out) == [0, 1]


def test_a_label_that_only_pictures_left_out_have_is_left_out_too(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "l.csv").write_text("file,age,grade\n1.jpg,15,9th\n2.jpg,40,\n3.jpg,50,\n", "utf-8")
    found = read_labels(f"{tmp_path / 'l.csv'}:age,grade", ["1.jpg", "2.jpg", "3.jpg"], said.append)
    assert found.schema == {"age": ["40", "50"]}
    assert found.table.tolist() == [[-1], [0], [1]]
    assert any('"grade" is left out' in line for line in said)
    (tmp_path / "l.csv").write_text("file,age\n1.jpg,15\n2.jpg,\n", "utf-8")
    none = read_labels(f"{tmp_path / 'l.csv'}:age", ["1.jpg", "2.jpg"], said.append)
    assert (none.schema, none.table.shape, none.left_out) == ({}, (2, 0), {0: "under 18: age 15"})
