"""A training that starts from another model takes what fits, says what does not, and resumes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.numpy import load_file
from torch import nn

import phiz
from phiz import networks
from phiz.errors import PhizError, UsageError
from phiz.training import transfer
from phiz.training.transfer import Donor, normed
from toyset import SMALL, write_faces

SETTINGS = {**SMALL["auto"], "batch": "8"}


@pytest.fixture(scope="module")
def donor(tmp_path_factory):
    place = tmp_path_factory.mktemp("donor")
    faces = write_faces(place / "faces", labelled=True)
    return phiz.train(faces.path, place / "run", steps=12, settings=SETTINGS).model


def network(size: int, labels: list[int], seed: int = 1) -> torch.nn.Module:
    torch.manual_seed(seed)
    return networks.generator("modern", size=size, z=8, width=[16, 12, 8], labels=labels)


def faces_drawn(generator: torch.nn.Module, labels: torch.Tensor | None = None) -> torch.Tensor:
    """Return what a generator draws of many latents, by the statistics of the batch."""
    torch.manual_seed(3)
    latents = torch.randn(512, 8)
    with torch.no_grad():
        return generator.train()(latents) if labels is None else generator.train()(latents, labels)


def labels_drawn(donor) -> torch.Tensor:
    draws = torch.Generator().manual_seed(4)
    columns = [
        torch.multinomial(torch.tensor(counts, dtype=torch.float), 512, True, generator=draws)
        for counts in donor.config.frequencies.values()
    ]
    return torch.stack(columns, 1)


def test_the_same_network_is_taken_whole(donor):
    weights = donor.weights()
    to = network(16, [2, 3])
    taken = transfer.generator(to, Donor.of(donor), donor.config.labels)
    assert (taken.values, taken.anew) == (taken.whole, [])
    assert all(np.array_equal(value.numpy(), weights[name]) for name, value in to.state_dict().items())


def test_another_size_takes_the_layers_that_both_have(donor):
    to = network(32, [2, 3])
    before = {name: value.clone() for name, value in to.state_dict().items()}
    taken = transfer.generator(to, Donor.of(donor), donor.config.labels)
    assert 0.5 < taken.share < 1
    assert torch.equal(
        to.state_dict()["stages.0.enter.weight"], torch.tensor(donor.weights()["stages.0.enter.weight"])
    )
    assert any(name.startswith("stages.2") for name in taken.anew)
    assert torch.equal(to.state_dict()["stages.2.enter.weight"], before["stages.2.enter.weight"])
    assert "anew, at least in part: " in str(taken)


def test_labels_are_taken_by_name(donor):
    schema = {"tint": ["blue", "violet", "red"]}
    to = network(16, [3])
    transfer.generator(to, Donor.of(donor), schema)
    vectors, old = to.state_dict()["labels.vectors.weight"], donor.weights()["labels.vectors.weight"]
    assert np.array_equal(vectors[0], old[4])  # after dark, light, red, green
    assert np.array_equal(vectors[2], old[2])
    assert transfer.labels_said(donor.config.labels, schema) == [
        "Of its label tint, blue, red are taken.",
        "What its labels shade said is read from the latent now.",
    ]


def test_values_that_the_donor_does_not_know_begin_as_varied_as_those_it_knows(donor):
    """An attribute with some of the donor's values is the same; one with none has only the name of it."""
    old = donor.weights()["labels.vectors.weight"].astype(np.float64)
    counts = np.array(donor.config.frequencies["tint"])
    mean = counts / counts.sum() @ old[2:]
    spread = np.sqrt(np.trace(((old[2:] - mean) * (counts / counts.sum())[:, None]).T @ (old[2:] - mean)))
    many = [f"new{i}" for i in range(400)]
    for values, shared in ((["red", *many], 1), (many, 0)):
        to = network(16, [len(values)])
        given = Donor.of(donor)
        transfer.generator(to, given, {"tint": values})
        new = to.state_dict()["labels.vectors.weight"].numpy()[shared:]
        lost = transfer.Lost.of(old, given, {"tint": values})
        center, wide = (mean, spread) if shared else (lost.mean, np.sqrt(np.trace(lost.root @ lost.root.T)))
        assert new.mean(0) == pytest.approx(center, abs=0.2 * wide)
        assert np.sqrt(new.var(0).sum()) == pytest.approx(wide, rel=0.15)
    assert transfer.labels_said(donor.config.labels, {"tint": many}) == [
        "What its labels shade, tint said is read from those of these faces now.",
    ]


