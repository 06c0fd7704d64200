"""From pictures to faces: sources, labels, cutting. `phiz.verbs.prepare` composes them.

The package has a function's name: once a part of this room is imported, Python binds `phiz.prepare`
to the room and hides the verb. So the room can be called, and `phiz.prepare(...)` works either way.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the verb; see phiz.verbs.prepare.prepare."""
        from phiz.verbs.prepare import prepare

        return prepare(*arguments, **options)


sys.modules[__name__].__class__ = _Room
