"""The engine that makes faces: a generator as one ONNX file, and onnxruntime to run it.

Inputs of every file: `latent` float32 (N, z), `truncation` float32 (N,); where the network can mix, `fine`
float32 (N, z), the latent that decides the finer stages; where the model has labels, `labels` int64 (N, A).
Output: `image` float32 (N, 3, H, W) in the model's output range. Truncation is part of the graph, so that
whoever runs the file, a browser for one, has nothing to add.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phiz import latents as seeds_to
from phiz.errors import MissingExtra, PhizError
from phiz.graph import read_graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from torch import nn

TOLERANCE = 1e-4
"""The largest difference between torch and onnxruntime that an export may show, in output units."""

MAX_THREADS = 16


class Engine:
    """An ONNX generator in onnxruntime, on the CPU.

    Args:
        model: the bytes of an ONNX file, or its path.
        threads: how many threads one call uses; by default the cores this process may use, at most 16.

    Raises:
        PhizError: it is no ONNX file, keeps weights in another one, or is no phiz generator's.
        OSError: it cannot be read.
    """

    def __init__(self, model: bytes | str | Path, threads: int | None = None) -> None:
        name = "The ONNX model" if isinstance(model, bytes) else str(model)
        self._session = session(model, threads)
        shapes = {value.name: value.shape for value in self._session.get_inputs()}
        outputs = [value.name for value in self._session.get_outputs()]
        if "latent" not in shapes or "truncation" not in shapes or outputs != ["image"]:
            raise PhizError(f"{name} is no phiz generator: it takes {', '.join(shapes)}.")
        self.z = int(shapes["latent"][1])
        self.attributes = int(shapes["labels"][1]) if "labels" in shapes else 0
        self.mixes = "fine" in shapes
        """Whether it takes another latent for the finer stages."""
        self.side = self._session.get_outputs()[0].shape[-1]
        """Pixels a side of its images; a name instead where the file does not fix it."""

    def run(
        self,
        latents: np.ndarray,
        truncation: float | np.ndarray = 1.0,
        labels: np.ndarray | None = None,
        fine: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the images of `latents` (N, z): float32 (N, 3, H, W) in the model's output range.

        Args:
            latents: float32 (N, z).
            truncation: psi, a number or one a latent (N,).
            labels: int64 (N, A), for a model that has labels.
            fine: float32 (N, z), the latents of the finer stages; by default `latents`.
        """
        feed = {
            "latent": np.ascontiguousarray(latents, np.float32),
            "truncation": np.broadcast_to(np.asarray(truncation, np.float32), len(latents)).copy(),
        }
        if self.mixes:
            feed["fine"] = feed["latent"] if fine is None else np.ascontiguousarray(fine, np.float32)
        elif fine is not None:
            raise PhizError("This model takes no second latent.")
        if self.attributes:
            if labels is None:
                raise PhizError("This model needs labels: int64 (N, A).")
            feed["labels"] = np.ascontiguousarray(labels, np.int64)
        return self._session.run(["image"], feed)[0]


def session(model: bytes | str | Path, threads: int | None = None) -> InferenceSession:
    """Return an onnxruntime session of a file's bytes or path; see `Engine` for threads and faults."""
    name = "The ONNX model" if isinstance(model, bytes) else str(model)
    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    try:
        read_graph(data)
    except ValueError as fault:
        raise PhizError(f"{name} cannot be run: {fault}.") from None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(cores(), MAX_THREADS)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    except Exception as fault:  # onnxruntime raises a class of its own for each fault
        line = next(iter(str(fault).strip().splitlines()), type(fault).__name__)
        raise PhizError(f"{name} cannot be run by onnxruntime: {line}") from None


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def export(
    generator: nn.Module,
    z: int,
    attributes: int = 0,
    centres: np.ndarray | None = None,
    plain: bool = False,
) -> bytes:
    """Return `generator` as one ONNX file, checked: onnxruntime gives what torch gives.

    The generator itself is left as it is, in its mode and on its device; what is exported is a copy of
    it in evaluation mode.

    Args:
        generator: forward(latent (N, z)[, labels (N, A)]) -> (N, 3, H, W); with `centres`, it has
            mapping(latent) -> (N, D) and synthesis((N, D)[, labels]) instead; where it `mixes`, they also
            take `fine`, a second point (N, D).
        z: values in a latent.
        attributes: labels a face has, A; 0 for a generator that takes none.
        centres: (M, D) points that truncation draws towards, see docs/latents.md.
        plain: keep every weight as it is under its own name; else some are merged, for fewer operations.

    Raises:
        PhizError: onnxruntime and torch differ by more than `TOLERANCE`.
        MissingExtra: the training extra is not installed.
    """
    need_torch()
    import torch

    module = _with_truncation(copy.deepcopy(generator).cpu().float(), centres)
    mixes = getattr(generator, "mixes", False)
    names = ["latent", "truncation", *["fine"] * mixes, *["labels"] * bool(attributes)]
    batch = torch.export.Dim("N")
    shapes = {"values": tuple({0: batch} for _ in names)}
    data = written(module, tuple(_inputs(range(2), z, attributes, mixes).values()), names, shapes, plain)
    _check(module, Engine(data), z, attributes)
    return data


