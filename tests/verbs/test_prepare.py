"""phiz.prepare: pictures in, a face set out; whatever goes wrong, nothing that was there is lost."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phiz.errors import PhizError, Surroundings, UsageError
from phiz.faceset import FaceSet
from phiz.verbs.prepare import prepare


def picture(index: int, kind: str = "PNG") -> bytes:
    """Return a picture whose middle has a colour of its own."""
    image = Image.new("RGB", (40 + index % 3, 36), (index * 9 % 256, index * 5 % 256, 255 - index))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def files(count: int = 20) -> dict[str, bytes]:
    return {f"{'暗' if index % 2 else 'light'}/face {index}.png": picture(index) for index in range(count)}


def folder(at: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(data)
    return at


def zipped(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def refused(*arguments: object, **options: object) -> str:
    with pytest.raises(PhizError) as caught:
        prepare(*arguments, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def nothing_left(at: Path) -> bool:
    return not list(at.glob(".*"))


def test_a_zip_becomes_a_face_set(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    said: list[str] = []
    found = prepare(
        zipped(tmp_path / "faces.zip", {**files(), "readme.txt": b"hello"}),
        tmp_path / "set",
        size=32,
        labels="folders",
        progress=lambda done, count: seen.append((done, count)),
        warn=said.append,
    )
    assert found.path == tmp_path / "set"
    assert (len(found), found.size) == (20, 32)
    assert found.schema == {"folder": ["light", "暗"]}
    assert found.frequencies() == {"folder": [10, 10]}
    rows = list(found.faces())
    assert [row["source"] for row in rows[:3]] == ["light/face 0.png", "light/face 2.png", "light/face 4.png"]
    assert rows[2]["box"] == [2, 0, 36, 36]
    assert found[1][16, 16].tolist() == [18, 10, 253]
    assert found.made["counts"] == {"pictures": 20, "kept": 20, "rejected": 0, "skipped": {".txt": 1}}
    assert seen[-1] == (20, 20)
    assert said == []
    assert str(tmp_path) not in (tmp_path / "set" / "faceset.json").read_text("utf-8")


def test_one_id_whatever_they_came_in_and_however_many_threads(tmp_path: Path) -> None:
    content = files(70)
    shuffled = {name: content[name] for name in sorted(content, key=lambda name: hash(name[::-1]))}
    sources = [
        folder(tmp_path / "faces", content),
        zipped(tmp_path / "faces.zip", shuffled),
        tarred(tmp_path / "faces.tar.gz", shuffled),
        [*(tmp_path / "faces").rglob("*.png")],
    ]
    found = [
        prepare(source, tmp_path / f"set{index}{threads}", size=16, threads=threads)
        for index, source in enumerate(sources)
        for threads in (1, 7)
    ]
    assert len({one.id for one in found}) == 1
    assert len({tuple(row["source"] for row in one.faces()) for one in found}) == 1
    assert sorted(path.name for path in (tmp_path / "set27").iterdir()) == [
        "faceset.json",
        "images-00000.npy",
        "labels.npy",
        "manifest.sqlite",
        "report.html",
    ]


def test_several_sources_in_a_row(tmp_path: Path) -> None:
    one = zipped(tmp_path / "one.zip", {f"{i}.png": picture(i) for i in range(10)})
    two = folder(tmp_path / "two", {f"{i}.png": picture(i + 10) for i in range(10)})
    found = prepare([one, str(two)], tmp_path / "set", size=16, labels="folders")
    assert found.schema == {"folder": ["one", "two"]}
    assert found.labels[:, 0].tolist() == [0] * 10 + [1] * 10
    assert [row["source"] for row in found.faces()][9:11] == ["one/9.png", "two/0.png"]


def test_bad_pictures_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8))
    out = io.BytesIO()
    noise.save(out, "JPEG")
    broken = {
        "empty.png": b"",
        "cut.jpg": out.getvalue()[:900],
        "page.jpg": b"<html>404</html>",
        "really-a-png.jpg": picture(30),
    }
    said: list[str] = []
    found = prepare(
        folder(tmp_path / "f", {**files(), **broken}), tmp_path / "set", size=16, warn=said.append
    )
    assert len(found) == 21
    reasons = dict(found.rejected())
    assert set(reasons) == {"empty.png", "cut.jpg", "page.jpg"}
    assert "truncated" in reasons["cut.jpg"]
    assert found.made["counts"]["rejected"] == 3
    assert len(said) == 1
    assert said[0].startswith("3 of 24 pictures were set aside; first cut.jpg: cannot be decoded")


def test_labels_follow_their_pictures_past_a_bad_one(tmp_path: Path) -> None:
    content = {f"{index}.png": picture(index) for index in range(30)}
    content["4.png"] = b"broken"
    lines = [f"{index}.png,{'even' if index % 2 == 0 else 'odd'}" for index in reversed(range(30))]
    (tmp_path / "l.csv").write_text("\n".join(["file,parity", *lines]), "utf-8")
    found = prepare(
        tarred(tmp_path / "f.tgz", dict(reversed(content.items()))),
        tmp_path / "set",
        size=16,
        labels=tmp_path / "l.csv",
        warn=lambda line: None,
    )
    assert len(found) == 29
    for row in found.faces():
        index = int(row["source"].removesuffix(".png"))
        assert row["labels"] == {"parity": "even" if index % 2 == 0 else "odd"}
        assert found[row["position"]][8, 8].tolist() == [index * 9 % 256, index * 5 % 256, 255 - index]


def test_too_few_usable_faces(tmp_path: Path) -> None:
    content = {**files(15), "z/a.png": b"", "z/b.png": b"text", "z/c.png": b"", "z/d.png": b""}
    message = refused(folder(tmp_path / "faces", content), tmp_path / "set", size=16)
    assert message == (
        "faces: 15 usable faces of 19 pictures, and a face set needs 16. Set aside: "
        "z/a.png: empty file; z/b.png: no picture in a format that is read "
        "(JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, PPM); z/c.png: empty file; ..."
    )
    assert not (tmp_path / "set").exists()
    assert nothing_left(tmp_path)
    assert "holds no picture" in refused(zipped(tmp_path / "no.zip", {"a.txt": b"a"}), tmp_path / "set")


def test_bad_input_has_one_line_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    (tmp_path / "none.zip").write_bytes(b"")
    evil = zipped(tmp_path / "evil.zip", {**files(), "../evil.png": picture(1)})
    good = zipped(tmp_path / "good.zip", files())
    assert "no zip archive" in refused(tmp_path / "no.zip", tmp_path / "set")
    assert "empty file" in refused(tmp_path / "none.zip", tmp_path / "set")
    assert "evil.png" in refused(evil, tmp_path / "set")
    assert "does not exist" in refused(tmp_path / "nowhere", tmp_path / "set")
    assert "nearest is 96" in refused(good, tmp_path / "set", size=100)
    assert "does not exist" in refused(good, tmp_path / "set", labels="folder")
    with pytest.raises(UsageError):
        prepare([], tmp_path / "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.zip", "good.zip", "no.zip", "none.zip"]


def test_the_same_command_again_is_done(tmp_path: Path) -> None:
    source = folder(tmp_path / "faces", files())
    first = prepare(source, tmp_path / "set", size=16, labels="folders")
    before = {path.name: path.stat().st_mtime_ns for path in first.path.iterdir()}
    said: list[str] = []
    again = prepare(source, tmp_path / "set", size=16, labels="folders", warn=said.append)
    assert again.id == first.id
    assert {path.name: path.stat().st_mtime_ns for path in first.path.iterdir()} == before
    assert "is there already" in said[-1]


def test_another_command_is_refused_and_force_replaces(tmp_path: Path) -> None:
    source = folder(tmp_path / "faces", files())
    target = tmp_path / "set"
    first = prepare(source, target, size=16)
    assert "was made at 16 px, not 20" in refused(source, target, size=20)
    assert "with other labels" in refused(source, target, size=16, labels="folders")
    assert "with another detector" in refused(source, target, size=16, margin=0.1)
    assert "--quality" in refused(source, target, size=16, quality="high")
    others = folder(tmp_path / "others", files())
    assert "from other pictures" in refused(others, target, size=16)
    (source / "more.png").write_bytes(picture(77))
    assert FaceSet.open(target, verify=True).id == first.id
    assert len(prepare(source, target, size=20, force=True)) == 21
    assert FaceSet.open(target, verify=True).size == 20
    assert nothing_left(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_force_replaces_what_a_link_names_and_nothing_beside_it(tmp_path: Path) -> None:
    source, there, link = folder(tmp_path / "faces", files()), tmp_path / "disk" / "set", tmp_path / "set"
    there.parent.mkdir()
    prepare(source, there, size=16)
    link.symlink_to(there)
    for size in (20, 24):
        prepare(source, link, size=size, force=True)
        assert link.is_symlink()
        assert FaceSet.open(there, verify=True).size == size
    assert nothing_left(tmp_path)
    mine = there.parent / ".set.old" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert "in the way" in refused(source, link, size=16, force=True)
    assert mine.read_text() == "mine"


def test_force_replaces_nothing_that_is_not_a_face_set(tmp_path: Path) -> None:
    source = folder(tmp_path / "faces", files())
    precious = folder(tmp_path / "thesis", {"chapter.txt": b"words"})
    run = folder(tmp_path / "run", {"recipe.json": b'{"phiz": "run"}'})
    for target in (precious, run, source, precious / "chapter.txt"):
        assert "exists" in refused(source, target, size=16)
        assert "not a phiz faceset" in refused(source, target, size=16, force=True)
    assert (precious / "chapter.txt").read_bytes() == b"words"
    assert len(list(source.rglob("*.png"))) == 20


def test_a_failed_replacement_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "set"
    first = prepare(folder(tmp_path / "faces", files()), target, size=16)
    few = folder(tmp_path / "few", files(3))
    assert "3 usable faces" in refused(few, target, size=16, force=True)
    assert FaceSet.open(target, verify=True).id == first.id
    assert nothing_left(tmp_path)


def test_an_interruption_leaves_nothing_half_written(tmp_path: Path) -> None:
    def stop(done: int, count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder(tmp_path / "faces", files(100)), tmp_path / "set", size=16, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


LIMITED = """
import resource, sys
from phiz.errors import PhizError
from phiz.verbs.prepare import prepare
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    prepare(sys.argv[1], sys.argv[2], size=64, force=True)
except PhizError as fault:
    print(fault)
    sys.exit(fault.status)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits")
