"""Commands that say what something is worth: evaluate, inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phiz.cli.common import Force, ForceFile, Seed, Truncation, app, put


@app.command(
    epilog="Examples: [bold]phiz evaluate runs/first --against held-out[/]; "
    "[bold]phiz evaluate runs/first --compare runs/second --against held-out[/]; "
    "[bold]phiz evaluate runs/first --against held-out --extractor inception --samples 50000[/]"
)
def evaluate(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    against: Annotated[
        Path | None,
        typer.Option(help="A face set, best of faces it did not learn from; by default those it did."),
    ] = None,
    compare: Annotated[Path | None, typer.Option(help="Another run or model, side by side.")] = None,
    trained_on: Annotated[
        Path | None, typer.Option(help="The face set it learned from, to look for copies.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder of the report; RUN/evaluation by default.")
    ] = None,
    samples: Annotated[
        int, typer.Option(help="How many faces to make, or as many as there are other real ones.")
    ] = 5000,
    seed: Seed = 0,
    truncation: Truncation = 1.0,
    extractor: Annotated[
        str,
        typer.Option(
            help="filters (built in), inception (FID), inception-legacy, dinov2, dinov2-base, or FILE.onnx."
        ),
    ] = "filters",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to extract features with.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Extract on this Ray cluster; 'auto' finds one.")
    ] = None,
    force: Force = False,
) -> None:
    """Say how good a model is, how varied, and how much of it is copied."""
    from phiz.screen import progress
    from phiz.verbs.evaluate import evaluate as verb

    result = verb(
        model,
        against,
        compare=compare,
        trained_on=trained_on,
        out=out,
        samples=samples,
        seed=seed,
        truncation=truncation,
        extractor=extractor,
        threads=threads,
        ray=ray,
        force=force,
        bar=lambda doing: progress(doing, "faces"),
    )
    for line in result.lines:
        put(line)


@app.command(epilog="Examples: [bold]phiz inspect runs/first[/]; [bold]phiz inspect faces.png[/]")
def inspect(
    path: Annotated[Path, typer.Argument(help="A collection, a face set, a run, a model, or a picture.")],
    save: Annotated[Path | None, typer.Option(help="Write its picture or diagram to this file.")] = None,
    force: ForceFile = False,
) -> None:
    """Say what something is: how large, from what, how good."""
    from rich.console import Console

    from phiz.verbs.inspect import inspect as verb

    console = Console()
    with console.capture() as shown:
        console.print(verb(path, save=save, force=force))
    put(shown.get().removesuffix("\n"))
