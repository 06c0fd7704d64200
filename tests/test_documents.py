"""The documents tell the truth: tutorials run as they stand, commands parse, links lead somewhere.

Blocks marked `sh` or `python` in docs/*.md are run in order, each document in a folder of its own with
drawn pictures in it. Trainings are shrunk: a few steps of small networks instead of minutes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from PIL import Image

import toys
from phiz import cli
from phiz.errors import PhizError
from toyset import SMALL

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh.md", "README.ja.md"]
NAMES = ("training", "faces", "making", "evaluation", "collecting", "upscaling", "publishing")
TUTORIALS = [f"docs/{name}.md" for name in NAMES]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
STEPS = 2


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, *languages: str) -> list[tuple[str, str]]:
    """Return (language, text) of each fenced block in one of these languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if language in languages]


def commands(text: str) -> list[list[str]]:
    """Return the words of each line of a shell block, comments left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


# -- running the tutorials ------------------------------------------------------------------------


def draw(index: int) -> bytes:
    """Draw a soft blob on a ground, other for each index, as a PNG."""
    x, y = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64))
    draws = np.random.default_rng(index)
    ground, colour = draws.uniform(40, 255, (2, 3))
    blob = np.exp(-3 * ((x - draws.normal(0, 0.1)) ** 2 + (y - draws.normal(0, 0.1)) ** 2))[..., None]
    file = io.BytesIO()
    Image.fromarray((ground * (1 - blob) + colour * blob).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def write_pictures(folder: Path) -> None:
    """Write what the tutorials name: my-pictures.zip, held-out.zip, people/ and labels.csv."""
    with zipfile.ZipFile(folder / "my-pictures.zip", "w") as archive:
        for index in range(72):
            archive.writestr(f"a{index:03d}.png", draw(index))
        archive.writestr("broken.jpg", b"\xff\xd8\xff\xe0 cut short")
    with zipfile.ZipFile(folder / "held-out.zip", "w") as archive:
        for index in range(72):
            archive.writestr(f"b{index:03d}.png", draw(1000 + index))
    for index in range(20):
        person = folder / "people" / ("ann", "ben")[index % 2]
        person.mkdir(parents=True, exist_ok=True)
        (person / f"{index:02d}.png").write_bytes(draw(100 + index))
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        rows = [(f"a{i:03d}.png", ("long", "short")[i % 2], ("brown", "")[i % 3 == 0], i) for i in range(24)]
        csv.writer(file).writerows([("file", "hair", "eyes", "age"), *rows])


def shrunk(train: Any, source: Any, out: Any, **asked: Any) -> Any:
    """Train as asked, but a few steps of small networks on small batches."""
    recipe = asked.get("recipe") or "auto"
    fits = (
        isinstance(recipe, str) and str(asked.get("start_from")) != "avatars"
    )  # which brings its own widths
    small = SMALL.get(recipe, {}) if fits else {}
    asked["settings"] = small | {"batch": "8"} | dict(asked.get("settings") or {})
    return train(source, out, **{**asked, "minutes": None, "steps": STEPS})


def shrunk_upscaler(train: Any, source: Any, out: Any, **asked: Any) -> Any:
    """Train an upscaler as asked, but a few steps of a small network."""
    small = {
        "network.generator": '{"width": 8, "depth": 1, "between": 4}',
        "network.discriminator": '{"widths": [4, 4, 4]}',
        "batch": "2",
    }
    asked["settings"] = small | dict(asked.get("settings") or {})
    return train(source, out, **{**asked, "minutes": None, "steps": STEPS})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run as docs/training.md makes it first, which the other documents begin from."""
    pytest.importorskip("torch")
    from phiz.verbs.train import train

    folder = tmp_path_factory.mktemp("documents")
    write_pictures(folder)
    return shrunk(train, folder / "my-pictures.zip", folder / "runs" / "first", minutes=5).folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to be in, with the pictures that the documents name, where trainings are short."""
    from phiz.verbs import train, train_upscaler

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(train, "train", partial(shrunk, train.train))
    larger = partial(shrunk_upscaler, train_upscaler.train_upscaler)
    monkeypatch.setattr(train_upscaler, "train_upscaler", larger)
    write_pictures(tmp_path)
    return tmp_path


@pytest.fixture
def site(place, monkeypatch):
    """A site on this machine that docs/collecting.md collects from, and the lists that it names."""
    pytest.importorskip("httpx")
    pytest.importorskip("gallery_dl")
    import booru

    monkeypatch.setenv("PHIZ_SETTINGS", str(place / "settings"))
    hair, others = ("blue_hair", "blue_hair smile", "red_hair smile"), ("ann", "ben")
    with booru.served() as found:
        monkeypatch.setenv("PHIZ_COLLECT_TEST", found.switch())
        found.add(*[booru.post(n, f"solo {hair[n % 3]}", artist=others[n % 2]) for n in range(1, 41)])
        urls = [f"https://art.example/{n}.png" for n in range(20)]
        found.files |= {f"/{n}.png": (200, {}, booru.picture(n)) for n in range(20)}
        (place / "urls.txt").write_text("\n".join(urls))
        rows = [f"{url},{('long', 'short')[n % 2]}" for n, url in enumerate(urls)]
        (place / "pictures.csv").write_text("\n".join(["url,hair", *rows]))
        posts = [json.dumps(booru.moebooru(found.posts[n], "konachan.com")) for n in range(1, 21)]
        (place / "posts.jsonl").write_text("\n".join(posts))
        yield found


@pytest.fixture
def published(place, monkeypatch):
    """What docs/publishing.md needs: the built page, settings of its own, a second run."""
    from phiz.publish import page

    try:
        page.read("page.html")
    except PhizError:
        pytest.skip("the page is not built (make page)")
    monkeypatch.setenv("PHIZ_SETTINGS", str(place / "settings"))
    toys.model(place / "runs" / "second", seed=4)


def run_line(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one phiz command in this process, as its main function does."""
    assert words[0] == "phiz", f"a tutorial runs phiz and nothing else: {shlex.join(words)}"
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code in (0, None), f"{shlex.join(words)} ended with status {left.value.code}"


