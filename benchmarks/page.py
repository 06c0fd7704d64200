"""The published page: how soon it is there, how fast it makes faces, how near to PyTorch, how large.

    python benchmarks/page.py MODEL [MODEL ...] [--runs 3] [--torch]
    python benchmarks/page.py MODEL [MODEL ...] --bytes

For each model a site is published and opened in Chromium (from the PATH), three times as a new visitor, on
one thread; medians are printed and kept in benchmarks/results/page.jsonl. Chromium runs on the cores this
process may use.

- first live face: from the request to the first face the page made itself, from this machine, seconds
- throttled: the same through a wire of 10 Mbit/s and 40 ms, the browser's renderers stopped for three
  quarters of every 20 ms: twelve faces of the wall on the screen, and the first live face, seconds; and all
  bytes that went over the wire, MB
- ms a face: median of 30 after 5, without drawing it, one thread
- walk: frames shown in a second, median of three seconds
- parity: largest difference between the page's float32 output and onnxruntime's of the same file, or with
  --torch PyTorch's, in output units, over 8 seeds; stored: mean difference of the published weights, of 255
- bytes: page code without the runtime, gzip; the model; KB and MB
- with --bytes, without a browser: the model packed with all levels of int8, and as it is published, MB, with
  mean and largest difference of 24 faces from those of float32, of 255
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import gzip
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from phiz import latents, load
from phiz.publish import forms
from phiz.publish.serving import served
from phiz.publish.site import packed
from phiz.verbs.publish import publish

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
RESULTS = Path(__file__).resolve().parent / "results" / "page.jsonl"
PARITY_SEEDS = list(range(8))
_SLACK = 0.05

# Runs in the page: a worker of its own, told what the page tells its worker.
DRAW = """async ([runtime, weights, model, draws, raw]) => {
  const site = JSON.parse(document.getElementById("site").textContent);
  const url = (name) => new URL(name, document.baseURI).href;
  const worker = new Worker(url(site.worker));
  const next = () => new Promise((done, failed) => {
    worker.onmessage = ({ data }) => {
      if (data.kind === "fault") failed(new Error(data.reason));
      else if (data.kind !== "progress") done(data);
    };
  });
  const ask = (order) => { const answer = next(); worker.postMessage(order); return answer; };
  await ask({ kind: "start", backend: "wasm", threads: 1, weights: url(weights), size: model.size, z: model.z,
    mixes: model.mixes ?? false, runtime: Object.fromEntries(
      ["ort", "glue", "between", "binary"].map((part) => [part, url(runtime[part])])),
    range: model.output_range, golden: { ...model.golden, labels: model.labels } });
  const out = [], times = [];
  for (const [i, { latent, labels }] of draws.entries()) {
    const from = performance.now();
    const made = await ask({ kind: "draw", id: i, latent: Float32Array.from(latent),
      truncation: 1, labels, raw });
    times.push(performance.now() - from);
    if (raw) {
      const bytes = new Uint8Array(made.values.buffer);
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      out.push(btoa(text));
    }
  }
  worker.terminate();
  return [out, times];
}"""


def main() -> None:
    """Publish, open, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--torch", action="store_true", help="compare with PyTorch, not with onnxruntime")
    parser.add_argument("--bytes", action="store_true", help="only how short models pack, and how far off")
    asked = parser.parse_args()
    if asked.bytes:
        for path in asked.models:
            print(json.dumps({"model": path.name} | levels(path)))
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        os.environ["PHIZ_SETTINGS"] = folder  # who publishes here is nobody
        program = shutil.which("chromium")
        browser = play.chromium.launch(executable_path=program, args=list(FLAGS))
        for path in asked.models:
            row = measure(browser, path, Path(folder), asked.runs, asked.torch)
            row |= {"chromium": browser.version, "machine": machine()}
            print(json.dumps(row, indent=2))
            RESULTS.parent.mkdir(exist_ok=True)
            with open(RESULTS, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        browser.close()


def machine() -> str:
    """Return the name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def measure(browser: Any, path: Path, folder: Path, runs: int, by_torch: bool) -> dict[str, Any]:
    """Return all figures of one model."""
    model = load(path)
    whole, site = folder / f"{model.hash}-whole", folder / model.hash
    for place, weights in ((whole, "fp32"), (site, "auto")):
        publish(path, place, author="x", licence="x", weights=weights, graphics=False, anyway=True)
    row: dict[str, Any] = {
        "model": path.name,
        "network": model.config.network.name,
        "size": model.config.size,
    }
    row["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with opened(site) as address:
        row["first live face, s"] = median(first_face(browser, address)["live"] for _ in range(runs))
        slow = [first_face(browser, address, throttled=True) for _ in range(runs)]
        for name in ("wall", "live", "MB"):
            row[f"throttled {name}"] = median(one[name] for one in slow)
        row["ms a face"] = round(statistics.median(faces(browser, address, model, 35, False)[1][5:]), 2)
        row["walk, frames/s"] = median(walk(browser, address) for _ in range(runs))
        row["stored, mean of 255"] = stored(browser, address, model)
        row |= sizes(site)
    with opened(whole) as address:
        row["parity, fp32"] = parity(browser, address, model, by_torch)
    row["compared with"] = "torch" if by_torch else "onnxruntime"
    return row


def levels(path: Path) -> dict[str, Any]:
    """Return how short a model packs with all levels of a byte, and with as few as do."""
    model, row = load(path), {}
    for name, kept in (("all levels", forms.keep(model, "int8")), ("published", forms.smallest(model))):
        row[name] = {
            "MB": round(len(packed(kept.data)) / 1e6, 2),
            "mean": round(kept.mean, 2),
            "worst": round(kept.worst, 1),
        }
    return row


class opened:
    """Serve a site while the block runs; gives its address."""

    def __init__(self, site: Path) -> None:
        self.context = served(site)

    def __enter__(self) -> str:
        self.server, address = self.context.__enter__()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return address

    def __exit__(self, *fault: Any) -> None:
        self.server.shutdown()
        self.context.__exit__(*fault)


def median(values: Any) -> float:
    return round(statistics.median(values), 3)


def first_face(browser: Any, address: str, throttled: bool = False) -> dict[str, float]:
    """Open the page as a new visitor; return seconds to the wall and to the first live face, and MB."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    page = context.new_page()
    page.goto("about:blank")
    page.add_init_script(
        "const look = () => { const wall = [...document.querySelectorAll('ul.wall img')].slice(0, 12); "
        "if (wall.length === 12 && wall.every((one) => one.complete && one.naturalWidth)) "
        "window.painted ??= performance.now(); "
        "if (document.querySelector('.live, canvas[data-face]')) window.alive ??= performance.now(); "
        "else requestAnimationFrame(look) }; requestAnimationFrame(look);"
    )
    wire = Wire(address, 10e6 / 8, 0.04) if throttled else None
    slow = Slow() if throttled else contextlib.nullcontext()
    start = time.monotonic()
    with slow:
        page.goto(wire.address if wire else address, wait_until="commit")
        while page.evaluate("window.alive") is None and time.monotonic() - start < 90:
            page.wait_for_timeout(20)
        wall, live = page.evaluate("[window.painted, window.alive]")
    context.close()
    moved = wire.close() if wire else 0
    return {"wall": (wall or 0) / 1000, "live": live / 1000, "MB": moved / 1e6}


class Slow:
    """Stop this program's browsers' renderers for three quarters of the time while the block runs."""

    def __enter__(self) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __exit__(self, *fault: Any) -> None:
        self.stop.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stop.is_set():
            found = renderers()
            for name, pause in ((signal.SIGSTOP, 0.015), (signal.SIGCONT, 0.005)):
                for number in found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, name)
                time.sleep(pause)