def need_torch() -> None:
    """Refuse to go on where what writes ONNX is not installed (status 4)."""
    try:
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtra("Writing ONNX", "train") from None


def written(
    module: nn.Module, inputs: tuple[Any, ...], names: list[str], shapes: Any, plain: bool = False
) -> bytes:
    """Return a module in evaluation mode as one ONNX file with the output `image`.

    Args:
        module: what to write.
        inputs: an example of each input.
        names: the inputs' names.
        shapes: which sizes may vary, as torch.export takes it.
        plain: merge no weights.
    """
    import torch

    with _silence(), torch.no_grad():
        program: Any = torch.onnx.export(
            module,
            inputs,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=names,
            output_names=["image"],
            dynamic_shapes=shapes,
            optimize=not plain,
        )
        if plain:
            _fold_shapes(program.model)
    return _bare(program.model_proto).SerializeToString()


def _fold_shapes(model: Any) -> None:
    """Calculate what of a graph depends on no input, but leave weights as they are."""
    from onnxscript import optimizer

    optimizer.inline(model)
    optimizer.fold_constants_ir(model, input_size_limit=64, output_size_limit=256)
    optimizer.remove_unused_nodes(model)


def _with_truncation(generator: Any, centres: np.ndarray | None) -> nn.Module:
    """Wrap `generator` so that it takes (latent, truncation[, fine][, labels]), in evaluation mode."""
    import torch
    from torch import Tensor

    mixes = getattr(generator, "mixes", False)

    class Truncated(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator

        def forward(self, *values: Tensor) -> Tensor:
            latent, truncation, *labels = values
            return self.generator(latent * truncation[:, None], *labels)

    class Mapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator
            self.centres = None if centres is None else torch.nn.Buffer(torch.as_tensor(centres).float())

        def point(self, latent: Tensor, truncation: Tensor) -> Tensor:
            if self.centres is None:
                return self.generator.mapping(latent * truncation[:, None])
            w = self.generator.mapping(latent)
            nearest = self.centres[(w[:, None] - self.centres[None]).square().sum(2).argmin(1)]
            return nearest + truncation[:, None] * (w - nearest)

        def forward(self, *values: Tensor) -> Tensor:
            latent, truncation, *more = values
            point = self.point(latent, truncation)
            if not mixes:
                return self.generator.synthesis(point, *more)
            fine, *labels = more
            return self.generator.synthesis(
                point, labels[0] if labels else None, self.point(fine, truncation)
            )

    wrapped = Mapped() if mixes or centres is not None else Truncated()
    return wrapped.eval().requires_grad_(False)


def _inputs(seeds: range, z: int, attributes: int, mixes: bool) -> dict[str, Any]:
    """Return an example of each input, in the order in which a wrapped generator takes them."""
    import torch

    count = len(seeds)
    inputs = {"latent": torch.from_numpy(seeds_to.latents(seeds, z))}
    inputs["truncation"] = torch.linspace(0.5, 1.0, count)
    if mixes:
        inputs["fine"] = inputs["latent"].flip(1)
    if attributes:
        inputs["labels"] = torch.zeros(count, attributes, dtype=torch.long)
    return inputs


def _check(module: nn.Module, engine: Engine, z: int, attributes: int) -> None:
    import torch

    for seeds in (range(1), range(1, 6)):
        inputs = _inputs(seeds, z, attributes, engine.mixes)
        with torch.no_grad():
            expected = module(*inputs.values()).numpy()
        fed = {name: value.numpy() for name, value in inputs.items()}
        difference = np.abs(engine.run(fed.pop("latent"), **fed) - expected).max()
        if not difference <= TOLERANCE:  # a NaN differs too
            raise PhizError(
                f"The exported ONNX differs from torch by {difference:.2g}, more than {TOLERANCE:g}; "
                "the network uses something that ONNX computes otherwise."
            )


def _bare(model: Any) -> Any:
    """Drop what an exporter notes beside the graph: paths of this machine, lines of source, types."""
    graph = model.graph
    for part in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.initializer,
        *model.functions,
    ):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    stored = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.value_info if value.name not in stored]
    del graph.value_info[:]
    for value in kept:
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
        graph.value_info.append(value)
    return model


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hold back what the exporter says on its way; a fault is raised all the same."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
