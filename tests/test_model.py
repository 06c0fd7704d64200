"""A model is a folder that can be moved and loaded, and that says in one line what is wrong with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import phiz
import toys
from phiz import latents, marks
from phiz.card import model_card
from phiz.errors import PhizError, UsageError
from phiz.model import ModelConfig, Network, load, save_model, to_uint8


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "labelled", labelled=True)


@pytest.fixture
def copy(plain, tmp_path):
    return shutil.copytree(plain.path, tmp_path / "model")


def test_the_folder_is_laid_out_as_promised(plain):
    names = sorted(p.relative_to(plain.path).as_posix() for p in plain.path.rglob("*") if p.is_file())
    assert names == ["README.md", "config.json", "model.safetensors", "onnx/model.onnx", "preview.png"]
    config = json.loads((plain.path / "config.json").read_text("utf-8"))
    assert config["phiz"] == "model"
    assert config["format"] == 1
    assert config["synthetic"] is True
    assert config["network"] == {"name": "toy", "arguments": {"size": 16, "z": 6}}
    assert set(config["files"]) == {"model.safetensors", "onnx/model.onnx"}
    assert plain.sha256 == config["files"]["model.safetensors"]
    assert plain.hash == plain.sha256[:16]
    assert marks.read(plain.path / "preview.png")["model"] == plain.hash


def test_the_weights_come_back(plain):
    expected, _ = toys.exported()
    for got in (plain.weights(), load_file(plain.path / "model.safetensors")):
        assert got.keys() == expected.keys()
        assert all(np.array_equal(got[name], expected[name]) for name in expected)


def test_sampling_from_a_loaded_model(plain):
    model = phiz.load(plain.path)
    faces = model.sample(5, seed=7)
    assert faces.shape == (5, 16, 16, 3)
    assert faces.dtype == np.uint8
    assert faces.flags.c_contiguous
    assert len({face.tobytes() for face in faces}) == 5
    assert np.array_equal(faces, phiz.load(str(plain.path)).sample(5, seed=7))
    assert model.sample().shape == (1, 16, 16, 3)


def test_a_face_depends_on_its_seed_alone(plain):
    together = plain.sample(9, seed=5).astype(int)
    picked = plain.sample(seeds=[13, 5, 8]).astype(int)
    for face, seed in zip(picked, (13, 5, 8), strict=True):
        assert np.abs(face - together[seed - 5]).max() <= 1


def test_run_and_sample_agree(plain):
    values = latents.latents([3, 4], 6)
    assert np.array_equal(plain.run(values, 0.5), plain.sample(seeds=[3, 4], truncation=0.5))
    assert plain.run(values[:0]).shape == (0, 16, 16, 3)


def test_more_faces_than_a_batch_holds(plain, monkeypatch):
    many = plain.sample(10)
    monkeypatch.setattr("phiz.model._MAX_BATCH", 3)
    assert plain.batch == 3
    assert np.abs(plain.sample(10).astype(int) - many).max() <= 1
    assert [len(part) for part in plain.stream(range(10))] == [3, 3, 3, 1]


def test_the_batch_shrinks_as_faces_grow():
    def batch(size):
        return phiz.model.Model(None, toys.config(size)).batch

    assert (batch(16), batch(64), batch(128), batch(256), batch(1024)) == (64, 64, 16, 4, 1)


def test_truncation_0_is_one_face(plain):
    faces = plain.sample(3, truncation=0)
    assert np.array_equal(faces[0], faces[2])
    for psi in (-0.1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="Truncation"):
            plain.sample(1, truncation=psi)


def test_labels_asked_for_are_shown_and_others_are_drawn(labelled):
    seeds = list(range(40))
    drawn = labelled.labels_of(seeds)
    expected = latents.draw_labels(seeds, [toys.FREQUENCIES["hair"], toys.FREQUENCIES["hat"]])
    assert np.array_equal(drawn, expected)
    asked = labelled.labels_of(seeds, {"hair": "red"})
    assert (asked[:, 0] == 2).all()
    assert np.array_equal(asked[:, 1], drawn[:, 1])
    red, black = (labelled.sample(1, seed=1, labels={"hair": hair, "hat": "no"}) for hair in ("red", "black"))
    assert not np.array_equal(red, black)


def test_a_label_that_never_went_with_one_asked_for_gives_way(tmp_path):
    never_on_red = [[], [[[2, 5, 0], [1, 3, 1]]]]
    frequencies = {"hair": [3, 8, 1], "hat": [7, 5]}
    model = toys.model(tmp_path / "model", labelled=True, frequencies=frequencies, pairs=never_on_red)
    assert (model.labels_of(range(40), {"hair": "red"}) == [2, 1]).all()
    assert (model.labels_of(range(40), {"hat": "no"})[:, 0] < 2).all()
    assert (model.labels_of(range(40), {"hair": "red", "hat": "no"}) == [2, 0]).all()
    assert np.array_equal(model.labels_of(range(40)), phiz.load(model.path).labels_of(range(40)))


def test_a_label_that_is_not_there_is_answered_with_those_that_are(plain, labelled):
    with pytest.raises(UsageError, match=r'no label "hiar"; it has hair, hat\. Did you mean "hair"\?'):
        labelled.sample(1, labels={"hiar": "red"})
    with pytest.raises(UsageError, match=r'"hair" cannot be "blue"; it can be black, brown, red'):
        labelled.sample(1, labels={"hair": "blue"})
    with pytest.raises(UsageError, match=r'"hair" cannot be "yes"; .*\. "hat" can be "yes"\.'):
        labelled.sample(1, labels={"hair": "yes"})
    with pytest.raises(UsageError, match="takes no labels"):
        plain.sample(1, labels={"hair": "red"})


def test_a_value_that_no_face_had_is_refused(labelled, tmp_path):
    path = shutil.copytree(labelled.path, tmp_path / "model")
    config = json.loads((path / "config.json").read_text("utf-8"))
    attribute, (first, *rest) = next(iter(config["labels"].items()))
    config["frequencies"][attribute][0] = 0
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(UsageError, match=f"learned from no such face; it can be {rest[0]}"):
        load(path).sample(1, labels={attribute: first})


def test_an_attribute_that_no_face_had_is_refused_and_not_in_the_example(labelled, tmp_path):
    path = shutil.copytree(labelled.path, tmp_path / "model")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["frequencies"]["hair"] = [0, 0, 0]
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    model = load(path)
    with pytest.raises(UsageError, match='learned from no face with a value of "hair"'):
        model.sample(1, labels={"hair": "red"})
    assert 'labels={"hat": "no"}' in model_card(model.config, 1)
    model.config.frequencies["hat"] = [0, 3]
    assert 'labels={"hat": "yes"}' in model_card(model.config, 1)


def test_numbers_out_of_range(plain):
    with pytest.raises(UsageError, match="at least 1"):
        plain.sample(0)
    with pytest.raises(UsageError, match="9007199254740991"):
        plain.sample(1, seed=-1)
    with pytest.raises(UsageError, match="either n or seeds"):
        plain.sample(2, seeds=[1, 2])


def test_pixels_equal_the_golden_ones():
    from test_latents import GOLDEN

    for case in GOLDEN["pixels"]:
        image = np.array(case["inputs"], np.float32).reshape(1, 1, 1, -1).repeat(3, axis=1)
        assert to_uint8(image, tuple(case["range"]))[0, 0, :, 1].tolist() == case["values"]


def test_nan_is_not_shown_as_black():
    with pytest.raises(PhizError, match="NaN"):
        to_uint8(np.full((1, 3, 2, 2), np.nan, np.float32), (-1, 1))


def test_a_run_leads_to_its_model(copy, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text('{"phiz": "run", "format": 1}', "utf-8")
    with pytest.raises(PhizError, match=r"no model yet.*--resume"):
        load(run)
    copy.rename(run / "model")
    assert load(run).path == run / "model"


@pytest.mark.parametrize("name", ["model.safetensors", "onnx/model.onnx", "config.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(PhizError) as fault:
        load(copy)
    assert name in str(fault.value).replace("\\", "/")
    assert "\n" not in str(fault.value)
    assert fault.value.status == 3


@pytest.mark.parametrize("name", ["model.safetensors", "onnx/model.onnx"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_a_damaged_file_is_named(copy, name, damage):
    whole = (copy / name).read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:-100],
        "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "empty": b"",
        "foreign": b"PK\x03\x04 something else",
    }[damage]
    (copy / name).write_bytes(damaged)
    with pytest.raises(PhizError, match="is not the file this model was saved with") as fault:
        load(copy)
    assert name in str(fault.value).replace("\\", "/")


TWO = {"labels": {"hair": ["red", "blue"], "hat": ["no"]}, "frequencies": {"hair": [1, 2], "hat": [3]}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "newer than 1"),
        ({"latents": 2}, "newer than 1"),
        ({"phiz": "other"}, "not written by phiz"),
        ({"size": "large"}, "size"),
        ({"synthetic": False}, "synthetic"),
        ({"network": None}, "network"),
        ({"output_range": [1, -1]}, "output_range"),
        ({"labels": {"hair": ["red"]}}, "frequencies"),
        ({"files": {}}, "no SHA-256"),
        ({"z": 7}, "not of one model"),
        ({"size": 32}, "draws 16 px"),
        ({"labels": {"hair": ["red"]}, "frequencies": {"hair": [-1]}}, "from 0"),
        ({"labels": {"hair": ["red"]}, "frequencies": {"hair": [2**53]}}, "from 0"),
        ({**TWO, "pairs": [[]]}, "each two values"),
        ({**TWO, "pairs": [[], [[[1], [2]]]]}, "each two values"),
        ({**TWO, "pairs": [[], [[[1, -1]]]]}, "from 0"),
    ],
)
def test_a_config_that_is_not_sound_is_one_line(copy, change, message):
    config = json.loads((copy / "config.json").read_text("utf-8"))
    (copy / "config.json").write_text(json.dumps(config | change), "utf-8")
    with pytest.raises(PhizError, match=message) as fault:
        load(copy).sample(1)
    assert "\n" not in str(fault.value)
    assert "config.json" in str(fault.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"phiz"', "\x00\xff"])
def test_a_config_that_is_no_json_is_one_line(copy, text):
    (copy / "config.json").write_text(text, "utf-8")
    with pytest.raises(PhizError, match=r"config\.json"):
        load(copy)


def test_what_is_no_model_is_said(tmp_path):
    (tmp_path / "first").mkdir()
    with pytest.raises(PhizError, match=r'does not exist\. Did you mean "first"\?'):
        load(tmp_path / "frist")
    with pytest.raises(PhizError, match="no phiz run and no phiz model"):
        load(tmp_path / "first")
    (tmp_path / "faces.zip").write_bytes(b"PK")
    with pytest.raises(PhizError, match="is a file"):
        load(tmp_path / "faces.zip")
    (tmp_path / "first" / "faceset.json").write_text('{"phiz": "faceset"}', "utf-8")
    with pytest.raises(PhizError, match=r"is a face set.*phiz train"):
        load(tmp_path / "first")


def test_saving_leaves_what_stands_there_unless_forced(copy):
    weights, data = toys.exported(seed=1)
    picture = Image.new("RGB", (16, 16))
    with pytest.raises(PhizError, match="--force"):
        save_model(copy, toys.config(), weights, data, picture)
    before = load(copy).hash
    after = save_model(copy, toys.config(), weights, data, picture, force=True)
    assert load(copy).hash == after.hash != before
    assert not [p for p in copy.parent.iterdir() if p != copy], "nothing is left beside it"


def test_the_discriminator_comes_along_and_may_be_dropped(tmp_path):
    weights, data = toys.exported()
    discriminator = {"weight": np.arange(4, dtype=np.float32)}
    config, picture = toys.config(), Image.new("RGB", (16, 16))
    save_model(tmp_path / "m", config, weights, data, picture, discriminator, card="Mine.")
    load(tmp_path / "m")
    file = tmp_path / "m" / "discriminator.safetensors"
    assert np.array_equal(load_file(file)["weight"], discriminator["weight"])
    assert "Mine." in (tmp_path / "m" / "README.md").read_text("utf-8")
    file.write_bytes(b"damaged")
    with pytest.raises(PhizError, match="discriminator"):
        load(tmp_path / "m")
    file.unlink()
    load(tmp_path / "m")


def test_later_keys_of_the_same_format_are_kept(copy):
    config = json.loads((copy / "config.json").read_text("utf-8")) | {"directions": ["smile"]}
    (copy / "config.json").write_text(json.dumps(config), "utf-8")
    assert load(copy).config.model_dump()["directions"] == ["smile"]


def test_the_card_is_what_a_hub_and_a_reader_need(labelled):
    text = (labelled.path / "README.md").read_text("utf-8")
    front = text.split("---")[1]
    assert "library_name: phiz" in front
    assert "pipeline_tag: unconditional-image-generation" in front
    assert "license: unknown" in front
    assert "**synthetic**" in text
    assert "preview.png" in text
    assert 'labels={"hair": "black"}' in text
    assert "`labels` (int64, N x 2)" in text
    assert labelled.sha256 in text
    assert "brown (5)" in text


@pytest.mark.parametrize(
    ("licence", "line"),
    [
        ("MIT", "license: mit"),
        ("CC-BY-4.0", "license: cc-by-4.0"),
        ("Ours: ask", 'license_name: "Ours: ask"'),
    ],
)
def test_the_card_names_the_licence_as_a_hub_knows_it(licence, line):
    config = ModelConfig(
        network=Network(name="toy"),
        size=16,
        z=6,
        licence=licence,
        author="A. Maker",
        learned_from="my drawings",
        figures={"F/T": 0.41234},
        files={"model.safetensors": "0" * 64},
    )
    text = model_card(config, 1234)
    assert "`fine`" not in text
    assert "`fine` (float32" in model_card(config.model_copy(update={"mixes": True}), 1234)
    assert line in text
    assert "Made by A. Maker" in text
    assert "my drawings" in text
    assert "0.4123" in text


def test_loading_and_sampling_need_no_torch(plain):
    code = (
        "import sys, phiz; phiz.load(sys.argv[1]).sample(2); "
        "assert not {'torch', 'onnx', 'onnxscript'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(plain.path)], check=True)


def test_a_torch_module_on_request(plain, tmp_path):
    torch = pytest.importorskip("torch")
    from phiz import networks, onnx

    network = networks.generator("dcgan", size=32, z=8, width=4).eval()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    arguments = {"size": 32, "z": 8, "width": 4}
    config = ModelConfig(network=Network(name="dcgan", arguments=arguments), size=32, z=8)
    model = save_model(tmp_path / "m", config, weights, onnx.export(network, 8), Image.new("RGB", (32, 32)))
    values = latents.latents([1, 2], 8)
    with torch.no_grad():
        images = model.module()(torch.from_numpy(values)).numpy()
    assert np.abs(to_uint8(images, (-1, 1)).astype(int) - model.run(values)).max() <= 1
