"""Planning: who is to be told of a booking's changes, and when."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct, structs

from calbell.domain.booking import Booking, Change
from calbell.domain.deadlines import held_until
from calbell.domain.notification import BookingFacts, Planned, Suppression
from calbell.domain.people import Directory, Person, Role, User
from calbell.domain.preferences import Choices, Preferences, effective
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import (
    AFTERMATH,
    DETAILS,
    REPLACED_BY_NEWER,
    STATE_NEWS,
    PushEvent,
)
from calbell.domain.quiet_hours import QuietHours

FRESH_FOR = timedelta(days=1)
"""News is stale a day after its event at the latest (interface.md section 5)."""


GATHERED_FOR = timedelta(seconds=2)
GATHERED = frozenset(
    {
        PushEvent.BOOKING_REQUESTED,
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_SEAT_CANCELLED,
    }
)
"""News that comes several at once: it waits so long for its like, and no other news waits."""

MOST_NAMED = 3
"""Hosts and attendees that the facts name: words name a few, and a booking may have thousands."""

_Key: TypeAlias = tuple[int, PushEvent, datetime]


class Rules(Struct, frozen=True):
    """What the operator decided about who is told what.

    The rest is what counts for those who have not chosen otherwise; `privacy` nobody can loosen.
    """

    roles: frozenset[Role] = frozenset(Role)
    reminders: tuple[timedelta, ...] = ()
    quiet_hours: QuietHours | None = None
    privacy: Privacy = Privacy.FULL

    @property
    def defaults(self) -> Preferences:
        """What counts for whoever has not chosen anything."""
        return Preferences(
            reminders=self.reminders, quiet_hours=self.quiet_hours, privacy=self.privacy
        )

    def wishes_of(self, choices: Choices | None, time_zone: str) -> Preferences:
        """What counts for a user who chose this and lives there."""
        return effective(choices, self.defaults, time_zone)


class Waiting(Struct, frozen=True):
    """A notification of this booking that waits for its time."""

    id: int
    planned: Planned


class Plan(Struct, frozen=True):
    """What to do about the notifications of a booking: say `news` now, not say what is `unwanted`,
    add `reminders`, and end what waits under `superseded`. `ends_news` says that earlier news of
    the booking which has not left yet is no longer true."""

    news: tuple[Planned, ...]
    unwanted: tuple[tuple[Planned, Suppression], ...]
    reminders: tuple[Planned, ...]
    superseded: tuple[int, ...]
    ends_news: bool


def plan(
    booking: Booking,
    changes: Iterable[Change],
    directory: Directory,
    waiting: Iterable[Waiting],
    rules: Rules,
    *,
    heard: Collection[int] = (),
    event_at: datetime,
    now: datetime,
) -> Plan:
    """The notifications that should exist after these changes, compared with those that wait.

    News is due at once, but for what may be told together. Reminders that are still right are left
    as they are, so that planning twice changes nothing. One whose time has come is not begun any
    more; one that waited for it is still said. Whether reminders are switched off is judged at
    their time. `heard` are users who were told of the booking before.
    """
    changes, waiting, defaults = tuple(changes), tuple(waiting), rules.defaults
    ends_news = booking.replaced_by_uid is not None or any(map(_ends_earlier_news, changes))
    fresh_until = min(event_at, now) + FRESH_FOR
    news: dict[_Key, Planned] = {}
    unwanted: dict[_Key, tuple[Planned, Suppression]] = {}
    told = tuple(recipients(booking, directory, rules.roles))
    for change in changes:
        concerned: Iterable[tuple[User, Role]] = told
        if change.attendee is not None:
            concerned = recipients(_of_a_seat(booking, change.attendee), directory, rules.roles)
        for user, item in _news(booking, change, concerned, fresh_until, now):
            # Of several seats that one event fills, a user is told once.
            against = _against(change, user, defaults)
            if against is None and user.id not in heard and _is_unheard(booking, item, waiting):
                against = Suppression.NEVER_HEARD
            if against is None:
                news.setdefault(_key(item), item)
            else:
                unwanted.setdefault(_key(item), (item, against))
    wanted = {_key(item): item for item in _reminders(booking, told, defaults)}
    waited = {_key(item.planned): item.planned for item in waiting}
    return Plan(
        news=tuple(news.values()),
        unwanted=tuple(item for key, item in unwanted.items() if key not in news),
        reminders=tuple(
            item
            for key, item in wanted.items()
            if waited.get(key) != item and (key in waited or item.due_at > now)
        ),
        superseded=tuple(
            item.id
            for item in waiting
            if (
                wanted.get(_key(item.planned)) != item.planned
                if item.planned.kind is PushEvent.BOOKING_REMINDER
                else _is_outdated(item.planned, booking, changes, ends_news=ends_news)
            )
        ),
        ends_news=ends_news,
    )


def _against(change: Change, user: User, defaults: Preferences) -> Suppression | None:
    """Why the user does not want to be told of the change."""
    wishes = effective(user.choices, defaults, user.time_zone)
    if change.actor in user.addresses and not wishes.own_actions:
        return Suppression.OWN_ACTION
    return None if wishes.wants(change.kind) else Suppression.SWITCHED_OFF


def _is_unheard(booking: Booking, news: Planned, waiting: Iterable[Waiting]) -> bool:
    """Whether it cancels what was booked within the same quiet hours: to a host the booking never
    was. An attendee knows of it, as he has booked it."""
    is_whole = news.kind is PushEvent.BOOKING_CANCELLED and booking.seats is None
    if not is_whole or news.role is Role.ATTENDEE or not booking.is_news_by_itself:
        return False
    return any(
        one.planned.held
        and one.planned.user_id == news.user_id
        and one.planned.kind is PushEvent.BOOKING_CONFIRMED
        for one in waiting
    )


def _is_outdated(
    news: Planned, booking: Booking, changes: Iterable[Change], *, ends_news: bool
) -> bool:
    """Whether news that waits is not true any more, or does not matter any more."""
    if ends_news and news.kind in STATE_NEWS:
        return True
    if news.kind in DETAILS and ends_news and booking.is_over:
        return True
    if news.kind in REPLACED_BY_NEWER and any(change.kind is news.kind for change in changes):
        return True
    seat = news.facts.attendee
    return seat is not None and any(
        change.attendee is not None and change.attendee.email == seat.email for change in changes
    )


def recipients(
    booking: Booking, directory: Directory, roles: frozenset[Role]
) -> Iterator[tuple[User, Role]]:
    """Organizer, hosts, then attendees who are users here, each once: the first role wins."""
    seen: set[int] = set()
    organizer = (booking.organizer,) if booking.organizer else ()
    ranked = (
        (Role.ORGANIZER, (directory.find(person) for person in organizer)),
        (Role.HOST, (directory.find(person) for person in booking.hosts)),
        (Role.ATTENDEE, (directory.find_attendee(person) for person in booking.attendees)),
    )
    for role, users in ranked:
        for user in users:
            if user is not None and user.id not in seen:
                seen.add(user.id)
                if role in roles:
                    yield user, role


def _news(
    booking: Booking,
    change: Change,
    told: Iterable[tuple[User, Role]],
    fresh_until: datetime,
    now: datetime,
) -> Iterator[tuple[User, Planned]]:
    ends_at = booking.times.end_at if booking.times and change.kind not in AFTERMATH else None
    expires_at = min(fresh_until, ends_at) if ends_at else fresh_until
    facts = facts_of(booking, change)
    together = _together(booking, change)
    if together is not None:
        facts = structs.replace(facts, together=together)
    due_at = now if together is None else now + GATHERED_FOR
    for user, role in told:
        yield (
            user,
            Planned(
                user_id=user.id,
                role=role,
                kind=change.kind,
                due_at=due_at,
                expires_at=expires_at,
                facts=facts,
            ),
        )


def _together(booking: Booking, change: Change) -> str | None:
    """What news has in common that is told in one line where it comes within `GATHERED_FOR`: seats
    of one booking, or occurrences of what one person booked with another."""
    if change.kind not in GATHERED:
        return None
    if booking.seats is not None:
        return f"seats of {booking.uid}"
    if change.is_of_a_series and booking.organizer is not None and booking.attendees:
        host, booker = booking.organizer, booking.attendees[0]
        return f"series of {host.user_id or host.email} and {booker.email}: {booking.title}"
    return None


def _of_a_seat(booking: Booking, attendee: Person) -> Booking:
    """A seat is its attendee's own matter, also when he has just given it up: the other attendees
    are not told."""
    return structs.replace(booking, attendees=(attendee,))


def _reminders(
    booking: Booking, told: Iterable[tuple[User, Role]], defaults: Preferences
) -> Iterator[Planned]:
    if not booking.stands or booking.times is None:
        return
    wishing = [
        (user, role, wishes)
        for user, role in told
        if (wishes := effective(user.choices, defaults, user.time_zone)).reminders
    ]
    if not wishing:
        return
    kind, start_at = PushEvent.BOOKING_REMINDER, booking.times.start_at
    facts = _lasting(facts_of(booking, None))
    for user, role, wishes in wishing:
        for span in wishes.reminders:
            due_at = start_at - span
            # Several that are held for the same quiet hours are one.
            until = held_until(kind, facts, start_at, wishes.quiet_hours, due_at)
            yield Planned(
                user_id=user.id,
                role=role,
                kind=kind,
                due_at=until or due_at,
                expires_at=start_at,
                facts=facts,
                held=until is not None,
            )


def facts_of(booking: Booking, change: Change | None) -> BookingFacts:
    """What the words about the booking, or about a change of it, are made from."""
    return BookingFacts(
        uid=booking.uid,
        title=booking.title,
        times=booking.times,
        old_times=change.old_times if change else None,
        place=booking.place,
        old_place=change.old_place if change else None,
        organizer=booking.organizer,
        old_organizer=change.old_organizer if change else None,
        hosts=booking.hosts[:MOST_NAMED],
        attendees=booking.attendees[:MOST_NAMED],
        attendee_count=len(booking.attendees),
        attendee=change.attendee if change else None,
        added=change.added if change else (),
        seats=booking.seats,
        reason=change.reason if change else None,
        payment=change.payment if change else None,
    )


def _lasting(facts: BookingFacts) -> BookingFacts:
    """What a reminder says of who comes, so that it need not be planned anew for every seat."""
    return structs.replace(
        facts, hosts=(), attendees=facts.attendees[:1], attendee_count=0, seats=None
    )


def _key(item: Planned) -> _Key:
    return item.user_id, item.kind, item.due_at


def _ends_earlier_news(change: Change) -> bool:
    """A seat's news ends nobody else's; but the last seat that is given up cancels the booking."""
    is_whole = change.attendee is None or change.kind is PushEvent.BOOKING_CANCELLED
    return change.kind in STATE_NEWS and is_whole
