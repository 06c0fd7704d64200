"""The GAN task: a step of two networks against each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from phiz.training import optimizers, outline, schedules
from phiz.training.augment import Changes
from phiz.training.averages import follow
from phiz.training.losses import LOSSES, classification
from phiz.training.penalties import PENALTIES
from phiz.training.pieces import Piece, Pieces
from phiz.training.players import given
from phiz.training.precision import cast
from phiz.training.randomness import Stream
from phiz.training.tasks import Position
from phiz.training.watchdog import variety


class GAN(Pieces):
    """Trains G and D of a recipe on a face set; see phiz.training.tasks.Task."""

    # -- a step ----------------------------------------------------------------------------------

    def step(self, position: Position) -> dict[str, Tensor]:
        """Take one step of the stage that `position` names; return its losses and D's accuracy."""
        torch.manual_seed(self.random.key(Stream.NETWORK, position.step))
        if self.recipe.compile:
            torch.compiler.cudagraph_mark_step_begin()
        if position.stage == "outline":
            return self._outline_step(position)
        return self._adversarial_step(position)

    def _outline_step(self, at: Position) -> dict[str, Tensor]:
        assert self.recipe.outline is not None
        assert self.codes is not None
        optimizer = self.optimizers["optimizer-outline"]
        left = 1 - at.index / at.count
        optimizers.set_rate(optimizer, self.recipe.outline.rate * min(1.0, 2 * left + 0.02))
        scale = 2 / (self.output_range[1] - self.output_range[0])
        optimizer.zero_grad()
        total = torch.zeros(1, device=self.device)
        for piece in self.pieces(at):
            codes = self.codes((piece.real - self.output_range[0]) * scale - 1)
            with self.group.at(piece.rows, self.batch):
                loss = outline.loss(self._draw(codes, piece.filled), piece.real) * piece.weight
                loss.backward()
            total += loss.detach()
        (loss,) = self.group.summed(optimizers.gradients(optimizer), total)
        masked = optimizers.step(optimizer, loss)
        if at.index == at.count - 1:
            self.average.load_state_dict(self.generator.state_dict())
        return {"loss_outline": loss, "masked": masked}

    def _adversarial_step(self, at: Position) -> dict[str, Tensor]:
        recipe = self.recipe
        for role, asked in (("generator", recipe.generator), ("discriminator", recipe.discriminator)):
            optimizer = self.optimizers[f"optimizer-{role}"]
            optimizers.set_rate(optimizer, asked.rate * schedules.falling(at.progress, recipe.decay))
            optimizers.set_beta2(optimizer, self._moving(asked.beta2, asked.beta2_end, at))
        pieces = self.pieces(at)
        values = self._teach_discriminator(at, pieces)
        masked = values["masked"]
        values |= self._teach_generator(pieces)
        follow(self.average, self.generator, recipe.ema, at)
        values["masked"] = torch.maximum(values["masked"], masked)
        if self.strength:
            values["augment"] = torch.tensor(self.strength.at(at.index / at.count))
            self.strength.heed(2 * values["accuracy_real"] - 1, at.count)
        return values

    def _teach_discriminator(self, at: Position, pieces: list[Piece]) -> dict[str, Tensor]:
        """Move D: arXiv 2501.05441, eq. 2 with the penalties of eq. 3; fakes are shared with G's step."""
        recipe, loss = self.recipe, LOSSES[self.recipe.loss]
        optimizer = self.optimizers["optimizer-discriminator"]
        optimizer.zero_grad()
        figures = torch.zeros(4, device=self.device)
        verdicts = torch.zeros(2, self.batch, device=self.device)
        exact = recipe.penalty is not None and recipe.penalty.kind == "exact"
        learning = [p for p in self.discriminator.parameters() if p.requires_grad]
        for piece in pieces:
            with self.group.at(piece.rows, self.batch):
                with torch.set_grad_enabled(len(pieces) == 1):  # of several, G draws each anew
                    piece.fake = _seen(self._draw(piece.latents, piece.filled), self.output_range)
                fake = piece.fake.detach()
                seen = torch.cat([piece.real, fake]).requires_grad_(exact)
                on_real, on_fake, scores = self._logits(piece, seen)
                loss_d = loss.discriminator(on_real, on_fake) * piece.weight
                read = self._read(scores, piece.labels) * piece.weight
                penalty = loss_d.new_zeros(())
                if recipe.penalty:
                    penalty = self._penalty(at, piece, seen, on_real, on_fake)
                (loss_d + penalty + recipe.classifier * read).backward(inputs=learning)
            piece.on_real = on_real.detach()
            here = slice(piece.rows.start, piece.rows.stop)
            verdicts[0, here], verdicts[1, here] = piece.on_real, on_fake.detach()
            figures += torch.stack(
                [loss_d.detach(), penalty.detach(), variety(fake, piece.real) * piece.weight, read.detach()]
            )
        more = torch.cat([figures, verdicts.flatten()])
        more = self.group.summed(optimizers.gradients(optimizer), more)
        figures, verdicts = more[:4], more[4:].view(2, -1)
        masked = optimizers.step(optimizer, figures[0] + figures[1] + figures[3])
        values = {"loss_d": figures[0], "masked": masked, "variety": figures[2]}
        if recipe.penalty:
            values["penalty"] = figures[1]
        if self.classifies:
            values["loss_labels"] = figures[3]
        return values | _accuracy(verdicts[0], verdicts[1], recipe.loss)

    def _teach_generator(self, pieces: list[Piece]) -> dict[str, Tensor]:
        """Move G against the updated D; D's verdict on the real faces is the one it has just given."""
        optimizer = self.optimizers["optimizer-generator"]
        optimizer.zero_grad()
        self.discriminator.requires_grad_(False)
        figures = torch.zeros(2, device=self.device)
        for piece in pieces:
            with self.group.at(piece.rows, self.batch):
                if len(pieces) > 1:
                    piece.fake = _seen(self._draw(piece.latents, piece.filled), self.output_range)
                assert piece.fake is not None
                on_fake, scores = self._seen_by_d(piece.fake, piece.labels, piece.looks(made=True))
                assert piece.on_real is not None
                loss = LOSSES[self.recipe.loss].generator(piece.on_real, on_fake) * piece.weight
                read = self._read(scores, piece.filled) * piece.weight
                (loss + self.recipe.classifier * read).backward()
            piece.fake = None
            figures += torch.stack([loss.detach(), read.detach()])
        self.learning()
        figures = self.group.summed(optimizers.gradients(optimizer), figures)
        values = {"loss_g": figures[0], "masked": optimizers.step(optimizer, figures.sum())}
        return values | ({"loss_labels_made": figures[1]} if self.classifies else {})

    def _cast(self) -> torch.autocast:
        return cast(self.recipe.precision, self.device)

    def _draw(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        with self._cast():
            return given(self.generator, latent, labels).to(self.dtype)

    def _judge(self, pictures: Tensor, labels: Tensor | None, changes: Changes | None) -> Tensor:
        return self._seen_by_d(pictures, labels, changes)[0]

    def _seen_by_d(
        self, pictures: Tensor, labels: Tensor | None, changes: Changes | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return D's verdicts and, where it reads labels, its scores of every value."""
        if changes:
            middle, half = sum(self.output_range) / 2, (self.output_range[1] - self.output_range[0]) / 2
            pictures = changes((pictures - middle) / half) * half + middle
        with self._cast():
            if not self.classifies:
                return given(self.discriminator, pictures, labels).to(self.dtype), None
            logits, scores = self.discriminator(pictures, labels, scores=True)
        return logits.to(self.dtype), scores.to(self.dtype)

    def _read(self, scores: Tensor | None, labels: Tensor | None) -> Tensor:
        """Return how far D's scores are from labels; 0 where it does not read any."""
        if scores is None or labels is None or self.conditions is None:
            return torch.zeros((), device=self.device)
        return classification(scores, labels, self.conditions.counts)

    def _logits(self, piece: Piece, seen: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return D's verdicts on real faces (half of `seen`) and made ones; its scores of the real ones."""
        # Where D has batch norm, real and fake batches are normalised apart, as the DCGAN does.
        labels = piece.labels
        if any(isinstance(module, nn.BatchNorm2d) for module in self.discriminator.modules()):
            real, fake = seen.chunk(2)
            on_real = self._judge(real, labels, piece.looks(made=False))
            return on_real, self._judge(fake, labels, piece.looks(made=True)), None
        both, scores = self._seen_by_d(seen, _twice(labels), piece.changes)
        on_real, on_fake = both.chunk(2)
        return on_real, on_fake, None if scores is None else scores.chunk(2)[0]

    def _penalty(self, at: Position, piece: Piece, seen: Tensor, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """Return the part that `piece` has in the penalty of the batch."""
        asked = self.recipe.penalty
        assert asked is not None
        of = max(1, round(asked.share * self.batch))  # penalised rows, spread evenly over the batch
        chosen = [
            i for i, row in enumerate(piece.rows) if (row + 1) * of // self.batch > row * of // self.batch
        ]
        first = piece.rows.start * of // self.batch
        rows = range(first, first + len(chosen))
        if not rows:  # of a small piece of the batch
            return on_real.new_zeros(())
        pictures = seen  # an exact gradient is taken of what the verdicts came from
        if len(chosen) < len(piece.rows):
            piece, (fake, on_real, on_fake) = piece.only(chosen, seen.chunk(2)[1], on_real, on_fake)
            if asked.kind != "exact":
                pictures = torch.cat([piece.real, fake])
        logits, noise = torch.cat([on_real, on_fake]), None
        if asked.kind != "exact":
            draws = self.random.at(Stream.PENALTY, at.step, self.device)
            noise = torch.randn((2, of, *seen.shape[1:]), generator=draws, device=self.device)
            noise = noise[:, rows.start : rows.stop].flatten(0, 1)
        reach = (self.output_range[1] - self.output_range[0]) / 2
        with self.group.at(rows, of):
            norm = PENALTIES[asked.kind](
                lambda seen: self._judge(seen, _twice(piece.labels), piece.changes),
                pictures,
                logits,
                noise,
                asked.sigma * reach,
            )
        # gamma / 2 * (R1 + R2): the mean over both halves is (R1 + R2) / 2
        return self._moving(asked.gamma, asked.gamma_end, at) * norm * (len(rows) / of)

    def _moving(self, first: float, last: float | None, at: Position) -> float:
        return schedules.moving(first, last, at.index / at.count, self.recipe.burn_in)


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
