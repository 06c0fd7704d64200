"""Any ONNX file that turns pictures into one row of numbers each, as a feature extractor.

The file says its input's name and size; pictures are given to it as RGB, float32, 0 .. 255. What a network
wants done to its input otherwise belongs into the file.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from phiz.errors import PhizError
from phiz.evaluation.resizing import bicubic, check_pictures
from phiz.graph import read_graph
from phiz.onnx import cores

_PART = 2  # pictures a thread takes at once: maps stay in its cache, which 8 at once make 7 % slower


class OnnxFile:
    """An ONNX file as an extractor; see phiz.evaluation.extractors.Extractor.

    Pictures are dealt out to threads, each of which resizes its part and runs the network on it with one
    thread of onnxruntime's: while one resizes another calculates, and none waits for another within a
    layer. A picture's features do not depend on those beside it.

    Args:
        model: the file's path, or its bytes.
        threads: how many threads; by default the cores this process may use.
        name: what it is called; by default the file's name.

    Raises:
        PhizError: it is missing, cannot be run, or is no network from pictures to features.
    """

    def __init__(self, model: str | Path | bytes, threads: int | None = None, name: str = "") -> None:
        self.data = model if isinstance(model, bytes) else _read(Path(model))
        where = "The ONNX file" if isinstance(model, bytes) else str(model)
        self.name = name or (Path(where).stem if not isinstance(model, bytes) else "onnx")
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self._session = _session(self.data, where)
        self._input, self._part, self.size = _input_of(self._session, where)
        self._output = _output_of(self._session, where)
        self.resize = f"pillow bicubic to {self.size}"
        self.threads = threads or cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="extract")
        self.dimensions = self._dimensions(where)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, dimensions)."""
        check_pictures(pictures)
        starts = range(0, len(pictures), self._part)
        parts = self._pool.map(lambda start: self._run(pictures[start : start + self._part]), starts)
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *parts])

    def _run(self, part: np.ndarray) -> np.ndarray:
        batch = bicubic(part, self.size)
        if (short := self._part - len(part)) and self._fixed:
            batch = np.concatenate([batch, np.zeros((short, *batch.shape[1:]), np.float32)])
        return self._session.run([self._output], {self._input: batch})[0][: len(part)].astype(np.float32)

    @property
    def _fixed(self) -> bool:
        return isinstance(self._session.get_inputs()[0].shape[0], int)

    def _dimensions(self, where: str) -> int:
        try:
            found = self._run(np.zeros((1, self.size, self.size, 3), np.uint8))
        except Exception as fault:  # onnxruntime raises a class of its own for each fault
            raise PhizError(f"{where} cannot be run on a picture: {_line(fault)}") from None
        if found.ndim != 2 or found.shape[0] != 1:
            raise PhizError(f"{where} gives {found.shape} for one picture, not one row of features.")
        return int(found.shape[1])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PhizError(f"{path} does not exist; --extractor takes a name or the path of an .onnx.") from None
    except OSError as fault:
        raise PhizError(f"{path} cannot be read: {fault.strerror or fault}.") from None


def _session(data: bytes, where: str) -> Any:
    try:
        read_graph(data)  # refuses weights in other files, which the hash would not cover
    except ValueError as fault:
        raise PhizError(f"{where} cannot be run: {fault}.") from None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    except Exception as fault:
        raise PhizError(f"{where} cannot be run by onnxruntime: {_line(fault)}") from None


def _input_of(session: Any, where: str) -> tuple[str, int, int]:
    """Return the input's name, how many pictures it is given at once, and their side in pixels."""
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    square = len(shape) == 4 and shape[1] == 3 and isinstance(shape[2], int) and shape[2] == shape[3] > 0
    if not square or inputs[0].type != "tensor(float)":
        said = ", ".join(f"{value.name} {value.type} {value.shape}" for value in inputs)
        raise PhizError(
            f"{where} is no network from pictures to features: it takes {said or 'nothing'}, not one float "
            "input (N, 3, SIZE, SIZE) of a fixed size."
        )
    return inputs[0].name, shape[0] if isinstance(shape[0], int) else _PART, shape[2]


def _output_of(session: Any, where: str) -> str:
    """Return the name of the output with one row a picture; of several, the first."""
    outputs = session.get_outputs()
    for value in outputs:
        if len(value.shape) == 2 and value.type in ("tensor(float)", "tensor(float16)", "tensor(double)"):
            return value.name
    said = ", ".join(f"{value.name} {value.shape}" for value in outputs)
    raise PhizError(f"{where} is no network from pictures to features: no output is (N, D); it gives {said}.")


def _line(fault: Exception) -> str:
    return next(iter(str(fault).strip().splitlines()), type(fault).__name__)
