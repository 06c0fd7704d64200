"""What torchrun says is read strictly."""

from __future__ import annotations

import pytest

from phiz.errors import UsageError
from phiz.launching import launched


def test_a_number_or_the_default(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", " 4 ")
    assert launched("WORLD_SIZE", 1) == 4
    for unset in ("", "  "):
        monkeypatch.setenv("WORLD_SIZE", unset)
        assert launched("WORLD_SIZE", 1) == 1


def test_anything_else_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(UsageError, match=r"WORLD_SIZE is 'two'.*torchrun"):
        launched("WORLD_SIZE", 1)
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(UsageError, match=r"RANK is not.*torchrun"):
        launched("RANK")
