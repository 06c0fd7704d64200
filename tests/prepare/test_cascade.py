"""The cascade: a small one whose answers are known, and what it does at any size of picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phiz.errors import PhizError
from phiz.prepare.cascade import Cascade

# One weak classifier over the middle 6 x 6 px of a window of 6: code 0 only where the middle is brightest.
_STAGE = """<_><stageThreshold>0.5</stageThreshold><weakClassifiers><_>
<internalNodes>0 -1 0 1 0 0 0 0 0 0 0</internalNodes>
<leafValues>1.0 -1.0</leafValues></_></weakClassifiers></_>"""
BRIGHT = f"""<opencv_storage><cascade><stageType>BOOST</stageType><featureType>LBP</featureType>
<height>6</height><width>6</width><stages>{_STAGE}{_STAGE}</stages>
<features><_><rect>0 0 2 2</rect></_></features></cascade></opencv_storage>"""


def spot(x: int, y: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    field = np.zeros((size[1], size[0]), np.uint8)
    field[y : y + 2, x : x + 2] = 255
    return Image.fromarray(field)


@given(x=st.integers(2, 34), y=st.integers(2, 24))
@settings(max_examples=40)
def test_a_spot_is_found_where_it_is(x: int, y: int) -> None:
    found = Cascade(BRIGHT.encode())(spot(x, y), growth=4.0, smallest=6, step=1)
    first = found.side == 6
    assert (x - 2, y - 2) in zip(found.x[first], found.y[first], strict=True)
    assert (found.stages == 2).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5, 5), (6, 6), (7, 200)])
def test_pictures_too_small_have_no_windows_or_few(size: tuple[int, int]) -> None:
    found = Cascade(BRIGHT.encode())(Image.new("L", size), growth=1.2, smallest=6)
    assert len(found.x) == len(found.side) == len(found.stages)
    assert min(size) >= 6 or not len(found.x)


@pytest.mark.parametrize("xml", [b"", b"<a/>", b"no xml", BRIGHT.replace("LBP", "HAAR").encode()])
def test_what_is_no_cascade_is_refused_in_a_line(xml: bytes) -> None:
    with pytest.raises(PhizError, match="No cascade") as fault:
        Cascade(xml)
    assert "\n" not in str(fault.value)
