"""Many processes that train one model: `torchrun --nproc-per-node=N -m phiz train ...`

Each process has its rows of the global batch, calculates their part of the losses, and one flat sum over
all processes makes the gradients those of the whole batch, before the optimizers see them. So it does not
matter what made a gradient: penalties, whose second backward DistributedDataParallel loses without a word,
are summed like everything else. All processes hold the same weights and take the same steps; the first one
alone reads checkpoints, writes, evaluates and speaks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import safetensors.torch
import torch
import torch.distributed as dist
from torch import Tensor

from phiz.errors import Surroundings
from phiz.launching import by_torchrun, launched
from phiz.training.checkpoint import Tensors
from phiz.training.meeting import Meeting, first_line, peers, time_out

_DRIFT = 1e-5


class Group:
    """The processes of a training; of one alone, unless it was joined.

    Attributes:
        rank, world: which process this is, of how many; the first is 0.
        local: which it is on its machine.
        meeting: where they tell each other what is prepared, before the training.
        part: the rows (start, stop, of) of the global batch that a step has at hand, while it has them;
            layers that look across a batch (phiz.training.shared) go by it.
    """

    def __init__(self, rank: int = 0, world: int = 1, local: int = 0) -> None:
        self.rank, self.world, self.local = rank, world, local
        self.part: tuple[int, int, int] | None = None
        self.meeting = Meeting()
        self._muted = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Group:
        return self  # a copied network belongs to the same processes

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def rows(self, batch: int) -> range:
        """Return this process's rows of a batch; all rows belong to one process each."""
        return range(batch * self.rank // self.world, batch * (self.rank + 1) // self.world)

    @contextmanager
    def at(self, rows: range, of: int) -> Iterator[None]:
        """Have `rows` of a batch of `of` at hand."""
        before, self.part = self.part, (rows.start, rows.stop, of) if self.world > 1 else None
        try:
            yield
        finally:
            self.part = before

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have this process calculate as in a step, but for itself: sums are those of its own rows."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    # -- while it trains -------------------------------------------------------------------------

    def begin(self, device: torch.device) -> None:
        """Have the processes talk to each other directly: through gloo, and NCCL between GPUs."""
        if self.world == 1:
            return
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with peers():
            dist.init_process_group(
                backend,
                store=self.meeting.store("group"),
                rank=self.rank,
                world_size=self.world,
                timeout=timedelta(seconds=time_out()),
            )

    def end(self) -> None:
        """Take leave of the others, when all is done."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def sum(self, values: Tensor) -> Tensor:
        """Sum `values` over all processes, in place."""
        if self.world > 1 and not self._muted:
            with peers():
                dist.all_reduce(values)
        return values

    def summed(self, gradients: list[Tensor], more: Tensor) -> Tensor:
        """Sum gradients, in place, and the values `more` over all processes at once; return the latter."""
        if self.world == 1:
            return more
        flat = self.sum(torch.cat([*(gradient.flatten() for gradient in gradients), more]))
        parts = flat.split([*(gradient.numel() for gradient in gradients), len(more)])
        torch._foreach_copy_(
            gradients, [part.view(g.shape) for part, g in zip(parts[:-1], gradients, strict=True)]
        )
        return parts[-1]

    def any(self, flag: bool) -> bool:
        """Say whether `flag` is true in any process: so that all do the same."""
        return bool(self.sum(torch.tensor(float(flag)))) if self.world > 1 else flag

    def most(self, value: int) -> int:
        """Return the largest `value` of all processes."""
        if self.world == 1:
            return value
        largest = torch.tensor(value)
        with peers():
            dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    def decided(self, flag: bool) -> bool:
        """Return the first process's `flag` in all of them."""
        return self.any(flag and self.first)

    def text(self, text: str | None) -> str:
        """Return the first process's `text` in all of them."""
        if self.world == 1:
            assert text is not None
            return text
        return bytes(self._sent(None if text is None else text.encode()).numpy()).decode()

    def tensors(self, tensors: Tensors | None) -> Tensors:
        """Return the first process's `tensors` in all of them."""
        if self.world == 1:
            assert tensors is not None
            return tensors
        groups = json.loads(self.text(json.dumps(list(tensors)) if tensors is not None else None))
        data = None
        if self.first:
            assert tensors is not None
            flat = {
                f"{group}/{name}": t.contiguous()
                for group, part in tensors.items()
                for name, t in part.items()
            }
            data = safetensors.torch.save(flat)
        sent = self._sent(data)
        if self.first:
            assert tensors is not None
            return tensors
        found: Tensors = {name: {} for name in groups}
        for key, tensor in safetensors.torch.load(bytes(sent.numpy())).items():
            group, name = key.split("/", 1)
            found.setdefault(group, {})[name] = tensor
        return found

    def _sent(self, data: bytes | None) -> Tensor:
        content = torch.frombuffer(bytearray(data or b""), dtype=torch.uint8) if data else torch.empty(0)
        length = torch.tensor(len(content))
        with peers():
            dist.broadcast(length, 0)
            if not self.first:
                content = torch.empty(int(length), dtype=torch.uint8)
            dist.broadcast(content, 0)
        return content

    def check_same(self, networks: dict[str, torch.nn.Module]) -> None:
        """Make sure that all processes hold the same weights.

        Raises:
            Surroundings: they have drifted apart.
        """
        if self.world == 1:
            return
        sums = torch.stack(
            [
                sum(
                    (t.detach().double().abs().sum() for t in network.state_dict().values()), torch.zeros(())
                ).cpu()
                for network in networks.values()
            ]
        )
        mean = self.sum(sums.clone()) / self.world
        apart = (sums - mean).abs() > _DRIFT * mean.abs()
        if self.any(bool(apart.any())):
            raise Surroundings(
                f"the processes hold different weights ({', '.join(networks)}); --resume goes on from the "
                "last checkpoint. Are all machines of one kind, with the same versions?"
            )


def restarted() -> bool:
    """Say whether torchrun has started this process anew, after a fault (--max-restarts)."""
    return launched("TORCHELASTIC_RESTART_COUNT", 0) > 0


@cache
def join() -> Group:
    """Return the group of processes that torchrun has started this one in, or a group of one.

    A process belongs to one group, for as long as it lives.

    Raises:
        Surroundings: the machine of the first process cannot be reached.
    """
    world = launched("WORLD_SIZE", 1)
    if "MASTER_ADDR" not in os.environ or (world == 1 and not by_torchrun()):
        return Group()
    seconds = time_out()
    group = Group(launched("RANK"), world, launched("LOCAL_RANK", 0))
    try:
        store, _, _ = next(dist.rendezvous("env://", timeout=timedelta(seconds=seconds)))
    except (RuntimeError, ValueError, KeyError) as fault:
        host = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise Surroundings(
            f"the first process at {host} cannot be reached ({first_line(fault)}). Does it run, and is the "
            "port open to this machine?"
        ) from None
    # torchrun keeps the store through restarts: what was written before one must not be read after it.
    names = ("TORCHELASTIC_RESTART_COUNT", "WORLD_SIZE", "MASTER_PORT")
    here = dist.PrefixStore("/".join(["phiz", *(os.environ.get(n, "") for n in names)]), store)
    group.meeting = Meeting(here, dist.PrefixStore("phiz", store))
    return group
