"""The rule of the recipe `auto`: complete, monotone, and never over what the user asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

import phiz
from phiz.errors import PhizError
from phiz.pictures import SIZES
from phiz.training import auto
from phiz.training.recipe import RECIPES, Network, Recipe
from toyset import SMALL, write_faces

CASE = auto.Case(size=32, faces=10_000, steps=1500)


@given(
    st.builds(
        auto.Case,
        size=st.sampled_from(SIZES),
        faces=st.integers(16, 10**8),
        steps=st.integers(1, 10**7),
        counted=st.booleans(),
        flip=st.booleans(),
    )
)
def test_every_case_gets_a_whole_recipe_and_its_reasons(case):
    recipe, reasons = auto.choose(RECIPES["auto"], case)
    assert Recipe.model_validate(recipe.model_dump()) == recipe
    assert 0 < recipe.generator.rate <= 2e-3
    assert recipe.network.generator["width"] == recipe.network.discriminator["width"]
    assert len(reasons) == 5
    assert all(line.endswith(".") and "\n" not in line for line in reasons)


def test_more_time_gives_wider_networks_and_lower_rates():
    widths, rates = [], []
    for steps in (1000, 10_000, 100_000, 1_000_000):
        recipe, _ = auto.choose(RECIPES["auto"], replace(CASE, faces=10**7, steps=steps))
        widths.append("sml".index(recipe.network.generator["width"]))
        rates.append(recipe.generator.rate)
    assert widths == sorted(widths)
    assert rates == sorted(rates, reverse=True)
    assert (widths[0], widths[-1]) == (0, 2)


def test_few_faces_are_changed_the_more_the_oftener_they_are_seen():
    def strength(faces: int) -> float:
        recipe, _ = auto.choose(RECIPES["auto"], replace(CASE, faces=faces))
        return recipe.augment.strength if recipe.augment else 0.0

    found = [strength(faces) for faces in (100_000, 10_000, 1000, 100, 16)]
    assert found == sorted(found)
    assert found[0] == 0 < found[2]


def test_a_model_to_start_from_keeps_its_network():
    network = Network(name="slim", generator={"widths": [8, 8]})
    recipe, reasons = auto.choose(RECIPES["auto"], replace(CASE, donor=network))
    assert recipe.network == network
    assert "start from" in reasons[0]


def test_what_was_asked_for_stays_and_the_run_says_why(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces", 40)
    settings = SMALL["auto"] | {"batch": "8", "penalty.gamma": "5"}
    phiz.train(faces.path, tmp_path / "run", steps=3, settings=settings, explain=True)
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert written["recipe"]["penalty"]["gamma"] == 5
    assert written["recipe"]["network"]["generator"]["width"] == [16, 12, 8]
    assert len(written["reasons"]) == 5
    said = capsys.readouterr().err
    assert all(reason in said for reason in written["reasons"])


def test_a_recipe_with_a_name_is_not_changed(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    phiz.train(faces.path, tmp_path / "run", steps=3, recipe="modern", settings=SMALL["modern"])
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert written["reasons"] == []
    assert written["recipe"]["augment"] is None


def test_auto_goes_on_with_the_network_of_another_recipe(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    quick = phiz.train(faces.path, tmp_path / "quick", steps=3, recipe="quick", settings=SMALL["quick"])
    phiz.train(faces.path, tmp_path / "run", steps=3, start_from=quick.folder)
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]
    assert (written["network"]["name"], written["z"], written["outline"]) == ("slim", 8, None)
    assert "all of it was taken" in (tmp_path / "run" / "log.txt").read_text()


def test_auto_refuses_to_go_on_with_what_it_does_not_train(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    small = SMALL["dcgan"] | {"size": "16", "batch": "8"}
    dcgan = phiz.train(faces.path, tmp_path / "dcgan", steps=2, recipe="dcgan", settings=small)
    with pytest.raises(PhizError, match="--recipe dcgan"):
        phiz.train(faces.path, tmp_path / "run", steps=2, start_from=dcgan.folder)
    assert not (tmp_path / "run").exists()
