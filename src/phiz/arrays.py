"""Arrays on disk as .npy files: mapped read-only when they fit what is said of them, written row by row."""

from __future__ import annotations

import mmap
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from phiz.errors import PhizError

_WAY_OUT = "restore it from a copy, or make the set again"
_HEADER = 128  # bytes; room for any shape, so that it can be filled in when the rows are counted


def mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Map a .npy file of this type and shape (C order) into memory, read-only; nothing is read yet.

    The map keeps no file handle where Python allows that (3.13), so a set may have thousands of files.

    Raises:
        PhizError: the file is missing, unreadable, cut short, or holds another array.
    """
    try:
        with open(path, "rb") as file:
            start = _check_header(file, path, np.dtype(dtype), shape)
            there = file.seek(0, 2)
            wanted = start + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            if there != wanted:
                what = "is cut short" if there < wanted else "is too long"
                raise PhizError(f"{path} {what}: {there:,} bytes, not {wanted:,}; {_WAY_OUT}.")
            if wanted == start:
                return np.zeros(shape, dtype)
            handles = os.name == "posix" and sys.version_info >= (3, 13)
            options: dict[str, Any] = {"trackfd": False} if handles else {}
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, **options)
    except FileNotFoundError:
        raise PhizError(f"{path} is missing; {_WAY_OUT}.") from None
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    return np.frombuffer(pages, dtype, offset=start).reshape(shape)


def _check_header(file: IO[bytes], path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        stored, by_columns, found = read(file)
    except Exception as fault:  # a foreign header can upset the parser in many ways
        raise PhizError(f"{path} is no .npy array ({' '.join(str(fault).split())}); {_WAY_OUT}.") from None
    if stored != shape or by_columns or found != dtype:
        raise PhizError(
            f"{path} belongs to another set: it holds {found} {stored}, not {dtype} {shape}; {_WAY_OUT}."
        )
    return file.tell()


class RowWriter:
    """Writes a .npy file row by row through a plain buffered file; the same rows give the same bytes."""

    def __init__(self, path: Path, dtype: str, row: tuple[int, ...]) -> None:
        self.path = path
        self.count = 0
        self._dtype = np.dtype(dtype)
        self._row = row
        self._file = open(path, "wb", buffering=2**20)  # noqa: SIM115 - closed by close()
        self._file.write(bytes(_HEADER))

    def write(self, row: np.ndarray) -> None:
        """Append one row of this type and shape."""
        self._file.write(np.ascontiguousarray(row, self._dtype).data)
        self.count += 1

    def finish(self) -> None:
        """Fill in the header and close the file.

        Raises:
            OSError: the disk is full or failing.
        """
        about = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.count, *self._row)}
        text = "{" + "".join(f"{key!r}: {value!r}, " for key, value in about.items()) + "}"
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", _HEADER - 10)
        self._file.seek(0)
        self._file.write((start + text.encode()).ljust(_HEADER - 1) + b"\n")
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it stands, whatever the disk says."""
        with suppress(OSError):
            self._file.close()
