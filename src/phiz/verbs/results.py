"""What a training writes beside its checkpoints: sheets of samples, the model, the film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phiz import artefacts, marks
from phiz.errors import Surroundings
from phiz.faceset import FaceSet
from phiz.model import Model, ModelConfig, Network, save_model
from phiz.sampling import films, sheets
from phiz.verbs import sources

if TYPE_CHECKING:
    import torch

    from phiz.training.gan import GAN
    from phiz.training.run import Run

CENTRES = "centres"
_FILM_FPS = 12
_FILM_SIDE = 1024  # pixels: a larger sheet is reduced for the film
_FILM_HOLD = 18  # frames that the film rests on its last picture


def write_sample(folder: Path, step: int, faces: np.ndarray) -> None:
    """Write the samples of a step, uint8 (N, H, W, 3), as a sheet below RUN/samples."""
    (folder / "samples").mkdir(exist_ok=True)
    artefacts.write_bytes(folder / "samples" / f"{step:09d}.png", sample(step, faces))


def sample(step: int, faces: np.ndarray) -> bytes:
    """Return the samples of a step, uint8 (N, H, W, 3), as a sheet in a PNG."""
    size = faces.shape[1]
    sheet = sheets.sheet(faces, size, (8, 8), scale=sheets.scale_for(size, 64))
    said = {"phiz": "sample", "format": marks.FORMAT, "synthetic": True, "step": step}
    return marks.encode(sheet, ".png", said)


def write_model(run: Run, task: GAN, faces: FaceSet, step: int) -> Model:
    """Write RUN/model, the generator of `step`, the best so far: weights, ONNX, a preview and a card."""
    from phiz.onnx import export
    from phiz.training import centres

    assert run.plan
    recipe = run.recipe
    network = task.finished(run.plan.position(step))
    conditions = task.conditions
    labels = faces.schema if conditions else {}
    found = centres.of(network, recipe.z)
    onnx = export(network, recipe.z, len(labels), found)
    config = ModelConfig(
        network=Network(name=recipe.network.name, arguments=dict(task.arguments("generator"))),
        discriminator=dict(recipe.network.discriminator),
        size=recipe.size,
        z=recipe.z,
        labels=labels,
        frequencies=conditions.frequencies if conditions else {},
        pairs=conditions.pairs if conditions else [],
        output_range=task.output_range,
        mixes=getattr(network, "mixes", False),
        faceset=faces.id,
        learned_from=learned_from(faces),
        faces=len(faces),
        recipe=recipe.name,
        steps=step,
        centres=None if found is None else CENTRES,
    )
    preview = sheets.sheet(task.draw(network), recipe.size, (8, 8), scale=sheets.scale_for(recipe.size, 64))
    return save_model(
        run.folder / "model",
        config,
        arrays(network) | ({} if found is None else {CENTRES: found}),
        onnx,
        preview,
        discriminator=arrays(task.critic()),
        force=True,
    )


def learned_from(faces: FaceSet) -> str:
    """Say where the pictures came from: the names of the archives and folders a set was packed from."""
    sources = [str(source["name"]) for source in faces.made.get("sources", []) if "name" in source]
    return faces.made.get("name") or ", ".join(sources) or faces.path.name


def arrays(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """Return the weights of a network, {name: array}."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def write_film(run: Run, model: Model) -> None:
    """Make film.webp from the samples: the same faces, growing from noise."""
    from PIL import Image

    frames = []
    for path in sorted((run.folder / "samples").glob("[0-9]*.png")):
        try:
            with Image.open(path) as picture:
                shown = picture.convert("RGB")
        except OSError as fault:
            sources.say(run, f"{path} is left out of the film: {fault}")
            continue
        shown.thumbnail((_FILM_SIDE, _FILM_SIDE))  # all frames are in memory at once
        frames.append(np.asarray(shown))
    if not frames:
        return

    said = {"phiz": "film", "format": marks.FORMAT, "synthetic": True, "model": model.hash}
    try:
        films.write(
            run.folder / "film.webp",
            len(frames) + _FILM_HOLD,
            lambda wanted: (frames[min(i, len(frames) - 1)] for i in wanted),
            _FILM_FPS,
            said,
        )
    except OSError as fault:
        raise Surroundings(f"{run.folder / 'film.webp'}: {fault}; the model is whole.") from None
