"""Centres of truncation of a model whose latents are mapped."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import phiz
from phiz import latents, networks
from phiz.training import centres
from toyset import write_faces

MODERN = {
    "network": '{"name": "modern", "generator": {"width": [16, 12]}, "discriminator": {"width": [16, 12]}}',
    "z": "8",
    "batch": "8",
}


def test_centres_lie_where_the_points_do():
    generator = networks.generator("modern", size=16, z=8, width=[8, 8])
    torch.nn.init.normal_(generator.mapping.layers[-1].weight)
    found = centres.of(generator, 8)
    assert found is not None
    assert found.shape == (centres.COUNT, 8)
    with torch.no_grad():
        points = generator.mapping(torch.from_numpy(latents.latents(range(20_000, 22_000), 8))).numpy()
    near = np.square(points[:, None] - found[None]).sum(2).min(1).mean()
    assert near < 0.7 * np.square(points - points.mean(0)).sum(1).mean()


def test_a_generator_without_a_mapping_has_none():
    assert centres.of(networks.generator("slim", size=16, z=8, widths=[8, 8]), 8) is None
    assert centres.of(networks.generator("modern", size=16, z=8, width=[8, 8], mapping=0), 8) is None


def test_a_trained_model_draws_faces_towards_its_centres(tmp_path):
    faces = write_faces(tmp_path / "faces", 60, labelled=True)
    model = phiz.train(faces.path, tmp_path / "run", steps=20, settings=MODERN).model
    assert model.config.centres == "centres"
    found, module = model.weights()["centres"], model.module()
    points = module.mapping(torch.from_numpy(latents.latents(range(4), 8))).detach().numpy()
    drawn = torch.from_numpy(latents.truncate(points, 0.5, found))
    labels = model.labels_of(range(4))
    with torch.no_grad():
        expected = module.synthesis(drawn, torch.from_numpy(labels)).numpy()
    given = model.engine.run(latents.latents(range(4), 8), 0.5, labels)
    assert np.abs(given - expected).max() < 1e-4

    onward = phiz.train(
        faces.path, tmp_path / "onward", steps=4, settings=MODERN, start_from=tmp_path / "run"
    )
    assert "all of it was taken" in (tmp_path / "onward" / "log.txt").read_text()
    assert onward.model.config.centres
