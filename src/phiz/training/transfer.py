"""Transfer: a training that starts from another model's G and D, across sizes and labels.

Layers have the same names at every size, counted from the smallest upward. What has the same name and the
same shape is taken, and the rest starts anew. G's layers that read a face's code (dense and the styles) take
the part of it that both have.

Labels that both know by name keep their vectors; an attribute is the same where a value of it is, too. What a
donor's other labels said must not vanish from its code: its faces would fall apart. Let mu be the mean of
their summed vectors by their frequencies and R R^T its covariance.

    Labels that the donor does not know: their vectors start as mu / K + R n / sqrt(K) for K attributes, so
        that their sum is distributed as the donor's was; values that it does not know of an attribute that
        it knows likewise, by the mean and the covariance of that attribute.
    No such labels: R is read from the latent instead, W_w += W_l R, and mu goes into the biases of the
        styles. What it said to G's first layer, which has none, is lost.
    D: mu goes into its last layer, and labels that it does not know say nothing yet.

D is taken at the same size, where its first layer fits: those behind a new one see nothing that they know
(benchmarks/RESULTS.md).

On other faces than the donor has learned from, two things are made new (benchmarks/RESULTS.md):

    D's verdict (its last layer and what labels add to it): only what D has learned to see is taken. A trained
        verdict may be so sure that a G which begins with blurred faces never comes near.
    The length of G's weights before a batch norm, which divides it away. It says nothing of what G draws, but
        a step of Adam is as long as the rate, and turns long weights less (van Laarhoven, arXiv 1706.05350).
        Training has made them some three times as long as new ones; they are taken as long as new ones are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor, nn

from phiz.model import DISCRIMINATOR, Model

_VECTORS, _DENSE, _STYLE = "labels.vectors.weight", "dense.weight", "style.weight"
LEAST = 0.25
"""The share of G below which another model has nothing to give."""

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d
Schema = Mapping[str, Sequence[str]]
Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Donor:
    """The weights of a model to start from, and the labels it takes, with their frequencies."""

    name: str
    size: int
    schema: Schema
    frequencies: Mapping[str, Sequence[int]]
    generator: Weights
    discriminator: Weights
    faceset: str | None = None  # the id of what it has learned from

    @classmethod
    def of(cls, model: Model) -> Donor:
        """Read the weights of `model`; its D too, if it has one."""
        from safetensors.numpy import load_file

        path = model.path / DISCRIMINATOR
        critic = load_file(path) if path.exists() else {}
        config = model.config
        weights = model.weights(), critic
        return cls(model.name, config.size, config.labels, config.frequencies, *weights, config.faceset)


@dataclass
class Taken:
    """How many values of a network were taken, of how many, and the layers of which some start anew."""

    values: int = 0
    whole: int = 0
    anew: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The part of the network that was taken."""
        return self.values / self.whole

    def __str__(self) -> str:
        if self.values == self.whole:
            return "all of it was taken."
        layers = ", ".join(self.anew[:6]) + (f" and {len(self.anew) - 6} more" if len(self.anew) > 6 else "")
        return f"{math.floor(100 * self.share)}% was taken; anew, at least in part: {layers}."


@dataclass(frozen=True)
class Lost:
    """What the labels that only the donor knows said: their summed vectors' mean (V,) and root R (V, V)."""

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray, donor: Donor, to: Schema) -> Lost:
        """Sum up the attributes of `donor` that `to` has not."""
        width = vectors.shape[1]
        mean, covariance, shared = np.zeros(width), np.zeros((width, width)), _shared(donor.schema, to)
        for attribute, rows in _blocks(donor.schema).items():
            if attribute not in shared:
                center, part = _moments(vectors[rows], donor.frequencies.get(attribute))
                mean, covariance = mean + center, covariance + part
        return cls(mean, _root(covariance))


def generator(network: nn.Module, donor: Donor, to: Schema, lengths: bool = True) -> Taken:
    """Fill a generator with labels `to` with what fits of the donor's, lengths of weights too or without."""
    given, taken = donor.generator, Taken()
    new = [] if lengths else [(layer, norm, layer.weight.norm().item()) for layer, norm in normed(network)]
    lost = Lost.of(given[_VECTORS].astype(np.float64), donor, to) if _VECTORS in given else None
    folds = not set(to) - _shared(donor.schema, to)  # no labels of its own take the place of what was lost
    with torch.no_grad():
        state = network.state_dict()  # the network's own memory
        for name, old in state.items():
            if name == _VECTORS:
                count = _vectors(old, donor, to, lost)
            elif name == _DENSE or name.endswith(_STYLE):
                count = _coded(old, given.get(name), bool(to), lost, folds)
            else:
                count = _same(old, given.get(name))
            _note(taken, name, count, old.numel())
        if lost is not None and folds:
            _into_biases(state, given, lost)
        for layer, norm, length in new:
            _set_length(layer, norm, length)
    return taken


