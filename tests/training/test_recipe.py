"""Recipes: complete, validated, changeable one value at a time."""

from __future__ import annotations

import json

import pytest

from phiz import networks
from phiz.errors import PhizError, UsageError
from phiz.training import recipe as recipes
from phiz.training.starting import check


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_survives_its_json(name):
    recipe = recipes.find(name)
    assert recipes.validated(json.loads(recipe.model_dump_json()), name) == recipe


def test_the_recipes_say_what_their_sources_say():
    dcgan, afad = recipes.find("dcgan"), recipes.find("afad64")
    assert (dcgan.batch, dcgan.generator.rate, dcgan.generator.beta1, dcgan.loss) == (128, 2e-4, 0.5, "bce")
    assert (afad.size, afad.z, afad.batch, afad.loss) == (64, 100, 128, "bce")
    assert (afad.discriminator.rate, afad.generator.rate, afad.noise) == (7e-5, 1e-4, "per-epoch")
    for name, size in (("acg96", 96), ("acg112", 112)):
        acg = recipes.find(name)
        assert (acg.size, acg.z, acg.batch, acg.steps) == (size, 300, 64, 40_000)


def test_slim_stays_as_it_was_measured():
    adam = {"rate": 2e-3, "beta1": 0.0, "beta2": 0.99, "beta2_end": None, "clip": 2.0, "warmup": 0}
    assert recipes.find("slim").model_dump() == {
        "name": "slim",
        "network": {"name": "slim", "generator": {}, "discriminator": {}},
        "size": 32,
        "z": 128,
        "batch": 64,
        "steps": None,
        "outline": {"share": 0.15, "rate": 2e-3},
        "loss": "relativistic",
        "penalty": {
            "kind": "finite-difference",
            "gamma": 2.0,
            "gamma_end": None,
            "share": 1.0,
            "sigma": 0.05,
        },
        "augment": None,
        "generator": adam,
        "discriminator": adam,
        "burn_in": 1.0,
        "decay": 0.8,
        "ema": 0.03,
        "freeze": 0,
        "noise": "fresh",
        "flip": True,
        "conditional": True,
        "classifier": 0.0,
        "precision": "auto",
        "compile": False,
        "seed": 0,
    }


def test_modern_names_all_that_its_networks_are_made_of():
    pytest.importorskip("torch")
    network = recipes.find("auto").network
    for role, rest in (("generator", {"size", "z", "labels"}), ("discriminator", {"size", "labels"})):
        assert set(getattr(network, role)) | rest == set(networks.takes("modern", role))


def test_one_value_changes():
    recipe = recipes.changed(recipes.find("slim"), {"penalty.gamma": "0.25", "batch": "32", "size": "48"})
    assert recipe.penalty is not None
    assert (recipe.penalty.gamma, recipe.batch, recipe.size) == (0.25, 32, 48)
    assert recipes.changed(recipe, {"penalty": "null"}).penalty is None
    assert recipes.changed(recipe, {"penalty.gamma": "2", "penalty": "null"}).penalty is None
    assert recipes.changed(recipe, {"noise": "per-epoch"}).noise == "per-epoch"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bach": "32"}, ["bach", "batch"]),
        ({"generator.rat": "1"}, ["generator.rat", "generator.rate"]),
        ({"batch": "many"}, ["batch", "many"]),
        ({"generator.rate": "-1"}, ["generator.rate", "-1"]),
        ({"batch.x": "1"}, ["batch"]),
        ({"size": "50"}, ["50", "48"]),
        ({"loss": "hinge"}, ["loss", "hinge"]),
        ({"generator": "3"}, ["generator has keys of its own", "generator.rate"]),
        ({"network.generator": "3"}, ["network.generator", "3"]),
        ({"network.generator.z": "64"}, ["network.generator.z", "--set z"]),
        ({"network.discriminator.size": "64"}, ["network.discriminator.size", "--size"]),
        ({"network.generator.labels": "[3]"}, ["network.generator.labels", "face set"]),
        ({"network.widths": "[8]"}, ["network.widths", "network.generator.widths"]),
    ],
)
def test_a_wrong_setting_is_named(settings, words):
    with pytest.raises(UsageError) as caught:
        recipes.changed(recipes.find("slim"), settings)
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        ("slim", {"network.generator.widths": "[]"}),
        ("slim", {"network.generator.widths": "[0, 0, 0]"}),
        ("slim", {"network.discriminator.widths": "[-5, 3, 2]"}),
        ("dcgan", {"network.generator.width": "0"}),
        ("dcgan", {"network.discriminator.width": "-3"}),
        ("afad64", {"network.generator.dense": "-1"}),
        ("afad64", {"network.generator.channels": "0"}),
        ("modern", {"network.generator.mapping": "-1"}),
        ("modern", {"network.discriminator.depth": "-1"}),
    ],
)
def test_networks_of_nothing_are_refused(recipe, settings):
    key = next(iter(settings)).rpartition(".")[2]
    with pytest.raises(UsageError, match=key):
        check(recipes.changed(recipes.find(recipe), settings), None)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(UsageError, match='"quick"'):
        recipes.find("quik")


