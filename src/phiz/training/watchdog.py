"""What watches a training: each line of metrics is looked at, and what stays wrong for long is said once.

A GAN has bad minutes: a D that is right every time, or never, mostly passes. So each look has a patience,
a share of the steps through which it must hold without a break, and what may yet pass is said as news, not
as a warning. What is seen is a function of the metrics alone and of a state that checkpoints hold, so that
a resumed training says what an uninterrupted one would; reading that takes too long is the exception.

Losses that are no numbers are another matter (phiz.training.loop): those steps are left out on the device,
counted, and rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Line = dict[str, Any]

ALIKE = 0.04
"""How far made faces of a batch lie apart, of what real faces do, below which they count as alike.

A DCGAN begins at 0.06 and stays there for its first hundreds of steps; one that is left with a single face
has less than 0.01."""

SURE, UNSURE = 0.998, 0.52
BY_HEART = 30  # times that D has seen each face
ASTRAY = 1.5  # times the least distance
_WAITING = 0.5  # of the time, for faces to be read
_STEPS, _REPORTS = 300, 5  # that a look must hold for at least: the first minutes are their own
_COLD = 100  # steps in which faces may be slow to come: their file is read for the first time


@dataclass(frozen=True)
class Look:
    """Something to look for: how to see it in a line of metrics, for how long, and what to say then.

    `patience` is a share of all steps, `least` a number of them; `after` is the share of them before which it
    is not looked for.
    """

    name: str
    sees: Callable[[Line], bool]
    patience: float
    says: str
    after: float = 0.0
    least: int = _STEPS


def _right(line: Line, least: float) -> bool:
    return min(line.get("accuracy_real", 0.0), line.get("accuracy_fake", 0.0)) >= least


LOOKS = (
    Look(
        "collapse",
        lambda line: line.get("variety", 1.0) < ALIKE,
        0.05,
        "The made faces are nearly all alike (collapse). If the samples show the same, stop and train anew "
        "with a stronger penalty, --set penalty.gamma=..., or lower rates.",
        after=0.1,
    ),
    Look(
        "overfitting",
        lambda line: line["passes"] > BY_HEART and _right(line, 0.97) and line.get("astray", False),
        0.05,
        "D seems to know the faces by heart, and the made faces get worse (overfitting). The best model so "
        "far is kept; more pictures help, or --set augment.adaptive=true.",
    ),
    Look(
        "D ahead",
        lambda line: _right(line, SURE),
        0.25,
        "For your information: D has told all faces apart for long. That may pass. If the samples no longer "
        "change, lower discriminator.rate or raise penalty.gamma with --set.",
        after=0.1,
    ),
    Look(
        "D behind",
        lambda line: 0 < line.get("accuracy_real", 1.0) + line.get("accuracy_fake", 1.0) <= 2 * UNSURE,
        0.25,
        "For your information: D has not told real from made faces for long. Good samples may be the reason. "
        "If they are bad, raise discriminator.rate or lower penalty.gamma with --set.",
        after=0.1,
    ),
    Look(
        "slow reading",
        lambda line: line.get("reading", 0.0) > _WAITING,
        0.05,
        "Most of the time goes into waiting for faces to be read. Put the face set on a quicker disk, one in "
        "this machine.",
        least=_COLD,
    ),
)


class Watch:
    """Looks at the lines of metrics of a training of `steps` steps on `faces` faces.

    Attributes:
        state: since which step each look has held and through how many lines, whether it was said, and the
            least distance evaluated; as JSON holds it, for the checkpoint.
    """

    def __init__(self, steps: int, faces: int, state: dict[str, Any] | None = None) -> None:
        self.steps, self.faces = steps, faces
        self.state: dict[str, Any] = state or {}

    def look(self, line: Line) -> dict[str, str]:
        """Return what is to be said of a new line of metrics: {name of the look: one plain line}."""
        seen = line | {"passes": line["images"] / max(1, self.faces), "astray": self._astray(line)}
        return {look.name: look.says for look in LOOKS if self._holds(look, seen)}

    def _holds(self, look: Look, line: Line) -> bool:
        if line["step"] < look.after * self.steps or not look.sees(line):
            self.state.pop(look.name, None)
            return False
        held = self.state.setdefault(look.name, {"since": line["step"], "lines": 0, "said": False})
        held["lines"] += 1
        held_for = line["step"] - held["since"]
        long = held_for >= max(look.patience * self.steps, look.least) and held["lines"] >= _REPORTS
        if held["said"] or not long:
            return False
        held["said"] = True
        return True

    def _astray(self, line: Line) -> bool:
        """Say whether the last distance evaluated is well above the least."""
        for name, value in line.items():
            if name.startswith("frechet_"):
                self.state["distance"] = value
                self.state["least"] = min(value, self.state.get("least", value))
        return "least" in self.state and self.state["distance"] > ASTRAY * self.state["least"]


def variety(made: Tensor, real: Tensor) -> Tensor:
    """Return how far the made faces of a batch lie apart, over how far the real ones (N, 3, H, W) do.

    Each is the median distance from a face to the nearest other, at 8 px. 1 is as varied as the data; 0 is
    the same face again and again, and stays so where there are several such faces. 1 where it cannot be told.
    Of a real face that a batch holds more than once, as those of few faces do, one copy counts.
    """
    with torch.no_grad():
        apart, of = _apart(made), _apart(real, copies=False)
        told = (of > 1e-6) & of.isfinite()
        return torch.where(told, apart / of.clamp(min=1e-6), torch.ones_like(of))


def _apart(pictures: Tensor, copies: bool = True) -> Tensor:
    flat = F.adaptive_avg_pool2d(pictures, min(8, pictures.shape[-1])).flatten(1)
    if len(flat) < 2:
        return flat.new_zeros(())
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    if not copies:
        distances = distances.masked_fill(distances < 1e-5, torch.inf)
    return distances.fill_diagonal_(torch.inf).min(1).values.median()
