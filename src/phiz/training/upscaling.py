"""The upscaling task: from small faces to large ones, first the mean of what may be there, then one of it.

Stage "smooth" learns by the difference of pixels alone; stage "sharp" goes on from there against a
discriminator. Both ends are kept: what lies between them is for whoever enlarges.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from phiz import networks
from phiz.faceset import FaceSet
from phiz.model import to_uint8
from phiz.training import optimizers
from phiz.training.averages import clones, follow
from phiz.training.checkpoint import Tensors
from phiz.training.degradations import Degradation
from phiz.training.enlarging import UpscalingRecipe
from phiz.training.losses import LOSSES
from phiz.training.pairs import Pair, Pairs
from phiz.training.precision import cast
from phiz.training.randomness import Stream
from phiz.training.tasks import Position, Stage

SHOWN = 6
"""How many of the faces set aside a sheet of samples shows."""

_AT_ONCE = 8
_LOSS = LOSSES["relativistic"]


class Upscaling(Pairs):
    """Trains the upscaler of a recipe on a face set; see phiz.training.tasks.Task.

    Arguments as of Pairs; `perceptual` is a network whose maps the second stage compares, see
    phiz.training.perceptual.
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
        super().__init__(recipe, faces, device, attempt, more)
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
        pairs = self.pairs(position.step)
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
        follow(self.average, self.upscaler, self.recipe.ema, at)
        if at.index == at.count - 1:
            self.smooth = clones(self.average)
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
        follow(self.average, self.upscaler, self.recipe.ema, at)
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
        return cast(self.recipe.precision, self.device)

    def _enlarge(self, small: Tensor) -> Tensor:
        with self._cast():
            return self.upscaler(small).float()

    # -- what comes of it ------------------------------------------------------------------------

    def sample(self, position: Position, count: int = SHOWN) -> np.ndarray:
        """Return the first `count` faces set aside, reduced and enlarged: uint8 (count, size, size, 3)."""
        return self.draw(self._now(), self.small(count))

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
            return {"smooth": clones(self.average)}
        return {"smooth": dict(self.smooth), "sharp": clones(self.average)}

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


def matching(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Return the mean L1 distance of maps, each relative to the mean size of the real ones."""
    parts = [
        (a.float() - b.float()).abs().mean() / a.float().abs().mean() for a, b in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()
