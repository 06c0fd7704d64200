"""The command line: a command parses, calls one verb, prints.

Exit statuses are those of phiz.errors. An expected fault prints one line; `--debug` shows where it
came from. The commands stand in the modules below, in the order in which --help lists them.
"""

from __future__ import annotations

import io
import sys

from phiz import artefacts
from phiz.cli import gathering, learning, magnifying, publishing, weighing
from phiz.cli.common import app
from phiz.errors import PhizError, Surroundings
from phiz.screen import tell

__all__ = ["app", "gathering", "learning", "magnifying", "main", "publishing", "weighing"]


_INTERRUPTED = 130
"""The status with which Typer ends at Ctrl-C."""


def main() -> None:
    """Run the command line and leave with the exit status of what happened."""
    debug = "--debug" in sys.argv
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is a question mark, not a fault
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="phiz", standalone_mode=True)  # reads sys.argv, on Windows with wildcards spread out
    except PhizError as fault:
        if debug:
            raise
        tell(f"phiz: {fault}")
        sys.exit(fault.status)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            tell("phiz: stopped.")
        raise
    except Exception as fault:
        if debug:
            raise
        if isinstance(fault, OSError) and fault.errno in artefacts.FULL:
            tell(f"phiz: {fault.strerror}: make room, then give the same command again.")
            sys.exit(Surroundings.status)
        tell(f"phiz: unexpected {type(fault).__name__}: {fault} (--debug shows where)")
        sys.exit(1)
