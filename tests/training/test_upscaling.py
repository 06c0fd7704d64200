"""The upscaling task: it learns, keeps both ends, and goes on where it stood, to the bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from phiz.errors import UsageError
from phiz.training import checkpoint, fitting, loop, optimizers, plan
from phiz.training import recipe as recipes
from phiz.training.enlarging import RECIPES
from phiz.training.pairs import split
from phiz.training.tasks import Position
from phiz.training.upscaling import Upscaling, matching
from toyset import write_faces

SMALL = {
    "compact": {
        "network.generator": '{"width": 8, "depth": 1, "between": 4}',
        "network.discriminator": '{"widths": [6, 6, 6]}',
        "precision": "float32",
    },
    "srgan": {"network.generator": '{"width": 6, "blocks": 1}', "network.discriminator": '{"width": 4}'},
}


def small(recipe: str = "compact", **more: str):
    settings = {"size": "32", "crop": "32", "batch": "4", **SMALL[recipe], **more}
    return recipes.changed(RECIPES[recipe], settings)


def task(faces, recipe: str = "compact", **more: str) -> Upscaling:
    loop.deterministic(None)
    return Upscaling(small(recipe, **more), faces, torch.device("cpu"))


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces", count=24, size=32)


class Quiet:
    """A screen that shows nothing."""

    def show(self, metrics) -> None:
        pass

    say = note = show


def states(run) -> dict:
    """Return every tensor of a run's newest checkpoint."""
    return checkpoint.load(checkpoint.found(run / "checkpoints")[0]).tensors


def metrics(run) -> list[dict]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "second" not in k} for line in lines]


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        one[group].keys() == other[group].keys()
        and all(torch.equal(one[group][name], other[group][name]) for name in one[group])
        for group in one
    )


class Red:
    """A measure that changes with every step."""

    name, samples = "red", 3

    def __call__(self, faces: np.ndarray) -> float:
        assert faces.shape == (3, 32, 32, 3)
        return float(faces[..., 0].mean())


def drive(folder, faces, recipe: str = "compact", steps: int = 12) -> None:
    folder.mkdir(exist_ok=True)
    made = plan.fixed(it := task(faces, recipe), steps)
    made.evaluations = plan.every(made, 5)
    loop.run(it, made, folder, lambda *_: None, lambda _: None, Quiet(), measure=Red())


class Halt(Exception):
    pass


@pytest.mark.parametrize("recipe", ["compact", "srgan"])
@pytest.mark.parametrize("cut", [2, 8])
def test_resumed_equals_uninterrupted(recipe, cut, tmp_path, faces, monkeypatch):
    drive(tmp_path / "whole", faces, recipe)
    real = checkpoint.save

    def save(place, point, *more):
        path = real(place, point, *more)
        if point.step >= cut:
            raise Halt
        return path

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(Halt):
            drive(tmp_path / "cut", faces, recipe)
    drive(tmp_path / "cut", faces, recipe)
    assert same(states(tmp_path / "cut"), states(tmp_path / "whole"))
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    assert {"smooth", "best-smooth", "best-sharp"} <= states(tmp_path / "whole").keys()


class Small(Upscaling):
    """A training on a machine with room for the graph of two pictures."""

    def _enlarge(self, small: torch.Tensor) -> torch.Tensor:
        if len(small) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super()._enlarge(small)


def test_a_batch_that_does_not_fit_is_split_to_the_same_end(faces, monkeypatch):
    said: list[str] = []
    recipe = small(**{"sharp.features": "0"})  # which is relative to the mean of a batch
    tasks = [kind(recipe, faces, torch.device("cpu")) for kind in (Upscaling, Small)]
    fitting.fit(tasks[1], said.append)
    assert (tasks[1].splits, len(said)) == (2, 1)
    found: list[torch.Tensor] = []
    real = optimizers.step

    def step(optimizer, loss):
        found.append(torch.cat([g.flatten() for g in optimizers.gradients(optimizer)] + [loss.view(1)]))
        for group in optimizer.param_groups:
            group["lr"] = 0.0  # Adam's first step is a whole one even where a gradient is rounding
        return real(optimizer, loss)

    monkeypatch.setattr(optimizers, "step", step)
    for task in tasks:
        for at in (Position(0, "smooth", 0, 2, 0.2), Position(1, "sharp", 1, 9, 0.6)):
            values = task.step(at)
            assert not values["masked"]
    for one, two in zip(found[:3], found[3:], strict=True):
        assert float((one - two).abs().max()) < 1e-4 * float(one.abs().max())


def test_it_comes_nearer_to_the_faces(faces):
    it = task(faces, "compact", **{"generator.rate": "0.003", "degradations": '{"clean": 1}'})
    values = [
        float(it.step(Position(step, "smooth", step, 80, step / 80))["loss_pixel"]) for step in range(80)
    ]
    assert np.mean(values[-10:]) < 0.5 * np.mean(values[:10])


def test_both_ends_are_kept(faces):
    it = task(faces)
    assert [stage.name for stage in it.stages] == ["smooth", "sharp"]
    for step in range(3):
        it.step(Position(step, "smooth", step, 3, 0.1 * step))
    assert list(it.finished(Position(3, "sharp", 0, 3, 0.5))) == ["smooth", "sharp"]
    before = {
        k: v.clone() for k, v in it.finished(Position(3, "sharp", 0, 3, 0.5))["smooth"].state_dict().items()
    }
    for step in range(3, 6):
        it.step(Position(step, "sharp", step - 3, 3, 0.2 * step))
    ends = it.finished(Position(6, "sharp", 3, 3, 1.0))
    after = ends["smooth"].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not all(
        torch.equal(a, b) for a, b in zip(after.values(), ends["sharp"].state_dict().values(), strict=True)
    )


