"""The command line: a command parses, calls one verb, prints.

Exit statuses are those of phiz.errors. An expected fault prints one line; `--debug` shows where it
came from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from phiz import __version__
from phiz.errors import PhizError, UsageError

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


def _say(line: str) -> None:
    print(line, file=sys.stderr)


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


@app.command(epilog="Example: [bold]phiz demo -o demo --minutes 3[/]")
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write the demo into.")] = Path("demo"),
    minutes: Annotated[float, typer.Option(min=0.05, help="Wall-clock minutes of training.")] = 3.0,
    faces: Annotated[int, typer.Option(min=16, help="How many faces to draw.")] = 4000,
    size: Annotated[int, typer.Option(help="Width and height of the faces.")] = 32,
    force: Force = False,
) -> None:
    """Draw cartoon faces, train on them, and show what came of it. Needs no data and no network."""
    from phiz.verbs.demo import demo as verb

    for line in verb(out, minutes=minutes, faces=faces, size=size, force=force).lines:
        print(line)


@app.command(
    epilog='Examples: [bold]phiz collect konachan "solo blue_hair" -o raw --limit 500 --dry-run[/]; '
    "[bold]phiz collect urls.txt -o raw[/]; [bold]phiz collect my-photos/[/]; "
    "[bold]phiz collect -o raw --credits[/]"
)
def collect(
    source: Annotated[
        str | None,
        typer.Argument(
            help="konachan, konachan.net, yandere, danbooru or safebooru; URLs (.txt), a table with URLs and "
            "labels (.csv), posts (.jsonl), one URL; or a folder, catalogued where it lies."
        ),
    ] = None,
    tags: Annotated[str, typer.Argument(help="What to search for, or which posts of a list to take.")] = "",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The collection.")] = None,
    limit: Annotated[
        int | None, typer.Option(help="At most so many, the newest; 1,000 of a site if nothing is said.")
    ] = None,
    rating: Annotated[
        str, typer.Option(help="safe, or several of safe,sensitive,questionable,explicit.")
    ] = "safe",
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="TAG", help="Leave out pictures with this tag.")
    ] = None,
    exclude_artist: Annotated[
        list[str] | None, typer.Option("--exclude-artist", metavar="NAME", help="Leave out this artist.")
    ] = None,
    min_size: Annotated[int, typer.Option(help="Least pixels of the shorter side.")] = 0,
    max_size: Annotated[
        int | None, typer.Option(help="Pixels that are enough: a sample that has them spares the site.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Your e-mail or web page, for the sites; kept once given.")
    ] = None,
    pause: Annotated[float, typer.Option(help="Seconds between two requests to a host, 1 or more.")] = 1.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come; write nothing.")] = False,
    credits: Annotated[
        bool, typer.Option("--credits", help="Write credits.html: artists and where each was found.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the ledger as JSON lines.")
    ] = None,
    forget_artist: Annotated[
        list[str] | None,
        typer.Option("--forget-artist", metavar="NAME", help="Remove an artist, now and for later."),
    ] = None,
) -> None:
    """Collect pictures, and what is known of them, as a polite guest."""
    from phiz.screen import progress
    from phiz.verbs.collect import collect as verb

    with progress("collecting", "pictures") as tick:
        result = verb(
            source,
            tags,
            out,
            limit=limit,
            rating=rating,
            exclude=exclude or (),
            exclude_artist=exclude_artist or (),
            min_size=min_size,
            max_size=max_size,
            contact=contact,
            pause=pause,
            dry_run=dry_run,
            credits=credits,
            export=export,
            forget_artist=forget_artist or (),
            progress=tick,
            say=_say,
        )
    for line in result.lines:
        print(line)


@app.command(
    epilog="Examples: [bold]phiz prepare photos.zip -o faces --size 64[/]; "
    "[bold]phiz prepare pictures/ -o faces --labels folders[/]; "
    "[bold]phiz prepare faces --restore 17,23 --drop 4[/]; [bold]phiz prepare faces --quality high[/]"
)
def prepare(
    pictures: Annotated[
        list[Path], typer.Argument(help="Zips, tars, folders or single pictures; or a face set to change.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The face set to write; by default NAME-faces beside the pictures."),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Width and height: b * 2^k with b in 3..7, e.g. 32, 48, 64.")
    ] = 64,
    detector: Annotated[
        str, typer.Option(help="auto, human (photographs), anime (drawings), or none (cut already).")
    ] = "auto",
    margin: Annotated[float, typer.Option(help="More around the face: 0.1 is a tenth on each side.")] = 0.0,
    all_faces: Annotated[
        bool, typer.Option("--all-faces", help="Every face of a picture, not the largest alone.")
    ] = False,
    quality: Annotated[
        str | None,
        typer.Option(help="The screens together: none, normal or high; normal for what is detected."),
    ] = None,
    screen: Annotated[
        list[str] | None,
        typer.Option("--screen", metavar="NAME=LIMIT", help="One screen: a number, or off; see report.html."),
    ] = None,
    max_upscale: Annotated[
        float | None, typer.Option(help="How far a face may be enlarged; 1.5 for what is detected.")
    ] = None,
    labels: Labels = None,
    include_minors: Annotated[
        bool, typer.Option("--include-minors", help="Keep pictures whose label age is under 18.")
    ] = False,
    restore: Annotated[
        str | None, typer.Option(metavar="ID,...", help="Of a face set: keep these after all.")
    ] = None,
    drop: Annotated[
        str | None, typer.Option(metavar="ID,...", help="Of a face set: leave these out.")
    ] = None,
    sources: Annotated[
        list[Path] | None, typer.Option("--sources", help="Of a face set: where its pictures lie now.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on this Ray cluster; 'auto' finds one.")
    ] = None,
    force: Force = False,
) -> None:
    """Find faces in pictures, cut and screen them, and write a face set, ready to train on."""
    from phiz.artefacts import kind_of
    from phiz.screen import progress
    from phiz.verbs.prepare import prepare as verb

    limits = dict(_pair(item, "--screen sharp=0.05 or --screen tilt=off") for item in screen or [])
    if max_upscale is not None:
        limits["enlarged"] = str(max_upscale)
    change = out is None and len(pictures) == 1 and kind_of(pictures[0]) == "faceset"
    if not change:
        name = f"{pictures[0].name.partition('.')[0]}-faces"
        by_name = str(pictures[0]).startswith("hf:")
        out = out or (Path(name) if by_name else pictures[0].with_name(name))
    with progress("preparing", "pictures") as tick:
        faces = verb(
            pictures,
            out,
            size=size,
            detector=detector,
            margin=margin,
            all_faces=all_faces,
            quality=quality,
            screen=limits,
            labels=labels,
            include_minors=include_minors,
            restore=_numbers("--restore", restore),
            drop=_numbers("--drop", drop),
            sources=sources or None,
            ray=ray,
            force=force,
            progress=tick,
            warn=_say,
        )
    found = faces.made.get("detector") or {}
    if not change and found.get("why") not in (None, "asked for"):
        print(f"Detector: {found['name']}, as {found['why']}.")
    rejected = faces.rejected()
    print(f"{faces.path}: {len(faces):,} faces of {faces.size} px, {len(rejected):,} set aside.")
    for source, reason in rejected[:3]:
        print(f"  {source}: {reason}")
    print(f"Look at {faces.path / 'report.html'}. Next: phiz train {faces.path} -o runs/first --minutes 5")


@app.command(
    epilog="Examples: [bold]phiz convert faces -o faces.zip[/]; [bold]phiz convert faces -o folder/[/]; "
    "[bold]phiz convert faces -o faces.tar[/]; [bold]phiz convert faces -o manifest.jsonl[/]"
)
def convert(
    faceset: Annotated[Path, typer.Argument(help="A face set.")],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help=".zip (StyleGAN), .tar (WebDataset), .jsonl (manifest) or a folder."
        ),
    ],
    format_: Annotated[
        str | None, typer.Option("--format", help="stylegan, webdataset, imagefolder or manifest.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The label to write; all, or the first, if not said.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a face set in another tool's format."""
    from phiz.screen import progress
    from phiz.verbs.convert import convert as verb

    with progress("writing", "faces") as tick:
        print(verb(faceset, out, format=format_, label=label, force=force, progress=tick))


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
        typer.Option(help="quick (the default), dcgan, afad64, acg96, acg112, or a recipe's .json."),
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
        typer.Option(min=0, help="Steps from one evaluation to the next; 0: none. By default seldom."),
    ] = None,
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
        settings=dict(_pair(item) for item in set_ or []),
        labels=labels,
        start_from=start_from,
        prepare=prepare,
        evaluate_every=evaluate_every,
        resume=resume,
        force=force,
    )
    for line in result.lines:
        print(line)


