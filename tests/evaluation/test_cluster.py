"""A cluster gives the features that one process gives, in order."""

from __future__ import annotations

import numpy as np
import pytest

from phiz.errors import PhizError, Surroundings
from phiz.evaluation import features
from phiz.evaluation.extractors import about, extractor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """A Ray of two workers on this machine."""
    engine = pytest.importorskip("ray", reason="Ray, the extra ray, is not installed")
    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield engine
    engine.shutdown()


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 24, 24, 3)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 333])
def test_two_workers_give_what_one_process_gives(ray, count):
    from phiz.evaluation.cluster import Cluster

    cluster, alone = Cluster("local", "filters"), extractor("filters")
    try:
        assert about(cluster) == about(alone)
        found = features.extract(np.array_split(pictures(count), 1 + count // 50), cluster, count)
        assert np.allclose(found, alone(pictures(count)), rtol=1e-5, atol=1e-6)
    finally:
        cluster.close()


def test_an_onnx_file_travels_with_the_work(ray, shared):
    from phiz.evaluation.cluster import Cluster

    path = shared / "weights" / "squeezenet-fire9.onnx"
    cluster, alone = Cluster("local", path), extractor(path, threads=1)
    try:
        assert about(cluster) == about(alone)
        assert np.array_equal(cluster(pictures(70)), alone(pictures(70)))
    finally:
        cluster.close()


def test_a_fault_on_a_worker_is_one_line(ray, monkeypatch):
    from phiz.evaluation.cluster import Cluster

    with pytest.raises((PhizError, Surroundings)) as fault:
        Cluster("local", "fliters")
    assert "\n" not in str(fault.value)


def test_no_cluster_at_that_address():
    engine = pytest.importorskip("ray", reason="Ray, the extra ray, is not installed")
    from phiz.evaluation.cluster import Cluster

    engine.shutdown()
    with pytest.raises(Surroundings, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        Cluster("127.0.0.1:1", "filters")
