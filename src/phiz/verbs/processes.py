"""How the verb train is shared by many processes: the first prepares, tells the others, and alone writes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from phiz import artefacts
from phiz.errors import PhizError, UsageError
from phiz.faceset import FaceSet
from phiz.launching import by_torchrun, launched

if TYPE_CHECKING:
    from phiz.training.distributed import Group
    from phiz.training.run import Run

P = ParamSpec("P")
T = TypeVar("T")


def shared(
    follow: Callable[[Group, Path, Path], Any],
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have a verb (source, out, ...) done by all processes that torchrun has started together.

    The first does it, all others `follow` (group, source, out). One that torchrun has started anew after a
    fault goes on with what is there.
    """

    def decorate(verb: Callable[P, T]) -> Callable[P, T]:
        @wraps(verb)
        def either(*args: P.args, **kwargs: P.kwargs) -> T:
            if launched("WORLD_SIZE", 1) > 1 or by_torchrun():
                return started(verb, *args, **kwargs)
            return verb(*args, **kwargs)

        return either

    def started(verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        from phiz.training import distributed
        from phiz.training import run as runs

        asked = signature(verb).bind(*args, **kwargs).arguments
        group, out = distributed.join(), Path(asked["out"])
        group.meeting.anew()
        if not group.first:
            return follow(group, Path(asked["source"]), out)  # type: ignore[no-any-return]
        if distributed.restarted() and artefacts.kind_of(out) == "run":
            if group.meeting.has_begun():
                asked |= {"resume": True, "force": False}
            elif not asked.get("force") and not runs.planned(out):  # stopped on its way: nothing is lost
                asked["resume"] = True
        with leading(group):
            return verb(**asked)  # type: ignore[call-arg]

    return decorate


def only_one(verb: str) -> None:
    """Refuse a verb that many processes cannot share (status 2)."""
    if launched("WORLD_SIZE", 1) > 1:
        raise UsageError(f"{verb} runs as one process; start it without torchrun.")


@contextmanager
def leading(group: Group) -> Iterator[None]:
    """Prepare as the first process; should that fail, the others end as well, quietly."""
    told = {"status": 0}  # a training that is done already
    if group.world > 1:
        group.meeting.show_life()
    try:
        yield
    except PhizError as fault:
        told = {"status": fault.status}
        raise
    except BaseException:
        told = {"status": 1}
        raise
    finally:
        if group.world > 1 and not group.meeting.told:
            group.meeting.hand_over(json.dumps(told))


def tell(group: Group, run: Run) -> None:
    """Hand a prepared run over to the others.

    Raises:
        UsageError: there are more processes than faces in a step.
    """
    if run.recipe.batch < group.world:
        raise UsageError(
            f"A step of {run.recipe.batch} faces cannot be shared by {group.world} processes; start fewer, "
            "or a new run with a larger --batch."
        )
    if group.world > 1 and group.first:
        group.meeting.hand_over(json.dumps(run.data()))


def told(group: Group, out: Path) -> Run | None:
    """Wait, as one of the others, for the run that the first process has prepared.

    Returns:
        The run; None where there is nothing to train, since it is done.

    Raises:
        SystemExit: preparing failed; the first process says why.
    """
    from phiz.training import run as runs

    data = json.loads(group.meeting.receive())
    if data.get("status") == 0:
        return None
    if "status" in data:
        raise SystemExit(data["status"])
    return runs.parsed(out, data)


def faces_of(run: Run, source: Path) -> FaceSet:
    """Open the very face set that the first process trains on: `source`, or what it has cut into the run.

    Raises:
        PhizError: it is not here, or another one.
    """
    given = artefacts.kind_of(source) == "faceset"
    path = source if given else run.folder / "faceset"
    faces = FaceSet.version(path, run.faceset) or FaceSet.open(path)
    if faces.id != run.faceset:
        raise PhizError(
            f"{path} is not the face set that the first process trains on (id {faces.id[:12]}, not "
            f"{str(run.faceset)[:12]}); copy that one to every machine."
        )
    return faces


def threads(run: Run, group: Group) -> int | None:
    """Return how many threads this process takes: those of before, or its share of the machine."""
    if run.threads and run.processes == group.world:
        return run.threads
    if group.world == 1:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // launched("LOCAL_WORLD_SIZE", 1))
