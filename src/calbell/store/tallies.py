"""Tallies: how many there were of what, hour by hour.

Nothing that is hot counts anything. Rows are counted afterwards, by their ids, a few thousand at a
time; what was counted stays when the rows are forgotten. A delivery counts in the hour in which it
was made, under the state that it has come to, so that its hour is counted again until it can change
no more.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from calbell.store.connection import Connection
from calbell.store.statements import Statement, load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("tallies")

HOUR = timedelta(hours=1)
_HOUR_MS = 3_600_000

DOUBLED = "doubled"
COUNTED = "counted"
PHONES = "phones"
PHONES_NOW = "phones_now"
"""Names under which things are counted. The last one is not a count of what happened in an hour but
of what there was at its end."""


class Family(Struct, frozen=True):
    """Something that is counted, in a table whose ids grow with time."""

    name: str
    tally: Statement
    age: Statement
    newest: Statement


FAMILIES = (
    Family(
        "deliveries", _SQL["tally_deliveries"], _SQL["age_of_deliveries"], _SQL["newest_delivery"]
    ),
    Family(
        "notifications",
        _SQL["tally_notifications"],
        _SQL["age_of_notifications"],
        _SQL["newest_notification"],
    ),
    Family("events", _SQL["tally_events"], _SQL["age_of_events"], _SQL["newest_event"]),
    Family(
        PHONES,
        _SQL["tally_subscriptions"],
        _SQL["age_of_subscriptions"],
        _SQL["newest_subscription"],
    ),
)

Key = tuple[int, str, str]
"""An hour, counted since 1970; what was counted; and of which kind."""


class Page(Struct, frozen=True):
    """Some rows, counted. `after` is the id to go on from; `None`: these were the last."""

    counts: Mapping[Key, int]
    after: int | None


class Tallied(Struct, frozen=True):
    """What was counted: numbers by hour and label, of each name; and when."""

    counts: Mapping[str, Mapping[tuple[datetime, str], int]]
    counted_at: datetime | None

    def newest(self, name: str) -> dict[str, int]:
        """What was counted last, by label."""
        found: dict[str, int] = {}
        for (_, label), number in sorted(self.counts.get(name, {}).items()):
            found[label] = number
        return found

    def total(self, name: str, since: datetime) -> dict[str, int]:
        """How many there were since then, by label."""
        found: dict[str, int] = {}
        for (hour, label), number in self.counts.get(name, {}).items():
            if hour >= since:
                found[label] = found.get(label, 0) + number
        return found


def hour_of(at: datetime) -> int:
    """The hour, counted since 1970."""
    return to_ms(at) // _HOUR_MS


def first_since(connection: Connection, family: Family, since: datetime) -> int:
    """An id from which on everything is that young, found by halves: ids grow with time, or nearly.
    Whoever counts looks at the hours as well."""
    ((newest,),) = connection.run(family.newest)
    low, high, wanted = 0, (newest or 0) + 1, to_ms(since)
    while low < high:
        middle = (low + high) // 2
        rows = connection.run(family.age, id=middle)
        if rows and rows[0][1] < wanted:
            low = max(rows[0][0], middle) + 1
        else:
            high = middle
    return low


def page(connection: Connection, family: Family, after: int, number: int) -> Page:
    """The next rows, at most `number`, from this id on."""
    rows = connection.run(family.tally, id=after, number=number)
    counts: dict[Key, int] = {}
    for hour, label, count, doubled, _ in rows:
        counts[hour, family.name, label] = count
        if doubled:
            key = (hour, DOUBLED, "")
            counts[key] = counts.get(key, 0) + doubled
    is_last = sum(row[2] for row in rows) < number
    return Page(counts, None if is_last else max(row[4] for row in rows) + 1)


def save(
    connection: Connection,
    counts: Mapping[Key, int],
    since: datetime,
    full_at: datetime,
    now: datetime,
) -> None:
    """One unit of work: from this hour on there was as much as was counted, and no more. `full_at`
    is when so much was counted that nothing older can have changed."""
    first = hour_of(since)
    for name in (*(family.name for family in FAMILIES), DOUBLED):
        connection.run(_SQL["drop_tallies"], name=name, since=first)
    rows = [(*key, count) for key, count in sorted(counts.items()) if key[0] >= first]
    rows += [(0, COUNTED, "now", to_ms(now)), (0, COUNTED, "full", to_ms(full_at))]
    connection.each(_SQL["save_tallies"], rows)


def forget(connection: Connection, before: datetime) -> None:
    """What was counted of earlier hours is gone."""
    connection.run(_SQL["forget_tallies"], before=hour_of(before))


def last(connection: Connection) -> tuple[datetime | None, datetime | None]:
    """When it was counted last, and when last so much that nothing older can have changed."""
    kept: dict[str, int] = dict(connection.run(_SQL["last_tally"]))
    return maybe_from_ms(kept.get("now")), maybe_from_ms(kept.get("full"))


def read(connection: Connection, since: datetime) -> Tallied:
    """What was counted from this hour on."""
    found: dict[str, dict[tuple[datetime, str], int]] = {}
    for hour, name, label, count in connection.run(_SQL["hourly_tallies"], since=hour_of(since)):
        found.setdefault(name, {})[from_ms(hour * _HOUR_MS), label] = count
    return Tallied(found, last(connection)[0])


def start_of_hour(at: datetime) -> datetime:
    """The hour in which it is."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
