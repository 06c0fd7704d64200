"""Commands that give a model to others: export, publish, preview."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from phiz.cli.common import Force, Sharpness, Upscaler, app, pair, put
from phiz.errors import UsageError


@app.command(
    epilog="Examples: [bold]phiz export runs/first -o model[/]; "
    "[bold]phiz export runs/first -o model --upscaler runs/up[/]",
)
def export(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model folder to write.")],
    upscaler: Annotated[
        Path | None, typer.Option("--upscaler", help="What enlarges its faces; the model carries it then.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a model with its ONNX in three forms: fp32, and weights stored in 16 and in 8 bits."""
    from phiz.verbs.export import export as verb

    for line in verb(model, out, upscaler=upscaler, force=force).lines:
        put(line)


@app.command(
    epilog="Examples: [bold]phiz publish runs/first -o site[/]; "
    "[bold]phiz publish runs/first -o faces.html[/]; "
    "[bold]phiz publish runs/a runs/b -o site --title Faces --direction 1=age[/]"
)
def publish(
    models: Annotated[list[Path], typer.Argument(help="Runs or models; several share one page.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A folder, or one file: NAME.html.")],
    title: Annotated[str | None, typer.Option(help="What stands above the faces.")] = None,
    author: Annotated[str | None, typer.Option(help="Who made the model; kept once given.")] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", help="What others may do with it; kept once given."),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(help="fp32, fp16 or int8: how weights are stored; auto takes the smallest that does."),
    ] = "auto",
    upscaler: Upscaler = None,
    sharpness: Sharpness = None,
    direction: Annotated[
        list[str] | None,
        typer.Option("--direction", metavar="N=NAME", help="Name one of the page's directions."),
    ] = None,
    graphics: Annotated[
        bool, typer.Option("--graphics/--no-graphics", help="Bring the runtime for graphics cards too.")
    ] = True,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Publish a model that seems to copy faces it learned from.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a page that makes faces in every visitor's own browser, with no server behind it."""
    from phiz.screen import progress
    from phiz.verbs.publish import publish as verb

    with progress("publishing", "models", at_once=False) as tick:
        result = verb(
            models,
            out,
            title=title,
            author=author,
            licence=licence,
            weights=weights,
            upscaler=upscaler,
            sharpness=sharpness,
            names=_directions(direction),
            graphics=graphics,
            anyway=anyway,
            force=force,
            ask=_ask if sys.stdin.isatty() else None,
            progress=tick,
        )
    for line in result.lines:
        put(line)


@app.command(epilog="Example: [bold]phiz preview site[/]")
def preview(
    site: Annotated[Path, typer.Argument(help="A folder that phiz publish wrote.")],
    port: Annotated[int, typer.Option(help="Where; 0 takes any that is free.")] = 8000,
    host: Annotated[str, typer.Option(help="127.0.0.1: this machine; 0.0.0.0: its network.")] = "127.0.0.1",
) -> None:
    """Serve a site on this machine, to look at it before it goes out."""
    from phiz.verbs.preview import preview as verb

    try:
        verb(site, port=port, host=host, ready=lambda at: print(f"{at} (Ctrl-C stops it)", flush=True))
    except KeyboardInterrupt:
        print()


def _directions(items: list[str] | None) -> dict[int, str]:
    try:
        pairs = (pair(item, "--direction 1=age") for item in items or [])
        return {int(number): name for number, name in pairs}
    except ValueError:
        raise UsageError("--direction names a direction by its number, such as --direction 1=age.") from None


def _ask(what: str) -> str:
    try:
        return input(f"{what.capitalize()} of the model: ")
    except EOFError:
        print()
        return ""
