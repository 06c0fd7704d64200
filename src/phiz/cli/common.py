"""What commands share: the app they belong to, options, and how words on the command line are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from phiz import __version__
from phiz.artefacts import FULL
from phiz.errors import UsageError

app = typer.Typer(
    name="phiz",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a folder of face pictures to a generator, on the machine you have.",
    epilog="Start with [bold]phiz demo[/], or [bold]phiz train my-faces.zip -o runs/first --minutes 5[/].",
)

Force = Annotated[bool, typer.Option("--force", help="Replace what phiz itself wrote there before.")]
ForceFile = Annotated[
    bool, typer.Option("--force", help="Replace files that phiz did not make; its own it replaces anyway.")
]
Seed = Annotated[int, typer.Option("--seed", help="0 .. 2^53-1; the same seed is the same face everywhere.")]
Truncation = Annotated[
    float,
    typer.Option("--truncation", min=0.0, max=2.0, help="1: all the variety; less: more typical faces."),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="'folders' (their names), 'afad' (AGE/111|112), 'tags' (of a collection), "
        "'given' (with the pictures), 'colours' (of hair, measured) or FILE.csv[:column,...].",
    ),
]

Sharpness = Annotated[
    float | None,
    typer.Option("--sharpness", help="0: the mean of what may be there; 1: sharp. As the upscaler says."),
]
Upscaler = Annotated[
    Path | None, typer.Option("--upscaler", help="What enlarges: a run of train-upscaler, or its model.")
]


def put(line: object) -> None:
    """Print a line of what came of the work; that nobody reads it any more is no fault of that."""
    try:
        print(line, flush=True)
    except OSError as fault:
        if fault.errno in FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(wanted: bool) -> None:
    if wanted:
        print(f"phiz {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback where a command fails.")] = False,
) -> None:
    pass


def making(things: str = "faces") -> AbstractContextManager[Callable[[int, int], None]]:
    from phiz.screen import progress

    return progress("making", things)


def pair(item: str, such: str = "--set batch=32 or --set generator.rate=0.001") -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise UsageError(f'"{item}" is not KEY=VALUE, e.g. {such}.')
    return key.strip(), value.strip()


def label_choices(items: list[str] | None) -> dict[str, str] | None:
    pairs = [pair(item, "--label hair=blue") for item in items or ()]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--label {name} is given more than once; a face has one value of it.")
    return dict(pairs) or None
