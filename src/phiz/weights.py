"""Third-party weights: who publishes them, under which licence, with which SHA-256; fetched once and kept.

`find` looks in the folder that PHIZ_WEIGHTS names, then in the cache, and fetches what is in neither from
its publisher. Every file is hashed each time before its path is given out: a network is other people's
bytes, and the hash is what says that they are the ones meant.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from phiz import artefacts
from phiz.errors import PhizError, UsageError, nearest

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Weight:
    """A file of weights: its address and all that must be known of it before it is opened."""

    name: str
    """What phiz calls it."""
    file: str
    """The file's name in a folder of weights."""
    url: str
    publisher: str
    sha256: str
    """64 hexadecimal digits; without them the file is never opened."""
    bytes: int
    licence: str
    what: str
    """What it is, in a line."""


_HUB = "https://huggingface.co"
_ENTRIES = (
    Weight(
        name="inception",
        file="inception-2015-12-05.pt",
        url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
        publisher="NVIDIA, after Google's network of 2015-12-05",
        sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
        bytes=95_607_719,
        licence="Apache-2.0 (Google's network); NVIDIA names none for its TorchScript",
        what="Inception-v3 as TorchScript, the network that FID is defined on",
    ),
    Weight(
        name="dinov2-base",
        file="dinov2-base.safetensors",
        url=f"{_HUB}/facebook/dinov2-base/resolve/f9e44c814b77203eaa57a6bdbbd535f21ede1415/model.safetensors",
        publisher="Meta AI",
        sha256="d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841",
        bytes=346_345_912,
        licence="Apache-2.0",
        what="DINOv2 ViT-B/14, arXiv 2304.07193",
    ),
    Weight(
        name="dinov2-large",
        file="dinov2-large.safetensors",
        url=f"{_HUB}/facebook/dinov2-large/resolve/47b73eefe95e8d44ec3623f8890bd894b6ea2d6c/model.safetensors",
        publisher="Meta AI",
        sha256="399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
        bytes=1_217_522_888,
        licence="Apache-2.0",
        what="DINOv2 ViT-L/14, arXiv 2304.07193",
    ),
    Weight(
        name="yunet",
        file="face_detection_yunet_2026may.onnx",
        url="https://media.githubusercontent.com/media/opencv/opencv_zoo/"
        "47534e27c9851bb1128ccc0102f1145e27f23f98/models/face_detection_yunet/"
        "face_detection_yunet_2026may.onnx",
        publisher="OpenCV Zoo, Shiqi Yu",
        sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
        bytes=229_738,
        licence="MIT",
        what="YuNet, finds faces in photographs with five landmarks",
    ),
    Weight(
        name="animeface",
        file="lbpcascade_animeface.xml",
        url="https://raw.githubusercontent.com/nagadomi/lbpcascade_animeface/"
        "4433ab1ae1166ea75acfe99eb0f18709dac329a0/lbpcascade_animeface.xml",
        publisher="nagadomi",
        sha256="9376d30ac38db6bda2a68b88b3b76bbd7e6aa33af47f7f5c76bc88ca75f1ce30",
        bytes=246_945,
        licence="MIT",
        what="a cascade of local binary patterns, finds faces in drawings",
    ),
    Weight(
        name="sface",
        file="face_recognition_sface_2021dec.onnx",
        url=f"{_HUB}/opencv/face_recognition_sface/resolve/3d7082438a6e4551e840c9b2bb60b71e8da4b524/"
        "face_recognition_sface_2021dec.onnx",
        publisher="OpenCV Zoo, Yaoyao Zhong and Chengrui Wang",
        sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        bytes=38_696_353,
        licence="Apache-2.0",
        what="SFace, tells people in aligned photographs apart, arXiv 2205.12010",
    ),
)

WEIGHTS: dict[str, Weight] = {weight.name: weight for weight in _ENTRIES}
"""Every file of weights that phiz knows, by name."""


def cache_folder() -> Path:
    """Return the folder for what can be made or fetched again: PHIZ_CACHE, else the system's place for it."""
    if chosen := os.environ.get("PHIZ_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "phiz" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "phiz"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache") / "phiz"


def find(name: str, progress: Progress | None = None) -> Path:
    """Return the path of the weights called `name`, verified; fetch them where they are not here.

    Args:
        name: a key of `WEIGHTS`.
        progress: told (done, total) in bytes while the file is fetched.

    Raises:
        UsageError: no weights are called so.
        PhizError: the file, here or from its publisher, is not the one meant.
        Surroundings: it is not here and cannot be fetched, or the disk is full.
    """
    weight = _entry(name)
    if (folder := given_folder()) and (folder / weight.file).is_file():
        path = folder / weight.file
        digest = hashed(path)
        if digest != weight.sha256:
            raise PhizError(
                f"{path} is not the file meant: its SHA-256 begins {digest[:12]}, not {weight.sha256[:12]}; "
                f"put the file from {weight.url} there instead, or remove it."
            )
        return path
    path = cache_folder() / "weights" / weight.file
    if path.is_file() and hashed(path) == weight.sha256:
        return path
    from phiz import fetching  # what is here already needs no network code

    fetching.fetch(weight, path, given_folder() or path.parent, progress)
    return path


def given_folder() -> Path | None:
    """Return the folder that PHIZ_WEIGHTS names, None if it names none.

    Raises:
        PhizError: it does not exist.
    """
    if not (chosen := os.environ.get("PHIZ_WEIGHTS")):
        return None
    folder = Path(chosen)
    if not folder.is_dir():
        raise PhizError(f"PHIZ_WEIGHTS names {folder}, which is no folder; correct or unset it.")
    return folder


def hashed(path: Path) -> str:
    """Return the SHA-256 of a file of weights.

    Raises:
        PhizError: it is missing or cannot be read.
    """
    try:
        return artefacts.sha256(path)
    except FileNotFoundError:
        raise PhizError(f"{path} does not exist.") from None
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror or fault}.") from None


def _entry(name: str) -> Weight:
    if name not in WEIGHTS:
        raise UsageError(
            f'No weights are called "{name}"; there are {", ".join(WEIGHTS)}.{nearest(name, WEIGHTS)}'
        )
    weight = WEIGHTS[name]
    if not re.fullmatch("[0-9a-f]{64}", weight.sha256):
        raise PhizError(f"{weight.file} has no SHA-256 to be checked by, so it is not used.")
    return weight
