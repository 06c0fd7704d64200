"""The GAN task: a step of two networks against each other."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from phiz.faceset import FaceSet
from phiz.training import optimizers, outline, schedules
from phiz.training.augment import Changes
from phiz.training.averages import follow
from phiz.training.distributed import Group
from phiz.training.fitting import short
from phiz.training.losses import LOSSES, classification
from phiz.training.penalties import PENALTIES
from phiz.training.pieces import Piece, Pieces
from phiz.training.players import given
from phiz.training.precision import cast
from phiz.training.randomness import Stream
from phiz.training.recipe import Recipe
from phiz.training.recording import Recording
from phiz.training.tasks import Position
from phiz.training.watchdog import variety


class GAN(Pieces):
    """Trains G and D of a recipe on a face set; see phiz.training.tasks.Task."""

    def __init__(
        self, recipe: Recipe, faces: FaceSet, device: torch.device, group: Group | None = None
    ) -> None:
        super().__init__(recipe, faces, device, group)
        self.records = device.type == "cuda" and not recipe.compile
        self._recordings: dict[Hashable, Recording | None] = {}  # None where that failed

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
            rate = asked.rate * schedules.rising(at.index, at.count, asked.warmup)
            optimizers.set_rate(optimizer, rate * schedules.falling(at.progress, recipe.decay))
            optimizers.set_beta2(optimizer, self._moving(asked.beta2, asked.beta2_end, at))
        pieces = self.pieces(at)
        recording = self._recorded(pieces)
        values = self._teach_discriminator(at, pieces, recording)
        masked = values["masked"]
        values |= self._teach_generator(pieces, recording)
        follow(self.average, self.generator, recipe.ema, at)
        values["masked"] = torch.maximum(values["masked"], masked)
        if self.strength:
            values["augment"] = torch.tensor(self.strength.at(at.index / at.count))
            self.strength.heed(2 * values["accuracy_real"] - 1, at.count)
        return values

    def _teach_discriminator(
        self, at: Position, pieces: list[Piece], recording: Recording | None
    ) -> dict[str, Tensor]:
        """Move D: arXiv 2501.05441, eq. 2 with the penalties of eq. 3; fakes are shared with G's step."""
        recipe, optimizer = self.recipe, self.optimizers["optimizer-discriminator"]
        asked = recipe.penalty
        gamma = self._moving(asked.gamma, asked.gamma_end, at) if asked else 0.0
        if recording:
            figures, on_real, on_fake = (found.clone() for found in recording.first(pieces[0], gamma))
            verdicts = torch.stack([on_real, on_fake])
        else:
            optimizer.zero_grad()
            figures = torch.zeros(4, device=self.device)
            verdicts = torch.zeros(2, self.batch, device=self.device)
            for piece in pieces:
                found, on_real, on_fake = self._ask_discriminator(piece, gamma, keep=len(pieces) == 1)
                here = slice(piece.rows.start, piece.rows.stop)
                verdicts[0, here], verdicts[1, here] = on_real, on_fake
                figures += found
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

    def _ask_discriminator(self, piece: Piece, gamma: float | Tensor, keep: bool) -> tuple[Tensor, ...]:
        """Add D's gradients of a piece; return its figures and D's verdicts on its real and made faces.

        With `keep`, what the made faces came of is kept for G's half; else G draws them anew.
        """
        recipe, loss = self.recipe, LOSSES[self.recipe.loss]
        exact = recipe.penalty is not None and recipe.penalty.kind == "exact"
        learning = [p for p in self.discriminator.parameters() if p.requires_grad]
        with self.group.at(piece.rows, self.batch):
            with torch.set_grad_enabled(keep):
                piece.fake = _Seen.apply(self._draw(piece.latents, piece.filled), self.output_range)
            fake = piece.fake.detach()
            seen = torch.cat([piece.real, fake]).requires_grad_(exact)
            on_real, on_fake, scores = self._logits(piece, seen)
            loss_d = loss.discriminator(on_real, on_fake) * piece.weight
            read = self._read(scores, piece.labels) * piece.weight
            penalty = loss_d.new_zeros(())
            if recipe.penalty and piece.norms:  # a small piece of the batch may have none
                penalty = gamma * self._penalty(piece, seen, on_real, on_fake)
            (loss_d + penalty + recipe.classifier * read).backward(inputs=learning)
        piece.on_real = on_real.detach()
        spread = variety(fake, piece.real) * piece.weight
        figures = torch.stack([loss_d.detach(), penalty.detach(), spread, read.detach()])
        return figures, piece.on_real, on_fake.detach()

    def _teach_generator(self, pieces: list[Piece], recording: Recording | None) -> dict[str, Tensor]:
        """Move G against the updated D; D's verdict on the real faces is the one it has just given."""
        optimizer = self.optimizers["optimizer-generator"]
        if recording:
            figures = recording.second().clone()
        else:
            optimizer.zero_grad()
            figures = torch.zeros(2, device=self.device)
            for piece in pieces:
                figures += self._ask_generator(piece, anew=len(pieces) > 1)
        figures = self.group.summed(optimizers.gradients(optimizer), figures)
        values = {"loss_g": figures[0], "masked": optimizers.step(optimizer, figures.sum())}
        return values | ({"loss_labels_made": figures[1]} if self.classifies else {})

    def _ask_generator(self, piece: Piece, anew: bool) -> Tensor:
        """Add G's gradients of a piece, whose faces are those that D has just judged; return its figures."""
        self.discriminator.requires_grad_(False)
        with self.group.at(piece.rows, self.batch):
            if anew:
                piece.fake = _Seen.apply(self._draw(piece.latents, piece.filled), self.output_range)
            assert piece.fake is not None
            on_fake, scores = self._seen_by_d(piece.fake, piece.labels, piece.looks(made=True))
            assert piece.on_real is not None
            loss = LOSSES[self.recipe.loss].generator(piece.on_real, on_fake) * piece.weight
            read = self._read(scores, piece.filled) * piece.weight
            (loss + self.recipe.classifier * read).backward()
        self.learning()
        piece.fake = None
        return torch.stack([loss.detach(), read.detach()])

    def _recorded(self, pieces: list[Piece]) -> Recording | None:
        """Return the recording that does the step of `pieces`; None where it is to be told call by call."""
        if not (self.records and self.splits == self.group.world == 1):
            return None
        shape = pieces[0].shape
        if shape not in self._recordings:
            self._recordings[shape] = self._record(pieces[0])
        return self._recordings[shape]

    def _record(self, piece: Piece) -> Recording | None:
        """Return a recording of the step of pieces like `piece`, or None if it cannot be made."""
        try:
            return Recording(
                piece,
                lambda piece, gamma: self._ask_discriminator(piece, gamma, keep=True),
                lambda piece: self._ask_generator(piece, anew=False),
                [self.generator, self.discriminator],
                next((made for made in self._recordings.values() if made), None),
            )
        except RuntimeError as fault:
            said, no_room = str(fault).partition("\n")[0], short(fault)
        # Outside of the handler, whose traceback keeps what was allocated alive.
        self.learning()
        if no_room:
            self.unrecord()
        torch.cuda.empty_cache()
        self.supply.say(
            f"Warning: {self.device} is told its steps call by call, since they cannot be recorded ({said}); "
            "training is slower so."
        )
        return None

    def unrecord(self) -> None:
        """Let go of what was recorded, each as large as a step, and record no more."""
        self.records, self._recordings = False, {}

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
        return classification(scores, labels, self.conditions.counts, self.conditions.named)

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

    def _penalty(self, piece: Piece, seen: Tensor, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """Return the part that `piece` has in the mean squared gradient norm of the batch."""
        asked = self.recipe.penalty
        assert asked is not None
        pictures = seen  # an exact gradient is taken of what the verdicts came from
        rows = piece.norms
        if piece.penalised is not None:
            piece, (fake, on_real, on_fake) = piece.only(piece.penalised, seen.chunk(2)[1], on_real, on_fake)
            if asked.kind != "exact":
                pictures = torch.cat([piece.real, fake])
        reach = (self.output_range[1] - self.output_range[0]) / 2
        with self.group.at(rows, self.penalties):
            norm = PENALTIES[asked.kind](
                lambda seen: self._judge(seen, _twice(piece.labels), piece.changes),
                pictures,
                torch.cat([on_real, on_fake]),
                piece.noise,
                asked.sigma * reach,
            )
        # gamma / 2 * (R1 + R2): the mean over both halves is (R1 + R2) / 2
        return norm * (len(rows) / self.penalties)

    def _moving(self, first: float, last: float | None, at: Position) -> float:
        return schedules.moving(first, last, at.index / at.count, self.recipe.burn_in)


def _twice(labels: Tensor | None) -> Tensor | None:
    return None if labels is None else labels.repeat(2, 1)


class _Seen(torch.autograd.Function):
    """Pictures as they will be seen, clipped to their range.

    D judges what is seen, so G may overshoot: flat white and black come easily. Beyond the range a tenth of
    the gradient passes, so that no pixel is stuck there; beyond twice the range, only what leads back. D sees
    none of it, so nothing else ends it: G's pixels ran away to hundreds of times the range, and a few faces
    had all of its gradient.
    """

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, output_range: tuple[float, float]) -> Tensor:
        ctx.save_for_backward(pictures)
        ctx.output_range = output_range
        return pictures.clamp(*output_range)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (pictures,) = ctx.saved_tensors
        low, high = ctx.output_range
        beyond = pictures - pictures.clamp(low, high)
        outward = (beyond.abs() > (high - low) / 2) & (beyond * gradient < 0)  # descent goes against it
        return torch.where(beyond == 0, gradient, 0.1 * gradient).masked_fill(outward, 0.0), None


def _accuracy(real: Tensor, fake: Tensor, loss: str) -> dict[str, Tensor]:
    """Return the share of each kind that D calls rightly; a relativistic D's zero is between the means."""
    border = (real.mean() + fake.mean()) / 2 if loss == "relativistic" else real.new_zeros(())
    return {
        "accuracy_real": (real > border).float().mean(),
        "accuracy_fake": (fake < border).float().mean(),
    }
