"""What tests ask of a page in the browser."""

from __future__ import annotations

import base64
import json
import time

import numpy as np

STAGE = ".picture canvas"


def pixels(page, selector: str = STAGE) -> np.ndarray:
    """Return what a canvas shows, uint8 (H, W, 3)."""
    width, height, data = page.evaluate(
        """(selector) => {
            const canvas = document.querySelector(selector);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let text = "";
            for (const byte of data) text += String.fromCharCode(byte);
            return [canvas.width, canvas.height, btoa(text)];
        }""",
        selector,
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[:, :, :3]


def shows(page, face: str) -> None:
    """Wait until the stage shows a face, by the line that names it."""
    page.wait_for_selector(f'{STAGE}[data-face="{face}"]')
    page.wait_for_timeout(60)


def until(page, true: str, *, seconds: float = 30) -> None:
    """Wait until a line of JavaScript is true; the page's policy forbids it to wait by itself."""
    end = time.monotonic() + seconds
    while not page.evaluate(true):
        assert time.monotonic() < end, f"never came true: {true}"
        page.wait_for_timeout(30)


def said(page, *words: str) -> None:
    """Wait until the page says something that holds all of `words`."""
    for word in words:
        until(page, f"document.getElementById('said').textContent.includes({json.dumps(word)})")


def set_slider(page, name: str, value: float) -> None:
    """Move a slider of the stage."""
    slider = page.locator(f".stage .slider:has(.name:text-is('{name}')) input")
    slider.evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(value),
    )


def saved(page, button: str) -> bytes:
    """Press a button that downloads, and return the file."""
    with page.expect_download() as coming:
        page.locator(".tools button", has_text=button).first.click()
    with open(coming.value.path(), "rb") as file:
        return file.read()


OUTPUTS = """async ([latents, labels]) => {
    const site = JSON.parse(document.getElementById("site").textContent);
    const [model, { wasm }] = [site.models[0], site.runtimes];
    const at = (name) => new URL(name, document.baseURI).href;
    const worker = new Worker(at(site.worker));
    const ask = (order) => new Promise((done, failed) => {
        worker.onmessage = ({ data }) => {
            if (data.kind === "fault") failed(new Error(data.reason));
            else if (data.kind !== "progress") done(data);
        };
        worker.postMessage(order);
    });
    await ask({
        kind: "start", backend: "wasm", threads: 1, weights: at(model.weights),
        runtime: {
            ort: at(wasm.ort), glue: at(wasm.glue), between: at(wasm.between), binary: at(wasm.binary),
        },
        size: model.size, z: model.z, range: model.output_range,
        golden: { seeds: [], step: 1, values: "", labels: [] },
    });
    const out = [];
    for (const [id, latent] of latents.entries()) {
        const order = { kind: "draw", id, latent: Float32Array.from(latent), truncation: 1, raw: true };
        const { values } = await ask({ ...order, labels: labels[id] });
        out.push([...values]);
    }
    worker.terminate();
    return out;
}"""


def outputs(page, latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what the page's worker computes for `latents` (N, z), before it becomes pixels: (N, values)."""
    return np.array(page.evaluate(OUTPUTS, [latents.tolist(), labels.tolist()]))
