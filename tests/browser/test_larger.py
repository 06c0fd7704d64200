"""Large faces on the page: by the network that was published, when somebody asks for them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import phiz
import toys
from onpage import pixels, saved, shows, until
from phiz import marks, upscaler
from phiz.publish.stored import stored
from phiz.upscaler import session


@pytest.fixture(scope="module")
def larger(tmp_path_factory, toy_models, write, serve):
    """A page of a model that carries an upscaler, and of one that does not; its address."""
    place = tmp_path_factory.mktemp("larger")
    up = toys.upscaler(place / "up")
    phiz.export(toy_models[0].path, place / "both", upscaler=up.path)
    models = [phiz.load(place / "both"), toy_models[1]]
    return serve(write(models, place / "site")), up, write(models[:1], place / "page.html")


def expected(up: upscaler.Upscaler, face: np.ndarray) -> np.ndarray:
    running = session(stored(up.onnx(), "fp16"))
    values = face.transpose(2, 0, 1)[None].astype(np.float32) / 255
    made = running.run(None, {"picture": values})[0][0].transpose(1, 2, 0)
    return np.floor(np.clip(made * 255, 0, 255) + 0.5).astype(np.uint8)


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and int(np.abs(a.astype(int) - b.astype(int)).max()) <= 1


def test_a_face_is_made_large_when_asked_and_fetches_its_network_then(visit, larger):
    address, up, _ = larger
    page = visit(address)
    shows(page, "0")
    small = pixels(page)
    assert not any("larger" in url for url in page.asked)
    button = page.locator(".stage .tools button", has_text="Large")
    assert "128 pixels" in button.get_attribute("title")
    button.click()
    until(page, "document.querySelector('.picture canvas').width === 128")
    assert any("larger" in url for url in page.asked)
    assert near(pixels(page), expected(up, small))
    assert button.get_attribute("aria-pressed") == "true"
    file = saved(page, "PNG")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(file)).convert("RGB")), pixels(page))
    said = marks.read_bytes(file)
    assert (said["seed"], said["upscaler"], said["scale"]) == (0, up.hash, 4)
    page.locator(".seeds button", has_text="Next").click()
    shows(page, "1")
    until(page, "document.querySelector('.picture canvas').width === 128")
    button.click()
    until(page, "document.querySelector('.picture canvas').width === 32")
    assert button.get_attribute("aria-pressed") == "false"


def test_one_file_brings_it_along(visit, larger):
    _, up, single = larger
    page = visit(single.as_uri())
    shows(page, "0")
    small = pixels(page)
    page.locator(".stage .tools button", has_text="Large").click()
    until(page, "document.querySelector('.picture canvas').width === 128")
    assert near(pixels(page), expected(up, small))


def test_a_page_without_it_offers_nothing(visit):
    page = visit()
    shows(page, "0")
    assert page.locator(".stage .tools button", has_text="Large").count() == 0
