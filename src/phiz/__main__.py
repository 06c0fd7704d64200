"""`phiz` and `python -m phiz`."""

from phiz.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
