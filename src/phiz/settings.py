"""Where what a user has set once is kept: one small file a setting."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder() -> Path:
    """Return the folder for what a user has set: PHIZ_SETTINGS, else the system's place for it."""
    if chosen := os.environ.get("PHIZ_SETTINGS"):
        return Path(chosen)
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA")
        return (Path(roaming) if roaming else Path.home() / "AppData" / "Roaming") / "phiz"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "phiz"
    xdg = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".config") / "phiz"
