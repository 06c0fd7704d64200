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
