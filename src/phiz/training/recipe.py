"""Recipes: everything that decides a training, as one validated value that is written into the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from phiz import networks
from phiz.errors import PhizError, UsageError, nearest
from phiz.pictures import check_size


class Part(BaseModel):
    """A part of a recipe: it knows its keys and refuses others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_ELSEWHERE = {
    "size": "the recipe's size is meant (--size)",
    "z": "the recipe's z is meant (--set z=...)",
    "labels": "labels are those of the face set",
}


class Network(Part):
    """An architecture of phiz.networks, and the arguments of its two classes besides size and z."""

    name: str
    generator: dict[str, Any] = {}
    discriminator: dict[str, Any] = {}

    @model_validator(mode="after")
    def _not_given_twice(self) -> Network:
        for role in ("generator", "discriminator"):
            for key, whose in _ELSEWHERE.items():
                if key in getattr(self, role):
                    raise ValueError(f"network.{role}.{key} is no argument of its own: {whose}")
        return self


class Adam(Part):
    """Adam (Kingma and Ba, arXiv 1412.6980).

    With `clip`, the gradient of a tensor that is more than so many times as long as Adam's second moment says
    of late is shortened to that (training/optimizers.py). With `beta2_end`, beta2 goes there in the burn-in.
    Over the first `warmup` steps of the adversarial stage the rate rises to `rate` (training/schedules.py).
    """

    rate: float = Field(gt=0)
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    beta2_end: float | None = Field(None, ge=0, lt=1)
    clip: float | None = Field(None, gt=0)
    warmup: int = Field(0, ge=0)


class Penalty(Part):
    """A zero-centred gradient penalty on D (training/penalties.py).

    `share` is the part of the batch that is penalised; `sigma` is the step of the finite difference, in pixel
    values from -1 to 1. With `gamma_end`, gamma goes there over the burn-in.
    """

    kind: Literal["exact", "finite-difference"] = "finite-difference"
    gamma: float = Field(gt=0)
    gamma_end: float | None = Field(None, gt=0)
    share: float = Field(1.0, gt=0, le=1)
    sigma: float = Field(0.05, gt=0)


class Outline(Part):
    """A first stage in which G learns to draw faces from their principal components (training/outline.py).

    It takes `share` of the time, with Adam at `rate` falling to zero.
    """

    share: float = Field(gt=0, lt=1)
    rate: float = Field(0.002, gt=0)


class Augment(Part):
    """Random changes to what D sees, for sets of few faces (training/augment.py).

    `strength` is the probability of each change; it rises from 0 over the first `rise` of the adversarial
    stage. With `adaptive` it starts at `strength` and follows how sure D is of the real faces, held to
    `target`.
    """

    strength: float = Field(0.3, ge=0, le=1)
    rise: float = Field(1.0, ge=0, le=1)
    adaptive: bool = False
    target: float = Field(0.6, ge=-1, le=1)


class Recipe(Part):
    """Everything that decides a training; a run's recipe.json holds it complete."""

    name: str
    network: Network
    size: int = 64
    z: int = Field(100, ge=1)
    batch: int = Field(64, ge=2)
    steps: int | None = Field(None, ge=1)
    outline: Outline | None = None
    loss: Literal["bce", "relativistic"] = "bce"
    penalty: Penalty | None = None
    augment: Augment | None = None
    generator: Adam
    discriminator: Adam
    burn_in: float = Field(1.0, gt=0, le=1)  # over this share of the adversarial stage (schedules.py)
    decay: float = Field(0.0, ge=0, le=1)  # the last share of the run over which both rates fall to zero
    ema: float = Field(0.0, ge=0, le=1)  # half-life of the averaged G as a share of the stage; 0: no average
    freeze: int = Field(0, ge=0)  # so many layers of D, from the picture inward, stay as they were taken
    noise: Literal["fresh", "per-epoch"] = "fresh"
    flip: bool = True
    conditional: bool = False  # G and D take the face set's labels, if it has any
    classifier: float = Field(0.0, ge=0)  # weight of each label that D reads in faces (losses.py)
    precision: Literal["auto", "float32", "bfloat16"] = "float32"  # auto: training/precision.py
    compile: bool = False  # G and D by torch.compile, on CUDA as graphs too
    seed: int = Field(0, ge=0, lt=2**53)

    @model_validator(mode="after")
    def _goes_together(self) -> Recipe:
        if self.classifier and not self.conditional:
            raise ValueError("a classifier reads labels, which need --set conditional=true")
        if self.compile and self.penalty and self.penalty.kind == "exact":
            raise ValueError(
                "an exact penalty needs a second backward, which torch.compile has not; "
                "--set penalty.kind=finite-difference"
            )
        return self


