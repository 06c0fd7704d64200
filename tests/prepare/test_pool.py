"""Threads: the order is kept, memory is bounded, a fault comes out."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from phiz.prepare.pool import chunks, ordered


def test_the_order_is_that_of_the_items() -> None:
    def slow(item: int) -> int:
        time.sleep(random.random() / 500)
        return item * item

    assert list(ordered(slow, range(100), threads=5)) == [item * item for item in range(100)]


def test_few_items_are_under_way() -> None:
    asked = 0

    def items() -> Iterator[int]:
        nonlocal asked
        for item in range(1000):
            asked += 1
            yield item

    results = ordered(lambda item: item, items(), threads=2)
    for _ in range(10):
        next(results)
    assert asked <= 10 + 6
    results.close()  # type: ignore[attr-defined]


def test_a_fault_comes_out() -> None:
    def fail(item: int) -> int:
        raise KeyError(item)

    with pytest.raises(KeyError):
        list(ordered(fail, range(50), threads=3))


def test_chunks_close_at_length_or_weight() -> None:
    assert list(chunks(((item, 1) for item in range(7)), 3, 100)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([("a", 9), ("b", 200), ("c", 1)], 3, 100)) == [["a", "b"], ["c"]]
    assert list(chunks([], 3, 100)) == []
