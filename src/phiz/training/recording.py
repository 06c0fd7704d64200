"""A step recorded once and then handed to a GPU as a whole: CUDA graphs.

A GPU is done with a kernel of a small network sooner than a host can name the next. So the kernels of a
step, exact penalties with their second backward included, are recorded as they run, D's half and G's half
each as a graph, and from then on each half is a single call: the same kernels, on the same memory, with the
same results. What differs from step to step (faces, labels, latents, noise, changes, gamma) is copied to
where the graph reads it. Optimizers and the average, which are few kernels, are called as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from phiz.training.pieces import Piece

_WARM = 3  # runs before a recording, in which libraries choose their ways and take their memory

First = Callable[[Piece, Tensor], tuple[Tensor, ...]]
"""D's half: fills D's gradients, keeps the made faces in the piece; returns what it found."""

Second = Callable[[Piece], Tensor]
"""G's half, after it: fills G's gradients."""


class Recording:
    """Both halves of a step, of pieces whose tensors have the same shapes.

    Args:
        piece: one such piece.
        first, second: the halves.
        networks: whose gradients they fill, and whose buffers they may move.
        beside: another recording, of other pieces, whose memory it shares: no step is of both.

    Raises:
        RuntimeError: it does not fit into memory, or a kernel cannot be recorded.
    """

    def __init__(
        self,
        piece: Piece,
        first: First,
        second: Second,
        networks: Sequence[nn.Module],
        beside: Recording | None = None,
    ) -> None:
        device = piece.real.device
        self._piece, self._gamma = piece.each(torch.clone), torch.zeros((), device=device)
        self._parameters = [p for network in networks for p in network.parameters()]
        self._first, self._second = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        memory = beside._first.pool() if beside else torch.cuda.graph_pool_handle()
        buffers = [buffer for network in networks for buffer in network.buffers()]
        kept, draws = [buffer.clone() for buffer in buffers], torch.cuda.get_rng_state(device)
        before = [p.grad for p in self._parameters]
        here = torch.cuda.current_stream(device)
        # Memory is shared on one stream only.
        self._aside: torch.cuda.Stream = beside._aside if beside else torch.cuda.Stream(device)
        aside = self._aside
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):  # and on its device; whatever fails, back to where we were
                for _ in range(_WARM):
                    self._forget()
                    first(self._piece, self._gamma)
                    second(self._piece)
                self._forget()
                record = partial(
                    torch.cuda.graph, pool=memory, stream=aside, capture_error_mode="thread_local"
                )
                with record(self._first):
                    self._found = first(self._piece, self._gamma)
                # the made faces, and how they were made, lie in the first graph's memory
                with record(self._second):
                    self._made = second(self._piece)
            self._gradients = [p.grad for p in self._parameters]
        finally:
            here.wait_stream(aside)
            self._piece.fake = None
            for parameter, gradient in zip(self._parameters, before, strict=True):
                parameter.grad = gradient
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)
            torch.cuda.set_rng_state(draws, device)

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    def first(self, piece: Piece, gamma: float) -> tuple[Tensor, ...]:
        """Run D's half for `piece`; what is returned is overwritten by the next step."""
        for place, tensor in zip(self._piece.tensors(), piece.tensors(), strict=True):
            place.copy_(tensor, non_blocking=True)
        self._gamma.fill_(gamma)
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient  # another stage may have let go of it
        with torch.cuda.device(piece.real.device):
            self._first.replay()
        return self._found

    def second(self) -> Tensor:
        """Run G's half for the same piece; what is returned is overwritten by the next step."""
        with torch.cuda.device(self._made.device):
            self._second.replay()
        return self._made
