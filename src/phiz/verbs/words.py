"""What a training says of itself: at its start and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phiz.faceset import FaceSet
from phiz.screen import duration
from phiz.verbs import automatic

if TYPE_CHECKING:
    from phiz.training.run import Run


def beginning(run: Run, faces: FaceSet) -> list[str]:
    """Say what a training of a generator sets out to do, and with --explain why so."""
    lines = [opening(run, faces)]
    if run.explain:
        lines += run.reasons or [_nothing_chosen(run)]
    return lines + ([labels(run, faces)] if faces.schema else [])


def _nothing_chosen(run: Run) -> str:
    if run.recipe.name == automatic.NAME:
        return "Nothing is chosen here: the recipe was given whole, as auto wrote it before."
    return f"{run.recipe.name} is what it is; auto is the recipe that chooses."


def opening(run: Run, faces: FaceSet) -> str:
    """Say what a training sets out to do."""
    assert run.plan
    rates = [s.rate for s in run.plan.stages if s.rate]
    speed = f" at {rates[-1] * run.recipe.batch:,.0f} images/s" if rates else ""
    left = sum(s.steps / s.rate for s in run.plan.stages if s.rate)
    about = f", about {duration(left)}" if left else ""
    return (
        f"Training {run.recipe.name} at {run.recipe.size} px on {len(faces):,} faces ({run.device}): "
        f"{run.plan.steps:,} step{'s' if run.plan.steps != 1 else ''} of {run.recipe.batch}{speed}{about}."
    )


def labels(run: Run, faces: FaceSet) -> str:
    """Say what becomes of the labels of the face set."""
    names = ", ".join(faces.schema)
    if run.recipe.conditional:
        bare = [name for name, counts in faces.frequencies().items() if not any(counts)]
        but = f" No face has a value of {', '.join(bare)}: nothing is learned of that." if bare else ""
        return f"The faces follow their labels: {names}.{but}"
    why = (
        "as you asked"
        if "conditional" in (run.asked.get("settings") or {})
        else f"{run.recipe.name} takes none"
    )
    return f"The labels of the face set are left aside, {why}: {names}."


def summary(run: Run) -> str:
    """Say what a finished training took."""
    assert run.finished is not None
    assert run.plan is not None
    return (
        f"{run.plan.steps:,} steps, {run.finished['images']:,} images in {duration(run.finished['seconds'])}"
    )


def closing(run: Run) -> list[str]:
    """Say what came of a finished training, and what to do next."""
    out = run.folder
    return [
        f"{out}: {summary(run)}. See {out / 'samples'}, {out / 'film.webp'} and {out / 'model'}.",
        *_best(run),
        f"Next: phiz generate {out} -o faces.png -n 64   or   phiz evaluate {out}",
    ]


def _best(run: Run) -> list[str]:
    """Say which step became the model and what finding it cost."""
    finished = run.finished or {}
    if "best" not in finished or run.plan is None:
        return []
    step = finished["best"]["step"]
    share = finished["evaluating"] / max(finished["seconds"], 1e-9)
    which = "the last" if step == run.plan.steps else f"step {step:,}, better than the last"
    return [
        f"The model is {which}, of {len(run.plan.evaluations)} evaluated "
        f"({duration(finished['evaluating'])}, {share:.0%} of the time)."
    ]
