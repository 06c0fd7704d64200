"""Values of an attribute: words as they stand, many numbers as ranges."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from phiz.prepare.bins import values_of


def ranges(*texts: object) -> list[str]:
    return values_of(str(text) for text in texts)[0]


def test_ages_become_decades() -> None:
    assert ranges(*range(15, 73)) == ["10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79"]
    _, of = values_of(str(age) for age in range(15, 73))
    assert (of["20"], of["29"], of["30"]) == ("20-29", "20-29", "30-39")
    assert ranges(*range(0, 117))[-1] == "110-119"


def test_widths_fit_the_span() -> None:
    assert ranges(*range(1000))[:2] == ["0-99", "100-199"]
    assert ranges(*(i / 100 for i in range(100)))[:2] == ["0-0.1", "0.1-0.2"]
    assert len(ranges(*range(0, 200))) in range(4, 17)
    assert ranges(*range(-30, 30))[:2] == ["-30 to -21", "-20 to -11"]


def test_ranges_that_nobody_is_in_are_left_out() -> None:
    assert "50-59" not in ranges(*range(0, 50), *range(60, 100))


def test_few_numbers_words_and_codes_stand_as_they_are() -> None:
    assert ranges(10, 9, 2, "-1", "0.5") == ["-1", "0.5", "2", "9", "10"]
    assert ranges("red", "blonde", "Black") == ["Black", "blonde", "red"]
    codes = [f"{code:03d}" for code in range(50)]
    assert ranges(*reversed(codes)) == codes
    assert ranges(*range(30), "unknown")[-1] == "unknown"
    assert ranges() == []


def test_texts_for_one_number_are_one_value() -> None:
    values, of = values_of(["1", "1.0", "2.50", "2.5", "-0", "0"])
    assert values == ["0", "1", "2.5"]
    assert of == {"1": "1", "1.0": "1", "2.50": "2.5", "2.5": "2.5", "-0": "0", "0": "0"}
    assert values_of(["1.0", "2.0"])[0] == ["1.0", "2.0"]


@given(st.sets(st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=3), min_size=21, max_size=80))
def test_any_numbers_fall_into_few_ordered_ranges(numbers: set[Decimal | int]) -> None:
    texts = {f"{number:f}" if isinstance(number, Decimal) else str(number) for number in numbers}
    texts = {text for text in texts if not text.startswith("-0")}
    values, of = values_of(texts)
    assert set(of) == texts
    assert list(dict.fromkeys(of[text] for text in sorted(texts, key=Decimal))) == values
    assert len(values) <= 20


def test_ranges_are_made_of_many_numbers_not_of_many_spellings() -> None:
    values, _ = values_of([f"{number}{end}" for number in range(11) for end in ("", ".0", ".00")])
    assert values == [str(number) for number in range(11)]