@pytest.mark.parametrize("limit", [300_000, 4096, 100])
def test_a_file_that_may_not_grow_is_a_full_disk(limit: int, tmp_path: Path) -> None:
    target = tmp_path / "set"
    first = prepare(folder(tmp_path / "faces", files()), target, size=16)
    more = zipped(tmp_path / "more.zip", files(60))
    command = [sys.executable, "-c", LIMITED, str(more), str(target), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert done.stdout.count("\n") == 1
    assert "what was there is untouched" in done.stdout
    assert FaceSet.open(target, verify=True).id == first.id
    assert nothing_left(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a small tmpfs")
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_disk_that_fills_up(kind: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        (disk / "mine.txt").write_text("precious")
        make = zipped if kind == "zip" else tarred
        source = make(tmp_path / f"faces.{kind}", dict(reversed(files(90).items())))
        with pytest.raises(Surroundings) as caught:
            prepare(source, disk / "set", size=64)
        assert caught.value.status == 5
        assert "No space left" in str(caught.value)
        assert [path.name for path in disk.iterdir()] == ["mine.txt"]
        assert (disk / "mine.txt").read_text() == "precious"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_database_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    from phiz.manifest import Manifest

    def full(self: Manifest) -> None:
        from phiz.manifest import disk_faults

        with disk_faults():
            fault = sqlite3.OperationalError("database or disk is full")
            fault.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise fault

    monkeypatch.setattr(Manifest, "_flush", full)
    with pytest.raises(Surroundings, match="No space left"):
        prepare(folder(tmp_path / "faces", files()), tmp_path / "set", size=16)
    assert not (tmp_path / "set").exists()
    assert nothing_left(tmp_path)


def test_warnings_go_to_stderr_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(folder(tmp_path / "faces", {**files(), "bad.png": b""}), tmp_path / "set", size=16)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "1 of 21 pictures were set aside; first bad.png: empty file.\n"


@pytest.mark.filterwarnings("error")
def test_decoders_do_not_talk_past_the_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = b"II*\0\x08\0\0\0\x02\0" + b"\0\1\2\0\xff\xff\xff\0\xff\xff\xff\0" * 2 + bytes(40)
    found = prepare(folder(tmp_path / "faces", {**files(), "odd.tif": odd}), tmp_path / "set", size=16)
    assert len(found.rejected()) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_verb_can_be_called_however_it_was_imported(tmp_path: Path) -> None:
    import phiz
    import phiz.prepare.looking

    source = folder(tmp_path / "faces", files())
    first = phiz.prepare(source, tmp_path / "one", size=16)
    assert phiz.prepare(source, tmp_path / "two", size=16).id == first.id
    assert callable(phiz.prepare.looking.look)  # type: ignore[attr-defined]


def test_preparing_imports_no_torch() -> None:
    code = "import sys, phiz.verbs.prepare; assert not {'torch', 'onnxruntime', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_shared_label_folders(shared: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = prepare(
        shared / "data" / "afad-layout.zip",
        tmp_path / "set",
        size=32,
        labels="folders",
        quality="none",
        warn=said.append,
    )
    assert len(found) == 2039
    assert found.schema["folder1"][:3] == ["10-19", "20-29", "30-39"]
    assert found.schema["folder2"] == ["111", "112"]
    assert found.rejected() == []
    assert said == ['"folder1": 80 different numbers became 11 ranges, 10-19 to 110-119.']
