"""Walking a search: new arrivals, limits, interruptions; nothing twice, nothing missed."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz import ledger
from phiz.collect.exclusions import Rules
from phiz.collect.faults import Closed
from phiz.collect.gathering import Gatherer, unseen
from phiz.collect.keeping import Keeper, merged
from phiz.collect.listing import Page
from phiz.collect.posts import Post
from phiz.errors import Surroundings


class Site:
    """A site in memory that lists `length` posts a page, and counts its pages."""

    def __init__(self, numbers, length: int = 5) -> None:
        self.numbers, self.length, self.pages = set(numbers), length, 0
        self.rating: dict[int, str] = {}
        self.deleted: set[int] = set()

    def __call__(self, below: int | None) -> Page:
        self.pages += 1
        found = sorted((n for n in self.numbers if below is None or n < below), reverse=True)
        numbers = found[: self.length]
        posts = [self.post(n) for n in numbers if n not in self.deleted]
        return Page(posts, numbers, last=len(found) <= self.length - 1)

    def post(self, number: int) -> Post:
        where = f"https://konachan.com/{number}.png"
        return Post(
            "konachan.com", str(number), where, rating=self.rating.get(number, "safe"), md5=f"{number:032d}"
        )


class Fetcher:
    """Marks pictures as kept, or whatever it is told; counts what it fetched."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper, self.fetched, self.bad = keeper, Counter(), {}

    def fetch(self, row):
        self.fetched[row["number"]] += 1
        outcome = self.bad.get(int(row["number"]), "kept")
        if isinstance(outcome, Exception):
            raise outcome
        if outcome == "waiting":
            self.keeper.update(row["id"], reason="500 Internal Server Error")
        else:
            reason = "404 Not Found" if outcome == "set aside" else None
            self.keeper.update(row["id"], status=outcome, reason=reason, file=f"{row['number']}.png")
        return outcome


def gather(keeper, fetcher, limit=None, rules=None, name="solo") -> Gatherer:
    return Gatherer(
        keeper,
        keeper.search({"query": name}),
        rules or Rules(),
        fetcher,
        limit=limit,
        enough=None,
        progress=lambda done, total: None,
        check=lambda: None,
    )


def kept(folder) -> list[int]:
    return sorted(int(row["number"]) for row in ledger.rows(folder, "WHERE status = 'kept'"))


@pytest.fixture
def place(tmp_path):
    with Keeper(tmp_path / "raw") as keeper:
        keeper.run("PRAGMA synchronous = OFF")  # for speed: test_keeping.py tests what a kill leaves
        yield keeper, Fetcher(keeper), tmp_path / "raw"


def test_a_search_is_walked_to_its_end(place):
    keeper, fetcher, folder = place
    site = Site(range(1, 24))
    tally = gather(keeper, fetcher)
    tally.walk(site)
    assert kept(folder) == list(range(1, 24))
    assert site.pages == 5
    assert keeper.spans(1) == [(0, 23)]
    assert tally.finish().here == 23


def test_the_same_again_asks_for_one_page_and_fetches_what_is_new(place):
    keeper, fetcher, folder = place
    site = Site(range(1, 24))
    gather(keeper, fetcher, limit=12).walk(site)
    assert kept(folder) == list(range(12, 24))
    before = site.pages
    gather(keeper, fetcher, limit=12).walk(site)
    assert site.pages == before + 1
    site.numbers |= {24, 25, 26}
    gather(keeper, fetcher, limit=12).walk(site)
    assert kept(folder) == list(range(12, 27))
    gather(keeper, fetcher, limit=20).walk(site)
    assert kept(folder) == list(range(7, 27))
    assert max(fetcher.fetched.values()) == 1


def test_posts_that_arrive_meanwhile_shift_nothing(place):
    keeper, fetcher, folder = place
    site = Site(range(1, 30))

    def arriving(below):
        page = site(below)
        site.numbers |= {max(site.numbers) + 1, max(site.numbers) + 2}
        return page

    gather(keeper, fetcher).walk(arriving)
    assert set(range(1, 30)) <= set(kept(folder))
    assert max(fetcher.fetched.values()) == 1
    gather(keeper, fetcher).walk(site)
    assert kept(folder) == sorted(site.numbers)


def test_what_is_set_aside_makes_room_for_another(place):
    keeper, fetcher, folder = place
    fetcher.bad = {23: "set aside", 20: "set aside"}
    gatherer = gather(keeper, fetcher, limit=6)
    gatherer.walk(Site(range(1, 24)))
    assert kept(folder) == [16, 17, 18, 19, 21, 22]
    assert gatherer.tally.aside == {"404 Not Found": 2}


def test_ratings_and_deleted_posts_are_counted(place):
    keeper, fetcher, folder = place
    site = Site(range(1, 13))
    site.rating = {3: "explicit", 4: None}
    site.deleted = {5, 6}
    gatherer = gather(keeper, fetcher)
    gatherer.walk(site)
    assert kept(folder) == [1, 2, *range(7, 13)]
    assert gatherer.tally.left_out == {"rated explicit": 1, "no rating": 1}
    assert gatherer.tally.without_file == 2


