"""Packages that have a function's name.

Once a part of such a package is imported, Python binds `phiz.NAME` to the package and hides the verb of that
name. So the package can be called, and `phiz.NAME(...)` works either way.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the verb of this name, in phiz.verbs."""
        verb = self.__name__.rpartition(".")[2]
        return getattr(import_module(f"phiz.verbs.{verb}"), verb)(*arguments, **options)


def let_call(name: str) -> None:
    """Make the package `name` callable as its verb."""
    sys.modules[name].__class__ = _Room
