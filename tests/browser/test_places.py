"""Where the page is opened: from a disk, without a network, in other browsers; and for whom."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from onpage import STAGE, pixels, said, shows, until
from phiz.publish import serving

AXE = Path(__file__).resolve().parent.parent.parent / "web/node_modules/axe-core/axe.min.js"


def test_one_file_works_from_a_disk(visit, desk, single):
    page = visit(single.as_uri() + "#seed=7&label=hair:red")
    shows(page, "7")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked)
    served = desk("#seed=7&label=hair:red")
    shows(served, "7")
    served.wait_for_timeout(200)
    assert np.array_equal(pixels(page), pixels(served))
    page.locator("#models select").select_option(index=1)
    until(page, f"document.querySelector('{STAGE}').width === 16")
    page.locator("#models select").select_option(index=0)
    until(page, f"document.querySelector('{STAGE}').width === 32")
    until(page, "document.querySelectorAll('ul.wall button').length === 48")


def test_a_folder_opened_as_a_file_says_so(visit, site):
    page = visit((site / "index.html").as_uri(), expect=None, quiet=True)
    assert page.locator("ul.wall img").count() == 48
    page.wait_for_selector("#opened:visible")
    assert "opened as a file" in page.text_content("#opened")


def test_the_page_works_offline_once_loaded(visit):
    page = visit(service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    page.context.set_offline(True)
    page.goto(page.url.split("#")[0] + "#seed=5")
    page.reload()
    page.wait_for_selector("html[data-state=ready]")
    shows(page, "5")


def test_what_is_named_for_its_content_is_fetched_once_and_kept_when_a_site_is_renewed(
    visit, serve, write, toy_models, tmp_path, monkeypatch
):
    asked: list[str] = []
    answer = serving._Handler.do_GET
    monkeypatch.setattr(serving._Handler, "do_GET", lambda self: (asked.append(self.path), answer(self)))
    address = serve(write(toy_models[:1], tmp_path / "site"))
    versions = "async () => JSON.stringify(await caches.keys())"
    page = visit(address, service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    first = page.evaluate(versions)
    named = [path for path in asked if re.search(r"-[0-9a-f]{8}\.", path)]
    assert len(named) >= 6
    assert len(named) == len(set(named))

    write(toy_models[:1], tmp_path / "site", title="Renewed", force=True)
    asked.clear()
    page.reload()
    for _ in range(200):
        now = page.evaluate(versions)
        if now != first and len(json.loads(now)) == 1:
            break
        page.wait_for_timeout(50)
    assert now != first
    assert not [path for path in asked if path.startswith(("/runtime/", "/models/"))]


def test_without_a_graphics_card_the_next_means_are_taken(visit):
    page = visit("?backend=webgpu#seed=7")
    said(page, "WebGPU cannot be used here", "no adapter")
    assert page.get_attribute("html", "data-means") == "wasm"
    shows(page, "7")


@pytest.mark.slow
def test_a_graphics_card_makes_the_same_faces(visit, launch, toy_models):
    """Chromium brings a card of its own that computes on the processor; slow, but it is one."""
    graphics = launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    where = f"#seed=7&model={toy_models[1].hash[:8]}"
    page = visit(f"?backend=webgpu{where}", by=graphics, expect=None)
    page.wait_for_selector(
        "html[data-state=ready], html[data-state=frozen]", state="attached", timeout=240_000
    )
    if not page.evaluate("navigator.gpu?.requestAdapter().then((found) => found !== null) ?? false"):
        pytest.skip("no WebGPU adapter answers here")
    assert page.get_attribute("html", "data-means") == "webgpu", page.text_content("#said")
    plain = visit(f"?backend=wasm{where}")
    for one in (page, plain):
        shows(one, "7")
    assert np.abs(pixels(page).astype(int) - pixels(plain).astype(int)).max() <= 1
    graphics.close()


def test_threads_make_the_same_faces(visit, desk):
    page, threaded = desk("#seed=7"), visit("?backend=threads#seed=7")
    assert threaded.get_attribute("html", "data-means") == "threads"
    for one in (page, threaded):
        shows(one, "7")
    assert np.abs(pixels(page).astype(int) - pixels(threaded).astype(int)).max() <= 1


@pytest.fixture(scope="module")
def changed(site, serve, tmp_path_factory):
    """Serve a copy of the site whose page was changed."""

    def go(change) -> str:
        place = tmp_path_factory.mktemp("changed") / "site"
        shutil.copytree(site, place)
        text = (place / "index.html").read_text("utf-8")
        found = re.search(r'(<script type="application/json" id="site">)(.*?)(</script>)', text, re.DOTALL)
        data = json.loads(found[2])
        change(data, place)
        text = text[: found.start(2)] + json.dumps(data).replace("<", "\\u003c") + text[found.end(2) :]
        (place / "index.html").write_text(text, "utf-8")
        return serve(place)

    return go


def test_a_device_that_makes_other_faces_shows_none(visit, changed):
    def spoil(data, place):
        golden = data["models"][0]["golden"]
        golden["seeds"] = [seed + 1 for seed in golden["seeds"]]

    page = visit(changed(spoil), expect="frozen")
    assert "other faces than it should" in page.text_content("#trouble")
    assert page.locator("ul.wall img").count() == 48
    assert page.locator("ul.wall canvas").count() == 0
    for tab in ("History", "Faces"):
        page.locator(".tab", has_text=tab).click()
    until(page, "document.querySelectorAll('ul.wall img').length === 48")


def test_what_did_not_arrive_is_said(visit, changed):
    def lose(data, place):
        (place / data["models"][0]["weights"]).unlink()

    page = visit(changed(lose), expect="frozen", quiet=True)
    assert "did not arrive" in page.text_content("#trouble")


def test_a_model_that_did_not_arrive_leaves_the_others_alone(visit, changed):
    def lose(data, place):
        (place / data["models"][1]["weights"]).unlink()

    page = visit(changed(lose), quiet=True)
    page.locator("#models select").select_option(index=1)
    page.wait_for_selector("html[data-state=frozen]")
    page.locator("#models select").select_option(index=0)
    page.wait_for_selector("html[data-state=ready]")
    shows(page, "0")


def test_a_browser_without_simd_is_told(visit):
    page = visit(
        expect="frozen", prepare=lambda page: page.add_init_script("WebAssembly.validate = () => false")
    )
    assert "SIMD" in page.text_content("#trouble")
    assert page.locator("ul.wall img").count() == 48


def test_storage_that_refuses_is_told_and_faces_are_kept_for_now(visit):
    refuse = "indexedDB.open = () => { throw new Error('refused') }"
    page = visit(prepare=lambda page: page.add_init_script(refuse))
    said(page, "keeps nothing")
    page.locator(".tools button", has_text="Keep").click()
    page.locator(".tab", has_text="Favourites").click()
    assert page.locator("ul.wall button").count() == 1


@pytest.fixture(scope="module")
def phone(visiting):
    """The page on a phone."""
    with visiting() as go:
        yield go(viewport={"width": 360, "height": 740}, has_touch=True, bypass_csp=True)


def test_a_phone_shows_all_of_it(phone):
    page = phone
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    page.locator(".tools button", has_text="Adjust").tap()
    assert page.evaluate(overflow) <= 0
    page.locator(".tools button", has_text="Adjust").tap()
    assert not page.locator("#stage").is_visible()
    page.locator("ul.wall button").nth(4).tap()
    shows(page, "4")
    assert page.locator("#stage").is_visible()
    stage = "document.querySelector('#stage')"
    assert page.evaluate(f"{stage}.scrollWidth - {stage}.clientWidth") <= 0
    page.locator(".tool.close").tap()
    assert not page.locator("#stage").is_visible()
    small = "[...document.querySelectorAll('button:not([hidden])')].filter((b) => b.offsetWidth && "
    assert (
        page.evaluate(small + "(b.offsetHeight < 24 || b.offsetWidth < 24)).map((b) => b.textContent)") == []
    )


def test_on_a_phone_the_stage_takes_the_keys_and_gives_them_back(phone):
    page = phone
    page.locator("ul.wall button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shows(page, "1")
    assert page.evaluate("document.activeElement.closest('#stage') !== null")
    assert "seed 1," in page.text_content("#stage [role=status]")
    assert page.evaluate("document.querySelector('#faces').inert")
    page.keyboard.press("Escape")
    assert not page.locator("#stage").is_visible()
    assert "seed 1," in page.evaluate("document.activeElement.ariaLabel")


def test_the_keyboard_alone_does(desk):
    page = desk()
    page.locator("ul.wall button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.ariaLabel")
    columns = page.evaluate(
        "[...document.querySelectorAll('ul.wall li')].filter((l, i, all) => "
        "l.offsetTop === all[0].offsetTop).length"
    )
    assert f"seed {1 + columns}," in focused
    page.keyboard.press("Enter")
    shows(page, str(1 + columns))
    page.keyboard.press("End")
    assert "seed 47," in page.evaluate("document.activeElement.ariaLabel")
    assert page.locator("ul.wall button[tabindex='0']").count() == 1
    page.locator(".tab", has_text="History").focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('ul.wall button').length < 48")
    assert page.evaluate("document.activeElement.textContent") == "History"
    page.locator(".tab").first.focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('ul.wall button').length === 48")
    assert page.evaluate("document.activeElement.textContent") == "Faces"


@pytest.mark.parametrize(
    ("locale", "words"), [("zh-CN", "合成"), ("ja-JP", "誰でもない顔"), ("de", "Synthetic")]
)
def test_the_page_speaks_the_visitors_language(visit, locale, words):
    page = visit(locale=locale, idle=True)
    until(page, f"document.body.innerText.includes({words!r})")
    assert page.get_attribute("html", "lang") == locale[:2].replace("de", "en")


def test_language_and_theme_are_kept(visit):
    page = visit(idle=True)
    page.locator(".language select").select_option("ja")
    page.locator(".themes").click()
    page.reload()
    page.wait_for_selector("html[data-theme=light][lang=ja]")


def test_nothing_moves_where_motion_is_reduced(desk):
    page = desk()
    page.wait_for_selector("ul.wall button.live canvas")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(300)
    before = pixels(page, "ul.wall button canvas")
    page.locator("ul.wall button").first.hover()
    page.wait_for_timeout(400)
    assert np.array_equal(before, pixels(page, "ul.wall button canvas"))
    page.emulate_media(reduced_motion="null")


def test_axe_finds_nothing_serious(visit, phone):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make page)")
    page = visit("#seed=7", bypass_csp=True)
    page.locator(".tools button", has_text="Adjust").click()
    for one in (page, phone):
        one.add_script_tag(path=AXE)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page) == []
    assert serious(phone) == []
    phone.locator("ul.wall button").first.tap()
    assert serious(phone) == []


def serious(page) -> list:
    """Return what axe finds, but for trifles."""
    found = page.evaluate("axe.run().then((result) => result.violations)")
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical", "moderate")
    ]
