"""What the layers of D cost under an exact penalty, written as phiz does and as PyTorch has them.

    python benchmarks/layers.py [--device cuda] [--size 64] [--batch 128] [--threads 1]

A D as wide as `modern`'s, of convolutions, leaky ReLUs and halvings, is asked for its verdicts on random
pictures, for their gradient with respect to the pictures, and for the gradient of all that with respect to
the weights. Milliseconds, the least of `--count`, in bfloat16 and float32: with torch's layers, with phiz's
convolution, and with its convolution and its halving. Rows are printed, and not kept.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phiz.networks.layers import Convolution, halved
from phiz.networks.modern import DISCRIMINATOR
from phiz.training import loop
from phiz.training.precision import cast, prepare

WAYS: dict[str, tuple[type[nn.Conv2d], Callable[[Tensor], Tensor]]] = {
    "torch": (nn.Conv2d, lambda x: F.avg_pool2d(x, 2)),
    "convolution": (Convolution, lambda x: F.avg_pool2d(x, 2)),
    "convolution and halving": (Convolution, halved),
}


class Critic(nn.Module):
    """(N, 3, size, size) -> (N,)."""

    def __init__(self, size: int, way: str) -> None:
        super().__init__()
        convolution, self.halving = WAYS[way]
        doublings = (size // 4).bit_length() - 1
        widths = [12, *reversed(DISCRIMINATOR["s"][:doublings])]
        self.layers = nn.ModuleList(convolution(a, b, 3, padding=1) for a, b in pairwise(widths))

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.pixel_unshuffle(pictures, 2).contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(self.layers):
            x = F.leaky_relu(layer(x), 0.2)
            x = self.halving(x) if index else x
        return x.float().mean((1, 2, 3))


def milliseconds(critic: Critic, pictures: Tensor, precision: str, count: int) -> float:
    """Return the least of what both gradients take."""
    weights, least = list(critic.parameters()), float("inf")
    for turn in range(count + 2):
        pictures.grad = None
        start = time.perf_counter()
        with cast(precision, pictures.device):  # type: ignore[arg-type]
            verdicts = critic(pictures)
        (gradient,) = torch.autograd.grad(verdicts.sum(), pictures, create_graph=True)
        torch.autograd.grad(verdicts.square().mean() + gradient.square().sum(), weights)
        if pictures.device.type == "cuda":
            torch.cuda.synchronize()
        least = min(least, time.perf_counter() - start) if turn > 1 else least
    return 1000 * least


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    args = parser.parse_args()
    loop.deterministic(args.threads)
    device = torch.device(args.device)
    prepare(device)
    pictures = torch.randn(args.batch, 3, args.size, args.size, device=device, requires_grad=True)
    for precision in ("bfloat16", "float32"):
        for way in WAYS:
            torch.manual_seed(0)
            critic = Critic(args.size, way).to(device, memory_format=torch.channels_last)
            took = milliseconds(critic, pictures, precision, args.count)
            print(f"{args.size} px, {precision}, {way}: {took:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
