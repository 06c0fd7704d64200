"""Commands that make faces: train, generate, walk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phiz.cli.common import (
    Force,
    ForceFile,
    Labels,
    Seed,
    Sharpness,
    Truncation,
    Upscaler,
    app,
    label_choices,
    making,
    pair,
    put,
)
from phiz.errors import UsageError


@app.command(
    epilog="Examples: [bold]phiz train faces.zip -o runs/first --minutes 5[/]; "
    "[bold]phiz train faces.zip -o runs/first --minutes 5 --resume[/]; "
    "[bold]phiz train photos/ -o runs/b --labels folders --size 64 --set batch=32[/]"
)
def train(
    source: Annotated[Path, typer.Argument(help="A face set, a zip or tar, or a folder of pictures.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The run to write.")],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Wall clock from the first step to the last checkpoint.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps instead of minutes.")] = None,
    size: Annotated[int | None, typer.Option(help="Width and height of the faces.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Faces a step.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the training.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (the default), cpu, cuda or mps.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="auto (the default: chosen for your faces, machine and time), quick, modern, slim, dcgan, "
            "afad64, acg96, acg112, or a recipe's .json."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe.")
    ] = None,
    labels: Labels = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", help="A run or a model to start from instead of from noise.")
    ] = None,
    prepare: Annotated[
        str | None,
        typer.Option(
            "--prepare",
            help="How pictures are cut: centre (the default), auto, human or anime (faces found).",
        ),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Steps from one evaluation to the next, on top of --minutes; 0: none. By default seldom.",
        ),
    ] = None,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="Same steps, same bits on CUDA too; slower. CPUs always do."),
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="First say where the time of a step goes, layer by layer.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the recipe auto has chosen, and why.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    force: Force = False,
) -> None:
    """Train a generator on face pictures."""
    from phiz.verbs.train import train as verb

    result = verb(
        source,
        out,
        minutes=minutes,
        steps=steps,
        size=size,
        batch=batch,
        seed=seed,
        device=device,
        recipe=recipe,
        settings=dict(pair(item) for item in set_ or []),
        labels=labels,
        start_from=start_from,
        prepare=prepare,
        evaluate_every=evaluate_every,
        deterministic=deterministic,
        profile=profile,
        explain=explain,
        resume=resume,
        force=force,
    )
    for line in result.lines:
        put(line)


@app.command(
    epilog="Examples: [bold]phiz generate runs/first -o faces.png -n 16 --seed 7 --grid 4x4[/]; "
    "[bold]phiz generate runs/first -o faces/ -n 1000[/]; "
    "[bold]phiz generate runs/first -o best.png --best 16 --of 512[/]; "
    "[bold]phiz generate runs/first -o three.png --seeds 14,72,77 --numbered[/]; "
    "[bold]phiz generate avatars -o mixed.png --seeds 1,2,3 --fine 4,5,6,7[/]"
)
def generate(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A sheet (.png, .webp, .jpg) or a folder.")],
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many faces; 16 if nothing says.")] = None,
    seed: Seed = 0,
    seeds: Annotated[str | None, typer.Option(help="The seed of each face: 14,72,77.")] = None,
    fine: Annotated[
        str | None, typer.Option(help="Seeds whose colours each face takes, its shapes kept: 4,5,6.")
    ] = None,
    grid: Annotated[str | None, typer.Option(help="ROWSxCOLUMNS of a sheet, such as 4x6.")] = None,
    truncation: Truncation = 1.0,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="What every face shows.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(help="A picture this model made: the same faces again.")
    ] = None,
    best: Annotated[
        int | None, typer.Option(min=1, help="Choose so many that are realistic and unlike each other.")
    ] = None,
    of: Annotated[int | None, typer.Option(min=1, help="How many to choose from; 512 by default.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Real faces to judge by; by default those it learned from.")
    ] = None,
    numbered: Annotated[bool, typer.Option("--numbered", help="Write each face's seed beneath it.")] = False,
    scale: Annotated[int | None, typer.Option(min=1, help="Enlarge the faces so many times.")] = None,
    upscale: Annotated[int | None, typer.Option(help="Enlarge them by an upscaler, 2 or 4 times.")] = None,
    upscaler: Upscaler = None,
    sharpness: Sharpness = None,
    force: ForceFile = False,
) -> None:
    """Make faces: one sheet, or a folder of single pictures."""
    from phiz.verbs.generate import generate as verb

    with making() as tick:
        paths = verb(
            model,
            out,
            n=n,
            seed=seed,
            seeds=_seeds("--seeds", seeds) if seeds is not None else None,
            fine=_seeds("--fine", fine) if fine is not None else None,
            grid=grid,
            truncation=truncation,
            labels=label_choices(label),
            like=like,
            best=best,
            of=of,
            against=against,
            numbered=numbered,
            scale=scale,
            upscale=upscale,
            upscaler=upscaler,
            sharpness=sharpness,
            force=force,
            progress=tick,
        )
    put(paths[0] if len(paths) == 1 else f"{out}: {len(paths):,} pictures.")


@app.command(
    epilog="Examples: [bold]phiz walk runs/first -o walk.gif --seconds 6 --seed 7[/]; "
    "[bold]phiz walk runs/first -o walk.mp4 --truncation 0.8[/]"
)
def walk(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A .gif, .webp or .mp4 to write.")],
    seconds: Annotated[float, typer.Option(help="How long one round takes.")] = 6.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 30.0,
    seed: Seed = 0,
    keys: Annotated[int | None, typer.Option(min=2, help="How many faces it passes.")] = None,
    truncation: Truncation = 1.0,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="What every face shows.")
    ] = None,
    fine: Annotated[int | None, typer.Option(help="A seed whose colours stay while shapes change.")] = None,
    scale: Annotated[int | None, typer.Option(min=1, help="Enlarge the frames so many times.")] = None,
    force: ForceFile = False,
) -> None:
    """Make a walk between faces: a film that loops without a seam."""
    from phiz.verbs.walk import walk as verb

    with making("frames") as tick:
        path = verb(
            model,
            out,
            seconds=seconds,
            fps=fps,
            seed=seed,
            keys=keys,
            truncation=truncation,
            labels=label_choices(label),
            fine=fine,
            scale=scale,
            force=force,
            progress=tick,
        )
    put(path)


def _seeds(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        raise UsageError(
            f"{option} {text}: give whole numbers with commas between, such as 14,72,77."
        ) from None
