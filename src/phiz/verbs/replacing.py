"""What `--force` puts aside: the run that was there lies beside the new one until that is finished."""

from __future__ import annotations

import errno
from pathlib import Path

from phiz import artefacts, stopping
from phiz.errors import PhizError


class Aside:
    """Where the runs lie that a new one at `folder` replaces; a link to a run stays a link.

    `old` is the one that was finished, or the first of those that were not. `unfinished` is one that was to
    replace it and is replaced itself; it goes as soon as the newest run is planned.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, artefacts.real(folder)
        self.old = artefacts.beside(self.place)
        self.unfinished = self.place.with_name(f".{self.place.name}.unfinished")

    @property
    def newest(self) -> Path | None:
        """The run that comes back where the new one cannot even be planned."""
        return next((path for path in (self.unfinished, self.old) if _holds_a_run(path)), None)

    def put(self) -> None:
        """Put aside what is there, and leave an empty folder.

        Raises:
            PhizError: something else lies where it would go, or it is a mount.
            Surroundings: the disk fails.
        """
        from phiz.training import run as runs

        for place in (self.old, self.unfinished):
            artefacts.check_free(place, "run")
        with artefacts.disk(self.folder):
            if artefacts.unwritten(self.place):
                return
            if self.newest and not runs.begun(self.place):  # killed on its way
                artefacts.discard(self.place)
            else:
                whole = _holds_a_run(self.old) and not runs.done(self.place)
                self._move(self.unfinished if whole else self.old)
            self.place.mkdir(exist_ok=True)

    def _move(self, to: Path) -> None:
        artefacts.discard(to)
        try:
            self.place.replace(to)
        except OSError as fault:
            if fault.errno not in (errno.EBUSY, errno.EXDEV):
                raise
            raise PhizError(
                f"{self.folder} is a mount, which cannot be moved aside: name a folder in it."
            ) from None

    def restore(self) -> None:
        """Remove the new run and put back what was there."""
        with stopping.signals(), artefacts.disk(self.folder):  # a signal waits for it
            newest = self.newest
            artefacts.discard(self.place)
            if newest:
                newest.replace(self.place)
            elif self.folder.is_symlink():
                self.place.mkdir(exist_ok=True)

    def drop(self, path: Path) -> None:
        """Remove one of the runs that lie aside, if it is one."""
        if _holds_a_run(path):
            artefacts.discard(path)


def _holds_a_run(path: Path) -> bool:
    return not path.is_symlink() and artefacts.kind_of(path) == "run"