def discriminator(network: nn.Module, donor: Donor, to: Schema, size: int, verdict: bool = True) -> Taken:
    """Fill a D of `size` px and labels `to` with what fits of the donor's, its `verdict` too or without.

    Nothing is taken at another size, or where the first layer does not fit.
    """
    alike = size == donor.size and _sees_alike(network, donor)
    given, taken = donor.discriminator if alike else {}, Taken()
    if not verdict:
        given = {name: new for name, new in given.items() if not name.startswith(network.verdict)}  # type: ignore[arg-type]
    with torch.no_grad():
        state = network.state_dict()
        for name, old in state.items():
            if given and name == _VECTORS and name not in given and verdict:
                old.zero_()
            count = _rows(old, given, donor, to) if name == _VECTORS else _same(old, given.get(name))
            _note(taken, name, count, old.numel())
        dense = state.get(_DENSE)
        if _VECTORS in given and dense is not None and dense.shape == given[_DENSE].shape:
            lost = _means(given[_VECTORS].astype(np.float64), donor, to)
            dense += torch.from_numpy(lost).to(dense)
    return taken


def _sees_alike(network: nn.Module, donor: Donor) -> bool:
    """Say whether D's first layer is one that the donor has."""
    name, first = next((name, layer) for name, layer in network.named_modules() if isinstance(layer, Layer))
    given = donor.discriminator.get(f"{name}.weight")
    return given is not None and given.shape == first.weight.shape


def normed(network: nn.Module) -> list[tuple[Layer, Norm]]:
    """Return each layer of a network that batch norm follows, with its norm, in the order of their making.

    A network makes its layers in the order in which they run, which is how they are found; so each is the
    last with weights before a norm.
    """
    found = [module for module in network.modules() if isinstance(module, Layer | Norm)]
    return [(a, b) for a, b in pairwise(found) if isinstance(a, Layer) and isinstance(b, Norm)]


def labels_said(of: Schema, to: Schema) -> list[str]:
    """Return lines that say which of a donor's labels are taken, and what becomes of the others."""
    lines, shared = [], _shared(of, to)
    both, lost = [name for name in of if name in shared], [name for name in of if name not in shared]
    whole = [name for name in both if set(to[name]) <= set(of[name])]
    if whole:
        lines.append(f"Its labels {', '.join(whole)} are taken.")
    for name in both:
        if name not in whole:
            known = [value for value in to[name] if value in of[name]]
            lines.append(
                f"Of its label {name}, {', '.join(known)} {'is' if len(known) == 1 else 'are'} taken."
            )
    if lost:
        instead = "those of these faces" if set(to) - shared else "the latent"
        lines.append(f"What its labels {', '.join(lost)} said is read from {instead} now.")
    return lines


def _note(taken: Taken, name: str, count: int, whole: int) -> None:
    taken.values, taken.whole = taken.values + count, taken.whole + whole
    layer = name.rpartition(".")[0]
    if count < whole and layer not in taken.anew:
        taken.anew.append(layer)


def _same(old: Tensor, new: np.ndarray | None) -> int:
    """Copy what has the same shape; return how many values that were."""
    if new is None or old.shape != new.shape:
        return 0
    old.copy_(torch.from_numpy(new))
    return old.numel()


def _coded(old: Tensor, new: np.ndarray | None, labelled: bool, lost: Lost | None, folds: bool) -> int:
    """Copy the columns (outputs, code) that both codes have: the latent's, then the labels'."""
    if new is None or len(old) != len(new):
        return 0
    was = lost is not None
    have, had = old.shape[1] // (1 + labelled), new.shape[1] // (1 + was)
    both = min(have, had)
    values = torch.from_numpy(new).to(old)
    old[:, :both] = values[:, :both]
    if labelled and was:
        old[:, have : have + both] = values[:, had : had + both]
    elif labelled:
        old[:, have:] = 0.0  # of a donor without labels: they say nothing yet
    if lost is not None and folds:
        read = values[:, had:] @ torch.from_numpy(lost.root).to(old)
        old[:, :both] += read[:, :both]
    return both * len(old) * (1 + (labelled and was))


def _set_length(layer: Layer, norm: Norm, length: float) -> None:
    """Give a layer's weights a length; what its norm makes of them stays as it is."""
    factor = length / layer.weight.norm().item()
    for values in (layer.weight, layer.bias, norm.running_mean):
        if values is not None:
            values.mul_(factor)
    if norm.running_var is not None:
        norm.running_var.mul_(factor**2)


