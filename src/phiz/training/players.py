"""The players of a GAN and what becomes of them: G, D, the running average of G, and their state."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from phiz import latents, networks
from phiz.errors import PhizError
from phiz.faceset import FaceSet
from phiz.model import to_uint8
from phiz.training import optimizers, outline, transfer
from phiz.training.augment import Strength
from phiz.training.averages import clones
from phiz.training.checkpoint import Tensors
from phiz.training.conditions import Conditions
from phiz.training.distributed import Group
from phiz.training.randomness import Randomness, Stream, batch_indices
from phiz.training.recipe import Adam, Recipe
from phiz.training.shared import share
from phiz.training.supply import Supply
from phiz.training.tasks import SAMPLES, Position, Stage
from phiz.training.transfer import Donor

_STATISTICS = {"sample": 3, "model": 24}  # batches over which batch-norm statistics are taken


class Players:
    """G and D of a recipe, made to learn from a face set."""

    def __init__(
        self, recipe: Recipe, faces: FaceSet, device: torch.device, group: Group | None = None
    ) -> None:
        self.recipe, self.faces, self.device = recipe, faces, device
        self.random = Randomness(recipe.seed)
        self.count = len(faces)
        self.batch, self.dtype = recipe.batch, torch.get_default_dtype()
        self.group = group or Group()
        self.mine = self.group.rows(self.batch)
        self.splits = 1  # a batch that does not fit into memory at once is calculated in so many pieces
        self.supply = Supply(faces, device, self.indices)
        self.strength = Strength(recipe.augment) if recipe.augment else None
        self.conditions = Conditions(faces) if recipe.conditional and faces.schema else None
        self.classifies = bool(recipe.classifier and self.conditions)
        adversarial = 1.0 - (recipe.outline.share if recipe.outline else 0.0)
        self.stages = [Stage("adversarial", adversarial)]
        torch.manual_seed(self.random.key(Stream.INITIAL))
        self.generator = self._network("generator")
        self.discriminator = self._network("discriminator")
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        for role in ("generator", "discriminator"):
            share(getattr(self, role), self.group, f"{recipe.name}'s {role}")
        norms = any(isinstance(m, nn.BatchNorm2d) for m in self.discriminator.modules())
        if self.group.world > 1 and norms and recipe.penalty and recipe.penalty.share < 1:
            raise PhizError(
                f"{recipe.name}'s D has batch norm, and a penalty on a part of the batch is not shared by "
                f"{self.group.world} processes: --set penalty.share=1."
            )
        if recipe.compile:
            self._compile()
        self.learning()
        self.optimizers = {
            "optimizer-generator": optimizers.adam(self.generator, recipe.generator),
            "optimizer-discriminator": optimizers.adam(self.discriminator, recipe.discriminator),
        }
        self.best: Tensors = {}
        self.codes: outline.Codes | None = None
        if recipe.outline:
            self.stages.insert(0, Stage("outline", recipe.outline.share))
            adam = Adam(rate=recipe.outline.rate, beta1=0.9, beta2=0.99)
            self.optimizers["optimizer-outline"] = optimizers.adam(self.generator, adam)
            self.codes = outline.Codes.fit(faces, recipe.z, recipe.seed, recipe.flip).to(device)
        self.output_range: tuple[float, float] = self.generator.output_range  # type: ignore[assignment]
        low, high = self.output_range
        self._scale, self._offset = (high - low) / 255.0, low

    @property
    def most_splits(self) -> int:
        """Into how many pieces a batch can be split, in the process that has the fewest rows.

        One row each; two where batch norm has nothing but them to take a mean of.
        """
        modules = (module for network in (self.generator, self.discriminator) for module in network.modules())
        least = 2 if any(isinstance(module, nn.BatchNorm1d) for module in modules) else 1
        return max(1, self.batch // self.group.world // least)

    def indices(self, step: int) -> np.ndarray:
        """Return which faces a step sees, of this process's rows."""
        whole = batch_indices(self.recipe.seed, step * self.batch, self.batch, len(self.faces))
        return whole[self.mine.start : self.mine.stop]

    def _network(self, role: str) -> nn.Module:
        network: nn.Module = getattr(networks, role)(self.recipe.network.name, **self.arguments(role))
        network.to(self.device)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _compile(self) -> None:
        """Have G and D run compiled where they learn; what samples and is saved runs as it is written.

        It takes the place of recording whole steps (recording.py), which goes with exact penalties too.
        """
        mode = "reduce-overhead" if self.device.type == "cuda" else None
        for network in (self.generator, self.discriminator):
            network.compile(mode=mode, dynamic=False)

    def arguments(self, role: str) -> dict[str, object]:
        """Return the arguments that build the network of this role."""
        given = {"size": self.recipe.size, **getattr(self.recipe.network, role)}
        if self.conditions:
            given["labels"] = self.conditions.counts
        return {"z": self.recipe.z, **given} if role == "generator" else given

    def start_from(self, donor: Donor) -> list[str]:
        """Take the weights of another model; return lines that say what was taken.

        On the faces that it has learned from, its training goes on: D's verdict and the length of G's weights
        are taken too.
        """
        schema = self.faces.schema if self.conditions else {}
        goes_on = donor.faceset == self.faces.id and self.recipe.outline is None
        taken = transfer.generator(self.generator, donor, schema, lengths=goes_on)
        lines = [f"G starts from {donor.name}: {taken}"]
        taken = transfer.discriminator(self.discriminator, donor, schema, self.recipe.size, verdict=goes_on)
        if taken.values:
            lines.append(f"D starts from {donor.name}: {taken}")
        elif donor.discriminator:
            other = f" ({donor.size} px)" if donor.size != self.recipe.size else ""
            lines.append(f"D starts anew: what it sees first is not what that of {donor.name}{other} did.")
        else:
            lines.append(f"D starts anew: {donor.name} has none.")
        self.average.load_state_dict(self.generator.state_dict())
        return lines + transfer.labels_said(donor.schema, schema)

    def learning(self) -> None:
        """Let D learn, save for the layers that the recipe freezes."""
        self.discriminator.requires_grad_(True)
        if self.recipe.freeze:
            for layer in self.discriminator.layers()[: self.recipe.freeze]:  # type: ignore[operator]
                layer.requires_grad_(False)

    def keep(self, position: Position) -> None:
        """Take G and D as they stand for the best so far: what `finished` and `critic` return."""
        self.best = {
            "best-generator": clones(self._generator_at(position)),
            "best-discriminator": clones(self.discriminator),
        }

    def _generator_at(self, position: Position) -> nn.Module:
        averaged = position.stage == "adversarial" and position.index > 0
        return self.average if averaged else self.generator

    def finished(self, position: Position, use: str = "model") -> nn.Module:
        """Return G as it generates: for "model" the best kept, if any; for "sample" as it stands now.

        That is the average, once there is one, with its own statistics: batch norm's running ones are
        those of G as it moved, so they are taken anew, of faces under the labels that seeds draw.
        """
        model = copy.deepcopy(self._generator_at(position))
        if use == "model" and self.best:
            model.load_state_dict(self.best["best-generator"])
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        if norms and self.recipe.ema:
            model.train()
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None
            draws = self.random.at(Stream.STATISTICS)
            with torch.no_grad():
                for first in range(0, _STATISTICS[use] * self.batch, self.batch):
                    codes = torch.randn(self.batch, self.recipe.z, generator=draws).to(self.device)
                    seeds = range(first, first + self.batch)
                    labels = self.conditions.of_seeds(seeds) if self.conditions else None
                    given(model, codes, labels)
        return model.eval()

    def critic(self) -> nn.Module:
        """Return D as it was when the best G was kept, or as it stands."""
        critic = copy.deepcopy(self.discriminator)
        if self.best:
            critic.load_state_dict(self.best["best-discriminator"])
        return critic

    def draw(self, model: nn.Module, count: int = SAMPLES) -> np.ndarray:
        """Return the faces that `model` makes of seeds 0 .. count - 1: uint8 (count, H, W, 3)."""
        faces = np.empty((count, self.recipe.size, self.recipe.size, 3), np.uint8)
        for start in range(0, count, SAMPLES):
            seeds = range(start, min(start + SAMPLES, count))
            codes = torch.from_numpy(latents.latents(seeds, self.recipe.z)).to(self.device)
            labels = self.conditions.of_seeds(seeds) if self.conditions else None
            with torch.no_grad():
                pictures = torch.cat(
                    [
                        given(model, codes[i : i + 16], None if labels is None else labels[i : i + 16])
                        for i in range(0, len(codes), 16)
                    ]
                )
            faces[start : start + SAMPLES] = to_uint8(pictures.float().cpu().numpy(), self.output_range)
        return faces

    def sample(self, position: Position, count: int = SAMPLES) -> np.ndarray:
        """Return the faces of seeds 0 .. count - 1 as they stand: uint8 (count, H, W, 3)."""
        return self.draw(self.finished(position, "sample"), count)

    # -- state -----------------------------------------------------------------------------------

    def tensors(self) -> Tensors:
        """Return all that a checkpoint must hold, by group."""
        groups: Tensors = {
            "generator": dict(self.generator.state_dict()),
            "discriminator": dict(self.discriminator.state_dict()),
            "average": dict(self.average.state_dict()),
        }
        for name, optimizer in self.optimizers.items():
            groups[name] = optimizers.tensors(optimizer)
        if self.strength:
            groups["augment"] = dict(self.strength.state)
        if self.codes:
            groups["codes"] = {"mean": self.codes.mean, "axes": self.codes.axes}
        return groups | self.best

    def restore(self, tensors: Tensors) -> None:
        """Take back what `tensors` returned."""
        for name in ("generator", "discriminator", "average"):
            getattr(self, name).load_state_dict(tensors[name])
        for name, optimizer in self.optimizers.items():
            optimizers.restore(optimizer, tensors[name])
        if self.strength:
            self.strength.restore(tensors["augment"])
        if self.codes:
            self.codes = outline.Codes(**tensors["codes"]).to(self.device)
        self.best = {name: part for name, part in tensors.items() if name.startswith("best-")}

    def networks(self) -> dict[str, nn.Module]:
        """Return what all processes must hold alike."""
        return {"G": self.generator, "D": self.discriminator, "the average": self.average}

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def given(network: nn.Module, values: Tensor, labels: Tensor | None) -> Tensor:
    """Return what `network` says to `values`, under labels if there are any."""
    return network(values) if labels is None else network(values, labels.to(values.device))
