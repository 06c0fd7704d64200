"""phiz: from a folder of face pictures to a generator, on the machine you have.

>>> import phiz
>>> phiz.train("faces.zip", "runs/first", minutes=5)       # doctest: +SKIP
>>> phiz.load("runs/first").sample(16, seed=7).shape       # doctest: +SKIP
(16, 32, 32, 3)

Importing this package costs a few milliseconds: everything is loaded where it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from phiz.errors import PhizError
    from phiz.faceset import FaceSet
    from phiz.model import Model, load
    from phiz.training.recipe import Recipe
    from phiz.upscaler import Upscaler
    from phiz.verbs.collect import collect
    from phiz.verbs.convert import convert
    from phiz.verbs.demo import demo
    from phiz.verbs.evaluate import evaluate
    from phiz.verbs.export import export
    from phiz.verbs.generate import generate
    from phiz.verbs.inspect import inspect
    from phiz.verbs.prepare import prepare
    from phiz.verbs.preview import preview
    from phiz.verbs.publish import publish
    from phiz.verbs.train import train
    from phiz.verbs.train_upscaler import train_upscaler
    from phiz.verbs.upscale import upscale
    from phiz.verbs.walk import walk

_HOMES = {
    "FaceSet": "phiz.faceset",
    "Model": "phiz.model",
    "PhizError": "phiz.errors",
    "Recipe": "phiz.training.recipe",
    "Upscaler": "phiz.upscaler",
    "collect": "phiz.verbs.collect",
    "convert": "phiz.verbs.convert",
    "demo": "phiz.verbs.demo",
    "evaluate": "phiz.verbs.evaluate",
    "export": "phiz.verbs.export",
    "generate": "phiz.verbs.generate",
    "inspect": "phiz.verbs.inspect",
    "load": "phiz.model",
    "prepare": "phiz.verbs.prepare",
    "preview": "phiz.verbs.preview",
    "publish": "phiz.verbs.publish",
    "train": "phiz.verbs.train",
    "train_upscaler": "phiz.verbs.train_upscaler",
    "upscale": "phiz.verbs.upscale",
    "walk": "phiz.verbs.walk",
}
__all__ = [
    "FaceSet",
    "Model",
    "PhizError",
    "Recipe",
    "Upscaler",
    "collect",
    "convert",
    "demo",
    "evaluate",
    "export",
    "generate",
    "inspect",
    "load",
    "prepare",
    "preview",
    "publish",
    "train",
    "train_upscaler",
    "upscale",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'phiz' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
