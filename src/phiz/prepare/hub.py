"""Datasets by name: `hf:OWNER/NAME` fetches a dataset's parquet files from Hugging Face and reads them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from phiz.errors import MissingExtra, PhizError, Surroundings, UsageError

PREFIX = "hf:"


def fetch(name: str) -> Path:
    """Return the folder with a dataset's parquet files, fetched where they are not here yet.

    `name` is hf:OWNER/NAME, or hf:OWNER/NAME@REVISION for another than the newest.

    Raises:
        UsageError: the name is none.
        MissingExtra: huggingface_hub is not installed.
        PhizError: the dataset has no parquet files.
        Surroundings: there is no such dataset, or no way to it.
    """
    match = re.fullmatch(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?", name)
    if match is None:
        raise UsageError(f"{name} names no dataset; write hf:OWNER/NAME.")
    if find_spec("huggingface_hub") is None:
        raise MissingExtra("Datasets by name", "hub")
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(
                match["repo"], repo_type="dataset", revision=match["revision"], allow_patterns=["*.parquet"]
            )
        )
    except Exception as fault:  # the network, the hub, the disk: it raises much
        why = " ".join(str(fault).split())[:200]
        raise Surroundings(f"{name} cannot be fetched: {why}") from None
    if not any(folder.rglob("*.parquet")):
        raise PhizError(
            f"{name} has no parquet files; on its page the branch refs/convert/parquet may: "
            f"{PREFIX}{match['repo']}@refs/convert/parquet"
        )
    return folder
