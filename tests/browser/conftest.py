"""A page of toy models, served, and a browser to look at it with: Debian's Chromium, where it is there."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toys
from phiz.errors import PhizError
from phiz.publish import page as built
from phiz.publish.serving import served
from phiz.verbs.publish import publish

FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
READY = 30_000


@pytest.fixture(scope="session")
def toy_models(tmp_path_factory):
    """Two small models, the first with labels; the page is refused where it was not built."""
    try:
        built.read("page.html")
    except PhizError:
        pytest.skip("the page is not built (make page)")
    place = tmp_path_factory.mktemp("models")
    hats_on_brown_hair = {"pairs": [[], [[[2, 4, 1], [0, 1, 0]]]], "learned_from": "a toy box"}
    labelled = toys.model(place / "labelled", size=32, z=8, labelled=True, **hats_on_brown_hair)
    return labelled, toys.model(place / "plain", size=16, seed=3)


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """Publish models to a place: write(models, out, **options)."""
    return _write


def _write(models, out: Path, **more) -> Path:
    sources = [model.path for model in models]
    publish(sources, out, **{"author": "Ada", "licence": "cc-by-4.0", "graphics": False} | more)
    return out


@pytest.fixture(scope="session")
def site(toy_models, tmp_path_factory) -> Path:
    """A site of both models."""
    place = tmp_path_factory.mktemp("browser") / "site"
    return _write(toy_models, place, names={1: "age"}, graphics=True)


@pytest.fixture(scope="session")
def single(toy_models, tmp_path_factory) -> Path:
    """The same in one file."""
    return _write(toy_models, tmp_path_factory.mktemp("browser") / "page.html")


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve folders until the tests end; returns the address of each."""
    with contextlib.ExitStack() as stack:

        def start(folder: Path) -> str:
            server, address = stack.enter_context(served(folder))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return address

        yield start


@pytest.fixture(scope="session")
def address(site, serve) -> str:
    return serve(site)


@pytest.fixture(scope="session")
def launch():
    """Start Chromium: launch(*flags)."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on the PATH (apt-get install chromium)")
    with api.sync_playwright() as play:

        def start(*flags: str):
            try:
                return play.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
            except api.Error as fault:
                pytest.skip(f"Chromium does not start here: {fault.message.splitlines()[0]}")

        yield start


@pytest.fixture(scope="session")
def browser(launch):
    """One Chromium for all tests."""
    started = launch("--disable-gpu")
    yield started
    started.close()


IDLE = "window.Worker = class { postMessage() {} terminate() {} };"
"""A worker that never answers, for what is there before any face is made: most of a page's time is its."""


@pytest.fixture(scope="session")
def visiting(browser, address):
    """What `visit` is made of, for fixtures that keep a page: with visiting() as go."""
    return lambda: _visiting(browser, address)


@contextlib.contextmanager
def _visiting(browser, address):
    contexts, said = [], []

    def go(
        where: str = "",
        expect: str | None = "ready",
        prepare=None,
        quiet: bool = False,
        by=browser,
        idle: bool = False,
        **more,
    ):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US"}
        options |= {"service_workers": "block"} | more
        context = by.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(READY)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        if not quiet:
            page.on("console", lambda m: m.type == "error" and said.append(m.text))
            page.on("pageerror", lambda fault: said.append(str(fault)))
        if idle:
            page.add_init_script(IDLE)
        if prepare:
            prepare(page)
        page.goto(where if "://" in where else address + where)
        if expect and not idle:
            page.wait_for_selector(f"html[data-state={expect}]", state="attached")
        return page

    yield go
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def visit(visiting):
    """Open the page as a new visitor: visit(link, **context).

    `expect` is the state to wait for; `idle` pages make no faces; `by` is another browser than that of all
    tests. Errors on a console fail the test.
    """
    with visiting() as go:
        yield go


@pytest.fixture(scope="session")
def _desk(visiting):
    with visiting() as go:
        yield go()


@pytest.fixture
def desk(_desk):
    """The page of a visitor who stays: desk(link) returns it, with the first faces on the wall again.

    Loading a page takes longer than most tests; those that need no new visitor share this one.
    """

    def go(link: str = "#seed=0"):
        _desk.locator(".tab").first.click()
        _desk.evaluate("(link) => { location.hash = link; }", link)
        return _desk

    return go
