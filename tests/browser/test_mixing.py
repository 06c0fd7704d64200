"""Shapes of one face and colours of another, on the page as in the terminal."""

from __future__ import annotations

import numpy as np
import pytest

import phiz
from onpage import pixels, set_slider, shows

NEAR = 3  # of 255: the page's weights are stored in fewer bits


@pytest.fixture(scope="module")
def page_of_avatars(write, serve, toy_models, tmp_path_factory):
    """A page of the model that comes with phiz, with weights in float32."""
    models = [phiz.load("avatars"), toy_models[0]]
    return serve(write(models, tmp_path_factory.mktemp("mixing") / "site", weights="fp32"))


def near(page, expected) -> None:
    assert np.abs(pixels(page).astype(int) - expected).max() <= NEAR


def test_a_link_names_the_colours_and_the_picture_brings_them_back(visit, page_of_avatars, tmp_path):
    avatars = phiz.load("avatars")
    page = visit(page_of_avatars + "#seed=2&fine=14")
    shows(page, "2")
    [mixed, own] = avatars.sample(seeds=[2, 2], fine=[14, 2])
    near(page, mixed)
    assert np.abs(mixed.astype(int) - own).max() > 40
    assert page.locator(".again code").text_content().endswith("--seed 2 --fine 14")
    assert "in the colours of 14" in page.locator(".picture canvas").get_attribute("aria-label")

    with page.expect_download() as got:
        page.get_by_role("button", name="PNG").click()
    got.value.save_as(tmp_path / got.value.suggested_filename)
    assert got.value.suggested_filename == "face-2-fine-14.png"
    [again] = phiz.generate("avatars", tmp_path / "again", like=tmp_path / "face-2-fine-14.png")
    assert again.name == "seed-000002-fine-000014.png"
    page.get_by_role("button", name="Next").click()
    shows(page, "3")
    assert "fine" not in page.url
    page.set_input_files("input[type=file]", str(again))
    shows(page, "2")
    assert "#seed=2&fine=14" in page.url
    near(page, mixed)


def test_shapes_and_colours_are_mixed_apart(visit, page_of_avatars):
    page = visit(page_of_avatars + "#seed=2")
    shows(page, "2")
    what = page.locator(".mixing select")
    what.select_option("colours")
    set_slider(page, "Drag between the two", 1)
    page.wait_for_selector('.picture canvas[data-face="2"]:not([data-fine=""])')
    fine = int(page.locator(".picture canvas").get_attribute("data-fine"))
    near(page, phiz.load("avatars").sample(seeds=[2], fine=fine)[0])
    what.select_option("shapes")
    assert page.locator(".mix input").input_value() == "0"
    set_slider(page, "Drag between the two", 1)
    shows(page, str(fine))
    assert page.locator(".picture canvas").get_attribute("data-fine") == ""
    near(page, phiz.load("avatars").sample(seeds=[fine])[0])


def test_a_model_that_cannot_is_mixed_whole(visit, page_of_avatars, toy_models):
    page = visit(f"{page_of_avatars}#seed=2&fine=14&model={toy_models[0].hash[:8]}")
    shows(page, "2")
    near(page, toy_models[0].sample(seeds=[2])[0])
    assert not page.locator(".mixing select").count()
