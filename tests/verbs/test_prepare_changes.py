"""A face set that is there: new pictures, single decisions, other limits; killed, stopped, on a full disk."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from phiz.errors import PhizError, UsageError
from phiz.faceset import FaceSet
from phiz.verbs.prepare import prepare


def face(index: int, blur: float = 0.0) -> Image.Image:
    """Return a picture of coarse noise, other for each index."""
    from PIL import ImageFilter

    rng = np.random.default_rng(index)
    small = Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8))
    picture = small.resize((72, 72), Image.Resampling.BICUBIC)
    return picture.filter(ImageFilter.GaussianBlur(blur)) if blur else picture


def save(at: Path, name: str, picture: Image.Image, **options: int) -> Path:
    at.mkdir(parents=True, exist_ok=True)
    picture.save(at / name, **options)
    return at / name


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for index in range(24):
        save(tmp_path / "pictures", f"{index:02}.png", face(index))
    return tmp_path / "pictures"


def make(source: Path, out: Path, **options: object) -> FaceSet:
    return prepare(source, out, size=48, warn=lambda line: None, **options)  # type: ignore[arg-type]


def rows(faces: FaceSet) -> dict[str, dict]:
    return {row["source"]: row for row in faces.rows()}


def same(one: FaceSet, other: FaceSet) -> bool:
    return one.id == other.id and np.array_equal(one[:], other[:])


# -- screens on pictures ----------------------------------------------------------------------------


def test_screens_refuse_with_figures_and_the_rest_is_kept(tmp_path: Path, pictures: Path) -> None:
    save(pictures, "blurred.png", ImageOps.autocontrast(face(1, blur=6)))
    save(pictures, "dark.png", Image.new("RGB", (72, 72), (3, 3, 3)))
    save(pictures, "tiny.png", face(2).resize((20, 20)))
    shutil.copy(pictures / "03.png", pictures / "z-copy.png")
    save(pictures, "z-nearly.png", face(5, blur=0.6))
    found = make(pictures, tmp_path / "set", quality="normal")
    why = {name: row["reason"] for name, row in rows(found).items() if row["status"] == "rejected"}
    assert why.keys() == {"blurred.png", "dark.png", "tiny.png", "z-copy.png", "z-nearly.png"}
    assert why["blurred.png"].startswith("blurred: 0.")
    assert why["dark.png"].startswith("underexposed")
    assert why["tiny.png"].startswith("too small: 2.4 times enlarged")
    assert why["z-copy.png"] == "the same picture as: 03.png"
    assert why["z-nearly.png"].startswith("nearly the same as: 05.png, ")
    for row in found.rows():
        assert {"side", "enlarged", "sharp", "bright", "contrast", "colour", "page", "hash"} <= set(
            row["figures"]
        )
    page = (tmp_path / "set" / "report.html").read_text("utf-8")
    assert all(word in page for word in ("Too small", "Underexposed", "Blurred", "The same, or nearly"))
    assert "http" not in page.replace("http-equiv", "")


def test_limits_can_be_set_one_by_one_and_wrong_ones_are_named(tmp_path: Path, pictures: Path) -> None:
    found = make(pictures, tmp_path / "set", screen={"sharp": "0.001", "same": "off"})
    assert found.made["limits"] == {"sharp": 0.001}
    with pytest.raises(UsageError, match='Did you mean "sharp"'):
        make(pictures, tmp_path / "other", screen={"sharpp": "1"})
    with pytest.raises(UsageError, match="a limit is a number"):
        make(pictures, tmp_path / "other", screen={"sharp": "much"})
    with pytest.raises(UsageError, match='no quality "best"'):
        make(pictures, tmp_path / "other", quality="best")
    assert not (tmp_path / "other").exists()


# -- decisions --------------------------------------------------------------------------------------


def test_a_dropped_face_goes_and_comes_back_and_the_set_is_as_before(tmp_path: Path, pictures: Path) -> None:
    first = make(pictures, tmp_path / "set")
    before, pixels = first.id, first[:]
    second = prepare(first.path, drop=[3, 7], warn=lambda line: None)
    assert len(second) == 22
    assert second.id != before
    assert [row["source"] for row in second.faces()][2] == "03.png"
    assert np.array_equal(second[:], np.delete(pixels, [2, 6], axis=0))
    assert rows(second)["02.png"]["reason"] == "dropped by hand"
    older = FaceSet.open(first.path / f"faceset-{before[:12]}.json", verify=True)
    assert np.array_equal(older[:], pixels)
    shutil.rmtree(pictures)  # an older version has the pixels
    third = prepare(first.path, restore=[3, 7], warn=lambda line: None)
    assert third.id == before
    assert np.array_equal(third[:], pixels)
    FaceSet.open(first.path, verify=True)


def test_a_refused_face_is_cut_again_from_its_picture(tmp_path: Path, pictures: Path) -> None:
    save(pictures, "10b.png", face(99, blur=6))
    whole = make(pictures, tmp_path / "whole", quality="none")
    found = make(pictures, tmp_path / "set", quality="normal")
    number = rows(found)["10b.png"]["id"]
    again = prepare(found.path, restore=[number], warn=lambda line: None)
    assert np.array_equal(again[:], whole[:])
    assert rows(again)["10b.png"]["reason"] == "restored by hand"
    # other limits leave by hand what was decided by hand
    high = prepare(found.path, quality="high", warn=lambda line: None)
    assert rows(high)["10b.png"]["status"] == "kept"


def test_restoring_without_the_pictures_says_where_they_were(tmp_path: Path, pictures: Path) -> None:
    save(pictures, "blurred.png", face(99, blur=6))
    found = make(pictures, tmp_path / "set", quality="normal")
    number = rows(found)["blurred.png"]["id"]
    pictures.rename(tmp_path / "moved")
    with pytest.raises(PhizError, match=r"not to be had: .* --sources"):
        prepare(found.path, restore=[number])
    assert same(FaceSet.open(found.path, verify=True), found)
    again = prepare(found.path, restore=[number], sources=tmp_path / "moved", warn=lambda line: None)
    assert len(again) == len(found) + 1
    prepare(found.path, drop=[number], warn=lambda line: None)
    save(tmp_path / "moved", "blurred.png", face(98))
    for version in found.path.glob("faceset-*.json"):
        version.unlink()
    with pytest.raises(PhizError, match="not the picture it was"):
        prepare(found.path, restore=[number], sources=tmp_path / "moved")


def test_other_limits_need_no_detector_and_come_back_the_same(tmp_path: Path, pictures: Path) -> None:
    save(pictures, "soft.png", face(99, blur=2))
    first = make(pictures, tmp_path / "set", quality="normal")
    sharp = {name: row["figures"]["sharp"] for name, row in rows(first).items()}
    soft = sharp.pop("soft.png")
    limit = (soft + min(sharp.values())) / 2
    assert soft < limit
    strict = prepare(first.path, screen={"sharp": str(limit)}, warn=lambda line: None)
    assert rows(strict)["soft.png"]["reason"].startswith("blurred")
    assert len(strict) == 24
    assert strict.made["limits"]["sharp"] == limit
    back = prepare(first.path, screen={"sharp": "0.15"}, warn=lambda line: None)
    assert same(back, first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": [99]}, "has no face 99"),
        ({"restore": [25]}, "25 is broken.png: .*no face to decide on"),
        ({"restore": [1], "drop": [1]}, "decide"),
        ({}, "say what to change"),
        ({"drop": list(range(1, 12))}, "13 faces would be left"),
    ],
)
def test_decisions_that_make_no_sense(tmp_path: Path, pictures: Path, options: dict, message: str) -> None:
    (pictures / "broken.png").write_bytes(b"no picture")
    found = make(pictures, tmp_path / "set")
    with pytest.raises(PhizError, match=message):
        prepare(found.path, warn=lambda line: None, **options)
    assert same(FaceSet.open(found.path, verify=True), found)


# -- new pictures -----------------------------------------------------------------------------------


def test_new_pictures_are_taken_in_and_the_old_ones_keep_their_places(tmp_path: Path, pictures: Path) -> None:
    first = make(pictures, tmp_path / "set", labels=None)
    old, before = first.id, first[:]
    save(pictures, "00-new.png", face(77))
    shutil.copy(pictures / "03.png", pictures / "04-copy.png")
    said: list[str] = []
    second = prepare(pictures, first.path, size=48, warn=said.append)
    assert any("2 pictures are new" in line for line in said)
    assert len(second) == 25
    assert np.array_equal(second[:24], before)
    assert [row["source"] for row in second.faces()][-1] == "00-new.png"
    assert rows(second)["04-copy.png"]["reason"].startswith("the same picture as")
    assert np.array_equal(FaceSet.open(first.path / f"faceset-{old[:12]}.json", verify=True)[:], before)
    said.clear()
    assert same(prepare(pictures, first.path, size=48, warn=said.append), second)
    assert "is there already" in said[-1]


def test_labels_that_were_edited_are_taken_over(tmp_path: Path, pictures: Path) -> None:
    def write(ages: dict[int, int]) -> None:
        lines = [f"{i:02}.png,{('long', 'short')[i % 2]},{ages.get(i, 20 + i % 3)}" for i in range(24)]
        (pictures / "metadata.csv").write_text("\n".join(["file_name,hair,age", *lines]))

    write({})
    first = make(pictures, tmp_path / "set", labels="given")
    text = (pictures / "metadata.csv").read_text()
    (pictures / "metadata.csv").write_text(text.replace("03.png,short", "03.png,long"))
    said: list[str] = []
    second = prepare(pictures, first.path, size=48, labels="given", warn=said.append)
    assert "labels have changed, of 1 faces" in said[0]
    assert np.array_equal(second[:], first[:])
    assert rows(second)["03.png"]["labels"]["hair"] == "long"
    assert second.id != first.id
    said.clear()
    assert same(prepare(pictures, first.path, size=48, labels="given", warn=said.append), second)
    assert "is there already" in said[-1]
    write({5: 15})
    third = make(pictures, first.path, labels="given")
    assert len(third) == 23
    assert "under 18" in rows(third)["05.png"]["reason"]
    fourth = prepare(third.path, quality="none", warn=said.append)  # no other screen brings it back
    assert len(fourth) == 23
    assert "under 18" in rows(fourth)["05.png"]["reason"]
    (pictures / "07.png").rename(tmp_path / "07.png")  # a picture that is gone relabels nothing
    write({5: 15, 9: 40})
    said.clear()
    assert (
        prepare(pictures, first.path, size=48, labels="given", quality="none", warn=said.append).id
        == fourth.id
    )
    assert "gone from where they were" in said[-1]
    (tmp_path / "07.png").rename(pictures / "07.png")
    write({})
    last = make(pictures, first.path, labels="given", quality="none")  # it was a slip of the pen
    assert len(last) == 24
    assert [row["source"] for row in last.faces()][-1] == "05.png"


def test_a_picture_that_was_half_written_is_looked_at_again(tmp_path: Path, pictures: Path) -> None:
    out = io.BytesIO()
    face(50).save(out, "PNG")
    (pictures / "99.png").write_bytes(out.getvalue()[:500])
    first = make(pictures, tmp_path / "set")
    assert len(first) == 24
    (pictures / "99.png").write_bytes(out.getvalue())
    second = make(pictures, tmp_path / "set")
    assert len(second) == 25
    assert [row["reason"] for row in second.rows() if row["source"] == "99.png"] == [
        "its file, or what is said of it, has changed since",
        None,
    ]


def test_a_picture_that_was_replaced_stays_away_with_other_screens(tmp_path: Path, pictures: Path) -> None:
    first = make(pictures, tmp_path / "set")
    save(pictures, "03.png", face(91))
    assert len(make(pictures, first.path)) == len(first)
    changed = prepare(first.path, screen={"near": "off"})
    assert [row["status"] for row in changed.rows() if row["source"] == "03.png"] == ["rejected", "kept"]


def test_full_shards_are_left_as_they_are(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phiz.prepare import versions

    limit = 128 + 10 * 48 * 48 * 3
    init = versions.Version.__init__
    monkeypatch.setattr(
        versions.Version,
        "__init__",
        lambda self, *given, **named: init(self, *given, **named, shard_bytes=limit),
    )
    first = make(pictures, tmp_path / "set")
    names = [shard["name"] for shard in first.files()["shards"]]
    assert [shard["count"] for shard in first.files()["shards"]] == [10, 10, 4]
    second = prepare(first.path, drop=[15], warn=lambda line: None)
    shards = second.files()["shards"]
    assert [shard["count"] for shard in shards] == [10, 9, 4]
    assert [shards[0]["name"], shards[2]["name"]] == [names[0], names[2]]
    for index in range(24, 40):
        save(pictures, f"{index}.png", face(index))
    third = make(pictures, tmp_path / "set")
    assert [shard["count"] for shard in third.files()["shards"]] == [10, 9, 10, 10]
    whole = {row["source"]: third[row["position"]] for row in third.faces()}
    monkeypatch.undo()
    fresh = make(pictures, tmp_path / "fresh")
    for row in fresh.faces():
        if row["source"] != "14.png":
            assert np.array_equal(whole[row["source"]], fresh[row["position"]])


# -- interruptions ----------------------------------------------------------------------------------


def test_a_signal_after_the_new_version_stands_leaves_it_whole(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(pictures, tmp_path / "set")
    replace = os.replace

    def stopped(old: Path, new: Path) -> None:
        replace(old, new)
        if Path(new).name == "faceset.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare(first.path, drop=[4], warn=lambda line: None)
    monkeypatch.undo()
    assert len(FaceSet.open(first.path, verify=True)) == len(first) - 1


KILLED = """
import os, sys
from phiz.verbs.prepare import prepare
def progress(done, count):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), int(sys.argv[4]))
prepare(sys.argv[1], sys.argv[2], size=48, threads=1, progress=progress)
"""


def many(tmp_path: Path, count: int = 130) -> Path:
    for index in range(count):
        save(tmp_path / "many", f"{index:03}.png", face(index))
    return tmp_path / "many"


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_job_goes_on_where_it_was(number: int, tmp_path: Path) -> None:
    source, out = many(tmp_path), tmp_path / "set"
    command = [sys.executable, "-c", KILLED, str(source), str(out), "96", str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert not out.exists()
    if number == signal.SIGTERM:
        assert "the same command goes on" in done.stderr
    said: list[str] = []
    found = prepare(source, out, size=48, warn=said.append)
    before = [line for line in said if "were looked at before" in line]
    assert before
    assert int(before[0].split()[0]) >= 64
    whole = make(source, tmp_path / "whole")
    assert same(found, whole)
    assert [tuple(row.items()) for row in found.rows()] == [tuple(row.items()) for row in whole.rows()]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_change_killed_at_any_moment_leaves_a_whole_set(tmp_path: Path, pictures: Path) -> None:
    first = make(pictures, tmp_path / "set")
    code = "import sys; from phiz.verbs.prepare import prepare; prepare(sys.argv[1], drop=[5])"
    for pause in (0.05, 0.3, 0.45, 0.6, 0.8):
        work = subprocess.Popen([sys.executable, "-c", code, str(first.path)], stderr=subprocess.DEVNULL)
        time.sleep(pause)
        work.kill()
        work.wait()
        there = FaceSet.open(first.path, verify=True)
        assert len(there) in (23, 24)
    assert len(prepare(first.path, drop=[6], warn=lambda line: None)) in (22, 23)


def test_a_change_on_a_full_disk_leaves_the_set_as_it_was(small_disk: Path, tmp_path: Path) -> None:
    first = make(many(tmp_path, 30), small_disk / "set")

    def fill() -> None:
        for number in range(1, 15):
            prepare(first.path, drop=[number], warn=lambda line: None)

    with pytest.raises(PhizError, match="what was there is untouched"):
        fill()
    now = FaceSet.open(first.path, verify=True)
    assert not list(first.path.glob(".*"))
    assert len(now) >= 16


def test_a_quality_set_later_is_the_same_as_one_set_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phiz.prepare import doubts

    monkeypatch.setattr(doubts, "DETECTORS", {})  # as where there are no weights
    source = many(tmp_path, 270)
    save(source, "soft.png", ImageOps.autocontrast(face(999, blur=6)))
    shutil.copy(source / "003.png", source / "004b.png")
    at_once = make(source, tmp_path / "one", quality="high")
    make(source, tmp_path / "two", quality="none")
    later = prepare(tmp_path / "two", quality="high", warn=lambda line: None)
    assert same(later, at_once)
    mine, theirs = (
        [(r["status"], r["reason"], r["figures"]) for r in one.rows()] for one in (later, at_once)
    )
    assert mine == theirs


def test_minors_come_in_with_other_settings_alone(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "l.csv").write_text("file,age\n01.png,17\n02.png,19\n03.png,30\n", "utf-8")
    first = make(pictures, tmp_path / "set", labels=tmp_path / "l.csv")
    assert rows(first)["01.png"]["reason"] == "under 18: age 17"
    with pytest.raises(PhizError, match="other"):
        make(pictures, tmp_path / "set", labels=tmp_path / "l.csv", include_minors=True)
    with pytest.raises(PhizError, match="no face to decide on"):
        prepare(first.path, restore=[rows(first)["01.png"]["id"]])
    whole = make(pictures, tmp_path / "all", labels=tmp_path / "l.csv", include_minors=True)
    assert len(whole) == len(first) + 1


def test_the_command_line_says_what_was_decided(tmp_path: Path, pictures: Path) -> None:
    from typer.testing import CliRunner

    from phiz.cli import app

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    said = run("prepare", str(pictures), "--size", "48")
    assert "Detector: none, as 24 of 24 pictures looked at are small squares" in said
    assert "24 faces of 48 px, 0 set aside" in said
    assert "report.html" in said
    place = str(pictures.with_name("pictures-faces"))
    assert "22 faces of 48 px, 2 set aside" in run("prepare", place, "--drop", "3,4")
    assert "23 faces of 48 px, 1 set aside" in run("prepare", place, "--restore", "4")
    for words in (["--drop", "x"], ["--screen", "sharp"], ["--margin", "9"], ["--detector", "cats"]):
        with pytest.raises(UsageError):
            CliRunner().invoke(
                app, ["prepare", str(pictures), "-o", str(tmp_path / "o"), *words], catch_exceptions=False
            )
