"""`calbell backup`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from calbell.cli.context import settings
from calbell.cli.failures import Failure, Misuse
from calbell.cli.output import out
from calbell.flows.clocks import system_clock
from calbell.store import file_copies
from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine


def backup(file: Path, /, *, force: Annotated[bool, Parameter(negative="")] = False) -> int:
    """A consistent copy of a SQLite database, also while it serves.

    The copy is one file, checked and on disk when the command ends, and its owner's alone: it holds
    push tokens and addresses. It knows when it was made; `calbell serve --restored` serves it
    instead of a lost original. On PostgreSQL, pg_dump does this: the command is named.

    Parameters
    ----------
    file
        Where the copy is to be.
    force
        Replace a file that is there already.
    """
    engine = engine_of(settings().database_url)
    if not isinstance(engine, SqliteEngine):
        raise Misuse(f"backup copies SQLite files; on PostgreSQL: {engine.dump_command(file)}")
    source = Path(engine.path)
    if file.exists() and source.exists() and file.samefile(source):
        raise Misuse(f"{file} is the database itself: choose another name for the copy")
    if file.is_dir():
        raise Misuse(f"{file} is a folder: name a file in it")
    with _told() as progress:
        try:
            made = file_copies.copy(source, file, system_clock, progress, replace=force)
        except FileExistsError:
            raise Failure(f"{file} is there already: choose another name, or --force") from None
    out(f"{made.path}: {made.size / 1e6:.1f} MB, as of {made.made_at:%Y-%m-%d %H:%M:%S} UTC")
    return 0


@contextmanager
def _told() -> Iterator[file_copies.Progress]:
    """How far it is, on a terminal."""
    columns = (TextColumn("copying"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        line = bar.add_task("", total=None)
        yield lambda done, pages: bar.update(line, completed=done, total=pages)
