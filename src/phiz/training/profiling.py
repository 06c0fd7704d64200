"""Where the time of a step goes, layer by layer, against what the machine can do (its roofline).

The roofline of a layer is the least time that its arithmetic and its memory traffic allow: the larger of
operations over the machine's peak, and of bytes (inputs, weights and outputs, once each) over its bandwidth
(Williams et al., Communications of the ACM 52:4). Both are measured here: the peak by a product of large
matrices in the training's precision, the bandwidth by a copy.

Convolutions and linear layers are timed each by itself, with the very inputs of a step: forward, and the
gradients of inputs and of weights, as often as a step asks for them. What is left of the measured step is
norms, activations, resampling, optimizers, reading, and what an exact penalty asks for besides: gradients of
the inputs once more, and a second backward. How all that shares the time is said by kind of operation: each
one of a step is timed where torch hands it to the device, and waited for.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from phiz.training.gan import GAN
from phiz.training.plan import copied
from phiz.training.tasks import Position

_BLOCKS, _STEPS = 3, 3
_SECONDS = 0.05  # to time one pass of one layer for
_REPEATS = 10  # of what a GPU is timed at, in a row
_KINDS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_SORTS = {
    "convolutions and products": ("conv", "mm", "linear", "einsum"),
    "norms": ("batch_norm",),
    "activations": ("relu", "clamp", "threshold", "tanh", "sigmoid", "softplus"),
    "resampling and moving pixels": ("upsample", "pool", "pixel", "gather", "scatter", "index"),
    "optimizers and the average": ("adam", "foreach", "vector_norm", "lerp"),
}
_OTHERS = "sums, copies and the rest"
_BY_KIND = "The whole step by kind of operation, the second backward of a penalty too:"


@dataclass
class Layer:
    """One layer as a step uses it: with inputs of one shape, and how often each pass is asked for."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    forward: int = 0
    inputs: int = 0
    weights: int = 0

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of what comes out."""
        with torch.no_grad():
            twin = copy.deepcopy(self.module).to("meta")
            return tuple(twin(torch.empty(self.shape, device="meta")).shape)

    @property
    def operations(self) -> int:
        """Floating-point operations of one pass: two for each product that is added up."""
        module: Any = self.module
        if isinstance(module, nn.Linear):
            return 2 * prod(self.shape) * module.out_features
        places = prod(self.shape if isinstance(module, nn.ConvTranspose2d) else self.output)
        return 2 * places * prod(module.weight.shape[1:])

    @property
    def values(self) -> int:
        """Values that one pass moves: inputs, weights, outputs."""
        weight: Any = self.module.weight
        return prod(self.shape) + prod(self.output) + int(weight.numel())


@dataclass
class Machine:
    """What the machine can do: operations a second, and bytes a second."""

    peak: float
    bandwidth: float

    def least(self, operations: float, size: float) -> float:
        """Return the seconds that so many operations on so many bytes take at the least."""
        return max(operations / self.peak, size / self.bandwidth)


def profile(task: GAN, stage: str = "adversarial") -> list[str]:
    """Return a table of the layers of a step, in plain lines; the task's state stays as it is."""
    kept = copied(task.tensors())
    try:
        with _as_written(task):
            layers = _used(task, stage)
            sorts = _sorted_out(task, stage)
        seconds = _step_seconds(task, stage)
    finally:
        task.restore(kept)
    kind = torch.bfloat16 if task.recipe.precision == "bfloat16" else task.dtype
    with _aside(task.device):
        machine = measure(task.device, kind)
        times = [_layer_seconds(layer, task.device, kind) for layer in layers]
    rows, in_layers, operations, least = [], 0.0, 0.0, 0.0
    for layer, took in zip(layers, times, strict=True):
        passes = layer.forward + layer.inputs + layer.weights
        mine = layer.operations * passes
        floor = passes * machine.least(layer.operations, layer.values * kind.itemsize)
        in_layers, operations, least = in_layers + took, operations + mine, least + floor
        rows.append((layer.name, _shown(layer.shape), mine, took, took / seconds, floor / took))
    rows.sort(key=lambda row: -row[3])
    head = (
        f"A step of {task.batch} faces takes {1000 * seconds:.1f} ms, {task.batch / seconds:,.0f} images/s, "
        f"on {task.device} in {str(kind).removeprefix('torch.')}."
    )
    peak = f"The machine: {machine.peak / 1e9:,.0f} GFLOP/s, {machine.bandwidth / 1e9:,.0f} GB/s as measured."
    table = [f"{'layer':<28} {'input':>16} {'GFLOP':>8} {'ms':>8} {'of step':>8} {'of roofline':>12}"]
    table += [
        f"{name:<28} {shape:>16} {mine / 1e9:>8.2f} {1000 * took:>8.2f} {part:>8.0%} {reached:>12.0%}"
        for name, shape, mine, took, part, reached in rows
    ]
    rest = max(0.0, seconds - in_layers)
    share = f"{in_layers / seconds:>8.0%} {least / in_layers:>12.0%}"
    table.append(f"{'all of these':<45} {operations / 1e9:>8.2f} {1000 * in_layers:>8.2f} {share}")
    table.append(f"{'the rest':<45} {'':>8} {1000 * rest:>8.2f} {rest / seconds:>8.0%}")
    whole = sum(sorts.values())
    table.append(_BY_KIND)
    table += [f"{sort:<62} {took / whole:>8.0%}" for sort, took in sorts.items()]
    used = operations / seconds / machine.peak
    return [head, peak, *table, f"The step reaches {used:.0%} of the machine's peak."]


