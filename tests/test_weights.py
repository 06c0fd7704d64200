"""Weights are found, fetched and checked: what comes out is the file meant, or one line that says why not.

Fetching is tried against a real HTTP server on this machine that can be made to misbehave.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phiz import fetching, weights
from phiz.errors import PhizError, Surroundings, UsageError

DATA = np.random.default_rng(0).bytes(3_000_000)


class Server:
    """Serves DATA at /good; `cut` breaks that many answers off half-way, `ranges` offers resuming."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.cut, self.ranges, self.body, self.hang = 0, True, DATA, False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def answer(self, to: http.server.BaseHTTPRequestHandler) -> None:
        asked = to.headers.get("Range")
        self.asked.append(asked)
        if to.path == "/moved":
            to.send_response(302)
            to.send_header("Location", "/good")
            to.end_headers()
            return
        if to.path != "/good":
            to.send_error(404)
            return
        start = int(asked[6:-1]) if asked and self.ranges else 0
        to.send_response(206 if start else 200)
        to.send_header("Content-Length", str(len(self.body) - start))
        if start:
            to.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        to.end_headers()
        rest = self.body[start:]
        if self.cut:
            self.cut -= 1
            rest = rest[: len(rest) // 2]
        to.wfile.write(rest)
        if self.hang:
            time.sleep(1)
        to.close_connection = True


@pytest.fixture
def server():
    running = Server()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, no folder of weights, and no waiting."""
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PHIZ_WEIGHTS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def weight(server, monkeypatch):
    """Weights called "toy", which the server has."""
    entry = weights.Weight(
        "toy",
        "toy.bin",
        f"{server.url}/good",
        "us",
        hashlib.sha256(DATA).hexdigest(),
        len(DATA),
        "MIT",
        "toy",
    )
    monkeypatch.setitem(weights.WEIGHTS, "toy", entry)
    return entry


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def one_line(fault: pytest.ExceptionInfo, *words: str) -> None:
    assert "\n" not in str(fault.value)
    for word in words:
        assert word in str(fault.value)


def test_it_is_fetched_once_and_kept(server, cache, weight):
    seen: list[tuple[int, int]] = []
    path = weights.find("toy", lambda done, total: seen.append((done, total)))
    assert path == cache / "toy.bin"
    assert path.read_bytes() == DATA
    assert files(cache) == ["toy.bin"]
    assert seen[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert weights.find("toy") == path
    assert len(server.asked) == 1


def test_a_redirect_is_followed(server, cache, weight, monkeypatch):
    monkeypatch.setitem(weights.WEIGHTS, "toy", replace(weight, url=f"{server.url}/moved"))
    assert weights.find("toy").read_bytes() == DATA


def test_a_cut_connection_is_taken_up_again(server, cache, weight):
    server.cut = 2
    assert weights.find("toy").read_bytes() == DATA
    half, quarter = len(DATA) // 2, len(DATA) // 4
    assert server.asked == [None, f"bytes={half}-", f"bytes={half + quarter}-"]


def test_a_server_that_cannot_resume_is_asked_for_all(server, cache, weight):
    server.cut, server.ranges = 1, False
    assert weights.find("toy").read_bytes() == DATA


def test_what_a_broken_try_left_is_used_by_the_next(server, cache, weight):
    server.cut = 99
    with pytest.raises(Surroundings) as fault:
        weights.find("toy")
    one_line(fault, "toy.bin", weight.url, "broke", str(cache))
    assert files(cache) == [".toy.bin.partial"]
    server.cut, before = 0, len(server.asked)
    assert weights.find("toy").read_bytes() == DATA
    assert len(server.asked) == before + 1
    assert int(str(server.asked[-1])[6:-1]) > len(DATA) * 0.9, "each try went on from the one before"
    assert files(cache) == ["toy.bin"]


def test_a_spoiled_beginning_is_fetched_anew(server, cache, weight):
    cache.mkdir(parents=True)
    (cache / ".toy.bin.partial").write_bytes(bytes(1000))
    assert weights.find("toy").read_bytes() == DATA
    assert server.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("length", [0, len(DATA), len(DATA) + 5])
def test_any_length_of_a_beginning_does_no_harm(server, cache, weight, length):
    cache.mkdir(parents=True)
    (cache / ".toy.bin.partial").write_bytes((DATA + DATA)[:length])
    assert weights.find("toy").read_bytes() == DATA
    assert files(cache) == ["toy.bin"]


def test_a_file_of_another_hash_is_not_kept(server, cache, weight):
    server.body = bytes(len(DATA))
    with pytest.raises(PhizError) as fault:
        weights.find("toy")
    assert fault.value.status == 3
    one_line(fault, weight.url, weight.sha256[:12], hashlib.sha256(server.body).hexdigest()[:12])
    assert files(cache) == []


def test_a_file_of_another_length_is_refused_before_it_is_fetched(server, cache, weight):
    server.body = b"version https://git-lfs.github.com/spec/v1\n"
    with pytest.raises(PhizError, match=f"43 bytes, not {len(DATA):,}"):
        weights.find("toy")
    assert files(cache) == []


def test_an_address_without_the_file(server, cache, weight, monkeypatch):
    monkeypatch.setitem(weights.WEIGHTS, "toy", replace(weight, url=f"{server.url}/gone"))
    with pytest.raises(Surroundings) as fault:
        weights.find("toy")
    assert fault.value.status == 5
    one_line(fault, "toy.bin", f"{server.url}/gone", "HTTP 404", str(cache))
    assert len(server.asked) == 1, "a 404 is not asked again"


def test_no_network(cache, weight, monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setitem(weights.WEIGHTS, "toy", replace(weight, url=f"http://127.0.0.1:{port}/good"))
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path))
    with pytest.raises(Surroundings) as fault:
        weights.find("toy")
    one_line(fault, "toy.bin", f"127.0.0.1:{port}", f"put that file into {tmp_path}")


def test_no_such_host(cache, weight, monkeypatch):
    monkeypatch.setitem(weights.WEIGHTS, "toy", replace(weight, url="https://weights.invalid/toy.bin"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Surroundings, match="no network"):
        weights.find("toy")


def test_a_server_that_falls_silent(server, cache, weight, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2)
    monkeypatch.setattr(fetching, "TRIES", 1)
    server.cut, server.hang = 1, True
    with pytest.raises(Surroundings, match="no answer"):
        weights.find("toy")
    assert files(cache) == [".toy.bin.partial"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the length of files to try this with")
def test_a_full_disk(server, cache, weight):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(Surroundings, match="Make room") as fault:
            weights.find("toy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    one_line(fault, "toy.bin")
    assert "toy.bin" not in files(cache)
    assert weights.find("toy").read_bytes() == DATA


def test_two_processes_do_not_write_to_one_file(cache, weight):
    cache.mkdir(parents=True)
    other = cache / ".toy.bin.1.partial"
    other.write_bytes(DATA[:10])
    assert weights.find("toy").read_bytes() == DATA
    assert other.read_bytes() == DATA[:10], "another process may be at it"


def test_what_a_killed_process_left_is_taken_over(server, cache, weight):
    cache.mkdir(parents=True)
    other = cache / ".toy.bin.1.partial"
    other.write_bytes(DATA[:1000])
    os.utime(other, (time.time() - 1e6,) * 2)
    assert weights.find("toy").read_bytes() == DATA
    assert server.asked == ["bytes=1000-"]
    assert files(cache) == ["toy.bin"]


def test_an_interrupt_leaves_what_was_fetched(server, cache, weight):
    def stop(done: int, total: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.find("toy", stop)
    assert files(cache) == [".toy.bin.partial"]
    assert weights.find("toy").read_bytes() == DATA
    assert server.asked[1] is not None


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache, weight):
    weights.find("toy").write_bytes(DATA[:-1] + b"?")
    assert weights.find("toy").read_bytes() == DATA
    assert len(server.asked) == 2


def test_a_folder_of_weights_comes_first(server, cache, weight, monkeypatch, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "toy.bin").write_bytes(DATA)
    monkeypatch.setenv("PHIZ_WEIGHTS", str(folder))
    assert weights.find("toy") == folder / "toy.bin"
    assert server.asked == []
    (folder / "toy.bin").write_bytes(b"something else")
    with pytest.raises(PhizError) as fault:
        weights.find("toy")
    one_line(
        fault, str(folder / "toy.bin"), weight.sha256[:12], hashlib.sha256(b"something else").hexdigest()[:12]
    )
    assert (folder / "toy.bin").read_bytes() == b"something else"
    assert server.asked == []
    (folder / "toy.bin").unlink()
    assert weights.find("toy") == cache / "toy.bin", "what the folder lacks is fetched"


def test_a_folder_of_weights_that_is_none(cache, weight, monkeypatch, tmp_path):
    monkeypatch.setenv("PHIZ_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(PhizError, match=r"PHIZ_WEIGHTS names .*nowhere"):
        weights.find("toy")


def test_a_cache_that_is_no_folder(cache, weight, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "file"))
    with pytest.raises(PhizError, match="PHIZ_CACHE"):
        weights.find("toy")


def test_unknown_weights_are_named():
    with pytest.raises(UsageError, match='Did you mean "inception"'):
        weights.find("incepton")


def test_weights_without_a_hash_are_never_used(server, cache, weight, monkeypatch):
    monkeypatch.setitem(weights.WEIGHTS, "toy", replace(weight, sha256=""))
    with pytest.raises(PhizError, match="no SHA-256"):
        weights.find("toy")
    assert server.asked == []


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://example.org/a", "not https"),
        ("file:///etc/passwd", "not https"),
        ("http://127.0.0.1/a", "not https"),
        ("https://127.0.0.1/a", "private"),
        ("https://10.1.2.3/a", "private"),
        ("https://[fd00::1]/a", "private"),
    ],
)
def test_addresses_that_are_not_followed(address, why):
    with pytest.raises(ValueError, match=why):
        fetching.check_address(address, "https://example.org/start")


def test_entries_are_complete():
    assert len({weight.file for weight in weights.WEIGHTS.values()}) == len(weights.WEIGHTS)
    for name, weight in weights.WEIGHTS.items():
        assert weight.name == name
        assert weight.url.startswith("https://")
        assert len(weight.sha256) == 64
        assert weight.bytes > 1000
        assert all((weight.publisher, weight.licence, weight.what))


def test_the_files_at_hand_are_the_ones_meant(shared, monkeypatch):
    monkeypatch.setenv("PHIZ_WEIGHTS", str(shared / "weights"))
    for name in ("yunet", "animeface"):
        assert weights.find(name).stat().st_size == weights.WEIGHTS[name].bytes


def test_the_cache_follows_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("PHIZ_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert weights.cache_folder() == tmp_path / ".cache" / "phiz"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert weights.cache_folder() == tmp_path / "x" / "phiz"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert weights.cache_folder() == tmp_path / "Library" / "Caches" / "phiz"
    monkeypatch.setenv("PHIZ_CACHE", str(tmp_path / "chosen"))
    assert weights.cache_folder() == tmp_path / "chosen"


def test_looking_for_weights_loads_no_network_code():
    code = "import sys, phiz.weights; assert not {'urllib.request', 'http.client', 'ssl'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