def _into_biases(state: Mapping[str, Tensor], given: Weights, lost: Lost) -> None:
    """Add to each style what the mean of the lost labels said."""
    for name, new in given.items():
        bias = state.get(name.removesuffix("weight") + "bias")
        width = len(lost.mean)
        if name.endswith(_STYLE) and bias is not None and bias.shape == new.shape[:1]:
            bias += torch.from_numpy(new[:, -width:] @ lost.mean).to(bias)


def _vectors(old: Tensor, donor: Donor, to: Schema, lost: Lost | None) -> int:
    """Fill G's vectors of labels: known ones as they are, others so that their sum is as the donor's was.

    Vectors of another length are cut, or go on with zeros: the code has the same parts in both (_coded).
    """
    if lost is None:
        return 0
    width, both = len(lost.mean), min(len(lost.mean), old.shape[1])
    shared, theirs = _shared(donor.schema, to), _blocks(donor.schema)
    count, unknown = 0, len(set(to) - shared)
    for attribute, rows in _blocks(to).items():
        known: dict[str, np.ndarray] = {}
        if attribute in shared:
            vectors = donor.generator[_VECTORS][theirs[attribute]].astype(np.float64)
            known = dict(zip(donor.schema[attribute], vectors, strict=True))
            mean, covariance = _moments(vectors, donor.frequencies.get(attribute))
            root = _root(covariance)
        else:
            mean, root = lost.mean / unknown, lost.root / math.sqrt(unknown)
        for value, row in zip(to[attribute], rows, strict=True):
            start = known.get(value)
            if start is None:
                start = mean + root @ torch.randn(width, dtype=torch.float64).numpy()
            old[row] = 0.0
            old[row, :both] = torch.from_numpy(start[:both]).to(old)
            count += both * (value in known)
    return count


def _rows(old: Tensor, given: Weights, donor: Donor, to: Schema) -> int:
    """Fill D's vectors of labels with those the donor knows; return how many values those are.

    D adds what labels say to its verdict: an attribute that the donor does not know says nothing yet, and a
    value that it does not know of an attribute it knows says what the mean of the others does.
    """
    if _VECTORS not in given or old.shape[1] != given[_VECTORS].shape[1]:
        return 0
    vectors, count = given[_VECTORS], 0
    shared, theirs = _shared(donor.schema, to), _blocks(donor.schema)
    for attribute, rows in _blocks(to).items():
        if attribute not in shared:
            old[rows.start : rows.stop] = 0.0
            continue
        known = dict(zip(donor.schema[attribute], theirs[attribute], strict=True))
        mean = _moments(vectors[theirs[attribute]], donor.frequencies.get(attribute))[0]
        for value, row in zip(to[attribute], rows, strict=True):
            old[row] = torch.from_numpy(vectors[known[value]] if value in known else mean).to(old)
            count += old.shape[1] * (value in known)
    return count


def _means(vectors: np.ndarray, donor: Donor, to: Schema) -> np.ndarray:
    """Return the sum of the mean vectors (V,) of the attributes that only the donor knows."""
    sums, shared = np.zeros(vectors.shape[1]), _shared(donor.schema, to)
    for attribute, rows in _blocks(donor.schema).items():
        if attribute not in shared:
            sums += _moments(vectors[rows], donor.frequencies.get(attribute))[0]
    return sums


def _moments(vectors: np.ndarray, counts: Sequence[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of an attribute's vectors (values, V), by the frequencies of its values."""
    shares = np.asarray(counts if counts and any(counts) else np.ones(len(vectors)), np.float64)
    shares = shares / shares.sum()
    mean = shares @ vectors
    apart = vectors - mean
    return mean, (apart * shares[:, None]).T @ apart


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return R (V, V) with R R^T the covariance, the widest direction first: a shorter latent reads those."""
    values, axes = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1]
    return axes[:, order] * np.sqrt(values[order].clip(0))


def _shared(of: Schema, to: Schema) -> set[str]:
    """Return the attributes that are the same in both: of the same name, and with a value in common."""
    return {name for name in of if name in to and set(of[name]) & set(to[name])}


def _blocks(schema: Schema) -> dict[str, range]:
    """Say which rows of a table of vectors belong to each attribute."""
    ends = list(accumulate((len(values) for values in schema.values()), initial=0))
    return {
        attribute: range(start, end)
        for attribute, start, end in zip(schema, ends[:-1], ends[1:], strict=True)
    }