@pytest.mark.parametrize("labels", [[], [4, 5]])
def test_without_its_labels_it_draws_what_it_drew(donor, labels):
    """Faces of a donor whose label vectors matter are like its faces still, in their mean and spread."""
    given = Donor.of(donor)
    given.generator["labels.vectors.weight"] = 4 * given.generator["labels.vectors.weight"]
    own = network(16, [2, 3])
    transfer.generator(own, given, donor.config.labels)
    expected = faces_drawn(own, labels_drawn(donor))
    schema = {f"other{n}": [str(i) for i in range(n)] for n in labels}
    to, cut = network(16, labels), network(16, labels)
    transfer.generator(to, given, schema)
    drawn = torch.stack([torch.randint(0, n, (512,)) for n in labels], 1) if labels else None
    found = faces_drawn(to, drawn)
    # As it was once: the latent's part alone.
    for name, value in cut.state_dict().items():
        new = given.generator.get(name)
        if new is not None and new.shape == value.shape:
            value.copy_(torch.from_numpy(new))
        elif new is not None and name != "labels.vectors.weight":
            value[:, :8] = torch.from_numpy(new[:, :8])
    without = faces_drawn(cut, drawn)

    def apart(made: torch.Tensor) -> float:
        mean = (made.mean(0) - expected.mean(0)).abs().mean()
        return float(mean + (made.std(0) - expected.std(0)).abs().mean())

    assert apart(found) < 0.75 * apart(without)


def test_labels_that_d_does_not_know_say_nothing_yet(donor):
    given = Donor.of(donor)
    torch.manual_seed(1)
    own = networks.discriminator("modern", size=16, width=[16, 12, 8], depth=0, labels=[2, 3])
    to = networks.discriminator("modern", size=16, width=[16, 12, 8], depth=0, labels=[7])
    assert transfer.discriminator(own, given, donor.config.labels, 16).share == 1
    transfer.discriminator(to, given, {"other": list("abcdefg")}, 16)
    pictures = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1
    labels = labels_drawn(donor)[:64]
    with torch.no_grad():
        said = [to(pictures, torch.full((64, 1), value)) for value in range(7)]
        assert all(torch.equal(said[0], other) for other in said)
        # The mean of what it said under labels as they come.
        each = torch.stack(
            [own(pictures, torch.tensor([[a, b]]).expand(64, 2)) for a in (0, 1) for b in (0, 1, 2)]
        )
    counts = [np.array(c) / sum(c) for c in donor.config.frequencies.values()]
    shares = torch.tensor(np.outer(*counts).flatten(), dtype=torch.float)
    assert torch.allclose(said[0], shares @ each, atol=1e-4)
    assert labels.shape == (64, 2)


def test_without_its_verdict_d_keeps_what_it_sees_and_says_what_a_new_one_does(donor):
    given = Donor.of(donor)
    torch.manual_seed(1)
    to = networks.discriminator("modern", size=16, width=[16, 12, 8], depth=0, labels=[2, 3])
    new = {name: value.clone() for name, value in to.state_dict().items()}
    taken = transfer.discriminator(to, given, donor.config.labels, 16, verdict=False)
    assert sorted(taken.anew) == ["dense", "labels.vectors"]
    for name, value in to.state_dict().items():
        anew = name.startswith(("dense.", "labels."))
        assert torch.equal(value, new[name] if anew else torch.from_numpy(given.discriminator[name])), name


def test_d_begins_anew_at_another_size(donor, tmp_path):
    given = Donor.of(donor)
    torch.manual_seed(1)
    to = networks.discriminator("modern", size=32, width=[16, 12, 8], depth=0, labels=[2, 3])
    new = {name: value.clone() for name, value in to.state_dict().items()}
    assert transfer.discriminator(to, given, donor.config.labels, 32).values == 0
    assert all(torch.equal(value, new[name]) for name, value in to.state_dict().items())
    faces = write_faces(tmp_path / "faces", 30, size=32)
    phiz.train(faces.path, tmp_path / "run", steps=2, settings={"batch": "8"}, start_from=donor.path)
    said = (tmp_path / "run" / "log.txt").read_text("utf-8")
    assert "D starts anew: what it sees first is not what that of" in said
    assert "(16 px) did." in said


def test_without_its_lengths_g_draws_the_same_and_learns_like_a_new_one(donor):
    given, labels = Donor.of(donor), donor.config.labels
    new, whole, to = network(16, [2, 3]), network(16, [2, 3]), network(16, [2, 3])
    for values in given.generator:  # as long training does
        if values.endswith(("enter.weight", "inner.weight")):
            given.generator[values] = 3.0 * given.generator[values]
    transfer.generator(whole, given, labels)
    assert transfer.generator(to, given, labels, lengths=False).anew == []
    for (layer, _), (fresh, _) in zip(normed(to), normed(new), strict=True):
        assert torch.isclose(layer.weight.norm(), fresh.weight.norm())
    chosen = labels_drawn(donor)
    assert torch.allclose(faces_drawn(to, chosen), faces_drawn(whole, chosen), atol=1e-3)


