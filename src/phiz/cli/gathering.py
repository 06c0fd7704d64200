"""Commands that end in a face set: demo, collect, prepare, convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phiz.cli.common import Force, Labels, app, pair, put
from phiz.errors import UsageError
from phiz.screen import tell


@app.command(epilog="Example: [bold]phiz demo -o demo --minutes 3[/]")
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write the demo into.")] = Path("demo"),
    minutes: Annotated[float, typer.Option(min=0.05, help="Wall-clock minutes of training.")] = 3.0,
    faces: Annotated[int, typer.Option(min=16, help="How many faces to draw.")] = 4000,
    size: Annotated[int, typer.Option(help="Width and height of the faces.")] = 32,
    force: Force = False,
) -> None:
    """Show the model that comes with phiz, draw cartoon faces, train on them, and show what came of it."""
    from phiz.verbs.demo import demo as verb

    for line in verb(out, minutes=minutes, faces=faces, size=size, force=force).lines:
        put(line)


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
            say=tell,
        )
    for line in result.lines:
        put(line)


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

    limits = dict(pair(item, "--screen sharp=0.05 or --screen tilt=off") for item in screen or [])
    if max_upscale is not None:
        limits["enlarged"] = str(max_upscale)
    change = out is None and len(pictures) == 1 and kind_of(pictures[0]) == "faceset"
    if not change:
        by_name = str(pictures[0]).startswith("hf:")
        whole = pictures[0] if pictures[0].name.strip(".") else pictures[0].resolve()
        name = f"{whole.name.partition('.')[0] or whole.name.strip('.')}-faces"
        out = out or (Path(name) if by_name else whole.with_name(name))
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
            warn=tell,
        )
    found = faces.made.get("detector") or {}
    if not change and found.get("why") not in (None, "asked for"):
        put(f"Detector: {found['name']}, as {found['why']}.")
    rejected = faces.rejected()
    put(f"{faces.path}: {len(faces):,} faces of {faces.size} px, {len(rejected):,} set aside.")
    for source, reason in rejected[:3]:
        put(f"  {source}: {reason}")
    put(f"Look at {faces.path / 'report.html'}. Next: phiz train {faces.path} -o runs/first --minutes 5")


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
        str | None, typer.Option(help="The label to write; else all, of which a StyleGAN zip has one.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what stands there; a folder only if phiz wrote it.")
    ] = False,
) -> None:
    """Write a face set in another tool's format."""
    from phiz.screen import progress
    from phiz.verbs.convert import convert as verb

    with progress("writing", "faces") as tick:
        put(verb(faceset, out, format=format_, label=label, force=force, progress=tick))


def _numbers(option: str, text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").replace(",", " ").split()]
    except ValueError:
        raise UsageError(f"{option} {text}: give the numbers of faces, such as 17,23.") from None