@pytest.mark.parametrize("name", [*TUTORIALS, "README.md"])
def test_a_document_runs(name, place, request, monkeypatch, capsys):
    if name in ("docs/making.md", "docs/publishing.md", "docs/upscaling.md", "README.md"):
        shutil.copytree(request.getfixturevalue("run"), place / "runs" / "first")
        monkeypatch.setattr("phiz.verbs.train.train", lambda *asked, **more: None)
    if name == "docs/publishing.md":
        request.getfixturevalue("published")
    if name == "docs/collecting.md":
        request.getfixturevalue("site")
    found = blocks(name, "python") if name == "README.md" else blocks(name, "sh", "python")
    assert found
    for language, text in found:
        if language == "sh":
            for words in commands(text):
                run_line(words, monkeypatch)
        else:
            exec(compile(text, name, "exec"), {})


# -- the READMEs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.relative_to(ROOT).as_posix() for path in DOCUMENTS))
def test_commands_parse(name):
    group = typer.main.get_command(cli.app)
    for _, text in blocks(name, "sh"):
        for words in commands(text):
            if words[0] == "phiz":
                command = group.commands[words[1]]  # type: ignore[attr-defined]
                command.make_context(words[1], words[2:])


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    asked = [w for name in READMES for _, t in blocks(name, "sh") for w in commands(t) if w[0] == "make"]
    assert {words[1] for words in asked} == {"demo", "test"} <= targets


def test_readme_begins_with_the_two_commands():
    for name in READMES:
        first = commands(blocks(name, "sh")[0][1])
        assert first == [["make", "demo"], ["make", "test"]], name


@pytest.mark.parametrize("name", READMES[1:])
def test_translations_hold_the_same_commands(name):
    def all_of(which: str) -> list[Any]:
        return [
            commands(text) if language == "sh" else text for language, text in blocks(which, "sh", "python")
        ]

    assert all_of(name) == all_of("README.md")


def test_readme_names_every_recipe_and_extra():
    from phiz.training.recipe import RECIPES

    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].keys() - {"test", "dev"}
    table = dict(re.findall(r"^\| `(\w+)` \| [\w ]+ \| (\d+) \|", text_of("README.md"), re.MULTILINE))
    assert table == {recipe.name: str(recipe.size) for recipe in RECIPES.values()}
    for name in READMES:
        assert set(re.findall(r"phiz\[(\w+)\]", text_of(name))) == extras, name
        assert all(f"`{recipe}`" in text_of(name) for recipe in RECIPES), name


# -- links and pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(path):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if not link.startswith(("http:", "https:", "mailto:")):
            assert (path.parent / link).is_file(), f"{path.name} links to {link}"


def test_files_that_are_named_exist():
    for name in ("CONTRIBUTING.md", "docs/architecture.md"):
        for file in re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/]+\.\w+)`", text_of(name)):
            if "NAME" not in file:
                assert (ROOT / file).is_file(), f"{name} names {file}"
    for file in re.findall(r"^  (\w+(?:\.py|/)) ", text_of("docs/architecture.md"), re.MULTILINE):
        assert (ROOT / "src/phiz" / file).exists(), f"docs/architecture.md names {file}"


def test_pictures_of_the_documents():
    assert ElementTree.parse(ROOT / "docs/way.svg").getroot().tag.endswith("svg")
    sheet = ROOT / "docs/avatars.png"
    assert sheet.stat().st_size < 500_000
    with Image.open(sheet) as image:
        assert 1000 <= image.width <= 1400


@pytest.mark.slow
def test_the_sheet_of_avatars_is_drawn_anew(tmp_path):
    pytest.importorskip("resvg_py")
    script = tmp_path / "pictures.py"
    shutil.copy(ROOT / "docs/pictures.py", script)
    subprocess.run([sys.executable, str(script)], check=True)
    with Image.open(tmp_path / "avatars.png") as anew, Image.open(ROOT / "docs/avatars.png") as kept:
        assert anew.size == kept.size
