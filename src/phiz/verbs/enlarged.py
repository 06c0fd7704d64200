"""What the training of an upscaler writes and says: samples, the model, its first and its last lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from phiz import artefacts, marks
from phiz.card import Network
from phiz.faceset import FaceSet
from phiz.sampling import sheets
from phiz.screen import duration
from phiz.upscaler import Upscaler, export, save_upscaler
from phiz.upscaler_card import UpscalerConfig
from phiz.verbs import results, words

if TYPE_CHECKING:
    from phiz.training.run import Run
    from phiz.training.upscaling import Upscaling

SHOWN = 6


def comparison(small: np.ndarray, *larger: np.ndarray) -> Image.Image:
    """Lay faces out in rows: `small` enlarged by bicubic, then each of `larger`; (N, H, W, 3) each."""
    size = larger[0].shape[1]
    plain = [
        np.asarray(Image.fromarray(face).resize((size, size), Image.Resampling.BICUBIC)) for face in small
    ]
    rows = [*plain, *(face for made in larger for face in made)]
    return sheets.sheet(rows, size, (1 + len(larger), len(small)))


def write_sample(folder: Path, step: int, task: Upscaling, made: np.ndarray) -> None:
    """Write the samples of a step as a sheet below RUN/samples: bicubic, enlarged, as they were."""
    count = min(SHOWN, len(task.held))
    sheet = comparison(task.small(count), made[:count], task.large(task.held[:count]))
    (folder / "samples").mkdir(exist_ok=True)
    said = {"phiz": "sample", "format": marks.FORMAT, "synthetic": True, "step": step}
    place = folder / "samples" / f"{step:09d}.png"
    artefacts.write_bytes(place, marks.encode(sheet, ".png", said))


def write_model(
    run: Run, task: Upscaling, faces: FaceSet, step: int, made: np.ndarray | None = None
) -> Upscaler:
    """Write RUN/model, both ends of `step`, the best so far: weights, ONNX, a preview and a card.

    The preview shows faces that a model `made`; those of the face set are not handed on.
    """
    assert run.plan
    recipe = run.recipe
    ends, preview = {}, None
    for end, network in task.finished(run.plan.position(step)).items():
        if made is not None:
            preview = comparison(made, task.draw(network, made))
        ends[end] = (results.arrays(network), export(network, recipe.scale, end))
    config = UpscalerConfig(
        network=Network(name=recipe.network.name, arguments=task.arguments()),
        scale=recipe.scale,
        size=recipe.size,
        reach=int(task.upscaler.reach),  # type: ignore[arg-type]
        ends=list(ends),
        degradations=recipe.degradations,
        generator=run.donor,
        faceset=faces.id,
        learned_from=results.learned_from(faces),
        faces=len(task.learned),
        recipe=recipe.name,
        steps=step,
    )
    return save_upscaler(run.folder / "model", config, ends, preview, force=True)


def opening(run: Run, faces: FaceSet) -> list[str]:
    """Say what a training sets out to do."""
    assert run.plan
    recipe = run.recipe
    kinds = ", ".join(f"{name} {share:.0%}" for name, share in _shares(recipe.degradations).items())
    left = sum(stage.steps / stage.rate for stage in run.plan.stages if stage.rate)
    about = f", about {duration(left)}" if left else ""
    return [
        f"Training {recipe.name} to enlarge {recipe.scale} times on {len(faces):,} faces of {recipe.size} px "
        f"({run.device}): {run.plan.steps:,} steps of {recipe.batch} pieces of {recipe.crop} px{about}.",
        f"Small pictures: {kinds}.",
    ]


def _shares(weights: dict[str, float]) -> dict[str, float]:
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items() if weight > 0}


def closing(run: Run) -> list[str]:
    """Say what came of a finished training, and what to do next."""
    out = run.folder
    return [
        f"{out}: {words.summary(run)}. See {out / 'samples'}, {out / 'film.webp'} and {out / 'model'}.",
        f"Next: phiz upscale PICTURES -o large --upscaler {out}",
    ]
