"""Networks that enlarge: what they compute untrained, what folding leaves as it was, how far they look."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

from phiz import networks

SMALL = {"compact": {"width": 12, "depth": 3, "between": 8}, "srgan": {"width": 8, "blocks": 2}}


def built(name: str, scale: int = 4, **more):
    torch.manual_seed(0)
    return networks.upscaler(name, scale=scale, **(SMALL[name] | more))


def noise(height: int, width: int, n: int = 1):
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["compact", "srgan"])
@pytest.mark.parametrize("scale", [2, 4])
def test_any_size_becomes_so_many_times_as_large(name, scale):
    for height, width in ((1, 1), (5, 9), (16, 16)):
        with torch.no_grad():
            assert built(name, scale).eval()(noise(height, width)).shape == (
                1,
                3,
                scale * height,
                scale * width,
            )


def test_the_number_of_weights_is_what_a_page_can_bear():
    small = networks.upscaler("compact", scale=4).folded()
    assert 0.15e6 <= sum(p.numel() for p in small.parameters()) <= 0.5e6  # 1 MB in 16 bits
    paper = networks.upscaler("srgan", scale=4)
    assert sum(p.numel() for p in paper.parameters()) == pytest.approx(1.55e6, rel=0.01)


@pytest.mark.parametrize("scale", [2, 4])
def test_an_untrained_compact_network_enlarges_as_pillow_does(scale):
    network = built("compact", scale)
    with torch.no_grad():
        network.leave.project.zero_()
    small = np.random.default_rng(0).integers(60, 200, (20, 24, 3)).astype(np.uint8)
    expected = np.asarray(
        Image.fromarray(small).resize((24 * scale, 20 * scale), Image.Resampling.BICUBIC), np.float32
    )
    with torch.no_grad():
        made = network(torch.from_numpy(small.copy()).permute(2, 0, 1)[None] / 255.0)[0]
    apart = np.abs(made.permute(1, 2, 0).numpy() * 255 - expected)
    border = 2 * scale  # where Pillow leaves out what is not there, and this repeats the edge
    assert apart[border:-border, border:-border].max() < 1.5
    assert apart.mean() < 1


@pytest.mark.parametrize("name", ["compact", "srgan"])
def test_folding_changes_nothing(name):
    network = built(name)
    network.train()
    for _ in range(3):
        network(noise(16, 16, 4))  # so that norms have something to say
    network.eval()
    plain = network.folded().eval()
    with torch.no_grad():
        assert torch.allclose(network(noise(9, 12)), plain(noise(9, 12)), atol=1e-5)
    kinds = {type(module).__name__ for module in plain.modules()}
    assert not kinds & {"Collapsible", "BatchNorm2d"}


@pytest.mark.parametrize("name", ["compact", "srgan"])
def test_nothing_beyond_its_reach_matters(name):
    network = built(name).eval()
    reach, side = network.reach, 2 * network.reach + 9
    picture = noise(side, side)
    changed = picture.clone()
    changed[:, :, :, reach + 1 :] = 0.5
    with torch.no_grad():
        first, second = (network(p)[..., : network.scale] for p in (picture, changed))
    assert torch.allclose(first, second, atol=1e-6)


def test_reach_is_no_more_than_it_need_be():
    network = built("compact").eval()
    picture = noise(24, 24)
    changed = picture.clone()
    changed[:, :, :, network.reach] = 0.9
    with torch.no_grad():
        apart = (network(picture) - network(changed))[..., : network.scale].abs().max()
    assert apart > 0


@pytest.mark.parametrize(("name", "places"), [("compact", 16), ("srgan", 1)])
def test_discriminators_judge_what_they_saw(name, places):
    more = {"compact": {"widths": [8, 8, 8]}, "srgan": {"width": 4}}[name]
    discriminator = networks.discriminator(name, crop=32, **more)
    picture = noise(32, 32, 2)
    maps = discriminator.maps(picture)
    assert discriminator.verdict(maps[-1]).shape == (2, places)
    assert len(maps) == {"compact": 4, "srgan": 8}[name]
    assert maps[0].shape[2] > maps[-1].shape[2]


def test_the_papers_discriminator_is_as_large_as_the_papers():
    discriminator = networks.discriminator("srgan", crop=96)
    convolutions = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.out_channels, c.stride[0]) for c in convolutions] == [
        *((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)),
    ]
    assert discriminator.dense.in_features == 512 * 6 * 6


def test_a_generator_is_no_upscaler():
    with pytest.raises(networks.UsageError, match="compact, srgan"):
        networks.upscaler("dcgan", scale=4)
