"""`phiz evaluate`: what it measures, what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import phiz
import toys
from phiz import artefacts
from phiz.errors import PhizError, UsageError
from phiz.evaluation import figures
from phiz.evaluation.filters import Filters
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.model import Model
from phiz.verbs import reals
from toyset import write_faces

FIGURES = {"relative Frechet distance", "precision", "recall", "density", "coverage"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def held(tmp_path):
    return write_faces(tmp_path / "held", 140, seed=1)


def test_it_writes_a_report_and_the_figures_with_their_floors(tmp_path, held):
    faces = write_faces(tmp_path / "faces", 150)
    model = toys.model(tmp_path / "model", faceset=faces.id)
    done = phiz.evaluate(model.path, held.path, trained_on=faces.path, samples=100)
    assert done.folder == tmp_path / "model-evaluation"
    kept = figures.read(done.folder)
    assert kept == done.evaluations[0]
    assert {f.name for f in kept.figures} >= FIGURES
    assert all(f.floor is not None and f.interval is not None and f.convention for f in kept.figures)
    noise, real = (
        kept.figure("relative Frechet distance").value,
        kept.figure("relative Frechet distance").floor,
    )
    assert noise > 10 * real
    assert kept.samples == 100
    assert "did not learn from" in kept.against["split"]
    assert kept.copying["flagged"] is False
    page = (done.folder / "report.html").read_text()
    assert all(f"{name}" in page for name in FIGURES)
    assert any("precision" in line for line in done.lines)


def test_one_set_is_halved_and_it_says_so(tmp_path, held):
    model = toys.model(tmp_path / "model", faceset=held.id)
    done = phiz.evaluate(model.path, held.path, out=tmp_path / "report")
    found = done.evaluations[0]
    assert found.samples == 70
    assert "random half" in found.against["split"]
    assert found.copying is not None
    assert any("held out" in note.lower() for note in found.notes)


def test_faces_it_did_not_learn_from_give_no_verdict_on_copying(tmp_path, held):
    model = toys.model(tmp_path / "model", faceset="0" * 64)
    found = phiz.evaluate(model.path, held.path, out=tmp_path / "report").evaluations[0]
    assert found.copying is None
    assert any("--trained-on" in note for note in found.notes)
    assert any("is not known" in note for note in found.notes)
    assert not any("Compared with faces it learned from" in note for note in found.notes)


def photographed(folder: Path, numbers: range) -> FaceSet:
    """Write faces of pictures with these numbers."""
    with artefacts.building(folder, "faceset") as place, FaceSetWriter(place, 16, {}, {}) as w:
        for number in numbers:
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3)).astype(np.uint8)
            w.add(pixels, f"{number}.png", (0, 0, 16, 16), sha256=f"{number:064d}")
        w.finish()
    return FaceSet.open(folder)


def test_faces_that_it_learned_from_are_left_out_of_those_compared_with(tmp_path):
    trained, mixed = photographed(tmp_path / "a", range(150)), photographed(tmp_path / "b", range(50, 250))
    model = toys.model(tmp_path / "model", faceset=trained.id)
    found = phiz.evaluate(model.path, mixed.path, trained_on=trained.path).evaluations[0]
    assert found.against["count"] == 100
    assert "100 that it did learn from are left out" in found.against["split"]
    few = photographed(tmp_path / "c", range(10, 160))
    with pytest.raises(PhizError, match="All but 10 faces"):
        phiz.evaluate(model.path, few.path, trained_on=trained.path, force=True)


def test_faces_of_sets_that_know_no_pictures_are_known_by_their_pixels(tmp_path):
    trained, mixed = write_faces(tmp_path / "a", 150), tmp_path / "b"
    with artefacts.building(mixed, "faceset") as place, FaceSetWriter(place, 16, {}, {}) as w:
        for number, face in enumerate([*trained[100:], *write_faces(tmp_path / "c", 90, seed=5)[:]]):
            w.add(face, f"{number}.png", (0, 0, 16, 16))
        w.finish()
    model = toys.model(tmp_path / "model", faceset=trained.id)
    found = phiz.evaluate(model.path, mixed, trained_on=trained.path).evaluations[0]
    assert found.against["count"] == 90
    assert "50 that it did learn from are left out" in found.against["split"]


def test_it_says_what_was_not_searched_and_what_was_not_made(tmp_path, held):
    model = toys.model(tmp_path / "model", faceset=held.id)
    notes = phiz.evaluate(model.path, held.path, samples=90).evaluations[0].notes
    assert any("Only half of those it learned from were searched" in note for note in notes)
    assert any("90 faces were asked for and 70 made" in note for note in notes)


def test_the_command_that_measures_again_makes_the_same_faces(tmp_path, held):
    model = toys.model(tmp_path / "model")
    done = phiz.evaluate(model.path, held.path, samples=64, truncation=0.71234567)
    assert "--truncation 0.71234567" in (done.folder / "report.html").read_text("utf-8")


def test_a_copyist_is_flagged(tmp_path, held, monkeypatch):
    faces = write_faces(tmp_path / "faces", 150)
    model = toys.model(tmp_path / "model", faceset=faces.id)
    monkeypatch.setattr(
        type(model), "stream", lambda self, seeds, *_: iter([faces.batch([s % 150 for s in seeds])])
    )
    found = phiz.evaluate(model.path, held.path, trained_on=faces.path, samples=120).evaluations[0]
    assert found.copying["flagged"] is True
    assert "It copies" in found.copying["verdict"]


def test_two_models_stand_side_by_side(tmp_path, held):
    a = toys.model(tmp_path / "a")
    b = toys.model(tmp_path / "b", seed=1)
    done = phiz.evaluate(a.path, held.path, compare=b.path, out=tmp_path / "both", samples=64)
    assert [e.model["name"] for e in done.evaluations] == ["a", "b"]
    assert figures.read(tmp_path / "both" / "compared.json").model["hash"] == b.hash


def test_copies_are_looked_for_among_the_faces_that_each_model_learned_from(tmp_path, held, monkeypatch):
    faces = {name: write_faces(tmp_path / name / "faceset", 150, seed=s) for s, name in ((5, "a"), (6, "b"))}
    for number, (name, own) in enumerate(faces.items()):
        toys.model(tmp_path / name / "model", faceset=own.id, seed=number)
        artefacts.write_json(tmp_path / name / "recipe.json", {"phiz": "run", "format": 1, "asked": {}})
    plain = Model.stream

    def copying(self, seeds, *more):
        if self.path.parent.name == "a":
            return plain(self, seeds, *more)
        return iter([faces["b"].batch([s % 150 for s in seeds])])

    monkeypatch.setattr(Model, "stream", copying)
    a, b = phiz.evaluate(tmp_path / "a", held.path, compare=tmp_path / "b", samples=120).evaluations
    assert (a.copying["flagged"], b.copying["flagged"]) == (False, True)
    moved = shutil.move(tmp_path / "b" / "model", tmp_path / "alone")
    b = phiz.evaluate(tmp_path / "a", held.path, compare=moved, samples=120).evaluations[1]
    assert b.copying is None


def test_a_run_finds_its_faces_and_its_report_is_written_into_it(tmp_path):
    faces = write_faces(tmp_path / "run" / "faceset", 140)
    toys.model(tmp_path / "run" / "model", faceset=faces.id)
    artefacts.write_json(tmp_path / "run" / "recipe.json", {"phiz": "run", "format": 1, "asked": {}})
    (tmp_path / "run" / "metrics.jsonl").write_text('{"step": 10, "frechet_filters": 0.5}\n{"step": 20, "fre')
    done = phiz.evaluate(tmp_path / "run", samples=64)
    assert done.folder == tmp_path / "run" / "evaluation"
    assert done.evaluations[0].course == [{"step": 10, "frechet_filters": 0.5}]
    phiz.evaluate(tmp_path / "run", samples=64)  # the same place again: replaced


def test_the_faces_a_run_learned_from_are_found_in_a_set_that_was_changed_since(tmp_path):
    learned = photographed(tmp_path / "faces", range(100))
    toys.model(tmp_path / "run" / "model", faceset=learned.id)
    asked = {"phiz": "run", "format": 1, "asked": {"source": str(learned.path)}}
    artefacts.write_json(tmp_path / "run" / "recipe.json", asked)
    changed = phiz.prepare(learned.path, drop=[4])
    assert len(changed) == len(learned) - 1
    done = phiz.evaluate(tmp_path / "run", samples=64)
    assert done.evaluations[0].copying["flagged"] is False
    model = phiz.load(tmp_path / "run")
    for given in (None, learned.path):
        assert reals.trained_on(tmp_path / "run", model, given).id == learned.id


def test_figures_do_not_change_when_features_come_from_the_cache(tmp_path, held):
    model = toys.model(tmp_path / "model")
    first = phiz.evaluate(model.path, held.path, samples=64)
    assert list((tmp_path / "cache" / "features").glob("*.npy"))
    again = phiz.evaluate(model.path, held.path, samples=64)
    assert again.evaluations == first.evaluations


def test_refusals(tmp_path, held):
    model = toys.model(tmp_path / "model")
    other = write_faces(tmp_path / "other", 100, size=24)
    few = write_faces(tmp_path / "few", 20)
    with (
        artefacts.building(tmp_path / "none", "faceset") as place,
        FaceSetWriter(place, 16, {}, {}) as writer,
    ):
        writer.finish()
    with pytest.raises(PhizError, match=r"24 px.*16 px.*--size 16"):
        phiz.evaluate(model.path, other.path)
    with pytest.raises(PhizError, match="holds 0 faces"):
        phiz.evaluate(model.path, tmp_path / "none")
    with artefacts.building(tmp_path / "one", "faceset") as place, FaceSetWriter(place, 16, {}, {}) as writer:
        for number in range(100):
            writer.add(held[:1][0], f"{number}.png", (0, 0, 16, 16))
        writer.finish()
    with pytest.raises(PhizError, match="all have the same features"):
        phiz.evaluate(model.path, tmp_path / "one")
    with pytest.raises(PhizError, match="holds 20 faces"):
        phiz.evaluate(model.path, few.path)
    with pytest.raises(PhizError, match="--against FACESET"):
        phiz.evaluate(model.path)
    with pytest.raises(PhizError, match="not the face set"):
        phiz.evaluate(model.path, held.path, trained_on=few.path)
    with pytest.raises(UsageError, match="--samples 3"):
        phiz.evaluate(model.path, held.path, samples=3)
    with pytest.raises(UsageError, match=r'no extractor "filter".*filters'):
        phiz.evaluate(model.path, held.path, extractor="filter")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(PhizError, match="exists"):
        phiz.evaluate(model.path, held.path, out=tmp_path / "mine")
    with pytest.raises(PhizError, match="is not a phiz evaluation"):
        phiz.evaluate(model.path, held.path, out=tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_nan_in_a_model_is_named_and_leaves_what_was_there(tmp_path, held, monkeypatch):
    model = toys.model(tmp_path / "model")
    phiz.evaluate(model.path, held.path, out=tmp_path / "report", samples=64)
    before = (tmp_path / "report" / "evaluation.json").read_bytes()
    monkeypatch.setattr(
        "phiz.onnx.Engine.run", lambda self, values, *_: np.full((len(values), 3, 16, 16), np.nan, np.float32)
    )
    with pytest.raises(PhizError, match=r"model.*NaN"):
        phiz.evaluate(model.path, held.path, out=tmp_path / "report", samples=65, force=True)
    assert (tmp_path / "report" / "evaluation.json").read_bytes() == before


def test_few_faces_are_warned_of(tmp_path, held):
    model = toys.model(tmp_path / "model")
    notes = phiz.evaluate(model.path, held.path, samples=64).evaluations[0].notes
    assert Filters().dimensions < 64 or any("fewer than" in note for note in notes)
    assert any("few" in note for note in notes)


def test_parts_of_a_large_set_keep_their_places(tmp_path):
    faces = write_faces(tmp_path / "faces", 100)
    part = reals.Part(faces, 50, np.array([1, 4]))
    assert part.indices.tolist() == [2, 8]
    assert len(part) == 2
    values = part.features(Filters(), None)
    whole = reals.Part(faces).features(Filters(), None)
    assert np.array_equal(values, whole[[2, 8]])


def test_an_evaluation_survives_its_json(tmp_path):
    path: Path = tmp_path / "evaluation.json"
    with pytest.raises(PhizError, match="missing"):
        figures.read(tmp_path)
    path.write_text(json.dumps({"phiz": "evaluation", "format": 1}))
    with pytest.raises(PhizError, match="damaged"):
        figures.read(tmp_path)
    path.write_text(json.dumps({"phiz": "evaluation", "format": 99}))
    with pytest.raises(PhizError, match="newer"):
        figures.read(tmp_path)


def test_inspect_shows_an_evaluation_and_a_run_tells_of_its_own(tmp_path):
    faces = write_faces(tmp_path / "run" / "faceset", 140)
    toys.model(tmp_path / "run" / "model", faceset=faces.id)
    artefacts.write_json(tmp_path / "run" / "recipe.json", {"phiz": "run", "format": 1, "asked": {}})
    phiz.evaluate(tmp_path / "run", samples=64)
    seen = phiz.inspect(tmp_path / "run" / "evaluation")
    assert seen.kind == "evaluation"
    assert {row[0] for row in seen.listings[0].rows} >= FIGURES
    assert "64" in seen.facts["faces"]
    assert "precision" in phiz.inspect(tmp_path / "run").facts["how good"]
    assert "precision" in phiz.inspect(tmp_path / "run" / "model").facts["how good"]
    shutil.rmtree(tmp_path / "run" / "model")
    toys.model(tmp_path / "run" / "model", faceset=faces.id, seed=3)  # another: nobody has measured it
    assert "how good" not in phiz.inspect(tmp_path / "run").facts
    assert "not measured" in phiz.inspect(tmp_path / "run" / "model").facts["how good"]
