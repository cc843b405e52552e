"""A small world of values: one booking, its people, what is heard of it, and who is a user."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct, structs

from calbell.domain.booking import Booking, Change, Status
from calbell.domain.events import BookingEvent, EventKind, TimeSpan
from calbell.domain.fold import fold
from calbell.domain.notification import BookingFacts, Planned
from calbell.domain.people import Directory, Person, Role, User
from calbell.domain.plan import Plan, Rules, Waiting, plan
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform, SubscribedPhone
from calbell.domain.wording import Reader, Voice, Words, words

UID = "booking-1"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def half_hour(start_at: datetime) -> TimeSpan:
    return TimeSpan(start_at, start_at + 30 * MINUTE)


MONDAY = half_hour(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
TUESDAY = half_hour(datetime(2026, 11, 24, 15, 0, tzinfo=UTC))

ADA = Person("ada@example.com", "Ada Host", 7)
BOB = Person("bob@example.com", "Bob Guest")
CYD = Person("cyd@example.com", "Cyd Guest")
DAN = Person("dan@example.com", "Dan Cohost", 9)

CREATED, REQUESTED, RESCHEDULED, CANCELLED, REJECTED = (
    EventKind.CREATED,
    EventKind.REQUESTED,
    EventKind.RESCHEDULED,
    EventKind.CANCELLED,
    EventKind.REJECTED,
)


def event(kind: EventKind, minute: float = 0, **more: object) -> BookingEvent:
    """An event of the one booking, sent `minute` minutes from now."""
    plain = BookingEvent(
        kind=kind,
        uid=UID,
        sent_at=NOW + minute * MINUTE,
        title="Intro",
        times=MONDAY,
        organizer=ADA,
        attendees=(BOB,),
    )
    return structs.replace(plain, **more)


def move_to(uid: str, minute: float = 5, **more: object) -> BookingEvent:
    """The one booking was moved to another uid."""
    return event(RESCHEDULED, minute, uid=uid, old_uid=UID, times=TUESDAY, **more)


def seat(kind: EventKind, attendee: Person, minute: float = 0, **more: object) -> BookingEvent:
    """An event of one attendee of a booking that several may book."""
    return event(kind, minute, attendees=(attendee,), seats=10, **more)


def copy(of: BookingEvent, seconds: float = 1) -> BookingEvent:
    """What another webhook says of the same: other bytes, sent a little later."""
    return structs.replace(of, sent_at=of.sent_at + timedelta(seconds=seconds))


def later(of: BookingEvent, minute: float, **more: object) -> BookingEvent:
    """The same with another time of sending, and whatever else differs."""
    return structs.replace(of, sent_at=NOW + minute * MINUTE, **more)


class Heard(Struct, frozen=True):
    """What became of a booking, and all that was told."""

    booking: Booking
    changes: tuple[Change, ...]

    @property
    def kinds(self) -> list[PushEvent]:
        return [change.kind for change in self.changes]


def hear(*events: BookingEvent, booking: Booking | None = None) -> Heard:
    """The events are folded one after the other."""
    booking = booking or Booking(uid=UID)
    changes: list[Change] = []
    for one in events:
        folded = fold(booking, one)
        booking = folded.booking
        changes += folded.changes
    return Heard(booking, tuple(changes))


def standing(**more: object) -> Booking:
    """A booking that will take place."""
    plain = Booking(
        uid=UID,
        status=Status.ACCEPTED,
        title="Intro",
        times=MONDAY,
        organizer=ADA,
        attendees=(BOB,),
        version=1,
    )
    return structs.replace(plain, **more)


def user(id_: int, *addresses: str) -> User:
    return User(id_, addresses=frozenset(addresses or (f"user{id_}@example.com",)))


ADA_USER = user(7, "ada@example.com", "ada@private.example")
BOB_USER = user(8, "bob@example.com")
DAN_USER = user(9, "dan@example.com")
CYD_USER = user(10, "cyd@example.com")


def directory(*users: User) -> Directory:
    return Directory(
        {one.id: one for one in users},
        {address: one for one in users for address in one.addresses},
    )


EVERYBODY = directory(ADA_USER, BOB_USER, CYD_USER, DAN_USER)


def planned_for(
    booking: Booking,
    *changes: Change,
    users: Directory = EVERYBODY,
    waiting: Iterable[Waiting] = (),
    rules: Rules | None = None,
    event_at: datetime = NOW,
    now: datetime = NOW,
) -> Plan:
    return plan(booking, changes, users, waiting, rules or Rules(), event_at=event_at, now=now)


def after(waiting: Iterable[Waiting], made: Plan) -> list[Waiting]:
    """What waits once the plan is carried out."""
    kept = [item for item in waiting if item.id not in made.superseded]
    first = max((item.id for item in kept), default=0) + 1
    return kept + [Waiting(first + nth, item) for nth, item in enumerate(made.reminders)]


def told(made: Plan) -> list[tuple[int, Role]]:
    return [(item.user_id, item.role) for item in made.news]


def news(kind: PushEvent = PushEvent.BOOKING_CONFIRMED, **more: object) -> Planned:
    """A notification of the one booking that is due now."""
    plain = Planned(
        user_id=7,
        role=Role.ORGANIZER,
        kind=kind,
        due_at=NOW,
        expires_at=NOW + DAY,
        facts=facts(),
    )
    return structs.replace(plain, **more)


def facts(**more: object) -> BookingFacts:
    plain = BookingFacts(uid=UID, title="Intro", times=MONDAY, organizer=ADA, attendees=(BOB,))
    return structs.replace(plain, **more)


def reader(role: Role = Role.ORGANIZER, **more: object) -> Reader:
    return structs.replace(Reader(role, "UTC", "en", 24), **more)


VOICE = Voice()


def said(
    kind: PushEvent,
    about: BookingFacts | None = None,
    to: Reader | None = None,
    voice: Voice = VOICE,
    now: datetime = NOW,
) -> Words:
    """What is said of the one booking, in the words there are without an operator's own."""
    return words(kind, about or facts(), to or reader(), voice, now)


def phone(id_: int = 1, **more: object) -> SubscribedPhone:
    """A phone of user 7 that can be rung."""
    plain = SubscribedPhone(id_, 7, id_, Platform.IOS, 1, 7, False)
    return structs.replace(plain, **more)