@contextmanager
def _as_written(task: GAN) -> Iterator[None]:
    """Let G and D run as they are written, not compiled or recorded: their layers can be watched then."""
    networks: list[Any] = [task.generator, task.discriminator]
    compiled = [network._compiled_call_impl for network in networks]
    records = task.records
    try:
        task.records = False
        for network in networks:
            network._compiled_call_impl = None
        yield
    finally:
        for network, call in zip(networks, compiled, strict=True):
            network._compiled_call_impl = call
        task.records = records


def measure(device: torch.device, kind: torch.dtype) -> Machine:
    """Measure what `device` can do in numbers of this kind: the best of a few tries."""
    side, size = (8192, 2**28) if device.type == "cuda" else (512, 2**25)
    a = torch.randn(side, side, device=device).to(kind)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    product = _seconds(lambda: a @ a, device, 4 * _SECONDS)
    copied_in = _seconds(lambda: target.copy_(source), device, 4 * _SECONDS)
    return Machine(2 * side**3 / product, 2 * size / copied_in)


def _used(task: GAN, stage: str) -> list[Layer]:
    """Return the layers that a step uses, and how."""
    found: dict[tuple[int, tuple[int, ...]], Layer] = {}

    def noter(name: str) -> Callable[..., None]:
        def note(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            shape = tuple(given[0].shape)
            layer = found.setdefault((id(module), shape), Layer(name, module, shape))
            layer.forward += 1
            layer.inputs += int(given[0].requires_grad and output.requires_grad)
            weight: Any = module.weight
            layer.weights += int(weight.requires_grad and output.requires_grad)

        return note

    hooks = [
        module.register_forward_hook(noter(f"{role} {path}"))
        for role, network in (("G", task.generator), ("D", task.discriminator))
        for path, module in network.named_modules()
        if isinstance(module, _KINDS)
    ]
    try:
        task.step(_at(0, stage))
    finally:
        for hook in hooks:
            hook.remove()
    return list(found.values())


class _Operations(TorchDispatchMode):
    """Times every operation that torch hands to a device, by its name."""

    def __init__(self, task: GAN) -> None:
        super().__init__()
        self.task, self.seconds = task, dict[str, float]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        start = time.perf_counter()
        result = func(*args, **(kwargs or {}))
        self.task.synchronise()
        name = func.overloadpacket.__name__
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        return result


def _sorted_out(task: GAN, stage: str) -> dict[str, float]:
    """Return the seconds of a step's operations by kind, the longest first."""
    with _Operations(task) as operations:
        task.step(_at(1, stage))
    found = dict.fromkeys([*_SORTS, _OTHERS], 0.0)
    for name, seconds in operations.seconds.items():
        sort = next((sort for sort, parts in _SORTS.items() if any(p in name for p in parts)), _OTHERS)
        found[sort] += seconds
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _at(index: int, stage: str) -> Position:
    return Position(index, stage, index, 1 << 20, 0.5)


def _step_seconds(task: GAN, stage: str) -> float:
    """Time steps in a row, as a training takes them: a host that is ahead of a GPU does not wait for it."""
    times = []
    for block in range(_BLOCKS):
        start = time.perf_counter()
        for index in range(_STEPS):
            task.step(_at(1 + block * _STEPS + index, stage))
        task.synchronise()
        times.append((time.perf_counter() - start) / _STEPS)
    return min(times)


def _layer_seconds(layer: Layer, device: torch.device, kind: torch.dtype) -> float:
    """Time the passes of one layer as often as a step takes them."""
    module: Any = layer.module
    x = torch.randn(layer.shape, device=device).to(kind)
    if x.dim() == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_(True)
    frozen = module.weight.requires_grad
    module.weight.requires_grad_(True)

    def forward(x: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=kind == torch.bfloat16, cache_enabled=False):
            return module(x)  # type: ignore[no-any-return]

    with torch.no_grad():
        total = layer.forward * _seconds(lambda: forward(x), device)
    for times, given, by in ((layer.inputs, x, x), (layer.weights, x.detach(), module.weight)):
        if times:
            output = forward(given)
            gradient = torch.randn_like(output)
            total += times * _seconds(
                lambda o=output, b=by, g=gradient: torch.autograd.grad(o, b, g, retain_graph=True),  # type: ignore[misc]
                device,
            )
    module.weight.requires_grad_(frozen)
    return total


@contextmanager
def _aside(device: torch.device) -> Iterator[None]:
    """Have a GPU work on a stream of its own, where what it does can be recorded."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield


def _seconds(act: Callable[[], object], device: torch.device, trying: float = _SECONDS) -> float:
    """Return the seconds of `act`: the least of what fits into `trying`, as other work only ever adds.

    On a GPU the time of its kernels, one after another, without that of naming them.
    """
    act()
    once = _replay(act, device) if device.type == "cuda" else _timed(act)
    end, best = time.perf_counter() + trying, once()
    while time.perf_counter() < end:
        best = min(best, once())
    return best


def _timed(act: Callable[[], object]) -> Callable[[], float]:
    def once() -> float:
        start = time.perf_counter()
        act()
        return time.perf_counter() - start

    return once


def _replay(act: Callable[[], object], device: torch.device) -> Callable[[], float]:
    """Record `act` several times over on the current stream; return what times one of them."""
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream(device)
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        for _ in range(_REPEATS):
            act()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def once() -> float:
        start.record(stream)
        graph.replay()
        end.record(stream)
        end.synchronize()
        return start.elapsed_time(end) / 1000 / _REPEATS

    return once


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