def renderers() -> list[int]:
    """Return the renderers among the processes that this one has started."""
    parents, found = {}, []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    for number in parents:
        above = number
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            with contextlib.suppress(OSError):
                if b"--type=renderer" in Path(f"/proc/{number}/cmdline").read_bytes():
                    found.append(number)
    return found


class Wire:
    """A slow wire to a server: so many bytes a second for all connections, and a delay before each answer."""

    def __init__(self, address: str, speed: float, delay: float) -> None:
        self.speed, self.delay, self.moved = speed, delay, 0
        self.free, self.lock = 0.0, threading.Lock()
        self.to = ("127.0.0.1", int(address.rpartition(":")[2].strip("/")))
        self.door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.door.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.door.accept()
                far = socket.create_connection(self.to)
                threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                if counted:
                    with self.lock:
                        self.moved += len(data)
                        # A pause that lasted too long is made up for, or a busy machine had a slower line.
                        self.free = max(self.free, time.monotonic() - _SLACK) + len(data) / self.speed
                        pause = self.free - time.monotonic()
                    time.sleep(max(0, pause))
                else:
                    time.sleep(self.delay)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> int:
        """Take the wire away; returns the bytes that came over it."""
        self.door.close()
        return self.moved


def faces(browser: Any, address: str, model: Any, count: int, raw: bool) -> tuple[np.ndarray, list[float]]:
    """Make faces of the first seeds in the page; return float outputs (N, 3, H, W) and milliseconds each."""
    context = browser.new_context(service_workers="block", bypass_csp=True)
    page = context.new_page()
    page.goto(f"{address}?backend=wasm")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    site = json.loads(page.text_content("#site"))
    shown, runtime = site["models"][0], site["runtimes"]["wasm"]
    golden = model.labels_of(shown["golden"]["seeds"])
    about = shown | {"labels": [] if golden is None else golden.tolist()}
    labels = model.labels_of(range(count))
    values = latents.latents(range(count), model.config.z)
    draws = [
        {"latent": values[i].tolist(), "labels": [] if labels is None else labels[i].tolist()}
        for i in range(count)
    ]
    page.wait_for_timeout(4000)  # until the wall is drawn and the page at rest
    out, times = page.evaluate(DRAW, [runtime, shown["weights"], about, draws, raw])
    context.close()
    size = model.config.size
    arrays = [np.frombuffer(base64.b64decode(text), "<f4").reshape(3, size, size) for text in out]
    return (np.stack(arrays) if arrays else np.empty(0)), times


