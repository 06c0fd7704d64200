"""The layers of a generator, read from its ONNX file: no torch, and true of what actually runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from phiz.graph import Graph, Node, Shape

# Operations that open a layer, and operations that belong to the layer before them.
_OPENS = {
    "Gemm": "dense",
    "MatMul": "dense",
    "Conv": "convolution",
    "ConvTranspose": "transposed convolution",
    "Resize": "resize",
    "Upsample": "resize",
    "DepthToSpace": "depth to space",
    "MaxPool": "max-pool",
    "AveragePool": "average-pool",
    "Gather": "look-up",
    "Attention": "attention",
}
_FOLLOWS = {
    "BatchNormalization": "batch norm",
    "InstanceNormalization": "instance norm",
    "LayerNormalization": "layer norm",
    "GroupNormalization": "group norm",
    "RMSNormalization": "RMS norm",
    "Relu": "ReLU",
    "LeakyRelu": "leaky ReLU",
    "PRelu": "PReLU",
    "Elu": "ELU",
    "Gelu": "GELU",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard sigmoid",
    "Tanh": "tanh",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Clip": "clip",
    "Concat": "concatenation",
}


@dataclass
class Layer:
    """One step of the network: what it does, what comes out of it, how many weights it has."""

    what: str
    """In words, with kernel and stride: "convolution 3x3"."""
    then: list[str] = field(default_factory=list)
    """What is done with its result at once: "batch norm", "ReLU"."""
    shape: tuple[int, ...] = ()
    """What comes out, without the batch: (channels, height, width), or (values,)."""
    values: int = 0
    """How many weights it has, folded batch norms included."""

    @property
    def side(self) -> int:
        """The height of what comes out, 1 where it is no picture."""
        return self.shape[1] if len(self.shape) == 3 else 1


def layers_of(graph: Graph) -> list[Layer]:
    """Return the layers in the order in which they run, the last one giving the image.

    A layer is a convolution, a dense product, a resize ...; norms and activations belong to the layer
    before them, and so does a style: a dense product beside the pictures that scales and shifts their
    channels. What only prepares numbers (shapes, casts, the truncation) is left out.
    """
    layers: list[Layer] = []
    counted: set[str] = set()
    aside = 0  # weights of dense products whose scales and shifts are still to come
    told = len(graph.shapes) > len(graph.inputs) + len(graph.outputs)  # some files leave shapes out
    for node in graph.nodes:
        shape = _picture_shape(next((graph.shapes[o] for o in node.outputs if o in graph.shapes), ()))
        if _OPENS.get(node.op) == "dense" and any(layer.side > 1 for layer in layers):
            fresh = [name for name in node.inputs if name in graph.weights and name not in counted]
            counted.update(fresh)
            aside += sum(math.prod(graph.weights[name]) for name in fresh)
            continue
        if node.op in _OPENS and (shape or not told):
            layers.append(Layer(_words(node, graph)))
        if not layers:
            continue
        layer = layers[-1]
        if node.op in _FOLLOWS and shape and _FOLLOWS[node.op] not in layer.then:
            layer.then.append(_FOLLOWS[node.op])
        if node.op == "Add" and len(shape) == 3 and not any(name in graph.weights for name in node.inputs):
            styled = aside and any(_picture_shape(graph.shapes.get(n, ()))[1:] == (1, 1) for n in node.inputs)
            layer.then.append("scale and shift" if styled and shape[1:] != (1, 1) else "sum")
            layer.values, aside = layer.values + (aside if styled else 0), 0 if styled else aside
        fresh = [name for name in node.inputs if name in graph.weights and name not in counted]
        counted.update(fresh)
        known = node.op in _OPENS or node.op in _FOLLOWS
        if known or len(shape) > 1:
            if _OPENS.get(node.op) != "resize":  # whose floats are no weights but by how much
                layer.values += sum(math.prod(graph.weights[name]) for name in fresh)
            if shape[1:] != (1, 1) or not any(layer.side > 1 for layer in layers):
                layer.shape = shape or layer.shape
    return layers


def _picture_shape(shape: Shape) -> tuple[int, ...]:
    """Return a feature map's shape without its batch; () for what is no feature map."""
    whole = tuple(size for size in shape[1:] if isinstance(size, int))
    return whole if len(shape) in (2, 4) and len(whole) == len(shape) - 1 else ()


def _words(node: Node, graph: Graph) -> str:
    words = _OPENS[node.op]
    kernel = node.attributes.get("kernel_shape") or _kernel(node, graph)
    if node.op in ("Conv", "ConvTranspose", "MaxPool", "AveragePool") and kernel:
        words += " " + "x".join(map(str, kernel))
        if node.attributes.get("group", (1,)) != (1,):
            words = f"grouped {words}"
        strides = node.attributes.get("strides", ())
        if any(stride != 1 for stride in strides):
            words += f", stride {strides[0]}"
    return words


def _kernel(node: Node, graph: Graph) -> tuple[int, ...]:
    weight = graph.weights.get(node.inputs[1], ()) if len(node.inputs) > 1 else ()
    return weight[2:] if len(weight) == 4 else ()


@dataclass(frozen=True)
class Stage:
    """Layers in a row whose results have one size."""

    side: int
    channels: int
    layers: tuple[Layer, ...]

    @property
    def size(self) -> str:
        """Its last result in words: "8 x 8 x 256" (channels last), or "2048 values"."""
        if self.side > 1:
            return f"{self.side} x {self.side} x {self.channels}"
        return f"{self.channels:,} values"

    @property
    def work(self) -> list[str]:
        """What its layers do, in a few words each, repetitions counted."""
        words: list[str] = []
        for layer in self.layers:
            words.append(", ".join([layer.what, *layer.then]))
        counted = dict.fromkeys(words)
        return [word if words.count(word) == 1 else f"{words.count(word)} times {word}" for word in counted]


def stages_of(layers: list[Layer]) -> list[Stage]:
    """Gather layers in a row that give results of one size."""
    stages: list[list[Layer]] = []
    for layer in layers:
        if stages and stages[-1][-1].side == layer.side:
            stages[-1].append(layer)
        else:
            stages.append([layer])
    return [Stage(part[-1].side, part[-1].shape[0], tuple(part)) for part in stages]
