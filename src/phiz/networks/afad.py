"""The network of the Keras project that drew Asian faces after the AFAD data set.

At 64 px it is that project's to the value: 17,328,896 in G, which has no bias at all, and 1,409,025 in
D, running statistics counted. G grows a dense 8x8x128 by 2x2 transposed convolutions, padding "same";
batch norm keeps 0.55 of its old statistics at each step (0.51 in the last). Other sizes keep the layers
and change the base and the number of doublings: 96 px starts from 12x12, 128 px doubles four times.
"""

from __future__ import annotations

from torch import Tensor, nn

from phiz.networks import base_and_doublings


def _norm(channels: int, kept: float = 0.55) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=1 - kept)


class _Transposed(nn.ConvTranspose2d):
    """A 2x2 transposed convolution with padding "same": the output is stride times the input."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__(before, after, 2, stride, bias=False)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        height, width = x.shape[2] * self.stride[0], x.shape[3] * self.stride[1]
        return super().forward(x)[:, :, :height, :width]


class Generator(nn.Module):
    """(N, z) latents -> (N, 3, size, size) in [0, 1]."""

    output_range = (0.0, 1.0)

    def __init__(self, size: int, z: int = 100, dense: int = 2048, channels: int = 128) -> None:
        super().__init__()
        base, doublings = base_and_doublings(size)
        self.base, doublings = 2 * base, doublings - 1
        self.dense = nn.Sequential(
            nn.Linear(z, dense, bias=False), nn.Linear(dense, channels * self.base**2, bias=False), nn.ReLU()
        )
        for layer in self.dense:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
        self.norm = nn.BatchNorm1d(channels * self.base**2, eps=1e-3, momentum=0.45)
        layers: list[nn.Module] = [
            nn.Dropout(0.2),
            *(_Transposed(channels, 256, 2), _norm(256), nn.LeakyReLU(0.2)),
            *(_Transposed(256, 128, 2 if doublings > 1 else 1), _norm(128), nn.Dropout(0.2)),
            *(_Transposed(128, 64, 1), _norm(64), nn.Dropout(0.2)),
        ]
        for left in range(doublings - 2, 0, -1):
            layers += [_Transposed(64, 64, 2), _norm(64, 0.51 if left == 1 else 0.55), nn.Dropout(0.3)]
        layers += [_Transposed(64, 3, 1), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.norm(self.dense(latent))
        return self.layers(x.unflatten(1, (-1, self.base, self.base)))


class Discriminator(nn.Module):
    """(N, 3, size, size) in [0, 1] -> (N,) logits, of which the sigmoid is the old network's output."""

    verdict = ("dense.",)

    def __init__(self, size: int) -> None:
        super().__init__()

        def twice(before: int, after: int) -> list[nn.Module]:
            return [
                *(nn.Conv2d(before, after, 3, padding=1), nn.ReLU()),
                *(nn.Conv2d(after, after, 3, padding=1), nn.ReLU()),
            ]

        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3)),
            *twice(32, 64),
            *twice(64, 128),
            nn.Dropout(0.3),
            *twice(128, 256),
            nn.MaxPool2d(2, stride=1),
        )
        self.dense = nn.Linear(256 * (size // 2 - 1) ** 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        return self.dense(self.layers(image).flatten(1)).squeeze(1)
