"""A bar on stderr that shows how far a long command is, on a terminal; elsewhere there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_OFTEN_ENOUGH = 1 << 20
"""Bytes: drawing for every line would take longer than reading it."""


class Bar:
    """One line for each step of the command."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @classmethod
    @contextmanager
    def shown(cls) -> Iterator["Bar"]:
        """A bar that is there until the block ends."""
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Progress(
            *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
        ) as progress:
            yield cls(progress)

    def say(self, line: str) -> None:
        """A line on stderr, above the bar where there is one."""
        self._progress.console.print(line, markup=False)

    def advancing(self, step: str, size: int) -> Callable[[int], None]:
        """A step through so many bytes; to be told of each that were read."""
        task, waiting = self._progress.add_task(step, total=size), 0

        def advance(number: int) -> None:
            nonlocal waiting
            waiting += number
            if waiting >= _OFTEN_ENOUGH:
                self._progress.advance(task, waiting)
                waiting = 0

        return advance

    def counting(self, step: str) -> Callable[[int, int], None]:
        """A step through so many things; to be told how many were done of how many."""
        task = self._progress.add_task(step, total=None)

        def count(done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=total)

        return count
