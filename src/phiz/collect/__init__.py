"""From sites, lists and folders to a collection. `phiz.verbs.collect` composes what is here.

The package has a function's name: once a part of this room is imported, Python binds `phiz.collect`
to the room and hides the verb. So the room can be called, and `phiz.collect(...)` works either way.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the verb; see phiz.verbs.collect.collect."""
        from phiz.verbs.collect import collect

        return collect(*arguments, **options)


sys.modules[__name__].__class__ = _Room
