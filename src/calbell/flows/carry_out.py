"""Carry out: all that another Calbell needs to go on from here, as the lines of a file."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from calbell.domain.carried import type_of
from calbell.domain.carried_file import Writing
from calbell.store import carried_bookings, carried_devices, carried_people
from calbell.store.connection import Connection

AT_ONCE = 5_000


def carry_out(
    connection: Connection,
    write: Callable[[bytes], None],
    now: datetime,
    progress: Callable[[int, int], None],
) -> dict[str, int]:
    """The whole file was written, as everything was at one moment; how many records of each type.

    `progress` is told how many of how many records were written.
    """
    writing, written = Writing(), 0
    with connection.snapshot():
        total = sum(carried_people.counts(connection))
        total += carried_bookings.count_to_come(connection, now)
        write(writing.header(now))
        for records in _pages(connection, now):
            write(writing.lines(type_of(records[0]), records))
            written += len(records)
            progress(written, total)
    write(writing.footer())
    return writing.counts


def _pages(connection: Connection, now: datetime) -> Iterator[Sequence[Struct]]:
    """Everything, some thousand records of one type at a time: whom others name before them."""
    after = 0
    while users := carried_people.page_of_users(connection, after, AT_ONCE):
        yield users
        after = users[-1].id
    after = 0
    while keys := carried_people.page_of_keys(connection, after, AT_ONCE):
        yield keys
        after = keys[-1].id
    after = 0
    while devices := carried_devices.page(connection, after, AT_ONCE):
        yield devices
        after = devices[-1].id or 0
    if sources := carried_people.all_sources(connection):
        yield sources
    after = 0
    while found := carried_bookings.page_to_come(connection, after, AT_ONCE, now):
        yield [one.carried for one in found]
        after = found[-1].id
