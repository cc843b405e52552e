"""Retell: what came in is read once more, and what this program would say of it is compared with
what was said. Nothing is changed and nothing is sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from msgspec import Struct, field, structs

from calbell.domain.booking import Booking
from calbell.domain.comparison import Difference, Known, Side, Sort, Was, compared
from calbell.domain.people import Directory
from calbell.domain.retelling import Sighted, retold
from calbell.domain.seats import moves_of
from calbell.domain.veil import people_of
from calbell.domain.wording import Voice, Words
from calbell.flows.reread import Read, ReadPlain, in_order, is_erased, is_whole, read
from calbell.flows.surroundings import Policy
from calbell.store import bookings, events, history, users
from calbell.store.connection import Connection
from calbell.store.events import EventState
from calbell.store.history import KeptEvent, Place

AT_ONCE: Final = 100
"""Bookings that are in memory at one time, with all their events."""

PAGE: Final = 500

Progress: TypeAlias = Callable[[int, int], None]


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A difference, as it is shown: of an event as a whole, or of what one user is told because of
    it. Without `event_id`, something was said that no event led to."""

    sort: Sort = field(name="difference")
    event_id: str | None = None
    trigger: str | None = None
    uid: str | None = None
    user_id: int | None = None
    was: Side | None = None
    would: Side | None = None
    details: tuple[str, ...] = ()
    words: Words | None = None


class Counts(Struct, rename="camel"):
    """How many events were read, and what was found. `unknown` are events of bookings of which not
    all is kept that was ever heard, `uncertain` what was said to users, or of moves, of
    which something else is known since: of these nothing is compared."""

    events: int = 0
    same: int = 0
    unknown: int = 0
    uncertain: int = 0
    differences: dict[Sort, int] = field(default_factory=lambda: dict.fromkeys(Sort, 0))


class _Subject(Struct, frozen=True):
    """A booking: how it stands, if there is a row of it; what was heard of it alone, and of others
    that replace it; and what was said."""

    uid: str
    kept: Booking | None
    own: Sequence[Read]
    replacing: Sequence[Read]
    was: Sequence[Was]


class _Page(Struct, frozen=True):
    """Some bookings, and the users whom they concern."""

    subjects: Sequence[_Subject]
    directory: Directory
    known: Mapping[int, Known]


