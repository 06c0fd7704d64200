"""Commands that make faces larger: train-upscaler, upscale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phiz.cli.common import Force, ForceFile, Seed, Sharpness, Upscaler, app, pair, put


@app.command(
    "train-upscaler",
    epilog="Examples: [bold]phiz train-upscaler faces.zip -o runs/up --scale 4 --minutes 30[/]; "
    "[bold]phiz train-upscaler my-faces -o runs/up --generator runs/first --minutes 30[/]; "
    "[bold]phiz train-upscaler my-faces -o runs/up --minutes 30 --resume[/]",
)
def train_upscaler(
    source: Annotated[Path, typer.Argument(help="A face set, a zip or tar, or a folder of pictures.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The run to write.")],
    scale: Annotated[int | None, typer.Option(help="By how much it is to enlarge: 2 or 4 (4).")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Wall clock from the first step to the last checkpoint.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps instead of minutes.")] = None,
    size: Annotated[int | None, typer.Option(help="Width and height of the large faces.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pieces of faces a step.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the training.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (the default), cpu, cuda or mps.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="compact (the default), srgan, or a recipe's .json.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe.")
    ] = None,
    generator: Annotated[
        Path | None, typer.Option(help="A run or a model whose faces it is to enlarge.")
    ] = None,
    perceptual: Annotated[
        Path | None, typer.Option(help="An .onnx of a network of pictures, to learn sharpness by.")
    ] = None,
    prepare: Annotated[
        str | None,
        typer.Option(help="How pictures are cut: centre (the default), auto, human or anime (faces found)."),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Steps from one evaluation to the next, on top of --minutes; 0: none. By default seldom.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    force: Force = False,
) -> None:
    """Train a small network that enlarges faces."""
    from phiz.verbs.train_upscaler import train_upscaler as verb

    result = verb(
        source,
        out,
        scale=scale,
        minutes=minutes,
        steps=steps,
        size=size,
        batch=batch,
        seed=seed,
        device=device,
        recipe=recipe,
        settings=dict(pair(item) for item in set_ or []),
        generator=generator,
        perceptual=perceptual,
        prepare=prepare,
        evaluate_every=evaluate_every,
        resume=resume,
        force=force,
    )
    for line in result.lines:
        put(line)


@app.command(
    epilog="Examples: [bold]phiz upscale small.png -o large.png --upscaler runs/up[/]; "
    "[bold]phiz upscale photos/ -o large/ --upscaler runs/up --sharpness 0.5[/]; "
    "[bold]phiz upscale runs/first -o faces.png --upscaler runs/up -n 4[/]"
)
def upscale(
    sources: Annotated[
        list[Path], typer.Argument(help="Pictures, folders of them, or one model that makes faces.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="A picture, or a folder for several.")],
    upscaler: Upscaler = None,
    scale: Annotated[int | None, typer.Option(help="By how much; the upscaler has one.")] = None,
    sharpness: Sharpness = None,
    n: Annotated[int | None, typer.Option("-n", min=1, help="Of a model: how many faces; 16.")] = None,
    seed: Seed = 0,
    force: ForceFile = False,
) -> None:
    """Enlarge pictures, or the faces of a model."""
    from phiz.screen import progress
    from phiz.verbs.upscale import one_of_one
    from phiz.verbs.upscale import upscale as verb

    with progress("enlarging", "pixels" if one_of_one(sources, out) else "pictures") as tick:
        result = verb(
            sources,
            out,
            upscaler=upscaler,
            scale=scale,
            sharpness=sharpness,
            n=n,
            seed=seed,
            force=force,
            progress=tick,
        )
    for line in result.lines:
        put(line)
