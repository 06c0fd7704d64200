"""Cutting one picture: a face and its box, or the reason."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image

from phiz.pictures import BadPicture
from phiz.prepare.cut import cut


def test_a_picture_becomes_a_face_with_its_box_and_hash() -> None:
    image = Image.new("RGB", (60, 40), "red")
    image.paste("blue", (10, 0, 50, 40))
    out = io.BytesIO()
    image.save(out, "PNG")
    done = cut(3, "a.png", out.getvalue, 16)
    assert done.index == 3
    assert done.box == (10, 0, 40, 40)
    assert done.face is not None
    assert done.face.shape == (16, 16, 3)
    assert (done.face == np.array([0, 0, 255])).all()
    assert done.sha256 == hashlib.sha256(out.getvalue()).hexdigest()
    assert done.reason is None


def test_a_bad_picture_comes_back_with_its_reason() -> None:
    def gone() -> bytes:
        raise BadPicture("a.png", "cannot be read: gone")

    assert cut(0, "a.png", gone, 16).reason == "cannot be read: gone"
    empty = cut(0, "a.png", lambda: b"", 16)
    assert (empty.face, empty.box, empty.reason) == (None, None, "empty file")
    assert empty.sha256 == hashlib.sha256(b"").hexdigest()
