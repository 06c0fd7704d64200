"""Features taken on many hosts: an extractor whose pictures are dealt out over a Ray cluster.

It is an extractor like any other, so whatever takes one runs on a cluster unchanged. Pictures travel to the
workers, not paths; each worker holds the extractor, by name or as an ONNX file's bytes. Results keep their order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from phiz.errors import MissingExtra, PhizError, Surroundings
from phiz.evaluation.extractors import about, extractor
from phiz.evaluation.onnxfile import OnnxFile
from phiz.evaluation.resizing import check_pictures

_PART = 64  # pictures sent at once


class Cluster:
    """The extractor `name_or_path` on a Ray cluster, a worker for each `threads` cores; `close` it in the end.

    `address` is the cluster's ("auto", "ray://HOST:10001", "HOST:6379"), or "local" to start one here.

    Raises:
        MissingExtra: Ray is not installed.
        Surroundings: there is no such cluster, or a worker is lost.
        PhizError: as for phiz.evaluation.extractors.extractor.
    """

    def __init__(self, address: str, name_or_path: str | Path, threads: int = 1) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise MissingExtra("A cluster", "ray") from None
        file = str(name_or_path).lower().endswith(".onnx")
        what = OnnxFile(name_or_path, threads).data if file else str(name_or_path)
        self._ray, self._mine = ray, not ray.is_initialized()
        if self._mine:
            try:
                ray.init(None if address == "local" else address, log_to_driver=False, logging_level="ERROR")
            except Exception as fault:  # Ray raises almost anything here
                line = " ".join(str(fault).split())[:200]
                raise Surroundings(f"There is no Ray cluster at {address}: {line}") from None
        count = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        worker = ray.remote(num_cpus=threads)(_Worker)
        self._workers = [worker.remote(what, Path(name_or_path).stem, threads) for _ in range(count)]
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
            line = str(cause or fault).strip().splitlines()[-1]
            raise Surroundings(f"A worker of the Ray cluster failed: {line}") from None

    def close(self) -> None:
        """Give the workers back, and leave the cluster if it was joined here."""
        for worker in self._workers:
            self._ray.kill(worker)
        if self._mine:
            self._ray.shutdown()


class _Worker:
    def __init__(self, what: str | bytes, name: str, threads: int) -> None:
        self._run = OnnxFile(what, threads, name) if isinstance(what, bytes) else extractor(what, threads)

    def about(self) -> dict[str, Any]:
        return about(self._run)

    def run(self, pictures: np.ndarray) -> np.ndarray:
        return self._run(pictures)