def _dcgan(name: str, **changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "network": Network(name="dcgan"),
        "batch": 128,
        "generator": Adam(rate=2e-4),
        "discriminator": Adam(rate=2e-4),
        "flip": False,
    }
    return Recipe(name=name, **(values | changes))


def _relativistic(name: str, network: Network, rate: float = 2e-3, warmup: int = 0, **more: Any) -> Recipe:
    adam = Adam(rate=rate, beta1=0.0, beta2=0.99, clip=2.0, warmup=warmup)
    values: dict[str, Any] = {
        "size": 32,
        "batch": 64,
        "outline": Outline(share=0.15),
        "loss": "relativistic",
        "generator": adam,
        "discriminator": adam,
        "decay": 0.8,
        "ema": 0.03,
        "conditional": True,
        "precision": "auto",
    }
    return Recipe(name=name, network=network, **(values | more))


def _modern(name: str, **more: Any) -> Recipe:
    penalty = Penalty(kind="exact", gamma=2.0, gamma_end=0.5)
    return _relativistic(name, _MODERN, warmup=30, z=64, penalty=penalty, classifier=0.1, **more)


_MODERN = Network(
    name="modern",
    generator={"width": "s", "depth": 1, "block": "full", "norm": "batch", "mapping": 2},
    discriminator={"width": "s", "depth": 0, "block": "full"},
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        # training/auto.py changes it to what there is.
        _modern("auto"),
        # What it writes for 9,000 faces, five minutes and a CPU, frozen (benchmarks/RESULTS.md).
        _modern("quick", batch=32, rate=1.4e-3),
        _modern("modern"),
        # What a CPU did best in minutes before there was `auto`, left as it was then.
        _relativistic("slim", Network(name="slim"), z=128, penalty=Penalty(gamma=2.0)),
        # Radford et al., arXiv 1511.06434, section 4.
        _dcgan("dcgan"),
        # The Keras project after the AFAD data set.
        Recipe(
            name="afad64",
            network=Network(name="afad"),
            batch=128,
            generator=Adam(rate=1e-4, beta1=0.9),
            discriminator=Adam(rate=7e-5, beta1=0.9),
            noise="per-epoch",
            flip=False,
        ),
        # The anime project: z 300, batch 64, 40,000 iterations at 96 and 112 px; no more is known of it.
        _dcgan("acg96", size=96, z=300, batch=64, steps=40_000),
        _dcgan("acg112", size=112, z=300, batch=64, steps=40_000),
    )
}


def find(name: str, known: Mapping[str, R] = RECIPES) -> R:  # type: ignore[assignment]
    """Return the recipe of `known` called `name`, or the one in the JSON file of that path (a run's too).

    Raises:
        UsageError: there is no such recipe; the nearest is named.
        PhizError: the file cannot be read, or holds no recipe.
    """
    if name in known:
        return known[name]
    if not name.endswith(".json"):
        raise UsageError(f'There is no recipe "{name}"; there are {", ".join(known)}.{nearest(name, known)}')
    try:
        data = json.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise PhizError(f"{name} cannot be read as a recipe: {fault}.") from None
    kind = type(next(iter(known.values())))
    if isinstance(data, dict) and "recipe" in data:
        data = _of_a_run(data, known)
    return validated(data, name, kind)


def _of_a_run(data: Mapping[str, Any], known: Mapping[str, BaseModel]) -> Any:
    """Return the recipe of a run's recipe.json; the machine at hand settles its precision anew."""
    recipe, asked = data["recipe"], (data.get("asked") or {}).get("settings") or {}
    base = known.get(str(recipe.get("name"))) if isinstance(recipe, dict) else None
    if getattr(base, "precision", None) == "auto" and "precision" not in asked:
        return recipe | {"precision": "auto"}
    return recipe


