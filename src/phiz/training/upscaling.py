"""The upscaling task: from small faces to large ones, first the mean of what may be there, then one of it.

Stage "smooth" learns by the difference of pixels alone; stage "sharp" goes on from there against a
discriminator. Both ends are kept: what lies between them is for whoever enlarges.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from phiz import networks
from phiz.faceset import FaceSet
from phiz.model import to_uint8
from phiz.training import optimizers
from phiz.training.checkpoint import Tensors
from phiz.training.degradations import DEGRADATIONS, Degradation, mixed
from phiz.training.distributed import Group
from phiz.training.enlarging import UpscalingRecipe
from phiz.training.losses import LOSSES
from phiz.training.randomness import Randomness, Stream, batch_indices
from phiz.training.spectra import sized
from phiz.training.tasks import Position, Stage

HELD_OUT = 16
"""How many faces are set aside to look at and to measure; fewer of few."""

SHOWN = 6
"""How many of them a sheet of samples shows."""

_AT_ONCE = 8
_LOSS = LOSSES["relativistic"]


@dataclass
class Pair:
    """Some rows of a step's batch, small (n, 3, c, c) and large (n, 3, crop, crop), 0 to 1; their share.

    `made` is what became of the small ones; `seen` and `on_real` are what D saw in the large ones and said.
    """

    small: Tensor
    large: Tensor
    weight: float
    made: Tensor | None = None
    seen: list[Tensor] = field(default_factory=list)
    on_real: Tensor | None = None


class Upscaling:
    """Trains the upscaler of a recipe on a face set; see phiz.training.tasks.Task.

    `more` are degradations besides those of phiz.training.degradations, by name; `perceptual` is a network
    whose maps the second stage compares, see phiz.training.perceptual.
    """

    def __init__(
        self,
        recipe: UpscalingRecipe,
        faces: FaceSet,
        device: torch.device,
        attempt: int = 0,
        more: dict[str, Degradation] | None = None,
        perceptual: nn.Module | None = None,
    ) -> None:
        self.recipe, self.faces, self.device = recipe, faces, device
        self.random = Randomness(recipe.seed, attempt)
        self.batch = self.most_splits = recipe.batch
        self.group, self.splits = Group(), 1
        self.degrade = mixed(recipe.degradations, DEGRADATIONS | (more or {}))
        self.held, self.learned = split(len(faces))
        self.count = len(self.learned)
        self.perceptual = perceptual and perceptual.to(device)
        sharp = recipe.sharp
        self.stages = [Stage("smooth", 1.0 - (sharp.share if sharp else 0.0))]
        torch.manual_seed(self.random.key(Stream.INITIAL))
        self.upscaler = self._placed(networks.upscaler(recipe.network.name, **self.arguments()))
        self.average = copy.deepcopy(self.upscaler).requires_grad_(False)
        self.output_range: tuple[float, float] = self.upscaler.output_range  # type: ignore[assignment]
        self.optimizers = {"optimizer-upscaler": optimizers.adam(self.upscaler, recipe.generator)}
        self.smooth: dict[str, Tensor] = {}  # the average as the first stage left it
        self.best: Tensors = {}
        self.discriminator: nn.Module | None = None
        if sharp:
            self.stages.append(Stage("sharp", sharp.share))
            given = {"crop": recipe.crop, **recipe.network.discriminator}
            self.discriminator = self._placed(networks.discriminator(recipe.network.name, **given))
            self.optimizers["optimizer-discriminator"] = optimizers.adam(
                self.discriminator, sharp.discriminator
            )

    def _placed(self, network: nn.Module) -> nn.Module:
        network.to(self.device)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def arguments(self) -> dict[str, object]:
        """Return the arguments that build the upscaler."""
        return {"scale": self.recipe.scale, **self.recipe.network.generator}

    # -- a step ----------------------------------------------------------------------------------

    def step(self, position: Position) -> dict[str, Tensor]:
        """Take one step of the stage that `position` names; return its losses."""
        torch.manual_seed(self.random.key(Stream.NETWORK, position.step))
        pairs = self._pairs(position.step)
        fall = 0.5 + 0.5 * math.cos(math.pi * position.index / position.count)
        if position.stage == "smooth":
            return self._smooth_step(position, pairs, fall)
        return self._sharp_step(position, pairs, fall)

    def _smooth_step(self, at: Position, pairs: list[Pair], fall: float) -> dict[str, Tensor]:
        total = torch.zeros((), device=self.device)
        for pair in pairs:
            loss = self._apart(self._enlarge(pair.small), pair.large) * pair.weight
            loss.backward()
            total += loss.detach()
        masked = self._learn("optimizer-upscaler", total, self.recipe.generator.rate * fall)
        self._follow(at)
        if at.index == at.count - 1:
            self.smooth = _clones(self.average)
        return {"loss_pixel": total, "masked": masked}

    def _sharp_step(self, at: Position, pairs: list[Pair], fall: float) -> dict[str, Tensor]:
        asked, discriminator = self.recipe.sharp, self.discriminator
        assert asked is not None
        assert discriminator is not None
        values = self._sums(self._judge(pair, len(pairs) == 1) for pair in pairs)
        masked = self._learn("optimizer-discriminator", values["loss_d"], asked.discriminator.rate * fall)
        discriminator.requires_grad_(False)
        values |= self._sums(self._please(pair) for pair in pairs)
        discriminator.requires_grad_(True)
        rise = min(1.0, at.index / max(1.0, asked.lead * at.count))
        loss = values.pop("loss")
        values["masked"] = torch.maximum(
            masked, self._learn("optimizer-upscaler", loss, asked.rate * fall * rise)
        )
        self._follow(at)
        return values

    def _judge(self, pair: Pair, keep: bool) -> dict[str, Tensor]:
        """Have D tell a pair apart; `keep` what it saw in the large one, and the graph of the other."""
        discriminator = self.discriminator
        assert discriminator is not None
        with torch.set_grad_enabled(keep):  # of several, each is enlarged anew for the upscaler
            pair.made = self._enlarge(pair.small)
        # Pairs of a place with the same place: D says which of the two is real (arXiv 1807.00734).
        with self._cast():
            seen, of_made = discriminator.maps(pair.large), discriminator.maps(pair.made.detach())  # type: ignore[operator]
            on_real = discriminator.verdict(seen[-1]).float()  # type: ignore[operator]
            on_made = discriminator.verdict(of_made[-1]).float()  # type: ignore[operator]
        loss = _LOSS.discriminator(on_real, on_made) * pair.weight
        loss.backward()
        pair.on_real = on_real.detach()
        if keep:
            pair.seen = [part.detach() for part in seen]
        right = (pair.on_real > on_made.detach()).float().mean() * pair.weight
        return {"loss_d": loss, "accuracy_pairs": right}

    def _please(self, pair: Pair) -> dict[str, Tensor]:
        """Have the upscaler learn from a pair, against the updated D; what was kept of the pair goes."""
        asked, discriminator = self.recipe.sharp, self.discriminator
        assert asked is not None
        assert discriminator is not None
        assert pair.made is not None
        assert pair.on_real is not None
        made = pair.made if pair.made.requires_grad else self._enlarge(pair.small)
        with self._cast():
            of_made = discriminator.maps(made)  # type: ignore[operator]
            on_made = discriminator.verdict(of_made[-1]).float()  # type: ignore[operator]
        adversarial = _LOSS.generator(pair.on_real, on_made)
        if not pair.seen:
            with torch.no_grad(), self._cast():
                pair.seen = discriminator.maps(pair.large)  # type: ignore[operator]
        textures = matching(pair.seen, of_made)
        pixel = self._apart(made, pair.large)
        loss = asked.pixel * pixel + asked.features * textures + asked.adversarial * adversarial
        values = {"loss_pixel": pixel, "loss_g": adversarial, "loss_features": textures}
        if self.perceptual is not None:
            values["loss_perceptual"] = self._perceived(made, pair.large)
            loss = loss + asked.perceptual * values["loss_perceptual"]
        (loss * pair.weight).backward()
        pair.made, pair.seen = None, []
        return {name: value * pair.weight for name, value in {**values, "loss": loss}.items()}

    def _sums(self, parts: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for part in parts:
            for name, value in part.items():
                total[name] = total.get(name, 0.0) + value.detach()
        return total

    def _perceived(self, made: Tensor, large: Tensor) -> Tensor:
        assert self.perceptual is not None
        with self._cast():
            with torch.no_grad():
                real = self.perceptual(large)
            return matching(real, self.perceptual(made))

    def _learn(self, name: str, loss: Tensor, rate: float) -> Tensor:
        """Move a network by its gradients, of `loss`; return whether the step was left out."""
        optimizer = self.optimizers[name]
        optimizers.set_rate(optimizer, rate)
        masked = optimizers.step(optimizer, loss)
        optimizer.zero_grad()
        return masked

    def _apart(self, made: Tensor, large: Tensor) -> Tensor:
        apart = made - large
        return apart.abs().mean() if self.recipe.pixel == "l1" else apart.square().mean()

    def _cast(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16", cache_enabled=False
        )

    def _enlarge(self, small: Tensor) -> Tensor:
        with self._cast():
            return self.upscaler(small).float()

    def _follow(self, at: Position) -> None:
        """Move the average towards the upscaler; its half-life is at most half of what lies behind."""
        half_life = min(self.recipe.ema * at.count, at.index / 2)
        towards = 1 - 0.5 ** (1 / half_life) if half_life > 0 else 1.0
        with torch.no_grad():
            old: list[Tensor] = list(self.average.parameters())
            new: list[Tensor] = list(self.upscaler.parameters())
            torch._foreach_lerp_(old, new, towards)
            for kept, current in zip(self.average.buffers(), self.upscaler.buffers(), strict=True):
                kept.copy_(current)

    # -- what a step is made of ------------------------------------------------------------------

    def _pairs(self, step: int) -> list[Pair]:
        """Return the pictures of a step, in as many pieces as its batch is split into."""
        recipe, first = self.recipe, step * self.batch
        places = batch_indices(recipe.seed, first, self.batch, len(self.learned))
        faces = self.large(self.learned[places])
        small, large = [], []
        for number, face in enumerate(faces):
            draws = self._draws(Stream.CROP, step, number)
            top, left = draws.integers(0, recipe.size - recipe.crop + 1, 2)
            cut = face[top : top + recipe.crop, left : left + recipe.crop]
            cut = np.ascontiguousarray(cut[:, ::-1] if recipe.flip and draws.random() < 0.5 else cut)
            large.append(cut)
            small.append(self.degrade(cut, recipe.scale, draws))
        ends = [self.batch * part // self.splits for part in range(self.splits + 1)]
        return [
            Pair(
                self._tensor(np.stack(small[start:stop])),
                self._tensor(np.stack(large[start:stop])),
                (stop - start) / self.batch,
            )
            for start, stop in pairwise(ends)
        ]

    def _draws(self, stream: Stream, step: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.random.key(stream, step), number])

    def _tensor(self, pictures: np.ndarray) -> Tensor:
        values = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
        return values.to(torch.float32, memory_format=torch.channels_last) / 255

    # -- what comes of it ------------------------------------------------------------------------

    def sample(self, position: Position, count: int = SHOWN) -> np.ndarray:
        """Return the first `count` faces set aside, reduced and enlarged: uint8 (count, size, size, 3)."""
        return self.draw(self._now(), self.small(count))

    def small(self, count: int) -> np.ndarray:
        """Return the first `count` faces set aside, reduced: uint8 (count, size / scale, size / scale, 3)."""
        faces = self.large(self.held[np.arange(count) % len(self.held)])
        draws = [self._draws(Stream.SHOWN, 0, number) for number in range(count)]
        small = [self.degrade(face, self.recipe.scale, d) for face, d in zip(faces, draws, strict=True)]
        return np.stack(small)

    def large(self, which: np.ndarray) -> np.ndarray:
        """Return faces at the side the recipe says: uint8 (N, size, size, 3)."""
        faces = self.faces.batch(which)
        return (
            faces
            if faces.shape[1] == self.recipe.size
            else np.stack([sized(face, self.recipe.size) for face in faces])
        )

    def draw(self, network: nn.Module, small: np.ndarray) -> np.ndarray:
        """Enlarge small pictures, uint8 (N, h, w, 3), by `network`."""
        parts = []
        with torch.no_grad():
            for start in range(0, len(small), _AT_ONCE):
                made = network(self._tensor(small[start : start + _AT_ONCE]))
                parts.append(to_uint8(made.float().cpu().numpy(), self.output_range))
        return np.concatenate(parts)

    def _now(self) -> nn.Module:
        return copy.deepcopy(self.average).eval()

    def keep(self, position: Position) -> None:
        """Take the upscaler as it stands for the best so far."""
        self.best = {f"best-{name}": state for name, state in self._ends(position).items()}

    def _ends(self, position: Position) -> dict[str, dict[str, Tensor]]:
        """Return the weights of both ends as they stand, or of the one there is."""
        if position.stage == "smooth" or not self.smooth:
            return {"smooth": _clones(self.average)}
        return {"smooth": dict(self.smooth), "sharp": _clones(self.average)}

    def finished(self, position: Position) -> dict[str, nn.Module]:
        """Return the ends as they enlarge, folded: "smooth" and, once there is one, "sharp"."""
        ends = self._ends(position)
        if self.best:
            ends = {name.removeprefix("best-"): state for name, state in self.best.items()}
        made = {}
        for name, state in ends.items():
            network = self._now()
            network.load_state_dict(state)
            made[name] = network.folded().eval()  # type: ignore[operator]
        return made

    # -- state -----------------------------------------------------------------------------------

    def tensors(self) -> Tensors:
        """Return all that a checkpoint must hold, by group."""
        groups: Tensors = {
            "upscaler": dict(self.upscaler.state_dict()),
            "average": dict(self.average.state_dict()),
        }
        if self.discriminator is not None:
            groups["discriminator"] = dict(self.discriminator.state_dict())
        for name, optimizer in self.optimizers.items():
            groups[name] = optimizers.tensors(optimizer)
        if self.smooth:
            groups["smooth"] = dict(self.smooth)
        return groups | self.best

    def restore(self, tensors: Tensors) -> None:
        """Take back what `tensors` returned."""
        self.upscaler.load_state_dict(tensors["upscaler"])
        self.average.load_state_dict(tensors["average"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(tensors["discriminator"])
        for name, optimizer in self.optimizers.items():
            optimizers.restore(optimizer, tensors[name])
        self.smooth = dict(tensors.get("smooth", {}))
        self.best = {name: part for name, part in tensors.items() if name.startswith("best-")}

    def learning(self) -> None:
        """Let D learn, after a step that was broken off."""
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the faces that are set aside, evenly spread, and of those to learn from."""
    held = np.unique(np.linspace(0, count - 1, min(HELD_OUT, max(1, count // 8))).round().astype(np.int64))
    return held, np.setdiff1d(np.arange(count), held)


def matching(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Return the mean L1 distance of maps, each relative to the mean size of the real ones."""
    parts = [
        (a.float() - b.float()).abs().mean() / a.float().abs().mean() for a, b in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()


def _clones(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
