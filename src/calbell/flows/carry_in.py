"""Carry in: what a file says is known here, some thousand records at a time.

Each list is one transaction. Broken off anywhere and run again, it ends as if it had run through:
what was taken already is unchanged the second time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO, Concatenate, ParamSpec, TypeAlias, TypeVar, assert_never

from msgspec import Struct

from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedKey,
    CarriedSource,
    CarriedUser,
    Record,
    type_of,
)
from calbell.domain.carried_file import LONGEST_LINE, Reading
from calbell.domain.newer import Outcome
from calbell.domain.plan import Rules
from calbell.flows import meet
from calbell.flows.meet import Became, Item
from calbell.flows.surroundings import Clock
from calbell.store import carried_ids, carried_people, preferences, projects
from calbell.store.connection import Connection, TryAgain
from calbell.store.database import MOST_TRIES, run_once

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 5_000
BOOKINGS_AT_ONCE = 500
"""A booking may have thousands of people, and each of them a reminder."""

_FIRST_STATISTICS = 20_000
_GROWN = 4
"""Statistics are gathered when the tables have grown so many times."""

Numbered: TypeAlias = tuple[int, Record]


class Refusal(Struct, frozen=True):
    """What was not taken, and why."""

    line: int
    reason: str


def check(file: BinaryIO, progress: Callable[[int], None]) -> Reading:
    """The file is whole and every line of it can be read, or else `BrokenFile`; what is in it.
    `progress` is told of bytes."""
    reading = Reading()
    for _ in _records(file, reading, progress):
        pass
    return reading


def records_of(file: BinaryIO, progress: Callable[[int], None]) -> Iterator[Numbered]:
    """The records of the file, each with the number of its line."""
    return _records(file, Reading(), progress)


def _records(
    file: BinaryIO, reading: Reading, progress: Callable[[int], None]
) -> Iterator[Numbered]:
    file.seek(0)
    while line := file.readline(LONGEST_LINE + 1):
        record = reading.line(line)
        progress(len(line))
        if record is not None:
            yield reading.number, record
    reading.end()


class CarryIn:
    """Takes records in. `tell` is told of each that is refused; `counts` says what became of the
    others too, by type. On `trial` it finds out what would become of them and changes nothing."""

    def __init__(
        self,
        connection: Connection,
        rules: Rules,
        clock: Clock,
        tell: Callable[[Refusal], None],
        *,
        trial: bool,
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._clock = clock
        self._tell = tell
        self._trial = trial
        self._promised = set[int]()
        self._project_ids = dict[str, int]()
        self._written = 0
        self._statistics_at = _FIRST_STATISTICS
        self.counts: dict[str, dict[Outcome, int]] = {}
        self.refused = 0
        self.reminders = 0

    def make_room(self, highest: Mapping[str, int]) -> None:
        """No id of the file is given to anything else from now on, by whoever works beside this."""
        if self._trial:
            return
        for type_ in carried_ids.TABLES:
            if highest.get(type_):
                self._run(carried_ids.give_out_above, type_, highest[type_])

    def known_user_ids(self, ids: Iterable[int]) -> set[int]:
        """Who of these is known, or would be by now."""
        wanted = set(ids)
        known = self._run(carried_people.known_user_ids, wanted)
        return known | (wanted & self._promised)

    def refuse(self, line: int, type_: str, reason: str) -> None:
        """What stands on this line cannot be taken."""
        self._count(type_, [Became(line, Outcome.REFUSED, reason)])

    def take(self, numbered: Iterable[Numbered]) -> None:
        """All these records were met, in lists of one type each."""
        for several in _lists(numbered):
            type_ = type_of(several[0][1])
            became = self._take(several)
            self._count(type_, became)
            self._written += sum(one.outcome in (Outcome.ADDED, Outcome.CHANGED) for one in became)
            if self._written >= self._statistics_at and not self._trial:
                # What was planned for empty tables would be kept while they grow.
                self._statistics_at = self._written * _GROWN
                self._run(carried_ids.gather_statistics)

    def finish(self) -> None:
        """Whoever is known now is reminded of all bookings to come in which he has a part."""
        if self._trial:
            return
        if self._written:
            self._run(carried_ids.gather_statistics)
        is_anybody = bool(self._rules.reminders) or self._run(preferences.anybody_chose)
        after: int | None = 0 if is_anybody else None
        while after is not None:
            after, added = self._run(
                meet.remind_page, after, BOOKINGS_AT_ONCE, self._rules, self._clock()
            )
            self.reminders += added

    def _take(self, several: Sequence[Numbered]) -> list[Became]:
        first = several[0][1]
        match first:
            case CarriedUser():
                users = [Item(n, r) for n, r in several if isinstance(r, CarriedUser)]
                became = self._run(meet.meet_users, users, self._clock(), self._trial)
                if self._trial:
                    lines = {one.line for one in became if one.outcome is Outcome.ADDED}
                    self._promised |= {one.record.id for one in users if one.line in lines}
                return became
            case CarriedKey():
                keys = [Item(n, r) for n, r in several if isinstance(r, CarriedKey)]
                return self._run(meet.meet_keys, keys, self._promised, self._trial)
            case CarriedSource():
                sources = [Item(n, r) for n, r in several if isinstance(r, CarriedSource)]
                return self._run(meet.meet_sources, sources, self._promised, self._trial)
            case CarriedDevice():
                devices = [Item(n, r) for n, r in several if isinstance(r, CarriedDevice)]
                self._learn(one.record.phone.project for one in devices)
                return self._run(
                    meet.meet_devices,
                    devices,
                    self._promised,
                    self._project_ids,
                    self._clock(),
                    self._trial,
                )
            case CarriedBooking():
                bookings = [Item(n, r) for n, r in several if isinstance(r, CarriedBooking)]
                became, reminders = self._run(
                    meet.meet_bookings, bookings, self._rules, self._clock(), self._trial
                )
                self.reminders += reminders
                return became
            case _:
                assert_never(first)

    def _learn(self, names: Iterable[str | None]) -> None:
        """The projects have rows; in a transaction of its own, because workers pass over a project
        whose row is locked."""
        new = {name for name in names if name is not None and name not in self._project_ids}
        if new and not self._trial:
            self._project_ids |= self._run(projects.know, new)

    def _count(self, type_: str, became: Iterable[Became]) -> None:
        counts = self.counts.setdefault(type_, dict.fromkeys(Outcome, 0))
        for one in became:
            counts[one.outcome] += 1
            if one.reason is not None:
                self.refused += 1
                self._tell(Refusal(one.line, one.reason))

    def _run(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The unit's result. It is tried again where somebody else made or locked the same rows."""
        for tries_left in reversed(range(MOST_TRIES)):
            try:
                return run_once(self._connection, unit, *args, **kwargs)
            except TryAgain:
                if not tries_left or not self._connection.is_usable():
                    raise
        raise AssertionError("a unit was tried no time at all")


def _lists(numbered: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """The records in their order, in lists of one type each."""
    source = iter(numbered)
    pending = next(source, None)
    while pending is not None:
        size = BOOKINGS_AT_ONCE if isinstance(pending[1], CarriedBooking) else AT_ONCE
        listed, type_ = [pending], type(pending[1])
        pending = None
        for one in islice(source, size - 1):
            if type(one[1]) is not type_:
                pending = one
                break
            listed.append(one)
        else:
            pending = next(source, None)
        yield listed
