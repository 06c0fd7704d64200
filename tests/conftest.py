"""What tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of real pictures and weights beside the checkout."""
    place = ROOT.parent / "shared"
    if not (place / "data").is_dir():
        pytest.skip("the optional real pictures (../shared/data) are not here")
    return place
