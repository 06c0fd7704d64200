"""Networks: the sizes they promise, and the values their sources count."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from phiz import networks
from phiz.errors import PhizError, UsageError

SMALL = {
    "afad": ({"dense": 8, "channels": 8}, {}),
    "dcgan": ({"width": 4}, {"width": 4}),
    "modern": ({"width": [8, 8]}, {"width": [8, 8]}),
    "slim": ({"widths": [8, 6]}, {"widths": [8, 6]}),
}


def values(network: torch.nn.Module) -> int:
    return sum(v.numel() for name, v in network.state_dict().items() if "num_batches" not in name)


@pytest.mark.parametrize("size", [16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 192])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_network_works_at_every_size(name, size):
    for_g, for_d = SMALL[name]
    generator = networks.generator(name, size=size, z=8, **for_g)
    pictures = generator(torch.randn(2, 8))
    assert pictures.shape == (2, 3, size, size)
    logits = networks.discriminator(name, size=size, **for_d)(pictures)
    assert logits.shape == (2,)
    logits.sum().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_discriminator_names_the_layers_that_come_to_its_verdict(name):
    critic = networks.discriminator(name, size=16, **SMALL[name][1]).eval()
    pictures = torch.randn(4, 3, 16, 16)
    before = critic(pictures)
    state = critic.state_dict()
    deciding = [key for key in state if key.startswith(critic.verdict)]
    assert 0 < len(deciding) < len(state)
    with torch.no_grad():
        for key in deciding:
            state[key].mul_(-2)
        assert torch.allclose(critic(pictures), -2 * before, atol=1e-5)


def test_the_afad_network_has_the_values_of_its_source():
    generator = networks.generator("afad", size=64, z=100)
    assert values(generator) == 17_328_896
    assert values(networks.discriminator("afad", size=64)) == 1_409_025
    assert not any(name.endswith("bias") and "norm" not in name and "layers" not in name
                   for name, _ in generator.named_parameters())  # fmt: skip
    momenta = [
        m.momentum for m in generator.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
    ]
    assert momenta == pytest.approx([0.45, 0.45, 0.45, 0.45, 0.49])


def test_a_dcgan_is_as_wide_as_the_paper_says():
    generator = networks.generator("dcgan", size=64, z=100, width=128)
    assert [m.in_channels for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)] == [
        100, 1024, 512, 256, 128,
    ]  # fmt: skip


@pytest.mark.parametrize(("size", "base"), [(96, 6), (112, 7), (64, 4), (80, 5), (48, 6), (192, 6)])
def test_a_size_starts_from_its_base(size, base):
    assert networks.base_and_doublings(size)[0] == base


def test_unknown_names_and_arguments_are_said():
    with pytest.raises(UsageError, match='"dcgan"'):
        networks.generator("dcgn", size=64)
    with pytest.raises(PhizError, match="depth"):
        networks.generator("dcgan", size=64, depth=3)
    with pytest.raises(UsageError, match=r"depth is a whole number, not 1\.5"):
        networks.generator("modern", size=64, depth=1.5)


def test_labels_condition_both_networks_and_a_missing_one_says_nothing():
    generator = networks.generator("slim", size=16, z=8, widths=[8], labels=[2, 3])
    discriminator = networks.discriminator("slim", size=16, widths=[8], labels=[2, 3])
    latents, labels = torch.randn(3, 8), torch.tensor([[0, 2], [1, 2], [1, 0]])
    pictures = generator.eval()(latents, labels)
    assert pictures.shape == (3, 3, 16, 16)
    other = generator(latents, torch.tensor([[0, 2], [0, 2], [1, 0]]))
    assert torch.equal(pictures[[0, 2]], other[[0, 2]])
    assert not torch.allclose(pictures[1], other[1])

    plain = networks.discriminator("slim", size=16, widths=[8])
    plain.load_state_dict({n: v for n, v in discriminator.state_dict().items() if "labels" not in n})
    missing = torch.full((3, 2), -1)
    assert torch.equal(discriminator(pictures, missing), plain(pictures))
    assert not torch.equal(discriminator(pictures, labels), plain(pictures))

    logits, scores = discriminator(pictures, labels, scores=True)
    assert scores.shape == (3, 5)
    torch.testing.assert_close(
        logits, plain(pictures) + scores[[0, 1, 2], [0, 1, 1]] + scores[[0, 1, 2], [4, 4, 2]]
    )


@pytest.mark.parametrize("block", ["full", "grouped"])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_modern_network_starts_quietly_whatever_it_is_made_of(block, norm):
    torch.manual_seed(0)
    generator = networks.generator("modern", size=64, z=16, depth=2, block=block, norm=norm)
    pictures = generator(torch.randn(8, 16))
    assert pictures.std() < 1
    logits = networks.discriminator("modern", size=64, depth=2, block=block)(pictures)
    assert logits.std() < 1


def test_a_modern_generator_has_few_channels_where_pictures_are_large():
    for size in (96, 128, 256):
        generator = networks.generator("modern", size=size, z=16, width="l")
        wide = [
            layer.out_channels
            for stage, width in zip(generator.stages, [generator.base * 2**k for k in range(9)], strict=False)
            if width >= 64
            for layer in stage.modules()
            if isinstance(layer, torch.nn.Conv2d)
        ]
        assert max([*wide, generator.head.out_channels]) <= 64


def test_a_mapping_starts_as_if_there_were_none():
    torch.manual_seed(0)
    generator = networks.generator("modern", size=16, z=8, width=[8, 8]).eval()
    latents = torch.randn(3, 8)
    assert torch.equal(generator.mapping(latents), latents)


def test_what_a_modern_network_does_not_know_is_said():
    with pytest.raises(PhizError, match="s, m, l"):
        networks.generator("modern", size=16, width="xl")
    with pytest.raises(PhizError, match="full or grouped"):
        networks.discriminator("modern", size=32, block="round")
