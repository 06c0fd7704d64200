"""The page in a browser: a wall at once, then the faces of the terminal, and what one does with them."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pytest
from PIL import Image

import phiz
import toys
from onpage import STAGE, outputs, pixels, said, saved, set_slider, shows, until
from phiz import latents, marks
from phiz.model import to_uint8
from phiz.onnx import Engine


def made(site, model, values, truncation=1.0, labels=None) -> np.ndarray:
    """Return faces by the published weights: uint8 (N, H, W, 3)."""
    (weights,) = (site / "models").glob(f"{model.hash}-*.onnx.gz")
    engine = Engine(gzip.decompress(weights.read_bytes()))
    return to_uint8(engine.run(values, truncation, labels), model.config.output_range)


def seed_of(site, model, seed: int) -> np.ndarray:
    return made(site, model, latents.latents([seed], model.config.z), 1.0, model.labels_of([seed]))[0]


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and int(np.abs(a.astype(int) - b.astype(int)).max()) <= 1


def test_the_wall_is_there_without_a_program(visit):
    page = visit(java_script_enabled=False, expect=None)
    assert page.locator("ul.wall img").count() == 48
    assert (
        page.locator("ul.wall img").nth(47).evaluate("(image) => image.complete && image.naturalWidth") == 32
    )
    assert "synthetic" in page.text_content("#lead")
    assert "Ada" in page.text_content("#rights")


def test_faces_come_alive_and_are_those_of_the_terminal(visit, site, toy_models, address):
    page = visit()
    page.wait_for_selector("ul.wall button.live canvas")
    assert {url.split("/")[2] for url in page.asked if not url.startswith(("data:", "blob:"))} == {
        address.split("/")[2]
    }
    model = toy_models[0]
    shows(page, "0")
    assert near(pixels(page), seed_of(site, model, 0))
    page.fill(".seeds input", "9007199254740991")
    page.press(".seeds input", "Enter")
    shows(page, "9007199254740991")
    assert near(pixels(page), seed_of(site, model, 9007199254740991))
    whole = phiz.load(model.path).sample(1, seed=9007199254740991)[0]
    assert np.abs(pixels(page).astype(int) - whole.astype(int)).mean() <= 2  # stored in 8 bits
    assert "9007199254740991" in page.url
    label = page.get_attribute(STAGE, "aria-label")
    assert "9007199254740991" in label
    assert "hair" in label
    page.click(".seeds button[title='Previous seed']")
    shows(page, "9007199254740990")


def test_float32_in_the_browser_is_that_of_pytorch(visit, serve, toy_models, write, tmp_path):
    torch = pytest.importorskip("torch")
    model = toy_models[0]
    address = serve(write([model], tmp_path / "whole", weights="fp32"))
    page = visit(address, expect=None)
    values, labels = latents.latents(range(6), model.config.z), model.labels_of(range(6))
    made = outputs(page, values, labels).reshape(6, 3, 32, 32)
    module = toys.generator(32, 8, attributes=2).eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(values), torch.from_numpy(labels)).numpy()
    assert np.abs(made - expected).max() <= 1e-4


def test_a_link_holds_everything_and_opens_for_a_stranger(desk, visit):
    page = desk("#seed=7~12@0.3~99@0.25&truncation=0.8&label=hair:red&move=0:1.5,2:-2")
    shows(page, "7~12@0.3~99@0.25")
    first = pixels(page)
    page.wait_for_timeout(200)
    set_slider(page, "Truncation", 0.75)
    until(page, "location.hash.includes('truncation=0.75')")
    page.wait_for_timeout(200)
    second = pixels(page)
    assert not np.array_equal(first, second)
    link = page.url.split("#")[1]
    assert {"seed=7~12@0.3~99@0.25", "label=hair:red", "move=0:1.5,2:-2"} <= set(link.split("&"))
    stranger = visit(f"#{link}")
    shows(stranger, "7~12@0.3~99@0.25")
    assert np.array_equal(pixels(stranger), second)
    assert stranger.locator(".stage .choice:has-text('hair') select").input_value() == "red"


def test_labels_and_directions_change_the_face_and_what_is_said(desk):
    page = desk("#seed=7")
    shows(page, "7")
    before = pixels(page)
    other = "red" if "red" not in page.get_attribute(STAGE, "aria-label") else "black"
    page.locator(".stage .choice:has-text('hair') select").select_option(other)
    until(page, f"document.querySelector('{STAGE}').ariaLabel.includes('hair {other}')")
    page.wait_for_timeout(200)
    labelled = pixels(page)
    assert not np.array_equal(before, labelled)
    set_slider(page, "age", 3)
    until(page, "location.hash.includes('move=0:3')")
    page.wait_for_timeout(200)
    assert not np.array_equal(labelled, pixels(page))
    page.locator(".stage button", has_text="Reset").click()
    page.wait_for_timeout(200)
    assert np.array_equal(labelled, pixels(page))
    assert f"label=hair:{other}" in page.url


def test_a_label_takes_along_what_goes_with_it(desk, toy_models):
    seed = next(seed for seed in range(99) if toy_models[0].labels_of([seed]).tolist() == [[0, 0]])
    page = desk(f"#seed={seed}")
    shows(page, str(seed))
    hair = page.locator(".stage .choice:has-text('hair') select option").first
    assert "black" in hair.text_content()
    page.locator(".stage .choice:has-text('hat') select").select_option("yes")
    until(page, f"document.querySelector('{STAGE}').ariaLabel.includes('hair brown')")
    assert "brown" in hair.text_content()
    page.locator(".stage .choice:has-text('hat') select").select_option("")
    until(page, f"document.querySelector('{STAGE}').ariaLabel.includes('hair black')")
    assert "black" in hair.text_content()


def test_a_face_comes_back_from_its_file(desk, site, toy_models, tmp_path):
    page = desk("#seed=7~12@0.3&label=hat:yes&move=1:2&truncation=0.9")
    shows(page, "7~12@0.3")
    page.wait_for_timeout(200)
    shown = pixels(page)
    file = tmp_path / "mixed.png"
    file.write_bytes(saved(page, "PNG"))
    said_of = marks.read(file)
    assert said_of["synthetic"] is True
    assert said_of["shows"]["hat"] == "yes"
    model = toy_models[0]
    assert said_of["model"] == model.hash
    phiz.generate(model.path, tmp_path / "again", like=file)
    (again,) = (tmp_path / "again").iterdir()
    with Image.open(again) as picture:
        terminal = np.asarray(picture.convert("RGB"))
    assert np.abs(terminal.astype(int) - shown.astype(int)).mean() <= 2
    page = desk("#seed=1")
    shows(page, "1")
    page.set_input_files("input[type=file]", file)
    shows(page, "7~12@0.3")
    page.wait_for_timeout(200)
    assert np.array_equal(pixels(page), shown)


def test_two_pictures_of_the_terminal_are_mixed_and_a_sheet_is_spread_out(desk, toy_models, tmp_path):
    phiz.generate(toy_models[0].path, tmp_path / "two", seeds=[3, 8])
    page = desk()
    page.set_input_files("input[type=file]", sorted((tmp_path / "two").iterdir()))
    shows(page, "3~8@0.5")
    phiz.generate(toy_models[0].path, tmp_path / "sheet.png", seeds=[5, 6, 20], labels={"hair": "red"})
    page.set_input_files("input[type=file]", tmp_path / "sheet.png")
    until(page, "document.querySelectorAll('ul.wall button').length === 3")
    labels = page.locator("ul.wall button").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert [re.search(r"seed (\d+)", label)[1] for label in labels] == ["5", "6", "20"]
    assert all("hair red" in label for label in labels)
    page.locator("ul.wall button").nth(1).click()
    shows(page, "6")
    page.wait_for_timeout(300)  # the history is noted by then
    assert page.locator("ul.wall button").count() == 3


def test_the_face_on_the_stage_is_its_own_whatever_the_wall_does(visit, tmp_path):
    page = visit()
    page.wait_for_selector("ul.wall button.live canvas")
    page.locator("ul.wall button").nth(4).click()
    shows(page, "4")
    before = pixels(page)
    page.locator(".bar button", has_text="Adjust").click()
    page.locator(".bar .slider input").evaluate(
        "(input) => { input.value = '0.5'; input.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.wait_for_timeout(200)
    (tmp_path / "face.png").write_bytes(saved(page, "PNG"))
    said_of = marks.read(tmp_path / "face.png")
    assert said_of["truncation"] == 1
    assert np.array_equal(pixels(page), before)


def rest(page) -> int:
    """Wait until a page has given its workers no order for a second; return how many it gave in all."""
    seen = -1
    while (now := page.evaluate("window.posted")) != seen:
        seen = now
        page.wait_for_timeout(1000)
    return seen


def test_a_slider_that_is_dragged_makes_no_face_that_nobody_waits_for(visit):
    counted = """
        const post = Worker.prototype.postMessage;
        window.posted = 0;
        Worker.prototype.postMessage = function (...given) {
            window.posted++;
            return post.apply(this, given);
        };
    """
    page = visit(prepare=lambda page: page.add_init_script(counted))
    page.wait_for_selector("ul.wall button.live canvas")
    page.locator(".bar button", has_text="Adjust").click()
    before, tiles = rest(page), page.locator("ul.wall button").count()
    page.locator(".bar .slider input").evaluate(
        """(input) => {
            for (let step = 0; step < 50; step++) {
                input.value = String(0.5 + step / 100);
                input.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    until(page, f"window.posted > {before}")
    assert rest(page) - before <= 2 * tiles


def test_a_mix_that_was_given_up_is_not_made_of_the_next_face(visit):
    page = visit("#seed=7")
    shows(page, "7")
    page.locator(".stage button", has_text="Mix with another").click()
    page.locator(".stage button", has_text="Mix with another").press("Escape")
    page.locator("ul.wall button").nth(4).click()
    shows(page, "4")


def test_until_faces_are_made_the_stage_shows_no_face_of_another_model(visit, toy_models):
    page = visit(f"#seed=7&model={toy_models[1].hash}", idle=True)
    page.wait_for_selector(STAGE, state="attached")
    page.wait_for_timeout(300)
    assert pixels(page).max() == 0  # nothing is drawn yet
    page = visit("#seed=7", idle=True)
    page.wait_for_selector(STAGE, state="attached")
    until(page, f"document.querySelector('{STAGE}').getContext('2d').getImageData(9, 9, 1, 1).data[3] > 0")


def test_faces_of_two_models_are_not_mixed(visit, toy_models):
    page = visit()
    faces = [f"seed={seed}&model={model.hash}" for seed, model in zip((3, 5), toy_models, strict=True)]
    shows(page, "0")
    page.locator(".stage button", has_text="Mix with another").click()
    page.evaluate("(link) => { location.hash = link; }", faces[1])
    shows(page, "5")
    page.locator("ul.wall button").nth(2).click()
    shows(page, "2")
    assert "~" not in page.url


def test_the_address_goes_with_the_model_and_with_a_slider_that_is_dragged(visit, toy_models):
    page = visit("#seed=7")
    shows(page, "7")
    for step in range(40):
        set_slider(page, "Truncation", 0.5 + step / 100)
    until(page, "location.hash.includes('truncation=0.9')")
    page.locator("#models select").select_option(index=1)
    until(page, f"location.hash.includes('{toy_models[1].hash[:8]}')")


def test_back_to_the_bare_page_gives_up_what_was_under_way(visit):
    page = visit("", viewport={"width": 390, "height": 800})
    page.wait_for_selector("ul.wall button.live canvas")
    page.locator("ul.wall button").nth(3).click()
    shows(page, "3")
    page.locator(".stage button", has_text="Mix with another").click()
    page.go_back()
    until(page, "location.hash === ''")
    page.wait_for_timeout(200)
    page.locator("ul.wall button").nth(4).click()
    shows(page, "4")


def test_the_wall_is_read_out_in_the_language_that_is_chosen(visit):
    page = visit()
    before = page.locator("ul.wall button").nth(3).get_attribute("aria-label")
    page.locator(".language select").select_option(value="ja")
    until(page, "document.documentElement.lang === 'ja'")
    assert page.locator("ul.wall button").nth(3).get_attribute("aria-label") != before


def test_where_what_makes_faces_breaks_it_is_begun_anew(visit):
    kept = """
        const Plain = Worker;
        window.workers = [];
        window.Worker = class extends Plain {
            constructor(...given) {
                super(...given);
                window.workers.push(this);
            }
        };
    """
    page = visit("#seed=7", prepare=lambda page: page.add_init_script(kept))
    shows(page, "7")
    page.evaluate("workers.at(-1).onerror(new ErrorEvent('error', { message: 'gone' }))")
    page.locator("ul.wall button").nth(3).click()
    page.locator("ul.wall button").nth(4).click()
    shows(page, "4")
    assert page.evaluate("workers.length") >= 2


def test_pictures_of_others_are_named(desk, tmp_path):
    page = desk()
    Image.new("RGB", (8, 8)).save(tmp_path / "holiday.png")
    page.set_input_files("input[type=file]", tmp_path / "holiday.png")
    said(page, "holiday.png does not say that phiz made it")
    foreign = marks.facts("0123456789abcdef", [7], 1.0)
    marks.save(Image.new("RGB", (8, 8)), tmp_path / "foreign.png", foreign)
    page.set_input_files("input[type=file]", tmp_path / "foreign.png")
    said(page, "another model", "0123456789abcdef")
    (tmp_path / "cut.png").write_bytes(b'\x89PNG<x:xmpmeta phiz:facts="{&quot;phiz"</x:xmpmeta>')
    page.set_input_files("input[type=file]", tmp_path / "cut.png")
    said(page, "cut.png does not say")


def test_the_other_model_is_chosen_linked_and_opened_from_a_picture(visit, site, toy_models, tmp_path):
    plain = toy_models[1]
    page = visit(f"#seed=7&model={plain.hash[:8]}")
    shows(page, "7")
    assert near(pixels(page), seed_of(site, plain, 7))
    page.locator("#models select").select_option(toy_models[0].hash)
    until(page, f"document.querySelector('{STAGE}').width === 32")
    page.wait_for_selector("html[data-state=ready]")
    phiz.generate(plain.path, tmp_path / "faces", seeds=[11])
    page.set_input_files("input[type=file]", next((tmp_path / "faces").iterdir()))
    until(page, f"document.querySelector('{STAGE}').width === 16")
    shows(page, "11")
    assert near(pixels(page), seed_of(site, plain, 11))
    assert f"model={plain.hash[:8]}" in page.url


def test_favourites_and_history_survive_a_reload(visit):
    page = visit("#seed=41")
    page.locator(".tools button", has_text="Keep").click()
    page.locator("ul.wall button").nth(3).click()
    shows(page, "3")
    page.reload()
    page.wait_for_selector("html[data-state=ready]")
    page.locator(".tab", has_text="Favourites").click()
    until(page, "document.querySelectorAll('ul.wall button').length === 1")
    assert "seed 41" in page.get_attribute("ul.wall button", "aria-label")
    page.locator(".tab", has_text="History").click()
    until(page, "document.querySelector('ul.wall button').ariaLabel.includes('seed 3')")


def test_a_walk_runs_and_is_saved_as_a_film(desk, toy_models, tmp_path):
    page = desk("#seed=7")
    shows(page, "7")
    page.locator(".tools button", has_text="Walk").click()
    page.wait_for_timeout(700)
    first = pixels(page)
    page.wait_for_timeout(400)
    assert not np.array_equal(first, pixels(page))
    page.locator(".tools button", has_text="Stop").click()
    film = tmp_path / "walk.gif"
    film.write_bytes(saved(page, "GIF"))
    assert film.read_bytes()[:6] == b"GIF89a"
    facts = marks.read(film)
    assert (facts["phiz"], facts["seed"], facts["keys"], facts["frames"]) == ("walk", 7, 4, 120)
    with Image.open(film) as picture:
        assert (picture.n_frames, picture.size) == (120, (128, 128))
        assert picture.info.get("loop") == 0


def test_a_sheet_of_the_wall_can_be_made_again_in_the_terminal(desk, toy_models, tmp_path):
    page = desk()
    assert not page.locator(".own").is_visible(), "faces come first"
    page.locator(".tools button", has_text="Adjust").click()
    page.locator(".own .choice select").first.select_option("red")
    file = tmp_path / "sheet.png"
    file.write_bytes(saved(page, "Sheet"))
    page.locator(".own .choice select").first.select_option("")
    facts = marks.read(file)
    assert (facts["seed"], facts["n"], facts["labels"]) == (0, 48, {"hair": "red"})
    phiz.generate(toy_models[0].path, tmp_path / "again.png", like=file)
    with Image.open(file) as a, Image.open(tmp_path / "again.png") as b:
        assert a.size == b.size


def test_more_like_it_and_mixing_make_new_faces(desk):
    page = desk("#seed=7")
    shows(page, "7")
    page.locator(".likes button").first.click()
    until(page, "location.hash.includes('seed=7~')")
    page.go_back()
    shows(page, "7")
    page.locator(".stage button", has_text="Mix with another").click()
    page.locator("ul.wall button").nth(2).click()
    shows(page, "7~2@0.5")
    slider = page.locator(".mix input")
    slider.focus()
    page.keyboard.press("ArrowRight")
    shows(page, "7~2@0.51")


def test_faces_of_the_wall_are_mixed_by_dragging(desk):
    page = desk()
    page.drag_and_drop("ul.wall li:nth-child(3) button", "ul.wall li:nth-child(6) button")
    shows(page, "2~5@0.5")


def test_nonsense_in_a_link_is_said(visit):
    page = visit("#seed=", idle=True)
    for link in ("1e9", "-4", "7~", "((((7", "99999999999999999", None):
        said(page, "names no face of this page")
        page.evaluate("(hash) => { location.hash = hash; }", "#nonsense" if link is None else f"#seed={link}")
        page.reload()
    said(page, "names no face of this page")


def test_nonsense_beside_a_seed_is_left_out(desk):
    page = desk("#seed=7&truncation=1e99&label=hair:blue&label=__proto__:x&move=77:1,0:x&<script>")
    shows(page, "7")
    assert json.loads(page.text_content("#site"))["models"][0]["labels"]
    assert page.locator(".stage .choice:has-text('hair') select").input_value() == ""
