"""`calbell export` and `calbell import`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, TypeAlias

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from calbell.choices import policy_of
from calbell.cli.bar import Bar
from calbell.cli.context import database, settings
from calbell.cli.failures import Failure
from calbell.cli.output import out, show
from calbell.domain.carried_file import BrokenFile
from calbell.domain.newer import Outcome
from calbell.flows import bring, carry_in
from calbell.flows.carry_in import CarryIn, Refusal
from calbell.flows.carry_out import carry_out
from calbell.flows.clocks import system_clock
from calbell.flows.own_copy import own_copy

STANDARD = "-"
MOST_IN_JSON = 1_000
"""Refusals that `--json` names; all of them are on stderr."""


def _is_a_file(_: object, file: str) -> None:
    if file.startswith("-") and file != STANDARD:
        raise ValueError(f"{file} is neither an option nor a file: ./{file} would be one.")


File: TypeAlias = Annotated[str, Parameter(allow_leading_hyphen=True, validator=_is_a_file)]


class Imported(Struct, frozen=True, kw_only=True):
    """What `calbell import --json` prints."""

    dry_run: bool
    records: dict[str, dict[Outcome, int]]
    reminders: int
    refused: int
    refusals: list[Refusal]


def export(file: File, /, *, user: int | None = None, json: bool = False) -> int:
    """Write users, addresses, keys, devices, preferences, sources and bookings to come to a file.

    Everything is as it was at one moment, also while `calbell serve` runs. What was sent, and what
    is on its way, stays behind. `calbell import` takes the file in, on SQLite and on PostgreSQL;
    docs/reference/export-format.md describes it.

    The file holds secrets: webhook paths with their secrets, push tokens, names and addresses, and
    hashes of keys. It is made for its owner alone (mode 0600); keep it as you keep the database.

    Parameters
    ----------
    file
        Where to; a file of that name is replaced once the new one is whole. `-` is stdout.
    user
        Only what is kept of this user, for him to read: without secrets, hashes and what is
        others', and with bookings that are over. It cannot be imported.
    json
        Print the counts as JSON, for programs.
    """
    found, now = settings(), system_clock()
    with database(found) as units, _written(file) as write, Bar.shown() as bar:
        if user is None:
            counts = carry_out(units.connection, write, now, bar.counting("exporting"))
        else:
            own = own_copy(units.connection, user, write, now)
            if own is None:
                raise Failure(f"there is no user {user}")
            counts = own
    table = Table("type", "records")
    for type_, number in counts.items():
        table.add_row(type_, f"{number:,}")
    said = msgspec.json.encode(counts).decode() if json else table
    if file == STANDARD:
        Console(stderr=True, soft_wrap=True).print(said, markup=False)
    elif isinstance(said, str):
        out(said)
    else:
        show(said)
    return 0


def import_(file: File, /, *, dry_run: bool = False, json: bool = False) -> int:
    """Take in what `calbell export` wrote, or another system's table of push tokens.

    An export is read to its end before anything is changed: one that was cut or changed is refused.
    It can be taken in again, also after it was broken off: what is known already is left as it is,
    and so is what is newer here. Devices keep their ids and the time of their registration, keys
    open what they opened. What cannot be taken is listed with its line and the reason, and the
    command exits with 1. Reminders of the bookings are planned as the settings say.

    A table is CSV with the columns user_id, token, platform, device_id and, where there are any,
    email, name, time_zone, created_at, updated_at; docs/how-to/bring-your-tokens.md tells more.

    Parameters
    ----------
    file
        The file; `-` is stdin, which is kept in a temporary file until it was read to its end.
    dry_run
        Only say what would become of each record; nothing is changed.
    json
        Print the counts as JSON, for programs.
    """
    found, refusals = settings(), list[Refusal]()
    with _opened(file) as (source, file_at), Bar.shown() as bar:

        def tell(refusal: Refusal) -> None:
            if len(refusals) < MOST_IN_JSON:
                refusals.append(refusal)
            bar.say(f"line {refusal.line}: {refusal.reason}")

        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        is_export = source.read(1) == b"{"
        try:
            highest = _check(source, is_export, bar.advancing("checking", size))
        except BrokenFile as error:
            raise Failure(f"{_named(file)}, {error}; nothing was imported") from None
        importing = bar.advancing("importing", size)
        with database(found, makes=True) as units:
            rules, now = policy_of(found).rules, system_clock()
            carry = CarryIn(units.connection, rules, system_clock, tell, trial=dry_run)
            carry.make_room(highest)
            try:
                if is_export:
                    carry.take(carry_in.records_of(source, importing))
                else:
                    bring.bring(source, carry, file_at or now, now, importing)
            except BrokenFile as error:
                raise Failure(f"{_named(file)} was changed while it was read: {error}") from None
            carry.finish()
    done = Imported(
        dry_run=dry_run,
        records=carry.counts,
        reminders=carry.reminders,
        refused=carry.refused,
        refusals=refusals,
    )
    if json:
        out(msgspec.json.encode(done).decode())
    else:
        _show(done)
    return 1 if carry.refused else 0


def _check(source: BinaryIO, is_export: bool, progress: Callable[[int], None]) -> dict[str, int]:
    """The highest ids of a file that can be taken, by type; `BrokenFile` if it cannot."""
    if is_export:
        return carry_in.check(source, progress).highest
    bring.check(source, progress)
    return {}


def _show(done: Imported) -> None:
    table = Table("type", "added", "changed", "unchanged", "newer here", "refused")
    for type_, counts in done.records.items():
        table.add_row(type_, *(f"{counts[outcome]:,}" for outcome in Outcome))
    show(table)
    if done.dry_run:
        out("nothing was changed: this was a dry run")
    else:
        out(f"{done.reminders:,} reminders were planned")


def _named(file: str) -> str:
    return "stdin" if file == STANDARD else file


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, datetime | None]]:
    """The file, which can be read more than once, and when it was written, where that is known."""
    try:
        if file == STANDARD:
            with _spooled(sys.stdin.buffer) as spooled:
                yield spooled, None
            return
        with Path(file).open("rb") as opened:
            if not opened.seekable():
                with _spooled(opened) as spooled:
                    yield spooled, None
                return
            yield opened, datetime.fromtimestamp(int(os.fstat(opened.fileno()).st_mtime), UTC)
    except OSError as error:
        raise Failure(f"cannot read {_named(file)}: {error.strerror}") from None


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """All of the stream, in a file that has no name."""
    with TemporaryFile() as spooled:
        copyfileobj(stream, spooled)
        yield spooled


@contextmanager
def _written(file: str) -> Iterator[Callable[[bytes], None]]:
    """What is written becomes the file, on disk and its owner's alone, if all of it is written."""
    try:
        if file == STANDARD:
            yield lambda said: _all(sys.stdout.buffer, said)
            sys.stdout.buffer.flush()
            return
        target = Path(file).resolve()
        part = target.with_name(f"{target.name}.part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            try:
                yield lambda said: _all(opened, said)
                opened.flush()
                os.fsync(opened.fileno())
                part.replace(target)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None


def _all(file: BinaryIO, said: bytes) -> None:
    file.write(said)
