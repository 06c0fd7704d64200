"""Many processes that train one model: `torchrun --nproc-per-node=N -m phiz train ...`

Each process has its rows of the global batch, calculates their part of the losses, and one flat sum over
all processes makes the gradients those of the whole batch, before the optimizers see them. So it does not
matter what made a gradient: penalties, whose second backward DistributedDataParallel loses without a word,
are summed like everything else. All processes hold the same weights and take the same steps; the first one
alone reads checkpoints, writes, evaluates and speaks.
"""

from __future__ import annotations

import json
import math
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any

import safetensors.torch
import torch
import torch.distributed as dist
from torch import Tensor

from phiz.errors import Surroundings, UsageError
from phiz.launching import launched
from phiz.training.checkpoint import Tensors

TIME_OUT = "PHIZ_PEER_SECONDS"
"""The environment variable that says how long a process waits for another; 180 s if it is not set."""

_LOOK = 0.2  # seconds from one look for what the first process has prepared to the next
_DRIFT = 1e-5


class Group:
    """The processes of a training; of one alone, unless it was joined.

    Attributes:
        rank, world: which process this is, of how many; the first is 0.
        local: which it is on its machine.
        part: the rows (start, stop, of) of the global batch that a step has at hand, while it has them;
            layers that look across a batch (phiz.training.shared) go by it.
    """

    def __init__(self, rank: int = 0, world: int = 1, local: int = 0) -> None:
        self.rank, self.world, self.local = rank, world, local
        self.part: tuple[int, int, int] | None = None
        self._muted = False
        self._told = threading.Event()
        self._trainings = 0  # of this process so far: a script may hold several
        self._store: dist.Store | None = None
        self._launch: dist.Store | None = None  # the same through all restarts

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

    # -- before the training: through the store --------------------------------------------------

    @property
    def told(self) -> bool:
        """Whether the others were told what they wait for."""
        return self._told.is_set()

    def anew(self) -> None:
        """Begin another training: what is said of one is not heard in the next."""
        self._told = threading.Event()
        self._trainings += 1

    def hand_over(self, text: str) -> None:
        """Tell the others what they wait for in `receive`."""
        assert self._store is not None
        self._told.set()
        with peers():
            self._store.set(f"begin/{self._trainings}", text)

    def show_life(self) -> None:
        """Show the others from now on, until something is handed over, that this process lives."""
        store, key, told = self._store, f"alive/{self._trainings}", self._told
        assert store is not None

        def show() -> None:
            with suppress(RuntimeError):  # who is gone will be noticed by the training
                store.set(key, str(time.monotonic()))
                while not told.wait(time_out() / 8):
                    store.set(key, str(time.monotonic()))

        threading.Thread(target=show, name="life", daemon=True).start()

    def receive(self) -> str:
        """Wait until the first process has prepared everything; return what it hands over.

        That may take hours. It is waited for as long as it shows that it lives, and the store that keeps what
        it says answers: a cut cable leaves a question without an answer for ever, so a thread asks.

        Raises:
            Surroundings: it does neither for as long as a process waits for another.
        """
        store, begin, alive = self._store, f"begin/{self._trainings}", f"alive/{self._trainings}"
        assert store is not None
        found: queue.SimpleQueue[str | RuntimeError] = queue.SimpleQueue()
        seen = [time.monotonic()]

        def look() -> None:
            before = b""
            try:
                while not store.check([begin]):
                    now = store.get(alive) if store.check([alive]) else b""
                    if now != before:
                        before, seen[0] = now, time.monotonic()
                    time.sleep(_LOOK)
                found.put(store.get(begin).decode())
            except RuntimeError as fault:
                found.put(fault)

        threading.Thread(target=look, name="waiting", daemon=True).start()
        with peers():
            while True:
                with suppress(queue.Empty):
                    said = found.get(timeout=_LOOK)
                    if isinstance(said, RuntimeError):
                        raise said
                    return said
                if time.monotonic() - seen[0] > time_out():
                    raise RuntimeError("the first shows no sign of life")

    def began(self) -> None:
        """Note that this launch has a run of its own to go on with, should it be restarted."""
        if self._launch is not None:
            with peers():
                self._launch.set(f"began/{self._trainings}", "")

    def has_begun(self) -> bool:
        """Say whether it had, before a restart; of a process alone nobody knows, and it counts as so."""
        if self._launch is None:
            return True
        with peers():
            return bool(self._launch.check([f"began/{self._trainings}"]))

    def begin(self, device: torch.device) -> None:
        """Have the processes talk to each other directly: through gloo, and NCCL between GPUs."""
        if self.world == 1:
            return
        assert self._store is not None
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with peers():
            dist.init_process_group(
                backend,
                store=dist.PrefixStore(f"group/{self._trainings}", self._store),
                rank=self.rank,
                world_size=self.world,
                timeout=timedelta(seconds=time_out()),
            )

    def end(self) -> None:
        """Take leave of the others, when all is done."""
        if dist.is_initialized():
            dist.destroy_process_group()

    # -- while it trains -------------------------------------------------------------------------

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


def time_out() -> float:
    """Return the seconds after which a process that does not answer counts as gone.

    Raises:
        UsageError: what the environment says is no such number.
    """
    said = os.environ.get(TIME_OUT, "180")
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"{TIME_OUT}={said}: a number of seconds above 0 is needed.")
    return seconds


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
    if world == 1 or "MASTER_ADDR" not in os.environ:
        return Group()
    seconds = time_out()
    group = Group(launched("RANK"), world, launched("LOCAL_RANK", 0))
    try:
        store, _, _ = next(dist.rendezvous("env://", timeout=timedelta(seconds=seconds)))
    except (RuntimeError, ValueError, KeyError) as fault:
        host = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise Surroundings(
            f"the first process at {host} cannot be reached ({_first_line(fault)}). Does it run, and is the "
            "port open to this machine?"
        ) from None
    # torchrun keeps the store through restarts: what was written before one must not be read after it.
    names = ("TORCHELASTIC_RESTART_COUNT", "WORLD_SIZE", "MASTER_PORT")
    group._launch = dist.PrefixStore("phiz", store)
    group._store = dist.PrefixStore("/".join(["phiz", *(os.environ.get(n, "") for n in names)]), store)
    return group


@contextmanager
def peers() -> Iterator[None]:
    """Turn the loss of another process into one line with status 5."""
    try:
        yield
    except RuntimeError as fault:
        raise Surroundings(
            f"another process of this training is gone or does not answer ({_first_line(fault)}). The last "
            "checkpoint is whole: the same command with --resume goes on."
        ) from None


def _first_line(fault: BaseException) -> str:
    return str(fault).strip().splitlines()[0][:160] if str(fault).strip() else type(fault).__name__
