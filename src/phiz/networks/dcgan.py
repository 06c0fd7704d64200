"""The DCGAN of Radford, Metz and Chintala (arXiv 1511.06434).

Strided 5x5 (transposed) convolutions in the paper's figure, 4x4 in the authors' and every later
public version; 4x4 here. Batch norm in both networks save G's output and D's input; ReLU in G, leaky
ReLU 0.2 in D; tanh output; weights from N(0, 0.02). The narrowest layer has `width` channels, and each
halving of the size doubles it. A size of b * 2^k starts from b x b.
"""

from __future__ import annotations

from torch import Tensor, nn

from phiz.networks import base_and_doublings


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """(N, z) latents -> (N, 3, size, size) in [-1, 1]."""

    output_range = (-1.0, 1.0)

    def __init__(self, size: int, z: int = 100, width: int = 64) -> None:
        super().__init__()
        base, doublings = base_and_doublings(size)
        channels = width * 2 ** (doublings - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(z, channels, base, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]
        for _ in range(doublings - 1):
            layers += [
                nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(),
            ]
            channels //= 2
        layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(latent[:, :, None, None])


class Discriminator(nn.Module):
    """(N, 3, size, size) in [-1, 1] -> (N,) logits."""

    def __init__(self, size: int, width: int = 64) -> None:
        super().__init__()
        base, doublings = base_and_doublings(size)
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        channels = width
        for _ in range(doublings - 1):
            layers += [
                nn.Conv2d(channels, channels * 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(channels * 2),
                nn.LeakyReLU(0.2),
            ]
            channels *= 2
        layers += [nn.Conv2d(channels, 1, base, bias=False)]
        self.layers = nn.Sequential(*layers)
        self.verdict = (f"layers.{len(layers) - 1}.",)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image).flatten()