def test_a_recipe_comes_from_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"recipe": recipes.find("dcgan").model_dump(mode="json")}))
    assert recipes.find(str(path)) == recipes.find("dcgan")
    path.write_text("{")
    with pytest.raises(PhizError, match=r"mine\.json"):
        recipes.find(str(path))
    path.write_text("[1]")
    with pytest.raises(PhizError, match=r"mine\.json"):
        recipes.find(str(path))


def test_a_recipe_that_lacks_something_says_what(tmp_path):
    (tmp_path / "half.json").write_text('{"name": "half", "network": {"name": "modern"}}')
    with pytest.raises(UsageError, match=r"half\.json: a recipe needs generator, which is not there\.$"):
        recipes.find(str(tmp_path / "half.json"))


@pytest.mark.parametrize(("asked", "precision"), [(None, "auto"), ({"precision": "float32"}, "float32")])
def test_the_recipe_of_a_run_leaves_precision_to_the_machine_unless_it_was_asked_for(
    tmp_path, asked, precision
):
    settled = recipes.RECIPES["modern"].model_copy(update={"precision": "float32"}).model_dump()
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": settled, "asked": {"settings": asked}}))
    assert recipes.find(str(tmp_path / "recipe.json")).precision == precision


def test_gamma_alone_moves_where_it_goes_as_well():
    modern = recipes.find("modern").penalty
    moved = recipes.changed(recipes.find("modern"), {"penalty.gamma": "1"}).penalty
    assert moved.gamma_end / moved.gamma == pytest.approx(modern.gamma_end / modern.gamma)
    both = recipes.changed(recipes.find("modern"), {"penalty.gamma": "1", "penalty.gamma_end": "0.3"}).penalty
    assert (both.gamma, both.gamma_end) == (1, 0.3)
    still = recipes.changed(recipes.find("slim"), {"penalty.gamma": "1"}).penalty
    assert (still.gamma, still.gamma_end) == (1, None)
    with pytest.raises(UsageError, match=r"penalty\.gamma"):
        recipes.changed(recipes.find("modern"), {"penalty.gamma": "strong"})


@pytest.mark.parametrize("name", ["slim", "dcgan", "afad"])
def test_another_network_begins_without_the_arguments_of_the_one_before(name):
    pytest.importorskip("torch")
    from phiz.training import starting

    auto = recipes.changed(recipes.find("auto"), {"network.name": name, "conditional": "false"})
    assert (auto.network.generator, auto.network.discriminator) == ({}, {})
    starting.check(auto, None)
    given = {"network.generator.mapping": "0", "network.name": "modern"}
    kept = recipes.changed(recipes.find("auto"), given).network.generator
    assert kept == recipes.find("auto").network.generator | {"mapping": 0}


def test_an_estimate_needs_a_d_that_says_the_same_twice():
    pytest.importorskip("torch")
    from phiz.training import starting

    for name in ("dcgan", "afad64"):
        estimated = recipes.changed(recipes.find(name), {"penalty.gamma": "1"})
        with pytest.raises(UsageError, match=r"batch norm or dropout: --set penalty\.kind=exact"):
            starting.check(estimated, None)
        starting.check(recipes.changed(estimated, {"penalty.kind": "exact"}), None)
    starting.check(recipes.find("slim"), None)


def test_an_augmentation_that_would_leak_is_refused():
    pytest.importorskip("torch")
    from phiz.training import starting

    starting.check(recipes.changed(recipes.find("auto"), {"augment.strength": "0.8"}), None)
    with pytest.raises(UsageError, match=r"augment\.strength=0\.9: beyond 0\.8"):
        starting.check(recipes.changed(recipes.find("auto"), {"augment.strength": "0.9"}), None)


def test_a_classifier_needs_labels():
    with pytest.raises(UsageError, match="conditional=true"):
        recipes.changed(recipes.find("dcgan"), {"classifier": "1"})
    assert recipes.changed(recipes.find("auto"), {"conditional": "false"}).classifier == 0
