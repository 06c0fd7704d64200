"""`phiz publish` and `phiz preview`: what is written, what is asked and refused, and what is served."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest

import phiz
import phiz.publish.forms
import toys
from phiz import artefacts, latents, marks
from phiz.errors import PhizError, UsageError
from phiz.evaluation.figures import Evaluation
from phiz.model import to_uint8
from phiz.onnx import Engine
from phiz.publish import page, site
from phiz.publish.serving import served
from phiz.verbs.preview import preview


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("PHIZ_SETTINGS", str(tmp_path / "settings"))
    try:
        page.read("page.html")
    except PhizError:
        pytest.skip("the page is not built (make page)")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("publish") / "toy", labelled=True, learned_from="a toy box")


def publish(model, out, **more):
    return phiz.publish(model.path, out, **{"author": "Ada", "licence": "cc-by-4.0"} | more)


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="site">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def test_a_site_is_a_folder_of_relative_files(model, tmp_path):
    done = publish(model, tmp_path / "site", title="Toys & <faces>", names={1: "<b>age</b>"})
    site = tmp_path / "site"
    assert artefacts.kind_of(site) == "site"
    text = (site / "index.html").read_text("utf-8")
    data = data_of(text)
    named = [data["worker"], data["offline"], *re.findall(r'(?:src|href)="([^"]+)"', text)]
    for runtime in data["runtimes"].values():
        named += [runtime["ort"], runtime["glue"], runtime["binary"]]
    named += [data["models"][0]["weights"], data["models"][0]["wall"]["pictures"]]
    files = [name for name in named if not name.startswith("data:")]
    assert all((site / name).is_file() and not name.startswith(("/", "http")) for name in files)
    assert "http" not in re.sub(r"data:image/[^\"]+|http-equiv", "", text.replace("http://cv.iptc", ""))
    assert "Toys &amp; &lt;faces&gt;" in text
    assert "<b>age" not in text
    assert data["models"][0]["directions"]["names"][0] == "<b>age</b>"
    assert (site / ".nojekyll").exists()
    assert "sdk: static" in (site / "README.md").read_text("utf-8")
    listed = json.loads(re.match(r"self\.plan=(.*);\n", (site / "sw.js").read_text("utf-8"))[1])
    assert all((site / name).exists() for name in listed["first"])
    first = {*listed["first"], "index.html"} - {"./", data["models"][0]["wall"]["pictures"]}
    assert done.bytes == sum((site / name).stat().st_size for name in first)


def test_a_page_says_what_it_shows(model, tmp_path):
    publish(model, tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text("utf-8")
    shown = data_of(text)["models"][0]
    assert shown["hash"] == model.hash
    assert shown["labels"] == model.config.labels
    assert shown["card"]["author"] == "Ada"
    assert shown["card"]["licence"] == "cc-by-4.0"
    assert shown["card"]["learned_from"] == "a toy box"
    assert "synthetic" in text
    assert "Learned from a toy box." in text
    pictures = re.findall(r'<img src="data:image/webp;base64,([^"]+)"', text)
    assert len(pictures) == 48
    (tmp_path / "seven.webp").write_bytes(base64.b64decode(pictures[7]))
    said = marks.read(tmp_path / "seven.webp")
    assert (said["seed"], said["model"], said["synthetic"]) == (7, model.hash, True)


def test_each_model_has_its_own_author_and_licence(model, tmp_path):
    owned = toys.model(tmp_path / "owned", seed=5, author="Bob", licence="apache-2.0")
    answers = {"author": "Ada", "licence": "mit"}
    phiz.publish([owned.path, model.path], tmp_path / "site", ask=answers.get)
    data = data_of((tmp_path / "site" / "index.html").read_text("utf-8"))
    cards = [shown["card"] for shown in data["models"]]
    assert [(card["author"], card["licence"]) for card in cards] == [("Bob", "apache-2.0"), ("Ada", "mit")]


def test_author_and_licence_are_asked_once(model, tmp_path):
    with pytest.raises(UsageError, match="--author"):
        phiz.publish(model.path, tmp_path / "a.html")
    asked = []
    answers = {"author": "Ada", "licence": "mit"}
    phiz.publish(model.path, tmp_path / "a.html", ask=lambda what: asked.append(what) or answers[what])
    phiz.publish(model.path, tmp_path / "b.html", ask=lambda what: pytest.fail("asked again"))
    assert asked == ["author", "licence"]
    card = data_of((tmp_path / "b.html").read_text("utf-8"))["models"][0]["card"]
    assert (card["author"], card["licence"]) == ("Ada", "mit")
    for wrong in ("", "  ", "two\nlines", "x" * 300):
        with pytest.raises(UsageError, match="--licence"):
            phiz.publish(model.path, tmp_path / "c.html", licence=wrong)


def test_questions_come_before_any_bar_is_drawn(model, tmp_path):
    told = []
    phiz.publish(
        model.path,
        tmp_path / "a.html",
        ask=lambda what: told.append(what) or "mit",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == ["author", "licence", (0, 1), (1, 1)]


def test_a_sharpness_needs_an_upscaler(model, tmp_path):
    with pytest.raises(UsageError, match="--upscaler"):
        publish(model, tmp_path / "site", sharpness=0.5)
    assert not (tmp_path / "site").exists()


def test_several_models_share_a_page(model, tmp_path):
    other = toys.model(tmp_path / "other", size=32, seed=5)
    phiz.publish([model.path, other.path], tmp_path / "site", author="Ada", licence="mit")
    data = data_of((tmp_path / "site" / "index.html").read_text("utf-8"))
    assert [shown["name"] for shown in data["models"]] == ["toy", "other"]
    assert [shown["size"] for shown in data["models"]] == [16, 32]
    with pytest.raises(UsageError, match="twice"):
        phiz.publish([model.path, model.path], tmp_path / "x", author="Ada", licence="mit")
    with pytest.raises(UsageError, match="1 to 12"):
        phiz.publish([], tmp_path / "x", author="Ada", licence="mit")


def test_what_stands_in_the_way_is_kept(model, tmp_path):
    publish(model, tmp_path / "site")
    with pytest.raises(PhizError, match="--force"):
        publish(model, tmp_path / "site")
    (tmp_path / "site" / "CNAME").write_text("faces.example")
    (tmp_path / "site" / ".git" / "refs").mkdir(parents=True)
    (tmp_path / "site" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (tmp_path / "site" / "assets" / "mine.css").write_text("p {}")
    (tmp_path / "site" / "link").symlink_to(tmp_path / "nowhere")
    other = toys.model(tmp_path / "other", seed=5)
    publish(other, tmp_path / "site", force=True)
    assert (tmp_path / "site" / "CNAME").read_text() == "faces.example"
    assert (tmp_path / "site" / ".git" / "HEAD").read_text() == "ref: refs/heads/main"
    assert (tmp_path / "site" / "assets" / "mine.css").read_text() == "p {}"
    assert (tmp_path / "site" / "link").is_symlink()
    assert not list((tmp_path / "site" / "models").glob(f"{model.hash}*"))
    publish(other, tmp_path / "anew")
    own = [p.relative_to(tmp_path / "anew") for p in (tmp_path / "anew").rglob("*") if p.is_file()]
    for file in own:
        assert (tmp_path / "site" / file).read_bytes() == (tmp_path / "anew" / file).read_bytes()
    kept = [p for p in (tmp_path / "site").rglob("*") if p.is_file()]
    assert len(kept) == len(own) + 3
    assert not list(tmp_path.glob(".site*"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(PhizError, match="is not a phiz site"):
        publish(model, tmp_path / "mine", force=True)
    (tmp_path / "mine.html").write_text("<p>my own page</p>")
    with pytest.raises(PhizError, match="not written by phiz"):
        publish(model, tmp_path / "mine.html", force=True)
    publish(model, tmp_path / "page.html")
    with pytest.raises(PhizError, match="--force"):
        publish(model, tmp_path / "page.html")
    publish(model, tmp_path / "page.html", force=True)


def test_a_site_that_is_killed_while_it_is_renewed_works_and_is_renewed_again(model, tmp_path, monkeypatch):
    """Stop at every file in turn: what the page names is always there."""
    other = toys.model(tmp_path / "other", seed=5)
    publish(model, tmp_path / "first", graphics=False)
    publish(other, tmp_path / "whole", graphics=False)
    out, new, real = tmp_path / "site", tmp_path / ".site.new", os.replace

    def files(place) -> dict[str, bytes]:
        return {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()}

    stops = len(files(tmp_path / "whole"))
    for stop in range(stops):
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(tmp_path / "first", out, copy_function=os.link)
        shutil.copytree(tmp_path / "whole", new, copy_function=os.link)
        left = iter(range(stop))

        def killed(old, place, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            real(old, place)

        with monkeypatch.context() as patch:
            patch.setattr("phiz.publish.site.os.replace", killed)
            with pytest.raises(KeyboardInterrupt):
                site.renew(out, new)
        data = data_of((out / "index.html").read_text("utf-8"))
        shown = data["models"][0]
        named = [
            data["worker"],
            shown["weights"],
            shown["wall"]["pictures"],
            *data["runtimes"]["wasm"].values(),
        ]
        assert all((out / name).is_file() for name in named if isinstance(name, str)), stop
        assert artefacts.kind_of(out) == "site"
        if stop in (0, stops - 1):  # the same command again, over what the killed one left
            publish(other, out, graphics=False, force=True)
            assert files(out) == files(tmp_path / "whole")
            assert not new.exists()


def evaluated(model, place, flagged: bool, hash_: str | None = None) -> None:
    place.mkdir(exist_ok=True)
    verdict = "3 % of its faces lie too close." if flagged else "No sign of copying."
    Evaluation(
        model={"name": "toy", "hash": hash_ or model.hash},
        against={"name": "x", "id": "y", "count": 1, "split": "all"},
        extractor={"name": "filters", "sha256": "", "size": 1, "resize": "", "dimensions": 1},
        samples=10,
        seed=0,
        truncation=1.0,
        figures=[],
        copying={"verdict": verdict, "flagged": flagged},
    ).write(place / "evaluation.json")


def test_a_model_that_copies_needs_a_second_word(tmp_path):
    (tmp_path / "run").mkdir()
    model = toys.model(tmp_path / "run" / "model")
    evaluated(model, tmp_path / "run" / "evaluation", flagged=True)
    with pytest.raises(PhizError, match="--anyway"):
        publish(model, tmp_path / "site")
    publish(model, tmp_path / "site", anyway=True)
    shown = data_of((tmp_path / "site" / "index.html").read_text("utf-8"))["models"][0]
    assert shown["card"]["copying"]["flagged"]
    out = phiz.export(model.path, tmp_path / "exported")
    assert any("found of copying" in line for line in out.lines)
    (tmp_path / "exported").rename(tmp_path / "moved")
    with pytest.raises(PhizError, match="--anyway"):
        phiz.publish(tmp_path / "moved", tmp_path / "b.html", author="Ada", licence="mit")
    evaluated(model, tmp_path / "run" / "evaluation", flagged=True, hash_="0" * 16)
    done = publish(model, tmp_path / "other")
    assert any("nobody has looked" in line for line in done.lines)
    evaluated(model, tmp_path / "run" / "evaluation", flagged=False)
    assert any("No sign of copying" in line for line in publish(model, tmp_path / "third").lines)
    evaluated(model, tmp_path / "run" / "model" / "evaluation", flagged=True)  # one that found it is enough
    with pytest.raises(PhizError, match="--anyway"):
        publish(model, tmp_path / "fourth")
    (tmp_path / "run" / "model" / "evaluation" / "evaluation.json").write_text("{")
    (tmp_path / "run" / "evaluation").rename(tmp_path / "run" / "model-evaluation")
    assert any("No sign of copying" in line for line in publish(model, tmp_path / "fourth").lines)


def test_weights_are_the_smallest_that_do(model, tmp_path, monkeypatch):
    publish(model, tmp_path / "a.html")
    assert data_of((tmp_path / "a.html").read_text("utf-8"))["models"][0]["form"] == "int8"
    monkeypatch.setitem(phiz.publish.forms.ALLOWED, "int8", 0.0)
    publish(model, tmp_path / "b.html")
    assert data_of((tmp_path / "b.html").read_text("utf-8"))["models"][0]["form"] == "fp16"
    with pytest.raises(PhizError, match="--weights fp16"):
        publish(model, tmp_path / "c.html", weights="int8")
    with pytest.raises(UsageError, match="--weights is"):
        publish(model, tmp_path / "c.html", weights="int4")
    with pytest.raises(UsageError, match="no direction 9"):
        publish(model, tmp_path / "c.html", names={9: "hat"})


def test_a_broken_model_is_refused(tmp_path):
    model = toys.model(tmp_path / "model")
    (model.path / "onnx/model.onnx").write_bytes(b"short")
    with pytest.raises(PhizError, match="SHA-256"):
        publish(model, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_preview_serves_a_site_with_the_right_headers(model, tmp_path):
    publish(model, tmp_path / "site")
    with served(tmp_path / "site") as (server, address):
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with urllib.request.urlopen(address) as answer:
                headers = answer.headers
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert headers["X-Content-Type-Options"] == "nosniff"
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe-inline" not in policy
            assert headers["Cache-Control"] == "no-cache"
            name = next((tmp_path / "site" / "assets").glob("main-*.js")).name
            with urllib.request.urlopen(f"{address}assets/{name}") as answer:
                assert answer.headers.get_content_type() == "text/javascript"
                assert "immutable" in answer.headers["Cache-Control"]
            for outside in ("models/", "%2e%2e/settings/rights.json", "assets/nothing.js"):
                with pytest.raises(urllib.error.HTTPError):
                    urllib.request.urlopen(address + outside)
            with pytest.raises(PhizError, match="choose another"):
                preview(tmp_path / "site", port=server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def test_a_site_for_the_network_says_where_others_find_it(model, tmp_path):
    publish(model, tmp_path / "site")
    with served(tmp_path / "site", host="0.0.0.0") as (_, address):
        assert "//0.0.0.0" not in address
        place = urllib.parse.urlsplit(address)
        socket.create_connection((place.hostname, place.port)).close()


def test_icons_say_what_they_are(model, tmp_path):
    publish(model, tmp_path / "site")
    for icon in ("icon-192.png", "icon-512.png"):
        assert marks.read(tmp_path / "site" / icon)["synthetic"] is True


def test_preview_says_what_it_cannot_serve(model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhizError, match="is no site"):
        preview(tmp_path / "empty")
    publish(model, tmp_path / "one.html")
    with pytest.raises(PhizError, match="needs no server"):
        preview(tmp_path / "one.html")
    publish(model, tmp_path / "site")
    with pytest.raises(UsageError, match="0 to 65535"):
        preview(tmp_path / "site", port=70000)


def test_golden_faces_are_those_of_the_published_weights(model, tmp_path):
    publish(model, tmp_path / "site")
    shown = data_of((tmp_path / "site" / "index.html").read_text("utf-8"))["models"][0]
    engine = Engine(gzip.decompress((tmp_path / "site" / shown["weights"]).read_bytes()))
    seeds = shown["golden"]["seeds"]
    faces = to_uint8(engine.run(latents.latents(seeds, 6), 1.0, model.labels_of(seeds)), (-1.0, 1.0))
    kept = faces.reshape(len(seeds), -1, 3)[:, :: shown["golden"]["step"]]
    assert np.array_equal(np.frombuffer(base64.b64decode(shown["golden"]["values"]), np.uint8), kept.ravel())