class Retell:
    """Goes through the events of a time, booking by booking.

    Each page is read as of one moment, so that it can be done while others take events in.
    """

    def __init__(
        self,
        connection: Connection,
        policy: Policy,
        voice: Voice,
        read_plain: ReadPlain,
        *,
        since: datetime,
        until: datetime,
    ) -> None:
        self._connection = connection
        self._policy = policy
        self._voice = voice
        self._read_plain = read_plain
        self._since = since
        self._until = until
        self._mended = dict[str, list[Read]]()
        self.counts = Counts()

    def differences(self, progress: Progress) -> Iterator[Found]:
        """Every difference in what came in from `since` until `until`. `progress` is told after
        each page how many events were read of how many."""
        with self._connection.snapshot():
            total = events.count_since(self._connection, self._since, self._until, unreadable=False)
        for untied in self._untied():
            yield from self._counted(self._readable(untied))
            progress(self.counts.events, total)
        for page in self._pages():
            for subject in page.subjects:
                yield from self._counted(self._of_booking(subject, page))
            progress(self.counts.events, total)

    def _counted(self, found: Iterable[Found]) -> Iterator[Found]:
        for one in found:
            self.counts.differences[one.sort] += 1
            yield one

    def _is_asked(self, at: datetime) -> bool:
        return self._since <= at < self._until

    # What belonged to no booking so far.

    def _untied(self) -> Iterator[list[KeptEvent]]:
        place = Place(self._since)
        while True:
            with self._connection.snapshot():
                untied = history.without_booking(self._connection, place, self._until, PAGE)
            yield untied
            if len(untied) < PAGE:
                return
            place = Place(untied[-1].received_at, untied[-1].id)

    def _readable(self, untied: Iterable[KeptEvent]) -> Iterator[Found]:
        """What tells something now, or can at least be read. It is kept for its booking."""
        for one in map(self._read, untied):
            self.counts.events += 1
            # There may be many, and none of their bodies is read again.
            light = structs.replace(one, kept=structs.replace(one.kept, raw=b""))
            for uid in {one.uid, one.replaces}:
                if uid is not None:
                    self._mended.setdefault(uid, []).append(light)
            was_unreadable = one.kept.state is EventState.UNREADABLE
            if one.said is not None or (was_unreadable and not one.is_unreadable):
                yield _of_event(Sort.READABLE, one, one.uid)

    # Bookings.

    def _pages(self) -> Iterator[_Page]:
        """All bookings of which something came in then; last those of which only what can be read
        now tells."""
        left, after = set(self._mended), 0
        while True:
            with self._connection.snapshot():
                turn = history.bookings_in_turn(
                    self._connection, self._since, self._until, after, AT_ONCE
                )
                page = self._page(bookings.by_ids(self._connection, (id_ for _, id_ in turn)), ())
            left -= {subject.uid for subject in page.subjects}
            yield page
            if len(turn) < AT_ONCE:
                break
            after = turn[-1][0]
        rest = sorted(left)
        for at in range(0, len(rest), AT_ONCE):
            uids = rest[at : at + AT_ONCE]
            with self._connection.snapshot():
                rows = bookings.rows_by_uid(self._connection, uids)
                page = self._page({one.id: one.booking for one in rows}, uids)
            yield page

    def _page(self, rows: Mapping[int, Booking], uids: Iterable[str]) -> _Page:
        """These bookings, and those with these uids of which there is no row."""
        own = history.events_of(self._connection, rows)
        moved = {uid for booking in rows.values() for uid, _ in moves_of(booking)}
        elsewhere = history.events_by_uid(self._connection, moved)
        was = history.told_of(self._connection, rows)
        subjects = [
            self._subject(booking.uid, booking, own[id_], elsewhere, was[id_])
            for id_, booking in rows.items()
        ]
        known = {booking.uid for booking in rows.values()}
        subjects += (self._subject(uid, None, (), {}, ()) for uid in uids if uid not in known)
        return self._with_people(self._with_replaced(subjects))

    def _subject(
        self,
        uid: str,
        kept: Booking | None,
        own: Iterable[KeptEvent],
        elsewhere: Mapping[str, Iterable[KeptEvent]],
        was: Sequence[Was],
    ) -> _Subject:
        moves = (
            self._read(one)
            for other, _ in (moves_of(kept) if kept else ())
            for one in elsewhere[other]
        )
        # One that was erased may have told of the move.
        replacing = (one for one in moves if one.replaces == uid or is_erased(one))
        mended = self._mended.get(uid, ())
        return _Subject(
            uid,
            kept,
            [*map(self._read, own), *(one for one in mended if one.uid == uid)],
            [*replacing, *(one for one in mended if one.replaces == uid)],
            was,
        )

    def _with_replaced(self, subjects: Sequence[_Subject]) -> Sequence[_Subject]:
        """What was looked up stands beside the bookings that it replaced."""
        replaced = {
            uid
            for subject in subjects
            for one in subject.own
            if isinstance(one.said, Sighted) and (uid := one.said.event.replaces) is not None
        }
        if not replaced:
            return subjects
        known = bookings.by_uids(self._connection, replaced)
        return [
            structs.replace(subject, own=[_beside(one, known) for one in subject.own])
            for subject in subjects
        ]

    def _with_people(self, subjects: Sequence[_Subject]) -> _Page:
        named = [
            person
            for subject in subjects
            for one in subject.own
            if one.event is not None
            for person in people_of(one.event)
        ]
        ids = {person.user_id for person in named if person.user_id is not None}
        ids |= {one.user_id for subject in subjects for one in subject.was}
        directory = users.directory(self._connection, ids, {person.email for person in named})
        since = history.users_since(self._connection, directory.by_id)
        known = {id_: Known(directory.by_id[id_], at) for id_, at in since.items()}
        return _Page(subjects, directory, known)

    def _of_booking(self, subject: _Subject, page: _Page) -> Iterator[Found]:
        asked = {one.kept.id: one for one in subject.own if self._is_asked(one.kept.received_at)}
        self.counts.events += sum(one.kept.booking_id is not None for one in asked.values())
        if subject.kept and not is_whole(subject.kept, subject.own, subject.replacing):
            self.counts.unknown += len(asked)
            return
        for one in asked.values():
            if one.said is None:
                yield _of_event(Sort.UNREADABLE, one, subject.uid)
        heard = in_order((*subject.own, *subject.replacing))
        would = retold(
            subject.uid, (one.heard for one in heard), page.directory, self._policy.rules
        )
        done = compared(
            subject.was,
            would,
            page.known,
            self._voice,
            lambda id_, at: self._is_asked(at) if id_ is None else id_ in asked,
        )
        self.counts.same += done.same
        self.counts.uncertain += done.uncertain
        for difference in done.differences:
            if _hangs_on_another(difference, asked):
                self.counts.uncertain += 1
            else:
                yield _of_user(difference, asked, subject.uid)

    def _read(self, kept: KeptEvent) -> Read:
        return read(kept, self._read_plain)


def _beside(one: Read, known: Mapping[str, Booking]) -> Read:
    if not isinstance(one.said, Sighted):
        return one
    replaced = known.get(one.said.event.replaces or "")
    return structs.replace(one, said=structs.replace(one.said, replaced=replaced))


def _hangs_on_another(difference: Difference, asked: Mapping[int, Read]) -> bool:
    """Whether all that differs is the time from which a booking that was looked up was moved:
    nobody keeps what was known of that then."""
    one = None if difference.event_id is None else asked.get(difference.event_id)
    is_sighted = one is not None and isinstance(one.said, Sighted)
    return is_sighted and difference.details == ("old_times",)


def _of_event(sort: Sort, one: Read, uid: str | None) -> Found:
    return Found(sort=sort, event_id=one.kept.public_id, trigger=one.kept.trigger or None, uid=uid)


def _of_user(difference: Difference, asked: Mapping[int, Read], uid: str) -> Found:
    one = None if difference.event_id is None else asked.get(difference.event_id)
    return Found(
        sort=difference.sort,
        event_id=None if one is None else one.kept.public_id,
        trigger=None if one is None else one.kept.trigger or None,
        uid=uid,
        user_id=difference.user_id,
        was=difference.was,
        would=difference.would,
        details=difference.details,
        words=difference.words,
    )
