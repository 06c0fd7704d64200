"""Tags become labels by a table; conflicts stay empty."""

from __future__ import annotations

import json

import pytest

from phiz.errors import PhizError
from phiz.prepare.labels import read_labels
from phiz.prepare.tags import TABLE, columns_of, read_table, value_of

HAIR = {"blue": ["blue_hair", "aqua_hair"], "red": ["red_hair"]}


@pytest.mark.parametrize(
    ("rules", "tags", "value"),
    [
        (HAIR, ["solo", "blue_hair"], "blue"),
        (HAIR, ["blue_hair", "aqua_hair"], "blue"),
        (HAIR, ["blue_hair", "red_hair"], ""),
        (HAIR, ["solo"], ""),
        (HAIR, None, ""),
        ({"yes": ["hat"], "otherwise": "no"}, ["solo"], "no"),
        ({"yes": ["hat"], "otherwise": "no"}, ["hat"], "yes"),
        ({"yes": ["hat"], "otherwise": "no"}, [], ""),
    ],
)
def test_one_value_or_none(rules, tags, value):
    assert value_of(rules, tags) == value


def test_the_table_that_comes_along_is_one():
    table = read_table(TABLE)
    assert {"hair", "eyes", "glasses", "hat", "smile"} <= set(table)
    for rules in table.values():
        tags = [tag for value, own in rules.items() if value != "otherwise" for tag in own]
        assert len(tags) == len(set(tags))
        assert all(tag == tag.lower() and " " not in tag for tag in tags)


def test_labels_that_were_told_go_before_tags():
    known = ([["blue_hair"], ["red_hair"], None], [None, {"hair": "green", "mood": "glad"}, {"mood": "sad"}])
    columns, made = columns_of("tags", known, lambda line: None)
    assert columns == {"hair": ["blue", "green", ""], "mood": ["", "glad", "sad"]}
    assert made["table"] == "tags.json"


def test_pictures_without_labels_are_counted():
    said: list[str] = []
    labels = read_labels(
        "tags", ["a", "b", "c"], said.append, ([["blue_hair"], ["red_hair"], None], [None] * 3)
    )
    assert labels.table[:, 0].tolist() == [0, 1, -1]
    assert said == ["1 of 3 pictures have no labels: no tag speaks for any."]


def test_what_is_wrong_is_said(tmp_path):
    nothing = ([None], [None])
    with pytest.raises(PhizError, match="need a collection"):
        read_labels("tags", ["a"], print)
    with pytest.raises(PhizError, match="need a collection"):
        columns_of("tags", nothing, print)
    with pytest.raises(PhizError, match="no tag of these pictures"):
        columns_of("tags", ([["sky"], ["sea"]], [None, None]), print)
    with pytest.raises(PhizError, match="does not exist"):
        columns_of(f"tags:{tmp_path / 'none.json'}", ([["sky"]], [None]), print)
    for text in ("{", "[]", json.dumps({"hair": ["blue"]}), json.dumps({"hair": {"otherwise": ["x"]}})):
        (tmp_path / "own.json").write_text(text)
        with pytest.raises(PhizError, match=r"own\.json"):
            columns_of(f"tags:{tmp_path / 'own.json'}", ([["sky"]], [None]), print)
