"""The GAN task: a step of two networks against each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from phiz.training import optimizers, outline
from phiz.training.augment import Changes
from phiz.training.losses import LOSSES
from phiz.training.penalties import PENALTIES
from phiz.training.players import Players, given
from phiz.training.randomness import Stream, batch_indices
from phiz.training.tasks import Position


class GAN(Players):
    """Trains G and D of a recipe on a face set; see phiz.training.tasks.Task."""

    # -- a step ----------------------------------------------------------------------------------

    def step(self, position: Position) -> dict[str, Tensor]:
        """Take one step of the stage that `position` names; return its losses and D's accuracy."""
        torch.manual_seed(self.random.key(Stream.NETWORK, position.step))
        if position.stage == "outline":
            return self._outline_step(position)
        return self._adversarial_step(position)

    def _outline_step(self, at: Position) -> dict[str, Tensor]:
        assert self.recipe.outline is not None
        assert self.codes is not None
        optimizer = self.optimizers["optimizer-outline"]
        left = 1 - at.index / at.count
        optimizers.set_rate(optimizer, self.recipe.outline.rate * min(1.0, 2 * left + 0.02))
        real, labels = self._real(at)
        scale = 2 / (self.output_range[1] - self.output_range[0])
        codes = self.codes((real - self.output_range[0]) * scale - 1)
        loss = outline.loss(self._draw(codes, self._filled(at, labels)), real)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if at.index == at.count - 1:
            self.average.load_state_dict(self.generator.state_dict())
        return {"loss_outline": loss.detach()}

    def _adversarial_step(self, at: Position) -> dict[str, Tensor]:
        recipe = self.recipe
        discriminator = self.discriminator
        fall = min(1.0, (1 - at.progress) / recipe.decay) if recipe.decay else 1.0
        optimizers.set_rate(self.optimizers["optimizer-generator"], recipe.generator.rate * fall)
        optimizers.set_rate(self.optimizers["optimizer-discriminator"], recipe.discriminator.rate * fall)
        real, labels = self._real(at)
        fake = _seen(self._draw(self._latents(at), self._filled(at, labels)), self.output_range)
        changes = self._changes(at)
        loss = LOSSES[recipe.loss]

        # D: arXiv 2501.05441, eq. 2 with the penalties of eq. 3; fakes are shared with G's step.
        on_real, on_fake = self._logits(real, fake.detach(), labels, changes)
        loss_d = loss.discriminator(on_real, on_fake)
        total = loss_d
        if recipe.penalty:
            penalty = self._penalty(at, real, fake.detach(), labels, changes, on_real, on_fake)
            total = loss_d + penalty
        optimizer = self.optimizers["optimizer-discriminator"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

        # G against the updated D; D's verdict on the real faces is the one it has just given.
        discriminator.requires_grad_(False)
        on_fake_anew = self._judge(fake, labels, changes and changes[self.batch :])
        loss_g = loss.generator(on_real.detach(), on_fake_anew)
        optimizer = self.optimizers["optimizer-generator"]
        optimizer.zero_grad()
        loss_g.backward()
        optimizer.step()
        self._learning()
        self._follow(at)

        values = {"loss_d": loss_d.detach(), "loss_g": loss_g.detach()}
        if recipe.penalty:
            values["penalty"] = penalty.detach()
        values |= _accuracy(on_real.detach(), on_fake.detach(), recipe.loss)
        if self.strength:
            values["augment"] = torch.tensor(self.strength.at(at.index / at.count))
            self.strength.heed(2 * values["accuracy_real"] - 1, at.count)
        return values

    def _cast(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16", cache_enabled=False
        )

    def _draw(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        with self._cast():
            return given(self.generator, latent, labels).float()

    def _changes(self, at: Position) -> Changes | None:
        """Return the augmentation of a step: first of its real faces, then of its made ones."""
        strength = self.strength.at(at.index / at.count) if self.strength else 0.0
        if not strength:
            return None
        return Changes(2 * self.batch, strength, self.random.at(Stream.AUGMENT, at.step)).to(self.device)

    def _judge(self, pictures: Tensor, labels: Tensor | None, changes: Changes | None) -> Tensor:
        if changes:
            middle, half = sum(self.output_range) / 2, (self.output_range[1] - self.output_range[0]) / 2
            pictures = changes((pictures - middle) / half) * half + middle
        with self._cast():
            return given(self.discriminator, pictures, labels).float()

    def _logits(
        self, real: Tensor, fake: Tensor, labels: Tensor | None, changes: Changes | None
    ) -> tuple[Tensor, Tensor]:
        # Where D has batch norm, real and fake batches are normalised apart, as the DCGAN does.
        if any(isinstance(module, nn.BatchNorm2d) for module in self.discriminator.modules()):
            first, second = (changes[: self.batch], changes[self.batch :]) if changes else (None, None)
            return self._judge(real, labels, first), self._judge(fake, labels, second)
        on_real, on_fake = self._judge(torch.cat([real, fake]), _twice(labels), changes).chunk(2)
        return on_real, on_fake

    def _penalty(
        self,
        at: Position,
        real: Tensor,
        fake: Tensor,
        labels: Tensor | None,
        changes: Changes | None,
        on_real: Tensor,
        on_fake: Tensor,
    ) -> Tensor:
        asked = self.recipe.penalty
        assert asked is not None
        count = max(1, round(asked.share * len(real)))
        pictures = torch.cat([real[:count], fake[:count]])
        logits = torch.cat([on_real[:count], on_fake[:count]])
        both = _twice(labels[:count] if labels is not None else None)
        first = torch.arange(count)
        looks = changes and changes[torch.cat([first, first + self.batch])]
        noise = torch.randn(pictures.shape, generator=self.random.at(Stream.PENALTY, at.step))
        reach = (self.output_range[1] - self.output_range[0]) / 2
        norm = PENALTIES[asked.kind](
            lambda seen: self._judge(seen, both, looks),
            pictures,
            logits,
            noise.to(self.device),
            asked.sigma * reach,
        )
        gamma = asked.gamma * (self.recipe.size / 32) ** 2
        return gamma * norm  # gamma / 2 * (R1 + R2): the mean over both halves is (R1 + R2) / 2

    def _follow(self, at: Position) -> None:
        """Move the average towards G; its half-life is at most half of what lies behind."""
        half_life = min(self.recipe.ema * at.count, at.index / 2)
        towards = 1 - 0.5 ** (1 / half_life) if half_life > 0 else 1.0
        with torch.no_grad():
            old: list[Tensor] = list(self.average.parameters())
            new: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(old, new, towards)
            for kept, current in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                kept.copy_(current)

    # -- what a step is made of ------------------------------------------------------------------

    def _real(self, at: Position) -> tuple[Tensor, Tensor | None]:
        """Return the real faces of a step and their labels, -1 where missing; None where none are used."""
        first = at.step * self.batch
        indices = batch_indices(self.recipe.seed, first, self.batch, len(self.faces))
        pictures = torch.from_numpy(self.faces.batch(indices)).to(self.device).permute(0, 3, 1, 2)
        real = pictures.to(torch.float32, memory_format=torch.channels_last) * self._scale + self._offset
        if self.recipe.flip:
            flip = torch.rand(self.batch, generator=self.random.at(Stream.FLIP, at.step)) < 0.5
            real = torch.where(flip.to(self.device)[:, None, None, None], real.flip(3), real)
        return real, self.conditions.of(indices).to(self.device) if self.conditions else None

    def _filled(self, at: Position, labels: Tensor | None) -> Tensor | None:
        """Return the labels of a step's real faces with the missing ones drawn: those of its made faces."""
        if self.conditions is None or labels is None:
            return None
        draws = self.random.at(Stream.LABELS, at.step)
        return self.conditions.filled(labels.cpu(), draws).to(self.device)

    def _latents(self, at: Position) -> Tensor:
        step = at.step
        if self.recipe.noise == "per-epoch":
            step = at.step * self.batch // len(self.faces)
        generator = self.random.at(Stream.LATENT, step)
        return torch.randn(self.batch, self.recipe.z, generator=generator).to(self.device)


def _twice(labels: Tensor | None) -> Tensor | None:
    return None if labels is None else labels.repeat(2, 1)


def _seen(pictures: Tensor, output_range: tuple[float, float]) -> Tensor:
    """Return pictures as they will be seen, clipped to their range.

    D judges what is seen, so G may overshoot: flat white and black come easily. A tenth of the gradient
    passes beyond the range, so that no pixel is stuck there.
    """
    seen = pictures.clamp(*output_range)
    return seen + 0.1 * ((pictures - pictures.detach()) - (seen - seen.detach()))


def _accuracy(real: Tensor, fake: Tensor, loss: str) -> dict[str, Tensor]:
    """Return the share of each kind that D calls rightly; a relativistic D's zero is between the means."""
    border = (real.mean() + fake.mean()) / 2 if loss == "relativistic" else real.new_zeros(())
    return {
        "accuracy_real": (real > border).float().mean(),
        "accuracy_fake": (fake < border).float().mean(),
    }
