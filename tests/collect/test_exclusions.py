"""What is left out, and what is left out always."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phiz.collect.exclusions import Rules, sexualises_minors
from phiz.collect.posts import RATINGS, Post

EVERYTHING = Rules(ratings=RATINGS)


def post(tags="solo", rating="safe", **more):
    names = tuple(tags.split())
    return Post(
        site="konachan.com", number="1", url="https://konachan.com/1.png", tags=names, rating=rating, **more
    )


@pytest.mark.parametrize(
    "tags", ["loli", "solo oppai_loli", "shotacon", "loli_(character)", "toddlercon", "pov-loli"]
)
@pytest.mark.parametrize("rating", [*RATINGS, None])
def test_some_words_leave_a_picture_out_at_any_rating(tags, rating):
    assert sexualises_minors(tags.split(), rating)
    assert Rules(ratings=RATINGS, rated=False).refusal(post(tags, rating)) == "always left out: minors"


@pytest.mark.parametrize(
    "tags", ["child", "solo female_child", "aged_down", "kindergarten_uniform", "randoseru"]
)
def test_children_are_left_out_unless_all_is_safe(tags):
    assert not sexualises_minors(tags.split(), "safe")
    for rating in (*RATINGS[1:], None):
        assert sexualises_minors(tags.split(), rating)
    for word in ("panties", "bikini", "school_swimsuit", "nude", "white_panties"):
        assert sexualises_minors([*tags.split(), word], "safe")


@given(st.lists(st.sampled_from(["solo", "smile", "hat", "1girl", "sky"])), st.sampled_from([*RATINGS, None]))
def test_no_other_tags_and_no_option_let_them_in(others, rating):
    rules = Rules(ratings=RATINGS, rated=False, must=(), min_size=0)
    assert rules.refusal(post(" ".join([*others, "loli"]), rating))


@pytest.mark.parametrize(
    "tags", ["lolita_fashion gothic_lolita", "schoolgirl serafuku", "babydoll", "lollipop"]
)
def test_innocent_tags_are_not_mistaken(tags):
    assert not sexualises_minors(tags.split(), "questionable")


@pytest.mark.parametrize(
    ("rules", "one", "why"),
    [
        (Rules(), post(), None),
        (Rules(), post(rating="questionable"), "rated questionable"),
        (Rules(), post(rating="sensitive"), "rated sensitive"),
        (Rules(), post(rating=None), "no rating"),
        (Rules(rated=False), post(rating=None), None),
        (Rules(must=("hat",)), post(), "not all of the tags"),
        (Rules(must_not=("solo",)), post(), "a tag that is left out"),
        (Rules(artists=frozenset({"ann"})), post(artists=("ann",)), "an artist who is left out"),
        (Rules(artists=frozenset({"ann"})), post("solo ann"), "an artist who is left out"),
        (Rules(min_size=100), post(width=500, height=99), "smaller than 100 px"),
        (Rules(min_size=100), post(), None),
        (EVERYTHING, post(rating="explicit"), None),
    ],
)
def test_rules(rules, one, why):
    assert rules.refusal(one) == why


def test_films_and_archives_are_no_pictures():
    film = Post(site="konachan.com", number="1", url="https://konachan.com/1.webm", rating="safe")
    assert Rules().refusal(film) == "no picture (.webm)"
