"""A drawn face that every detector must find before it is trusted: one that fails silently finds nothing."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFilter

from phiz.errors import PhizError
from phiz.prepare.detectors import Detector, overlap

_SIZE = 320
BOX = (95, 95, 130, 130)
"""Where the face is: x, y, width, height in the picture's pixels."""

_SKIN, _SHADE, _HAIR, _INK = (250, 224, 205), (232, 190, 168), (92, 62, 50), (40, 26, 26)


def drawn_face() -> Image.Image:
    """Return a picture of 320 x 320 px with one face in it, drawn so that either detector knows it."""
    image = Image.new("RGB", (_SIZE, _SIZE), (176, 200, 214))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((80, 250, 240, 340), 40, fill=(70, 90, 150))
    pen.rectangle((140, 215, 180, 262), fill=_SHADE)
    pen.ellipse((78, 48, 242, 235), fill=_HAIR)
    pen.polygon([(98, 120), (222, 120), (214, 196), (176, 232), (144, 232), (106, 196)], fill=_SKIN)
    pen.ellipse((98, 80, 222, 200), fill=_SKIN)
    pen.polygon([(92, 60), (228, 60), (232, 132), (206, 106), (186, 122), (160, 102), (134, 122), (114, 106),
                 (88, 132)], fill=_HAIR)  # fmt: skip
    for x in (132, 188):
        pen.ellipse((x - 17, 140, x + 17, 172), fill="white", outline=_INK, width=2)
        pen.ellipse((x - 11, 141, x + 11, 171), fill=(74, 96, 150))
        pen.ellipse((x - 6, 146, x + 6, 166), fill=_INK)
        pen.ellipse((x - 7, 145, x - 1, 152), fill="white")
        pen.line((x - 18, 146, x, 139, x + 18, 146), fill=_INK, width=4)
        pen.line((x - 16, 129, x + 16, 127), fill=_HAIR, width=4)
    pen.line((160, 172, 156, 188, 163, 190), fill=_SHADE, width=4)
    pen.chord((144, 196, 176, 214), 0, 180, fill=(190, 80, 80))
    return image.filter(ImageFilter.GaussianBlur(1.2))


def check(detector: Detector) -> None:
    """Try a detector on the drawn face.

    Raises:
        PhizError: it does not find the face, or finds others.
    """
    seen = detector(drawn_face())
    sure = [face for face in seen if face.score >= 0.5]
    if len(sure) == 1 and overlap(sure[0].box, BOX) > 0.3:
        return
    what = "does not find the face" if not sure else "finds other faces than the one"
    raise PhizError(
        f"The detector {detector.name} {what} of its self-test; its weights or the packages it runs on are "
        "not what they should be, so nothing it says is used. --detector none takes whole pictures."
    )
