"""What a collect says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from phiz import ledger
from phiz.collect.gathering import Tally


def pictures(count: int) -> str:
    """Write a number of pictures."""
    return "1 picture" if count == 1 else f"{count:,} pictures"


def size(count: float) -> str:
    """Write bytes as people do: 812 bytes, 14.3 MB."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def reasons(counted: Counter[str]) -> str:
    """Write reasons with their counts, the commonest first."""
    return ", ".join(f"{count:,} {reason}" for reason, count in counted.most_common(6))


def summary(folder: Path, what: str, tally: Tally) -> list[str]:
    """Return the lines that say what came."""
    lines = [f"{folder}: {pictures(tally.here)} of {what}, {tally.fetched:,} of them new."]
    if tally.aside:
        lines.append(f"Set aside: {reasons(short(tally.aside))}.")
    if tally.left_out:
        lines.append(f"Left out: {reasons(tally.left_out)}.")
    if tally.without_file:
        lines.append(f"Without a file (deleted): {tally.without_file:,}.")
    lines += [f"Given up: {why}" for why in tally.closed]
    if tally.waiting:
        lines.append(f"Waiting: {pictures(tally.waiting)}; the same command tries again.")
    return lines


def following(folder: Path) -> str:
    """Return the line that says what to do next."""
    return f"Next: phiz prepare {folder} -o faces --size 64{' --labels tags' if ledger.tags(folder) else ''}"


def forgotten(folder: Path, artists: Iterable[str], deleted: int, struck: int) -> str:
    """Return the line that says what a removal did."""
    local = f", {struck:,} of your own struck from the ledger (their files stay)" if struck else ""
    return f"{folder}: {', '.join(artists)} removed: {deleted:,} files deleted{local}. They stay left out."


def short(counted: Counter[str]) -> Counter[str]:
    """Put reasons that differ in a hash or a number only together."""
    short: Counter[str] = Counter()
    for reason, count in counted.items():
        for start in ("its MD5", "the same picture", "broke off"):
            if reason.startswith(start):
                words = {"its MD5": "with another MD5 than published", "the same picture": "here already"}
                reason = words.get(start, "cut short")
        short[reason] += count
    return short