@app.command(
    epilog="Examples: [bold]phiz generate runs/first -o faces.png -n 16 --seed 7 --grid 4x4[/]; "
    "[bold]phiz generate runs/first -o faces/ -n 1000[/]; "
    "[bold]phiz generate runs/first -o best.png --best 16 --of 512[/]; "
    "[bold]phiz generate runs/first -o three.png --seeds 14,72,77 --numbered[/]"
)
def generate(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A sheet (.png, .webp, .jpg) or a folder.")],
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many faces; 16 if nothing says.")] = None,
    seed: Seed = 0,
    seeds: Annotated[str | None, typer.Option(help="The seed of each face: 14,72,77.")] = None,
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
    force: Force = False,
) -> None:
    """Make faces: one sheet, or a folder of single pictures."""
    from phiz.verbs.generate import generate as verb

    with _faces() as tick:
        paths = verb(
            model,
            out,
            n=n,
            seed=seed,
            seeds=_seeds(seeds) if seeds is not None else None,
            grid=grid,
            truncation=truncation,
            labels=_label_choices(label),
            like=like,
            best=best,
            of=of,
            against=against,
            numbered=numbered,
            scale=scale,
            force=force,
            progress=tick,
        )
    print(paths[0] if len(paths) == 1 else f"{out}: {len(paths):,} pictures.")


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
    scale: Annotated[int | None, typer.Option(min=1, help="Enlarge the frames so many times.")] = None,
    force: Force = False,
) -> None:
    """Make a walk between faces: a film that loops without a seam."""
    from phiz.verbs.walk import walk as verb

    with _faces("frames") as tick:
        path = verb(
            model,
            out,
            seconds=seconds,
            fps=fps,
            seed=seed,
            keys=keys,
            truncation=truncation,
            labels=_label_choices(label),
            scale=scale,
            force=force,
            progress=tick,
        )
    print(path)


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
    samples: Annotated[int, typer.Option(help="How many faces to make.")] = 5000,
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
        print(line)


