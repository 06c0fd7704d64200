"""Features taken on many hosts: an extractor whose pictures are dealt out over a Ray cluster.

It is an extractor like any other: what takes one runs on a cluster unchanged. Pictures travel, not paths;
each worker holds the extractor, by name or as an ONNX file's bytes, and the order is kept.
"""

from __future__ import annotations

import logging
import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from phiz.errors import MissingExtra, PhizError, Surroundings
from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.onnxfile import OnnxFile
from phiz.evaluation.resizing import check_pictures

_PART = 64  # pictures sent at once


class Cluster:
    """An extractor on the Ray cluster at `address`, a worker for each `threads` cores; to be closed.

    The address "local" starts a cluster here. Raises Surroundings where there is none, or it loses a worker.
    """

    def __init__(self, address: str, name_or_path: str | Path, threads: int = 1) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if find_spec("ray") is None:
            raise MissingExtra("A cluster", "ray")
        import ray

        file = str(name_or_path).lower().endswith(".onnx")
        what = OnnxFile(name_or_path, threads).data if file else str(name_or_path)
        self._ray, self._mine = ray, not ray.is_initialized()
        if self._mine:
            try:
                _reach(address)
                ray.init(
                    None if address == "local" else address, log_to_driver=False, logging_level=logging.ERROR
                )
            except Exception as fault:  # Ray raises almost anything here
                why = " ".join(str(fault).split())[:200]
                raise Surroundings(f"There is no Ray cluster at {address}: {why}") from None
        count = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        worker = ray.remote(num_cpus=threads)(_Worker)
        self._workers: list[Any] = [
            worker.remote(what, Path(name_or_path).stem, threads) for _ in range(count)
        ]
        self.block = 2 * count * _PART  # pictures to be given at once, see phiz.evaluation.features.extract
        said = self._get(self._workers[0].about.remote())
        self.name, self.sha256, self.size = said["name"], said["sha256"], said["size"]
        self.resize, self.dimensions = said["resize"], said["dimensions"]

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the features of `pictures`, uint8 (N, H, W, 3): float32 (N, dimensions)."""
        parts = [check_pictures(pictures)[start : start + _PART] for start in range(0, len(pictures), _PART)]
        sent = [self._workers[i % len(self._workers)].run.remote(part) for i, part in enumerate(parts)]
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *self._get(sent)])

    def _get(self, sent: Any) -> Any:
        try:
            return self._ray.get(sent)
        except self._ray.exceptions.RayError as fault:
            if isinstance(cause := getattr(fault, "cause", None), PhizError):
                raise cause from None
            why = " ".join(str(cause or fault).split())[-200:]
            raise Surroundings(f"A worker of the Ray cluster failed: {why}") from None

    def close(self) -> None:
        """Give the workers back, and leave a cluster that was joined here."""
        for worker in self._workers:
            self._ray.kill(worker)
        if self._mine:
            self._ray.shutdown()


def _reach(address: str) -> None:
    """Fail at once where nobody listens at HOST:PORT; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _Worker:
    def __init__(self, what: str | bytes, name: str, threads: int) -> None:
        self._run = OnnxFile(what, threads, name) if isinstance(what, bytes) else extractor(what, threads)

    def about(self) -> dict[str, Any]:
        return about(self._run)

    def run(self, pictures: np.ndarray) -> np.ndarray:
        return self._run(pictures)
