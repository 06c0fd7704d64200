"""Detectors: what they must find among real pictures, the self-test, and `auto`."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drawings import scene
from phiz.errors import PhizError, UsageError
from phiz.prepare import detectors
from phiz.prepare.deciding import decide
from phiz.prepare.detectors import Seen, apart, detector, overlap
from phiz.prepare.screens import limits_of
from phiz.prepare.trial import BOX, check, drawn_face


@pytest.fixture
def weights(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHIZ_WEIGHTS", str(shared / "weights"))


def recall(archive: Path, name: str, every: int = 1) -> tuple[float, list[Seen]]:
    """Return the share of boxes that are found and sure, and what is found where there is no box."""
    find, least = detector(name), limits_of("normal", name)["sure"]
    hits, boxes, false = 0, 0, []
    with zipfile.ZipFile(archive) as pictures:
        known = json.loads(pictures.read("boxes.json"))
        for file in sorted(known)[::every]:
            picture = Image.open(io.BytesIO(pictures.read(file))).convert("RGB")
            seen = [face for face in find(picture) if face.score >= least]
            boxes += len(known[file])
            hits += sum(any(overlap(box, face.box) >= 0.3 for face in seen) for box in known[file])
            false += seen if not known[file] else []
    return hits / boxes, false


@pytest.mark.usefixtures("weights")
def test_every_face_of_the_photographs_is_found_and_no_dog(shared: Path) -> None:
    assert recall(shared / "data" / "pictures-photos.zip", "human") == (1.0, [])


@pytest.mark.usefixtures("weights")
def test_drawn_faces_are_found(shared: Path) -> None:
    assert recall(shared / "data" / "pictures-anime.zip", "anime", every=4)[0] >= 0.93


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
def test_drawn_faces_are_found_in_all_pictures(shared: Path) -> None:
    assert recall(shared / "data" / "pictures-anime.zip", "anime")[0] >= 0.93


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("name", ["human", "anime"])
def test_faces_are_found_wherever_they_are(name: str) -> None:
    picture = scene([(20, 60, 320), (360, 100, 220)])
    sure = [face for face in detector(name)(picture) if face.score > 0.5]
    middles = sorted((face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2) for face in sure)
    assert len(middles) == 2
    for (x, y), (left, top, side) in zip(middles, [(20, 60, 320), (360, 100, 220)], strict=True):
        assert abs(x - (left + side / 2)) < 0.08 * side
        assert abs(y - (top + side / 2)) < 0.12 * side
    for face in sure:
        if face.landmarks:
            left_eye, right_eye = face.landmarks[:2]
            assert left_eye[0] < right_eye[0]


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("name", ["human", "anime"])
@pytest.mark.parametrize("size", [(1, 500), (500, 1), (3, 3), (96, 96)])
def test_pictures_without_a_face_have_none(name: str, size: tuple[int, int]) -> None:
    assert detector(name)(Image.new("RGB", size, (120, 40, 90))) == []


class Blind:
    name, sha256 = "blind", "0" * 64

    def __call__(self, picture: Image.Image) -> list[Seen]:
        return []


class Talkative(Blind):
    def __call__(self, picture: Image.Image) -> list[Seen]:
        return [Seen(BOX, 0.9), Seen((0, 0, 20, 20), 0.9)]


def test_a_detector_that_finds_nothing_is_found_out() -> None:
    with pytest.raises(PhizError, match="does not find the face of its self-test"):
        check(Blind())
    with pytest.raises(PhizError, match="finds other faces"):
        check(Talkative())
    assert drawn_face().size == (320, 320)


def test_an_unknown_detector_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match='Did you mean "anime"'):
        detector("anmie")


@given(st.lists(st.tuples(*[st.integers(1, 60)] * 4), min_size=1, max_size=12))
def test_what_is_left_lies_apart(boxes: list[tuple[int, int, int, int]]) -> None:
    seen = [Seen(box, 1 / (1 + place)) for place, box in enumerate(boxes)]
    kept = apart(seen, 0.3)
    assert kept[0].box == boxes[0]
    assert all(overlap(a.box, b.box) <= 0.3 for a in kept for b in kept if a is not b)
    assert all(overlap(box, box) == pytest.approx(1) for box in boxes)
    assert all(any(face is one or overlap(face.box, one.box) > 0.3 for one in kept) for face in seen)


# -- auto -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("archive", "name"),
    [("pictures-photos", "human"), ("pictures-anime", "anime"), ("afad-layout", "none"), ("anime96", "none")],
)
def test_auto_chooses_for_real_pictures(archive: str, name: str, shared: Path) -> None:
    sample = []
    with zipfile.ZipFile(shared / "data" / f"{archive}.zip") as pictures:
        names = [file for file in pictures.namelist() if file.endswith(".jpg")]
        for file in names[:: max(1, len(names) // 12)][:12]:
            picture = Image.open(io.BytesIO(pictures.read(file))).convert("RGB")
            sample.append((picture, picture.size))
    decision = decide(sample, pytest.fail)
    assert decision.detector == name
    assert decision.why


def test_auto_takes_cut_faces_as_they_are_without_any_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "DETECTORS", {})
    small = [(Image.new("RGB", (96, 96)), (96, 96))] * 20
    large = [(Image.new("RGB", (512, 512)), (1024, 1024))] * 20
    assert decide(small, pytest.fail).detector == "none"
    assert "squares of 1024 px" in decide(large, pytest.fail).why
    assert decide([], pytest.fail).detector == "none"


def test_auto_without_weights_says_so_and_takes_whole_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path / "gone"))
    detector.cache_clear()
    said: list[str] = []
    sample = [(Image.new("RGB", (512, 300 + place)), (900, 500 + place)) for place in range(9)]
    assert decide(sample, said.append).detector == "none"
    assert len(said) == 1
    assert "whole pictures are taken" in said[0]
