"""What commands print on stdout."""

import sys

from rich.console import Console, RenderableType


def show(renderable: RenderableType) -> None:
    """A table or text, as wide as the terminal; as wide as it needs to be elsewhere."""
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, highlight=False).print(renderable)


def out(line: str) -> None:
    """One line exactly as it is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def narrate(text: str, *, markup: bool = True) -> None:
    """A line or more of a story that is told as it happens."""
    Console(file=sys.stdout, soft_wrap=True, highlight=False).print(text, markup=markup)
    sys.stdout.flush()