def test_without_a_second_stage_there_is_one_end(faces):
    it = task(faces, "compact", sharp="null")
    assert [stage.name for stage in it.stages] == ["smooth"]
    it.step(Position(0, "smooth", 0, 1, 0.0))
    assert list(it.finished(Position(1, "smooth", 1, 1, 1.0))) == ["smooth"]


def test_samples_are_faces_it_never_learns_from(faces):
    it = task(faces)
    assert not set(it.held) & set(it.learned)
    assert len(it.held) + len(it.learned) == len(faces)
    at = Position(0, "smooth", 0, 1, 0.0)
    assert np.array_equal(it.sample(at, 3), it.sample(at, 3))
    assert it.sample(at, 5).shape == (5, 32, 32, 3)
    assert it.small(2).shape == (2, 8, 8, 3)


@pytest.mark.parametrize("count", [2, 16, 1000])
def test_a_part_is_set_aside(count):
    held, learned = split(count)
    assert 1 <= len(held) <= 16
    assert sorted([*held, *learned]) == list(range(count))


def test_larger_faces_are_reduced(tmp_path):
    large = write_faces(tmp_path / "large", count=16, size=64)
    assert task(large).large(np.arange(2)).shape == (2, 32, 32, 3)


def test_matching_is_relative():
    a, b = torch.ones(1, 2, 3, 3), 3 * torch.ones(1, 2, 3, 3)
    assert float(matching([a, 10 * a], [b, 10 * a])) == pytest.approx(1)  # 2 apart of 1, and none


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("scale", "3", "scale"),
        ("crop", "40", "divisible by 16"),
        ("degradations", '{"fog": 1}', "no degradation"),
        ("degradations", '{"clean": 0}', "share above 0"),
        ("sharp.share", "1.5", "sharp.share"),
        ("sharp.shar", "0.5", "no sharp.shar"),
    ],
)
def test_a_wrong_setting_is_named(key, value, word):
    with pytest.raises(UsageError, match=word) as caught:
        small(**{key: value})
    assert "\n" not in str(caught.value)


# -- a network to learn by --------------------------------------------------------------------------


def test_a_network_to_learn_by_gives_what_onnxruntime_gives(shared):
    import onnxruntime

    from phiz.training.perceptual import Perceptual

    file = shared / "weights" / "squeezenet-fire9.onnx"
    network = Perceptual(file)
    picture = torch.rand(1, 3, 227, 227, generator=torch.Generator().manual_seed(0))
    expected = onnxruntime.InferenceSession(str(file)).run(["features"], {"image": (picture * 255).numpy()})[
        0
    ]
    maps = network(picture)
    assert np.abs(maps[-1].mean((2, 3)).numpy() - expected).max() < 1e-3 * np.abs(expected).max()
    assert [m.shape[2] for m in maps] == sorted((m.shape[2] for m in maps), reverse=True)
    picture.requires_grad_(True)
    matching([m.detach() * 0.9 for m in network(picture)], network(picture)).backward()
    assert float(picture.grad.abs().sum()) > 0


def test_a_file_that_cannot_be_learned_by_is_named(tmp_path):
    from onnx import TensorProto, helper

    from phiz.errors import PhizError
    from phiz.training.perceptual import Perceptual

    (tmp_path / "no.onnx").write_bytes(b"no network")
    with pytest.raises(PhizError, match=r"no\.onnx cannot be read"):
        Perceptual(tmp_path / "no.onnx")
    shape = ["N", 3, 8, 8]
    given, gives = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "xy")
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "toy", [given], [gives])
    (tmp_path / "toy.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(PhizError, match="Tanh is no operation"):
        Perceptual(tmp_path / "toy.onnx")
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3, 3, 3, 3], [0.1] * 81)
    node = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER")
    graph = helper.make_graph([node], "toy", [given], [gives], [weight])
    (tmp_path / "toy.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(PhizError, match="auto_pad"):
        Perceptual(tmp_path / "toy.onnx")


def test_an_input_that_is_left_out_is_not_mistaken_for_the_next(tmp_path):
    from onnx import TensorProto, helper

    from phiz.training.perceptual import Perceptual

    given, gives = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 3, 8, 8]) for n in "xy")
    most = helper.make_tensor("most", TensorProto.FLOAT, [], [6.0])
    node = helper.make_node("Clip", ["x", "", "most"], ["y"])
    graph = helper.make_graph([node], "toy", [given], [gives], [most])
    (tmp_path / "toy.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    (found,) = Perceptual(tmp_path / "toy.onnx")(torch.full((1, 3, 8, 8), 0.1))
    assert float(found.max()) == 6.0
    (found,) = Perceptual(tmp_path / "toy.onnx")(torch.full((1, 3, 8, 8), -0.1))
    assert float(found.min()) == pytest.approx(-25.5)
    bounds = [helper.make_tensor(name, TensorProto.INT64, [2], values)
              for name, values in (("first", [0, 1]), ("last", [1, 3]), ("by", [1, 1]))]  # fmt: skip
    node = helper.make_node("Slice", ["x", "first", "last", "", "by"], ["y"])
    graph = helper.make_graph([node], "toy", [given], [gives], bounds)
    (tmp_path / "toy.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    (found,) = Perceptual(tmp_path / "toy.onnx")(torch.rand(2, 3, 8, 8))
    assert found.shape == (1, 2, 8, 8)