def test_overlapping_searches_share_their_pictures(place):
    keeper, fetcher, folder = place
    gather(keeper, fetcher, name="solo").walk(Site(range(1, 10)))
    other = gather(keeper, fetcher, name="smile")
    other.walk(Site(range(5, 15)))
    assert max(fetcher.fetched.values()) == 1
    assert other.finish().here == 10
    assert len(kept(folder)) == 14


def test_the_same_picture_on_two_sites_is_fetched_once(place):
    keeper, fetcher, _ = place
    gather(keeper, fetcher).take(
        [Post("konachan.com", "1", "https://konachan.com/1", rating="safe", md5="a" * 32)]
    )
    gather(keeper, fetcher, name="b").take(
        [Post("yande.re", "9", "https://yande.re/9", rating="safe", md5="a" * 32)]
    )
    assert sum(fetcher.fetched.values()) == 1


def test_a_host_that_is_given_up_ends_a_walk_but_not_a_list(place):
    keeper, fetcher, folder = place
    fetcher.bad = {3: Closed("konachan.com wants to see a person.")}
    with pytest.raises(Closed):
        gather(keeper, fetcher).walk(Site(range(1, 5)))
    assert kept(folder) == [4]
    gatherer = gather(keeper, fetcher, name="list")
    gatherer.take(Site([]).post(n) for n in (3, 2, 1))
    assert kept(folder) == [1, 2, 4]
    assert gatherer.finish().waiting == 1
    assert list(gatherer.tally.closed) == ["konachan.com wants to see a person."]
    fetcher.bad = {}
    gather(keeper, fetcher).walk(Site(range(1, 5)))
    assert kept(folder) == [1, 2, 3, 4]


def test_what_fails_is_asked_once_more_in_a_run_and_after_all_others(place):
    keeper, fetcher, folder = place
    fetcher.bad = dict.fromkeys((19, 20, 21), "waiting")
    site = Site(range(1, 24))
    tally = gather(keeper, fetcher)
    tally.walk(site)
    assert kept(folder) == [*range(1, 19), 22, 23]
    assert {n: c for n, c in fetcher.fetched.items() if c > 1} == {"19": 2, "20": 2, "21": 2}
    assert list(fetcher.fetched)[-1] == "1"
    assert tally.finish().waiting == 3
    # the host is given up at one that failed before: what is new came first, and the work is done
    site.numbers |= {24, 25}
    fetcher.bad = dict.fromkeys((19, 20, 21), Closed("konachan.com fails again and again."))
    again = gather(keeper, fetcher)
    again.walk(site)
    assert kept(folder) == [*range(1, 19), *range(22, 26)]
    assert list(again.tally.closed) == ["konachan.com fails again and again."]
    fetcher.bad = {}
    gather(keeper, fetcher).take([])
    gather(keeper, fetcher).walk(site)
    assert kept(folder) == list(range(1, 26))


def test_a_site_that_lists_the_same_again_does_not_go_round(place):
    keeper, fetcher, _ = place
    site = Site(range(1, 24))
    with pytest.raises(Surroundings, match="older"):
        gather(keeper, fetcher).walk(lambda below: site(None))


@given(
    st.sets(st.integers(1, 40), min_size=1),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 7)), min_size=1, max_size=4),
    st.sets(st.integers(1, 60)),
)
@settings(max_examples=25)
def test_interrupted_anywhere_it_ends_the_same(tmp_path_factory, numbers, stops, bad):
    """However often it is stopped, and whatever arrives meanwhile, the end is that of one long walk."""
    folder = tmp_path_factory.mktemp("walks")
    site = Site(numbers)
    with Keeper(folder / "raw") as keeper:
        keeper.run("PRAGMA synchronous = OFF")
        fetcher = Fetcher(keeper)
        fetcher.bad = dict.fromkeys(bad, "set aside")
        for left, arrivals in stops:
            count = 0

            def fetch(row, left=left):
                nonlocal count
                count += 1
                if count > left:
                    raise KeyboardInterrupt
                return Fetcher.fetch(fetcher, row)

            halting = Fetcher(keeper)
            halting.fetch = fetch  # type: ignore[method-assign]
            with suppress(KeyboardInterrupt):
                gather(keeper, halting).walk(site)
            site.numbers |= {max(site.numbers) + more for more in range(1, arrivals + 1)}
        gather(keeper, fetcher).walk(site)
        assert kept(folder / "raw") == sorted(site.numbers - bad)
        assert max(fetcher.fetched.values(), default=0) <= 1
        assert keeper.spans(1) == [(0, max(site.numbers))]


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(tuple))


@given(spans, st.integers(0, 40), st.integers(0, 40))
def test_unseen_is_what_lies_in_no_span(known, low, top):
    seen = {n for a, b in known for n in range(a, b + 1)}
    parts = unseen(low, top, known)
    assert [n for a, b in parts for n in range(b, a - 1, -1)] == [
        n for n in range(top, low - 1, -1) if n not in seen
    ]
    assert {n for a, b in merged(known) for n in range(a, b + 1)} == seen
