"""Limits, verdicts, and what is said of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phiz.errors import UsageError
from phiz.prepare import screens
from phiz.prepare.screens import SCREENS, kind_of_reason, limits_of, told, verdict


@given(
    st.sampled_from(SCREENS),
    st.floats(-100, 100, allow_subnormal=False),
    st.floats(-100, 100, allow_subnormal=False),
)
def test_a_screen_refuses_beyond_its_limit_and_not_at_it(
    screen: screens.Screen, value: float, limit: float
) -> None:
    why = verdict({screen.figure: value}, {screen.name: limit})
    assert (why is None) == (value <= limit if screen.most else value >= limit)
    if why:
        assert why.startswith(screen.says)
        assert kind_of_reason(why) == screen.says


def test_what_is_not_known_is_not_refused() -> None:
    for detector in ("human", "anime", "none"):
        assert verdict({}, limits_of("high", detector)) is None


def test_high_is_never_laxer_than_normal() -> None:
    for detector in ("human", "anime", "none"):
        normal, high = limits_of("normal", detector), limits_of("high", detector)
        for screen in SCREENS:
            if screen.name in normal:
                stricter = high[screen.name] <= normal[screen.name]
                assert stricter if screen.most else high[screen.name] >= normal[screen.name]


def test_defaults() -> None:
    assert limits_of(None, "none") == {"same": 1}
    assert limits_of(None, "human") == limits_of("normal", "human")
    assert limits_of("none", "anime") == {}
    assert "page" not in limits_of("normal", "human")
    assert limits_of("normal", "anime")["sure"] == 0.5
    assert limits_of("none", "none", {"sharp": "0.3", "near": "3"}) == {"sharp": 0.3, "near": 3}
    assert "same" not in limits_of("normal", "none", {"same": "off"})


@pytest.mark.parametrize(
    "given_", [{"near": "33"}, {"near": "1.5"}, {"sharp": "nan"}, {"sharp": "inf"}, {"": "1"}]
)
def test_limits_that_are_none(given_: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        limits_of("normal", "none", given_)


def test_every_limit_is_told() -> None:
    for quality in ("normal", "high"):
        limits = limits_of(quality, "anime")
        assert [row[0] for row in told(limits)] == list(limits)