def test_a_training_goes_on_with_the_same_faces_and_begins_anew_with_others(donor, tmp_path):
    begun, settings = {}, {"generator.rate": "1e-9", "discriminator.rate": "1e-9"}
    theirs, others = donor.path.parent.parent / "faces", write_faces(tmp_path / "faces", 30).path
    ways = {
        "same": (theirs, {}),
        "other": (others, {"outline.rate": "1e-9"}),
        "other, no outline": (others, {"outline": "null"}),
    }
    for name, (faces, more) in ways.items():
        run = phiz.train(
            faces, tmp_path / name, steps=2, start_from=donor.path, settings=SETTINGS | settings | more
        )
        verdict = load_file(run.model.path / "discriminator.safetensors")["dense.weight"]
        begun[name] = np.linalg.norm(run.model.weights()["stages.0.enter.weight"]), verdict
    theirs = load_file(donor.path / "discriminator.safetensors")["dense.weight"]
    length = np.linalg.norm(donor.weights()["stages.0.enter.weight"])
    for name, (found, verdict) in begun.items():
        assert np.isclose(found, length, rtol=1e-3) == (name == "same"), name
        assert np.allclose(verdict, theirs, atol=1e-5) == (name == "same"), name


def test_frozen_layers_of_d_stay_as_they_were_taken_through_a_resume_too(donor, tmp_path):
    faces, run = write_faces(tmp_path / "faces", 30).path, tmp_path / "run"
    given: dict = {"steps": 8, "start_from": donor.path, "settings": SETTINGS | {"freeze": "2"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phiz.training.course.Course.sample", lambda self: 1 / (self.step < 4))
        with pytest.raises(ZeroDivisionError):
            phiz.train(faces, run, **given)
    phiz.train(faces, run, **given, resume=True)
    before = load_file(donor.path / "discriminator.safetensors")
    after = load_file(run / "model" / "discriminator.safetensors")
    critic = networks.discriminator("modern", size=16, width=[16, 12, 8], depth=0)
    names = {module: name for name, module in critic.named_modules()}
    frozen = tuple(f"{names[layer]}." for layer in critic.layers()[:2])
    assert len(frozen) == 2
    for name, values in after.items():
        if name.startswith(frozen):
            assert np.array_equal(values, before[name]), name
        elif name.endswith("weight") and name in before and values.shape == before[name].shape:
            assert not np.array_equal(values, before[name]), name


def test_labels_say_nothing_yet_where_the_donor_had_none(tmp_path):
    faces = write_faces(tmp_path / "faces", 30)
    given = Donor.of(phiz.train(faces.path, tmp_path / "run", steps=3, settings=SETTINGS).model)
    own, to = network(16, []), network(16, [2, 3])
    transfer.generator(own, given, {})
    transfer.generator(to, given, {"shade": list("ab"), "tint": list("abc")})
    expected = faces_drawn(own)
    for value in (0, 1):
        assert torch.allclose(faces_drawn(to, torch.full((512, 2), value)), expected, atol=1e-5)


def test_another_length_of_latents_keeps_latents_and_labels_apart(donor):
    torch.manual_seed(1)
    to = networks.generator("modern", size=16, z=12, width=[16, 12, 8], labels=[2, 3])
    transfer.generator(to, Donor.of(donor), donor.config.labels)
    new, old = to.state_dict()["dense.weight"].numpy(), donor.weights()["dense.weight"]
    assert np.array_equal(new[:, :8], old[:, :8])
    assert np.array_equal(new[:, 12:20], old[:, 8:])
    vectors = to.state_dict()["labels.vectors.weight"].numpy()
    assert np.array_equal(vectors[:, :8], donor.weights()["labels.vectors.weight"])
    assert not vectors[:, 8:].any()


def test_what_shares_nothing_is_refused_and_the_sizes_are_named(tmp_path):
    faces = write_faces(tmp_path / "faces", 30, size=48)
    with pytest.raises(
        PhizError, match="A model of 64 px goes with 16, 32, 64, 128, 256, 512 and 1024 px"
    ) as caught:
        phiz.train(faces.path, tmp_path / "run", steps=1, settings={"batch": "8"}, start_from="avatars")
    assert caught.value.status == 3
    assert not (tmp_path / "run").exists()


def test_sizes_that_are_named_are_those_that_this_network_shares_layers_with(tmp_path):
    settings = SMALL["dcgan"] | {"batch": "8"}
    faces = write_faces(tmp_path / "faces", 30)
    donor = phiz.train(faces.path, tmp_path / "donor", recipe="dcgan", steps=1, settings=settings)
    larger = write_faces(tmp_path / "larger", 30, size=32)
    with pytest.raises(
        PhizError,
        match=r"shares nothing with dcgan of 32 px\. A model of 16 px goes with 16, 20, 24 and 28 px",
    ):
        phiz.train(
            larger.path, tmp_path / "run", recipe="dcgan", steps=1, settings=settings, start_from=donor.folder
        )


@pytest.mark.parametrize(
    ("size", "freeze", "fault", "says"),
    [(16, "99", UsageError, "D of this network has"), (32, "1", PhizError, "no layer enter that fits")],
)
def test_layers_that_are_not_there_or_not_taken_are_not_frozen(donor, tmp_path, size, freeze, fault, says):
    faces = write_faces(tmp_path / "faces", 30, size=size)
    settings = {"batch": "8", "freeze": freeze}
    with pytest.raises(fault, match=says):
        phiz.train(faces.path, tmp_path / "run", steps=1, settings=settings, start_from=donor.path)
    assert not (tmp_path / "run").exists()


def test_nothing_is_frozen_without_a_model_to_start_from(tmp_path):
    faces = write_faces(tmp_path / "faces", 30)
    with pytest.raises(UsageError, match="name one with --from"):
        phiz.train(faces.path, tmp_path / "run", steps=1, settings=SETTINGS | {"freeze": "2"})


@pytest.mark.parametrize(
    ("more", "fault", "says"),
    [
        ({"network.generator.width": "[24, 20]"}, PhizError, "shares nothing with modern of 16 px"),
        ({"network.generator.widht": "[24, 20]"}, UsageError, 'no widht. Did you mean "width"'),
    ],
)
def test_what_is_set_of_the_network_is_looked_at_too(donor, tmp_path, more, fault, says):
    faces = write_faces(tmp_path / "faces", 30)
    settings = {"batch": "8", **more}
    with pytest.raises(fault, match=says):
        phiz.train(faces.path, tmp_path / "run", steps=1, settings=settings, start_from=donor.path)
    assert not (tmp_path / "run").exists()


def test_another_network_shares_nothing_and_leaves_no_run(donor, tmp_path):
    faces = write_faces(tmp_path / "faces", 30)
    with pytest.raises(PhizError, match='"modern" and shares nothing with "dcgan"'):
        phiz.train(
            faces.path,
            tmp_path / "run",
            steps=1,
            recipe="dcgan",
            settings=SMALL["dcgan"],
            start_from=donor.path,
        )
    assert not (tmp_path / "run").exists()


def test_resuming_needs_the_model_that_it_began_from(donor, tmp_path, monkeypatch):
    faces = write_faces(tmp_path / "faces", 30, seed=5)
    model = shutil.copytree(donor.path, tmp_path / "model")
    begun = {"steps": 4, "settings": SETTINGS, "start_from": model}
    with monkeypatch.context() as patch:
        patch.setattr("phiz.training.loop.run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            phiz.train(faces.path, tmp_path / "run", **begun)
    other = phiz.train(faces.path, tmp_path / "other", steps=2, settings=SETTINGS).model
    shutil.rmtree(model)
    shutil.copytree(other.path, model)
    with pytest.raises(PhizError, match="is not the model that"):
        phiz.train(faces.path, tmp_path / "run", resume=True, **begun)
    shutil.rmtree(model)
    shutil.copytree(donor.path, model)
    assert phiz.train(faces.path, tmp_path / "run", resume=True, **begun).model.config.steps == 4


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_length_of_what_a_norm_follows_says_nothing_and_that_of_other_layers_something(name):
    torch.manual_seed(0)
    network = networks.generator(name, size=32, z=8)
    found = normed(network)
    if name == "modern":
        nn.init.normal_(network.mapping.layers[-1].weight)  # it starts at zero
    for _, norm in found:
        norm.eps = 1e-30  # afad's would show where a feature hardly varies

    def drawn() -> torch.Tensor:
        torch.manual_seed(1)  # of dropout too
        return network.train()(torch.randn(8, 8)).detach()

    free, before = [layer for layer, _ in found], drawn()
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            with torch.no_grad():
                layer.weight.mul_(2.0)
                same = torch.allclose(drawn(), before, atol=1e-3)
                layer.weight.mul_(0.5)
            if name != "afad" or layer is not network.dense[0]:  # of two linear layers both are free
                assert same == (layer in free), layer


def test_of_several_layers_before_a_norm_the_last_is_found():
    found = normed(networks.generator("modern", size=32, z=8, block="grouped", width=[32, 32]))
    inner = [layer for layer, _ in found if getattr(layer, "kernel_size", None) == (1, 1)]
    assert inner
    assert all((layer.in_channels, layer.out_channels) == (64, 32) for layer in inner)


def test_without_a_norm_none_is_found():
    assert normed(networks.generator("modern", size=32, z=8, norm="none")) == []
