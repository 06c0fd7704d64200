"""The rule of the recipe `auto`: complete, monotone, and never over what the user asked for."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

import phiz
from phiz.errors import PhizError, Stopped
from phiz.pictures import SIZES
from phiz.training import auto, gan
from phiz.training.recipe import RECIPES, Network, Recipe, changed
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
        keep_batch=st.booleans(),
        device=st.sampled_from(["cpu", "gpu"]),
    )
)
def test_every_case_gets_a_whole_recipe_and_its_reasons(case):
    recipe, reasons = auto.choose(RECIPES["auto"], case)
    assert Recipe.model_validate(recipe.model_dump()) == recipe
    assert 0 < recipe.generator.rate <= 2e-3
    assert recipe.network.generator["width"] == recipe.network.discriminator["width"]
    assert recipe.batch in ({64} if case.keep_batch else {32, 64})
    assert len(reasons) == 6
    assert all(line.startswith(name) for name, line in reasons.items())
    assert all(line.endswith(".") and "\n" not in line for line in reasons.values())


def test_more_time_gives_wider_networks_and_lower_rates():
    widths, rates = [], []
    for steps in (1000, 10_000, 100_000, 1_000_000):
        recipe, _ = auto.choose(RECIPES["auto"], replace(CASE, faces=10**7, steps=steps))
        widths.append("sml".index(recipe.network.generator["width"]))
        rates.append(recipe.generator.rate)
    assert widths == sorted(widths)
    assert rates == sorted(rates, reverse=True)
    assert (widths[0], widths[-1]) == (0, 2)


def test_gamma_grows_with_the_pixels_beyond_64_px():
    def gammas(size: int) -> tuple[float, float | None]:
        penalty = auto.choose(RECIPES["auto"], replace(CASE, size=size))[0].penalty
        return penalty.gamma, penalty.gamma_end

    assert [gammas(size) for size in (16, 64, 128, 256)] == [(2, 0.5), (2, 0.5), (8, 2), (32, 8)]


def test_a_gpu_takes_wider_networks_from_fewer_steps_of_the_smallest():
    for width, steps in (("m", 17_000), ("l", 120_000)):
        case = replace(CASE, steps=steps)
        assert (
            auto.choose(RECIPES["auto"], replace(case, device="gpu"))[0].network.generator["width"] == width
        )
        assert auto.choose(RECIPES["auto"], case)[0].network.generator["width"] != width


def test_little_time_on_a_cpu_is_spent_on_more_and_smaller_steps():
    brief, _ = auto.choose(RECIPES["auto"], replace(CASE, steps=800))
    assert (brief.batch, brief.generator.rate) == (32, pytest.approx(2e-3 / 2**0.5))
    for case in (replace(CASE, steps=20_000), replace(CASE, device="gpu"), replace(CASE, counted=True)):
        assert auto.choose(RECIPES["auto"], case)[0].batch == 64
    asked, _ = auto.choose(
        changed(RECIPES["auto"], {"batch": "48"}), replace(CASE, steps=800, keep_batch=True)
    )
    assert (asked.batch, asked.generator.rate) == (48, pytest.approx(2e-3 * math.sqrt(48 / 64)))


def test_few_faces_are_changed_the_more_the_oftener_they_are_seen():
    def strength(faces: int) -> float:
        recipe, _ = auto.choose(RECIPES["auto"], replace(CASE, faces=faces))
        return recipe.augment.strength if recipe.augment else 0.0

    found = [strength(faces) for faces in (100_000, 10_000, 1000, 100, 16)]
    assert found == sorted(found)
    assert found[0] == 0 < found[2]


def test_quick_is_what_auto_writes_for_five_minutes_of_a_cpu():
    written, _ = auto.choose(RECIPES["auto"], auto.Case(size=32, faces=8_998, steps=1_000))
    rounded = {
        player: getattr(written, player).model_copy(
            update={"rate": pytest.approx(getattr(written, player).rate, rel=0.02)}
        )
        for player in ("generator", "discriminator")
    }
    assert RECIPES["quick"] == written.model_copy(update={"name": "quick", **rounded})


def test_a_model_to_start_from_keeps_its_network():
    network = Network(name="slim", generator={"widths": [8, 8]})
    recipe, reasons = auto.choose(RECIPES["auto"], replace(CASE, network=network))
    assert recipe.network == network
    assert "start from" in reasons["network"]


def test_what_was_asked_for_stays_and_the_run_says_why(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces", 40)
    settings = SMALL["auto"] | {"batch": "8", "penalty.gamma": "5", "generator.clip": "3"}
    phiz.train(faces.path, tmp_path / "run", steps=3, settings=settings, explain=True)
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert written["recipe"]["penalty"]["gamma"] == 5
    assert written["recipe"]["network"]["generator"]["width"] == [16, 12, 8]
    assert written["recipe"]["batch"] == 8
    assert len(written["reasons"]) == 6
    asked = {line for line in written["reasons"] if line.endswith("as you asked.")}
    assert asked == {"network: as you asked.", "batch: as you asked.", "gamma: as you asked."}
    said = capsys.readouterr().err
    assert all(reason in said for reason in written["reasons"])


def test_another_argument_of_the_network_leaves_its_width_to_auto(tmp_path, monkeypatch):
    monkeypatch.setattr(auto, "_WORTH", {"m": 2})
    faces = write_faces(tmp_path / "faces", 40)
    settings = {"batch": "8", "network.generator.depth": "0"}
    monkeypatch.setattr("phiz.verbs.driving.drive", lambda run, *_: run.write())
    phiz.train(faces.path, tmp_path / "run", steps=3, settings=settings)
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (
        written["recipe"]["network"]["generator"] | {"width": "m", "depth": 0}
        == (written["recipe"]["network"]["generator"])
    )
    assert "width m" in written["reasons"][0]


def test_the_rate_of_a_batch_is_the_same_whoever_chose_it():
    by_rule, _ = auto.choose(RECIPES["auto"], replace(CASE, device="cpu", counted=False, steps=1_000))
    assert by_rule.batch == 32
    asked = RECIPES["auto"].model_copy(update={"batch": 32})
    by_name, why = auto.choose(
        asked, replace(CASE, device="cpu", counted=False, steps=2_000, keep_batch=True)
    )
    assert by_name.generator.rate == by_rule.generator.rate
    assert "over the root of 2" in why["rates"]


def test_a_recipe_with_a_name_is_not_changed(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    phiz.train(faces.path, tmp_path / "run", steps=3, recipe="modern", settings=SMALL["modern"])
    written = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert written["reasons"] == []
    assert written["recipe"]["augment"] is None


def test_auto_goes_on_with_the_network_of_another_recipe(tmp_path):
    faces = write_faces(tmp_path / "faces", 40)
    quick = phiz.train(faces.path, tmp_path / "slim", steps=3, recipe="slim", settings=SMALL["slim"])
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


def stopped_while_it_plans(monkeypatch, *arguments, **options):
    def stop(*_, **__):
        raise Stopped("stopped.")

    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.plan.measured", stop)
        with pytest.raises(Stopped, match=r"before the first step, what was prepared is kept.*--resume"):
            phiz.train(*arguments, **options)


def test_what_was_chosen_before_a_kill_is_what_is_trained(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 40)
    begun = {"minutes": 0.02, "settings": SMALL["auto"] | {"batch": "8"}, "evaluate_every": 0}
    stopped_while_it_plans(monkeypatch, faces.path, tmp_path / "run", **begun)
    before = json.loads((tmp_path / "run" / "recipe.json").read_text())
    monkeypatch.setattr("phiz.training.auto.choose", None)  # would fail
    phiz.train(faces.path, tmp_path / "run", **begun, resume=True)
    after = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (before["plan"], before["recipe"], before["reasons"]) == (None, after["recipe"], after["reasons"])


def test_minutes_win_over_the_steps_of_a_recipe(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 40)
    recipe = changed(RECIPES["auto"], SMALL["auto"] | {"batch": "8", "steps": "100000"})
    stopped_while_it_plans(monkeypatch, faces.path, tmp_path / "run", minutes=0.02, recipe=recipe)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]["steps"] is None


def test_starting_from_a_model_of_the_same_faces_an_outline_is_drawn_only_if_asked_for(tmp_path):
    faces, others = write_faces(tmp_path / "faces", 40), write_faces(tmp_path / "others", 40, seed=1)
    small = SMALL["auto"] | {"batch": "8"}
    donor = phiz.train(faces.path, tmp_path / "donor", steps=3, settings=small).folder
    for name, more in (("without", {}), ("with", {"outline.rate": "0.001"})):
        phiz.train(faces.path, tmp_path / name, steps=8, settings=small | more, start_from=donor)
        written = json.loads((tmp_path / name / "recipe.json").read_text())
        assert (written["recipe"]["outline"] is None) == (name == "without")
    phiz.train(others.path, tmp_path / "other", steps=8, settings=small, start_from=donor)
    assert json.loads((tmp_path / "other" / "recipe.json").read_text())["recipe"]["outline"] is not None


def test_named_recipes_go_on_too_and_one_given_whole_stays_as_it_is(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces", 40)
    small = SMALL["modern"] | {"batch": "8"}
    donor = phiz.train(faces.path, tmp_path / "donor", recipe="modern", steps=3, settings=small).folder
    whole = changed(RECIPES["modern"], small | {"size": "32"})
    for name, recipe, settings in (("named", "modern", small), ("whole", whole, None)):
        capsys.readouterr()
        run = phiz.train(
            faces.path, tmp_path / name, recipe=recipe, steps=8, settings=settings, start_from=donor
        ).folder
        written = json.loads((run / "recipe.json").read_text())
        assert (written["recipe"]["outline"] is None) == (name == "named")
        assert ("There is no outline stage" in (run / "log.txt").read_text()) == (name == "named")


def test_reasons_name_all_that_a_rate_is_made_of_and_what_of_gamma_was_asked_for(tmp_path):
    chosen, why = auto.choose(
        RECIPES["auto"].model_copy(update={"batch": 32}), replace(CASE, steps=16_000, counted=True)
    )
    assert "over the root of 2 and of 4" in why["rates"]
    assert chosen.generator.rate == pytest.approx(2e-3 / math.sqrt(8))
    faces = write_faces(tmp_path / "faces", 40)
    settings = SMALL["auto"] | {"batch": "8", "penalty.gamma_end": "1"}
    phiz.train(faces.path, tmp_path / "run", steps=3, settings=settings)
    reasons = json.loads((tmp_path / "run" / "recipe.json").read_text())["reasons"]
    assert any(r.startswith("gamma 2 ") and r.endswith("penalty.gamma_end as you asked.") for r in reasons)


def test_a_batch_that_does_not_fit_is_split_before_it_is_timed(tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 40)
    step = gan.GAN._adversarial_step

    def short(self, at):
        if len(self.mine) // self.splits > 2:
            raise RuntimeError("out of memory")
        return step(self, at)

    monkeypatch.setattr(gan.GAN, "_adversarial_step", short)
    settings = SMALL["auto"] | {"batch": "8"}
    phiz.train(faces.path, tmp_path / "run", minutes=0.02, settings=settings, evaluate_every=0)
    assert "in 4 pieces" in (tmp_path / "run" / "log.txt").read_text()