@app.command(
    epilog="Examples: [bold]phiz export runs/first -o model[/]",
)
def export(
    model: Annotated[Path, typer.Argument(help="A run or a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model folder to write.")],
    force: Force = False,
) -> None:
    """Write a model with its ONNX in three forms: fp32, and weights stored in 16 and in 8 bits."""
    from phiz.verbs.export import export as verb

    for line in verb(model, out, force=force).lines:
        print(line)


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

    with progress("publishing", "models") as tick:
        result = verb(
            models,
            out,
            title=title,
            author=author,
            licence=licence,
            weights=weights,
            names=_directions(direction),
            graphics=graphics,
            anyway=anyway,
            force=force,
            ask=_ask if sys.stdin.isatty() else None,
            progress=tick,
        )
    for line in result.lines:
        print(line)


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


@app.command(epilog="Examples: [bold]phiz inspect runs/first[/]; [bold]phiz inspect faces.png[/]")
def inspect(
    path: Annotated[Path, typer.Argument(help="A collection, a face set, a run, a model, or a picture.")],
    save: Annotated[Path | None, typer.Option(help="Write its picture or diagram to this file.")] = None,
    force: Force = False,
) -> None:
    """Say what something is: how large, from what, how good."""
    from rich.console import Console

    from phiz.verbs.inspect import inspect as verb

    Console().print(verb(path, save=save, force=force))


def _faces(things: str = "faces") -> AbstractContextManager[Callable[[int, int], None]]:
    from phiz.screen import progress

    return progress("making", things)


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        raise UsageError(
            f"--seeds {text}: give whole numbers with commas between, such as 14,72,77."
        ) from None


def _numbers(option: str, text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").replace(",", " ").split()]
    except ValueError:
        raise UsageError(f"{option} {text}: give the numbers of faces, such as 17,23.") from None


def _pair(item: str, such: str = "--set batch=32 or --set generator.rate=0.001") -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise UsageError(f'"{item}" is not KEY=VALUE, e.g. {such}.')
    return key.strip(), value.strip()


def _directions(items: list[str] | None) -> dict[int, str]:
    try:
        return {int(number): name for number, name in map(_pair, items or [])}
    except ValueError:
        raise UsageError("--direction names a direction by its number, such as --direction 1=age.") from None


def _ask(what: str) -> str:
    return str(typer.prompt(f"{what.capitalize()} of the model", default="", show_default=False))


def _label_choices(items: list[str] | None) -> dict[str, str] | None:
    return dict(_pair(item) for item in items) if items else None


def main() -> None:
    """Run the command line and leave with the exit status of what happened."""
    debug = "--debug" in sys.argv
    argv = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(argv, prog_name="phiz", standalone_mode=True)
    except PhizError as fault:
        if debug:
            raise
        print(f"phiz: {fault}", file=sys.stderr)
        sys.exit(fault.status)
    except KeyboardInterrupt:
        print("phiz: stopped.", file=sys.stderr)
        sys.exit(130)
    except Exception as fault:
        if debug:
            raise
        print(f"phiz: unexpected {type(fault).__name__}: {fault} (--debug shows where)", file=sys.stderr)
        sys.exit(1)