def told_apart(recipe: Part) -> str:
    """Return a name for a recipe that was given whole: another one of the same name has another."""
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()
    return f"{recipe.name}, given whole ({digest[:12]})"  # type: ignore[attr-defined]


R = TypeVar("R", bound=Part)


def validated(data: Any, source: str, kind: type[R] = Recipe) -> R:  # type: ignore[assignment]
    """Return the recipe that `data` describes; a fault names its key, and `source` as where it stands."""
    try:
        return kind.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{source}: a recipe has no {key}.{nearest(key, _all_keys(kind, data))}"
            ) from None
        if first["type"] == "missing":
            raise UsageError(f"{source}: a recipe needs {key}, which is not there.") from None
        if first["type"] == "value_error":  # a rule about several keys
            raise UsageError(f"{source}: {first['msg'].removeprefix('Value error, ')}.") from None
        if first["type"].startswith("model_") and first["loc"]:
            inner = next(other for other in _keys(kind) if other.startswith(f"{key}."))
            raise UsageError(f"{source}: {key} has keys of its own, such as {inner}.") from None
        raise UsageError(f"{source}: {key}: {first['msg']} (it is {first['input']!r}).") from None


def changed(recipe: R, settings: Mapping[str, str]) -> R:
    """Return `recipe` with `--set` changes: dotted keys, values as JSON or plain text.

    `penalty.gamma=2` changes one value, `penalty=null` takes the penalty away. Where gamma moves and only its
    first value is given, the last one stays as far from it; without labels there is no classifier. Another
    network does not take over the arguments of the one before.
    """
    data = recipe.model_dump()
    first = (data.get("penalty") or {}).get("gamma")
    for key, text in settings.items():
        if not all(part.strip() for part in key.split(".")):
            raise UsageError(f'--set {key}={text}: "{key}" is no key, such as penalty.gamma.')
    values = {key: _value(text) for key, text in settings.items()}
    if values.get("network.name", recipe.network.name) != recipe.network.name:  # type: ignore[attr-defined]
        data["network"] = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        place = data
        for parent in parents:
            if place.get(parent) is None:
                place[parent] = {}
            place = place[parent]
            if not isinstance(place, dict):
                raise UsageError(f"--set {key}={settings[key]}: {parent} holds no further keys.")
        place[last] = value
    if "penalty.gamma" in settings and "penalty.gamma_end" not in settings and first:
        penalty = data["penalty"] or {}
        if penalty.get("gamma_end") and isinstance(penalty["gamma"], int | float):
            penalty["gamma_end"] *= penalty["gamma"] / first
    if "conditional" in data and not data["conditional"] and "classifier" not in settings:
        data["classifier"] = 0.0
    source = "--set " + " ".join(f"{key}={text}" for key, text in settings.items())
    recipe = validated(data, source, type(recipe))
    check_size(recipe.size)  # type: ignore[attr-defined]
    return recipe


def texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as `--set` takes them: of a Python value, its JSON.

    Raises:
        UsageError: a value has no JSON.
    """
    found = {}
    for key, value in settings.items():
        try:
            found[key] = value if isinstance(value, str) else json.dumps(value)
        except (TypeError, ValueError):
            raise UsageError(f"settings: {key} is {value!r}; a number or a text is needed.") from None
    return found


def _value(text: str) -> Any:
    """Return what a `--set` gives: JSON, or else the plain text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _all_keys(kind: type[BaseModel], data: Any) -> Iterable[str]:
    """Return the keys of a recipe, and those that its networks take as arguments."""
    yield from _keys(kind)
    network = data.get("network") if isinstance(data, dict) else None
    if isinstance(network, dict) and network.get("name") in networks.NETWORKS:
        for role in ("generator", "discriminator"):
            yield from (f"network.{role}.{key}" for key in networks.takes(network["name"], role))


def _keys(part: type[BaseModel], before: str = "") -> Iterable[str]:
    for name, field in part.model_fields.items():
        yield before + name
        for kind in getattr(field.annotation, "__args__", (field.annotation,)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _keys(kind, f"{before}{name}.")
