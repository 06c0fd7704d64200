"""Parquet files with pictures in them, as Hugging Face's datasets are published: a source like any other.

A column of pictures holds {bytes, path}, or bytes alone; the other columns are labels. Several files of one
folder are one source, in order of their names. pyarrow, the extra `parquet`, reads them a group of rows at a
time.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from phiz.errors import MissingExtra, PhizError
from phiz.pictures import MAX_BYTES, SUFFIXES, BadPicture
from phiz.prepare.entries import Entry
from phiz.prepare.names import clean, natural

_KEPT = 2  # row groups in memory


class Parquet:
    """Pictures in parquet files; see phiz.prepare.sources.Source.

    Raises:
        MissingExtra: pyarrow is not installed.
        PhizError: a file is none, or has no column of pictures.
    """

    in_order = True

    def __init__(self, place: Path, files: Sequence[Path]) -> None:
        if find_spec("pyarrow") is None:
            raise MissingExtra("Reading parquet", "parquet")
        self.place = place
        self.name = clean(place.resolve().name)
        self.label = clean(place.stem)
        self.skipped: Counter[str] = Counter()
        self.entries: list[Entry] = []
        self.labels: dict[str, dict[str, str]] = {}
        self._files = [_open(path) for path in sorted(files, key=lambda path: natural(path.as_posix()))]
        self._lock = threading.Lock()
        self._groups: dict[tuple[int, int], Any] = {}
        for number, (path, file, column) in enumerate(self._files):
            try:
                self._list(number, path, file, column)
            except PhizError:
                raise
            except Exception as fault:  # pyarrow raises much
                raise _damaged(path, fault) from None

    def _list(self, number: int, path: Path, file: Any, column: str) -> None:
        others = [name for name in file.schema_arrow.names if name != column]
        words = _words(file)
        below = path.relative_to(self.place) if path != self.place else Path(path.name)
        inner = below.with_suffix("").as_posix()  # files of one name may lie in several folders
        nested = str(file.schema_arrow.field(column).type).startswith("struct")
        row = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=[*others, *([f"{column}.path"] if nested else [])])
            paths = table.column(column).to_pylist() if nested else [None] * table.num_rows
            rows = {name: table.column(name).to_pylist() for name in others}
            size = file.metadata.row_group(group).total_byte_size // max(1, table.num_rows)
            for at in range(table.num_rows):
                given = (paths[at] or {}).get("path") or ""
                suffix = PurePosixPath(given).suffix.lower()
                name = f"{inner}/{row:08d}{suffix if suffix in SUFFIXES else ''}"
                self.entries.append(Entry(clean(name), size, (number, group, at)))
                self.labels[name] = _labels({key: values[at] for key, values in rows.items()}, words)
                row += 1

    def read(self) -> Iterator[tuple[int, Callable[[], bytes]]]:
        for index, entry in enumerate(self.entries):
            yield index, lambda entry=entry: self._bytes(entry)  # type: ignore[misc]

    def _bytes(self, entry: Entry) -> bytes:
        number, group, at = entry.key
        path, file, column = self._files[number]
        with self._lock:
            if (number, group) not in self._groups:
                while len(self._groups) >= _KEPT:
                    del self._groups[next(iter(self._groups))]
                try:
                    self._groups[number, group] = file.read_row_group(group, columns=[column]).column(column)
                except Exception as fault:
                    raise BadPicture(entry.name, f"damaged in {path.name}: {fault}") from None
            value = self._groups[number, group][at].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise BadPicture(entry.name, "no picture is stored in its row")
        if len(data) > MAX_BYTES:
            raise BadPicture(entry.name, f"{len(data):,} bytes, more than the {MAX_BYTES:,} that are read")
        return data

    def beside(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yield nothing: the labels of a parquet file are its columns."""
        return iter(())

    def close(self) -> None:
        self._groups.clear()
        for _, file, _ in self._files:
            file.close()


def _open(path: Path) -> tuple[Path, Any, str]:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except Exception as fault:
        raise _damaged(path, fault) from None
    for field in schema:
        kind = str(field.type)
        if kind == "binary" or (kind.startswith("struct") and "bytes: binary" in kind):
            return path, file, field.name
    raise PhizError(f"{path} has no column of pictures; it has {', '.join(schema.names)}.")


def _damaged(path: Path, fault: Exception) -> PhizError:
    why = " ".join(str(fault).split())[:120]
    return PhizError(f"{path} is no parquet file, or a damaged one ({why}); fetch it again.")


def _words(file: Any) -> dict[str, list[str]]:
    """Return the names of classes that Hugging Face's metadata gives for columns of numbers."""
    said = (file.schema_arrow.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(said)["info"]["features"] if said else {}
        return {
            name: [str(one) for one in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _labels(row: dict[str, Any], words: dict[str, list[str]]) -> dict[str, str]:
    found = {}
    for name, value in row.items():
        if name in words and isinstance(value, int):
            found[name] = words[name][value] if 0 <= value < len(words[name]) else ""
        elif isinstance(value, bool):
            found[name] = "yes" if value else "no"
        elif isinstance(value, str | int | float) and len(str(value)) <= 200:
            found[name] = str(value)
    return {name: text for name, text in found.items() if text}