def parity(browser: Any, address: str, model: Any, by_torch: bool) -> float:
    """Return the largest difference of the page's float32 faces."""
    made, _ = faces(browser, address, model, len(PARITY_SEEDS), True)
    values, labels = latents.latents(PARITY_SEEDS, model.config.z), model.labels_of(PARITY_SEEDS)
    if by_torch:
        import torch

        with torch.no_grad():
            more = [] if labels is None else [torch.from_numpy(labels)]
            expected = model.module()(torch.from_numpy(values), *more).numpy()
    else:
        expected = model.engine.run(values, 1.0, labels)
    return float(f"{np.abs(made - expected).max():.2g}")


def stored(browser: Any, address: str, model: Any) -> float:
    """Return the mean difference of the page's faces from those of float32, in levels of 255."""
    made, _ = faces(browser, address, model, len(PARITY_SEEDS), True)
    low, high = model.config.output_range
    labels = model.labels_of(PARITY_SEEDS)
    expected = model.engine.run(latents.latents(PARITY_SEEDS, model.config.z), 1.0, labels)
    apart = np.abs(np.clip(made, low, high) - np.clip(expected, low, high)).mean()
    return round(float(apart) * 255 / (high - low), 3)


def walk(browser: Any, address: str) -> float:
    """Return how many new faces a second a walk shows."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    page = context.new_page()
    page.goto(f"{address}?backend=wasm#seed=7")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    page.wait_for_timeout(3000)
    page.locator(".stage .tools button").nth(2).click()
    page.wait_for_timeout(1500)
    shown = page.evaluate(
        """() => new Promise((done) => {
            const put = CanvasRenderingContext2D.prototype.putImageData;
            let count = 0;
            CanvasRenderingContext2D.prototype.putImageData = function (...all) {
                if (this.canvas.closest(".picture")) count++;
                return put.apply(this, all);
            };
            setTimeout(() => done(count / 3), 3000);
        })"""
    )
    context.close()
    return float(shown)


def sizes(site: Path) -> dict[str, float]:
    """Return the bytes of the page's own code, packed, and of the model."""
    from phiz.publish import page

    code = sum(
        len(gzip.compress(page.read(name), 9)) for name in ("main.js", "worker.js", "style.css", "page.html")
    )
    weights = next((site / "models").glob("*.onnx.gz")).stat().st_size
    return {"code, KB": round(code / 1000, 1), "model, MB": round(weights / 1e6, 2)}


if __name__ == "__main__":
    main()
