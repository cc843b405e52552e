"""What was said of a past full of everything, and what a program would say of it: nothing differs
until texts, rules or settings do, and then exactly that."""

from datetime import datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from msgspec import structs

from calbell.api import plain_events
from calbell.calcom import webhooks
from calbell.choices import app_of
from calbell.config import Settings
from calbell.config.languages import read_languages
from calbell.domain import fold as domain_fold
from calbell.domain import retelling
from calbell.domain.backoff import Backoff
from calbell.domain.booking import Booking
from calbell.domain.comparison import Side, Sort
from calbell.domain.events import BookingEvent
from calbell.domain.fold import Fold
from calbell.domain.outcomes import Accepted, Tickets
from calbell.domain.people import Role
from calbell.domain.plan import Rules
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours
from calbell.domain.wording import Voice, texts_of
from calbell.flows import retell
from calbell.flows.choose import choose
from calbell.flows.claim import Pace, claim
from calbell.flows.complete import Sending
from calbell.flows.compose import App, compose
from calbell.flows.erase import remove_user
from calbell.flows.hear import incoming_plain, plain_key
from calbell.flows.receive import incoming_webhook
from calbell.flows.release import release_due
from calbell.flows.replay import take_in_again
from calbell.flows.report import keep_reports, report
from calbell.flows.retell import Counts, Found, Retell
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import TakenIn, take_in_many
from calbell.flows.welcome import keep_user
from calbell.store import history, removals
from calbell.store.connection import Connection
from calbell.store.events import EventState
from calbell.store.statements import load
from tests import payloads
from tests.contract.test_schema import query
from tests.contract.test_take_in import Intake
from tests.contract.world import NOW, profile

HOST, GUEST, COHOST, SLEEPER, NEWCOMER = 7, 8, 9, 10, 11
RULES = Rules(reminders=(timedelta(minutes=10), timedelta(hours=1)))
POLICY = Policy(RULES)
APP = app_of(Settings())
PACE = Pace(
    rate=0,
    requests=6,
    lease=timedelta(minutes=1),
    backoff=Backoff(timedelta(seconds=2), timedelta(minutes=5)),
    receipt_delay=timedelta(),
)
START = NOW + timedelta(days=1)
ORGANIZER = payloads.organizer(id=HOST, email="host@example.com", name="Hanna Host")
BOOKER = payloads.attendee(email="guest@example.com", name="Gustav Gast")
STRANGER = payloads.attendee(email="stranger@example.net", name="Stan Stranger")
LIVES = {
    HOST: ("host@example.com", "Europe/London", "en", 12),
    GUEST: ("guest@example.com", "Europe/Berlin", "de-AT", 24),
    COHOST: ("cohost@example.com", "Europe/Paris", "fr", 24),
    SLEEPER: ("sleeper@example.com", "America/New_York", "es-419", 12),
}


def read_plain(said: Any, key: str, at: datetime) -> BookingEvent | None:
    event = plain_events.read(said, key, at)
    return event if isinstance(event, BookingEvent) else None


class Past(Intake):
    """A world in which things are told, phones ring, and minds change."""

    def __init__(self, connection: Connection, policy: Policy = POLICY) -> None:
        super().__init__(connection)
        self.policy = policy
        for id_, (address, zone, locale, clock) in LIVES.items():
            self.settle(id_, address, zone, locale, clock)
            self.register(id_, f"phone-{id_}", self.now)
        self.register(HOST, "tablet", self.now)
        self.pass_by()

    def settle(self, id_: int, address: str, zone: str, locale: str, clock: int) -> None:
        user = structs.replace(
            profile(id_, address), time_zone=zone, locale=locale, time_format=clock
        )
        self.run(keep_user, user, self.policy.rules, self.now)

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**(span or {"minutes": 1}))

    def choose(self, user_id: int, **patch: object) -> None:
        self.run(choose, user_id, patch, self.policy.rules, self.now)
        self.pass_by()

    def hear(self, body: dict[str, Any] | bytes, **changes: Any) -> TakenIn:
        """A webhook comes in; a minute passes."""
        raw = body if isinstance(body, bytes) else payloads.body(body)
        incoming = structs.replace(incoming_webhook(raw, self.now), **changes)
        (taken,) = self.run(take_in_many, [incoming], self.policy, self.now, self.chance)
        self.pass_by()
        return taken

    def tell(self, body: dict[str, Any]) -> None:
        """The same in the plain form."""
        raw = payloads.body(body)
        key = plain_key(raw, None)
        event = plain_events.read(body, key, self.now)
        assert isinstance(event, BookingEvent), event
        incoming = incoming_plain(raw, event, key)
        self.run(take_in_many, [incoming], self.policy, self.now, self.chance)
        self.pass_by()

    def ring(self, app: App = APP) -> int:
        """What is due is released and sent, and Expo takes all of it."""
        sent = 0
        while self.run(release_due, self.policy, self.now, self.chance):
            pass
        while claimed := self.run(claim, self.policy, PACE, "worker", 6, self.now):
            for request in claimed.requests:
                composed = [compose(one, app, self.now) for one in request]
                hashes = {one.id: c.words_hash for one, c in zip(request, composed, strict=True)}
                sending = Sending(
                    claimed.project_id,
                    request,
                    "worker",
                    self.now,
                    timedelta(),
                    words_hashes=hashes,
                )
                tickets = Tickets(tuple(Accepted(f"t-{one.id}") for one in request))
                reported = report(sending, tickets, PACE, self.now)
                self.run(keep_reports, [reported], self.policy, self.now)
                sent += len(request)
            self.pass_by()
        self.pass_by()
        return sent

    def retold(
        self,
        policy: Policy | None = None,
        voice: Voice = APP.voice,
        since: datetime = NOW - timedelta(days=1),
    ) -> tuple[list[Found], Counts]:
        """What differs, read as a command does: in transactions that change nothing."""
        until = self.now + timedelta(days=1)
        reading = Retell(
            self.connection,
            policy or self.policy,
            voice,
            read_plain,
            since=since,
            until=until,
        )
        return list(reading.differences(lambda *_: None)), reading.counts


def said(world: Past, uid: str, start: datetime = START, **more: Any) -> dict[str, Any]:
    return {
        "uid": uid,
        "organizer": ORGANIZER,
        "attendees": [BOOKER],
        "start": start,
        "end": start + timedelta(minutes=30),
        "sent_at": world.now,
    } | more


def single_bookings(world: Past) -> None:
    """Asked for, confirmed, paid, moved, cancelled, recorded; by whom it may be, in any order."""
    world.hear(payloads.ping(sent_at=world.now))
    world.hear(payloads.requested(**said(world, "b1")))
    world.hear(payloads.created(**said(world, "b1")))
    world.hear(payloads.paid(**said(world, "b1")))
    world.ring()
    world.hear(
        payloads.rescheduled(
            **said(
                world,
                "b2",
                START + timedelta(hours=3),
                old_uid="b1",
                rescheduledBy="guest@example.com",
            )
        )
    )
    late = said(world, "b1", sent_at=world.now - timedelta(minutes=20), title="Late")
    world.hear(payloads.created(**late))
    world.ring()
    world.hear(payloads.requested(**said(world, "b3")))
    world.hear(payloads.rejected(**said(world, "b3", attendees=[BOOKER, STRANGER])))
    world.hear(payloads.cancelled(**said(world, "b4", cancelledBy="host@example.com")))
    world.hear(payloads.created(**said(world, "b4", sent_at=NOW)))
    world.hear(
        payloads.created(
            **said(world, "b5", team=payloads.team(payloads.member("cohost@example.com")))
        )
    )
    world.hear(payloads.created(**said(world, "b5", title="A copy with another title")))
    world.ring()
    world.hear(payloads.cancelled(**said(world, "b5", requestReschedule=True)))
    world.hear(payloads.recording_ready(**said(world, "b2")))
    world.hear(payloads.transcript_ready(**said(world, "b2")))
    world.hear(payloads.meeting_started(uid="b2"))
    world.hear(b"\xff is no JSON")


def seats_and_series(world: Past) -> None:
    seat: Any = {"seatsPerTimeSlot": 5, "seatsShowAttendees": True}
    world.hear(payloads.created(**said(world, "w1", **seat)))
    world.hear(payloads.created(**said(world, "w1", attendees=[STRANGER], **seat)))
    world.ring()
    world.hear(payloads.cancelled(**said(world, "w1", attendees=[STRANGER], **seat)))
    for n in range(3):
        start = START + timedelta(days=7 * n)
        world.hear(payloads.created(**said(world, f"s{n}", start, recurringEventId="r1")))
    world.ring()
    world.pass_by(seconds=3)
    world.ring()


def plain_form(world: Past) -> None:
    booking = {
        "uid": "p1",
        "title": "Plain",
        "start": START.isoformat(),
        "end": (START + timedelta(hours=1)).isoformat(),
        "organizer": {"id": HOST, "email": "host@example.com", "name": "Hanna Host"},
        "attendees": [{"email": "guest@example.com", "name": "Gustav Gast"}],
    }
    for event, more in (
        ("BOOKING_CONFIRMED", {}),
        ("BOOKING_LOCATION_CHANGED", {"old": {"location": "Room 1"}}),
        ("BOOKING_GUESTS_ADDED", {"added": [{"email": "kim@example.com", "name": "Kim"}]}),
        ("PAYMENT_RECEIVED", {"payment": {"amount": 100, "currency": "eur"}}),
        ("BOOKING_CANCELLED", {"actor": "guest@example.com", "reason": "ill"}),
    ):
        world.tell({"event": event, "booking": booking | {"location": "Room 2"}, **more})
        world.ring()


def minds_change(world: Past) -> None:
    """Preferences, languages, addresses and users that are not what they were."""
    mine = [payloads.attendee(email=LIVES[id_][0], name=f"No {id_}") for id_ in (COHOST, SLEEPER)]
    newcomer = payloads.attendee(email="newcomer@example.com", name="Nina New")
    world.choose(SLEEPER, quietHours={"from": "05:00", "to": "09:30"}, reminders=[20, 90])
    world.choose(COHOST, events={"PAYMENT_RECEIVED": False}, privacy="no_names")
    world.choose(HOST, ownActions=True)
    for n in range(3):
        people = [*mine, newcomer]
        world.hear(payloads.created(**said(world, f"m{n}", attendees=people)))
        world.hear(payloads.paid(**said(world, f"m{n}", attendees=people, paymentId=n)))
        world.ring()
    world.choose(SLEEPER, quietHours=None, reminders=[20, 30])
    world.choose(COHOST, enabled=False)
    world.settle(GUEST, "guest@example.com", "Asia/Tokyo", "en", 12)
    world.settle(NEWCOMER, "newcomer@example.com", "Europe/Rome", "en", 24)
    world.register(NEWCOMER, "phone-new", world.now)
    world.pass_by()
    for n in range(3):
        world.hear(payloads.cancelled(**said(world, f"m{n}", attendees=[*mine, newcomer])))
    world.choose(COHOST, enabled=None)
    world.ring()


def days_pass(world: Past) -> None:
    """Reminders come, also in the night."""
    for _ in range(60):
        world.pass_by(minutes=30)
        world.ring()


@pytest.fixture
def world(connection: Connection) -> Past:
    world = Past(connection)
    world.chance = Random(3)
    return world


def lived(world: Past) -> Past:
    minds_change(world)
    single_bookings(world)
    seats_and_series(world)
    plain_form(world)
    days_pass(world)
    return world


OBSCURE: Any = {"state": EventState.UNREADABLE, "event": None, "trigger": "", "reason": "odd"}


def asked(world: Past, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in world.run(lambda c: c.run(query(sql, sql)))]


def all_rows(connection: Connection) -> dict[str, list[str]]:
    """Everything in the database."""
    tables = query(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
        "select table_name from information_schema.tables where table_schema = 'public'",
    )
    with connection.snapshot():
        return {
            name: sorted(map(repr, connection.run(query(*[f"select * from {name}"] * 2))))
            for (name,) in connection.run(tables)
        }


def changes(counts: Counts) -> dict[Sort, int]:
    return {sort: number for sort, number in counts.differences.items() if number}


def test_nothing_differs_where_nothing_changed_and_nothing_is_written(world: Past) -> None:
    lived(world)
    before = all_rows(world.connection)
    world.run(lambda c: c.run(load("session")["only_read"]))
    found, counts = world.retold()
    assert found == []
    assert (counts.events, counts.unknown) == (37, 0)
    assert counts.same > 100
    assert counts.uncertain > 30
    assert all_rows(world.connection) == before


def test_times_that_quiet_hours_decide_are_no_difference(world: Past) -> None:
    world.policy = Policy(
        structs.replace(RULES, quiet_hours=QuietHours(start=time(20), end=time(9)))
    )
    world.pass_by(hours=10)
    for hours in (20, 21.5, 22.5):
        world.hear(payloads.created(**said(world, f"q{hours}", START + timedelta(hours=hours))))
    days_pass(world)
    found, counts = world.retold()
    assert found == []
    assert counts.same == 3 * 2 * 3
    kept = "select count(*) from notifications where reason = 'quiet_hours'"
    assert asked(world, kept)[0][0] > 2


def test_other_texts_are_noticed_where_they_were_sent(world: Past) -> None:
    lived(world)
    texts = texts_of({"en": {"booking_confirmed.title": "It is booked"}}, read_languages())
    found, counts = world.retold(voice=Voice(texts))
    ((sent,),) = asked(
        world,
        "select count(distinct n.id) from notifications n join users u on u.id = n.user_id "
        "join deliveries d on d.notification_id = n.id join attempts a on a.delivery_id = d.id "
        "where n.kind = 'BOOKING_CONFIRMED' and u.locale = 'en' and n.event_id is not null "
        "and n.created_at > u.changed_at and a.words_hash is not null",
    )
    assert changes(counts) == {Sort.OTHER_WORDS: sent}
    assert sent >= 5
    for one in found:
        assert one.details == ()
        assert one.words is not None
        assert "It is booked" in one.words.title


def test_stricter_privacy_is_noticed_but_where_the_user_was_as_strict(world: Past) -> None:
    lived(world)
    found, counts = world.retold(voice=Voice(APP.voice.texts, Privacy.NO_NAMES))
    assert set(changes(counts)) == {Sort.OTHER_WORDS}
    assert {one.user_id for one in found} == {HOST, GUEST, SLEEPER, NEWCOMER}
    assert counts.differences[Sort.OTHER_WORDS] > 20
    assert not any("Hanna" in str(one.words) for one in found)


def test_other_default_reminders_are_other_reminders_of_those_who_chose_none(world: Past) -> None:
    lived(world)
    minutes = (timedelta(minutes=15), timedelta(hours=1))
    found, counts = world.retold(Policy(structs.replace(RULES, reminders=minutes)))
    new = {(one.uid, one.user_id, one.would.due_at) for one in found if one.would}
    gone = {(one.uid, one.user_id, one.was.due_at) for one in found if one.was and one.was.due_at}
    assert set(changes(counts)) == {Sort.NEW, Sort.GONE}
    assert new == {(uid, user, at - timedelta(minutes=5)) for uid, user, at in gone}
    assert {user for _, user, _ in new} == {HOST, GUEST, COHOST}


def test_other_recipients_are_others_told(world: Past) -> None:
    lived(world)
    roles = frozenset({Role.ORGANIZER, Role.HOST})
    found, counts = world.retold(Policy(structs.replace(RULES, roles=roles)))
    assert set(changes(counts)) == {Sort.GONE}
    assert {one.user_id for one in found} >= {GUEST, NEWCOMER}
    assert HOST not in {one.user_id for one in found}
    assert all(one.would is None for one in found)


def test_another_rule_is_noticed_by_what_it_tells(
    world: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(world)
    fold = domain_fold.fold

    def other_fold(booking: Booking, event: BookingEvent) -> Fold:
        """Payments are told as confirmations, and rejections not at all."""
        folded = fold(booking, event)
        told = tuple(
            structs.replace(change, kind=PushEvent.BOOKING_CONFIRMED)
            if change.kind is PushEvent.PAYMENT_RECEIVED
            else change
            for change in folded.changes
            if change.kind is not PushEvent.BOOKING_REJECTED
        )
        return structs.replace(folded, changes=told)

    monkeypatch.setattr(retelling, "fold", other_fold)
    found, counts = world.retold()
    assert set(changes(counts)) == {Sort.OTHER_WORDS, Sort.GONE}
    for one in found:
        assert one.was is not None
        if one.sort is Sort.GONE:
            assert (one.uid, one.was.kind, one.would) == ("b3", PushEvent.BOOKING_REJECTED, None)
        else:
            assert one.was.kind is PushEvent.PAYMENT_RECEIVED
            assert one.would == Side(PushEvent.BOOKING_CONFIRMED)
    assert {one.trigger for one in found if one.sort is Sort.OTHER_WORDS} == {
        "BOOKING_PAID",
        "PAYMENT_RECEIVED",
    }


def test_other_facts_are_named_and_noticed_without_a_hash_too(
    world: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hear(payloads.created(**said(world, "b1")))
    world.ring()
    no_hash = "update attempts set words_hash = null"
    world.run(lambda c: c.count(query(no_hash, no_hash)))
    texts = texts_of({"en": {"booking_confirmed.title": "It is booked"}}, read_languages())
    assert world.retold(voice=Voice(texts))[0] == []
    fold = domain_fold.fold
    monkeypatch.setattr(
        retelling, "fold", lambda b, e: fold(b, structs.replace(e, title="Another title"))
    )
    found, _ = world.retold()
    assert {(one.sort, one.details) for one in found} == {(Sort.OTHER_WORDS, ("title",))}
    assert len(found) == 6


def test_what_can_be_read_now_is_told_as_it_would_be(world: Past) -> None:
    world.hear(payloads.created(**said(world, "b1")))
    taken = world.hear(payloads.cancelled(**said(world, "b1")), **OBSCURE)
    alone = world.hear(payloads.created(**said(world, "b9")), **OBSCURE)
    world.hear(payloads.ping(sent_at=world.now), **OBSCURE)
    found, counts = world.retold()
    assert counts.events == 4
    told = {(one.sort, one.event_id, one.uid, one.user_id) for one in found}
    assert {one for one in told if one[0] is Sort.READABLE and one[2]} == {
        (Sort.READABLE, taken.event_id, "b1", None),
        (Sort.READABLE, alone.event_id, "b9", None),
    }
    assert {one for one in told if one[0] is Sort.NEW} == {
        (Sort.NEW, one.event_id, uid, user)
        for one, uid in ((taken, "b1"), (alone, "b9"))
        for user in (HOST, GUEST)
    }
    # Of b9 also two reminders to each.
    assert changes(counts) == {Sort.READABLE: 3, Sort.NEW: 8}


def test_what_was_mended_meanwhile_is_no_difference(world: Past) -> None:
    world.hear(payloads.requested(**said(world, "b1")), **OBSCURE)
    world.hear(payloads.created(**said(world, "b1")))
    world.hear(payloads.created(**said(world, "b2")), **OBSCURE)
    world.ring()
    world.run(take_in_again, [1, 3], world.policy, world.now, world.chance)
    world.ring()
    world.hear(payloads.cancelled(**said(world, "b2")))
    found, counts = world.retold()
    assert found == []
    assert counts.same > 8


def test_what_would_not_be_understood_any_more_is_said_with_what_it_told(
    world: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hear(payloads.created(**said(world, "b1")))
    paid = world.hear(payloads.paid(**said(world, "b1")))
    monkeypatch.setattr(webhooks, "_FACTS", {})
    found, _ = world.retold()
    assert {(one.sort, one.event_id, one.user_id) for one in found} == {
        (Sort.UNREADABLE, paid.event_id, None),
        (Sort.GONE, paid.event_id, HOST),
        (Sort.GONE, paid.event_id, GUEST),
    }


def test_of_who_was_removed_nothing_is_compared(world: Past) -> None:
    lived(world)
    world.run(remove_user, GUEST, world.now)
    assert world.retold()[0] == []
    while world.run(removals.step, 1000):
        pass
    found, counts = world.retold()
    assert found == []
    assert counts.unknown > 15
    world.hear(payloads.created(**said(world, "b20")))
    assert world.retold()[0] == []
    hashes = asked(
        world,
        "select n.facts from notifications n join deliveries d on d.notification_id = n.id "
        "join attempts a on a.delivery_id = d.id where a.words_hash is not null",
    )
    assert hashes
    assert not any("user-8@removed" in facts for (facts,) in hashes)


def test_a_booking_of_which_not_all_is_kept_is_not_compared(world: Past) -> None:
    world.hear(payloads.created(**said(world, "b1")))
    world.hear(payloads.created(**said(world, "b2")))
    nobody = Policy(structs.replace(RULES, roles=frozenset()))
    # An import that knows more of a booking makes a version of it without an event.
    brought = "update bookings set version = version + 1, title = 'Brought' where uid = 'b1'"
    world.run(lambda c: c.count(query(brought, brought)))
    world.hear(payloads.paid(**said(world, "b1")))
    found, counts = world.retold(nobody)
    assert (counts.events, counts.unknown) == (3, 2)
    assert {one.uid for one in found} == {"b2"}


def test_only_what_came_in_since_then_is_compared(world: Past) -> None:
    world.hear(payloads.created(**said(world, "b1")))
    world.hear(payloads.created(**said(world, "b2")))
    middle = world.now - timedelta(seconds=30)
    world.hear(payloads.paid(**said(world, "b1")))
    world.hear(payloads.created(**said(world, "b3")))
    nobody = Policy(structs.replace(RULES, roles=frozenset()))
    found, counts = world.retold(nobody, since=middle)
    assert (counts.events, {one.uid for one in found}) == (2, {"b1", "b3"})
    assert {one.trigger for one in found if one.uid == "b1"} == {"BOOKING_PAID"}


def test_a_user_is_as_he_is_since_something_of_him_changed(world: Past) -> None:
    def since(*ids: int) -> list[datetime]:
        found = world.run(history.users_since, ids)
        return [found[id_] for id_ in ids]

    first = since(HOST, GUEST)
    world.settle(HOST, *LIVES[HOST])
    world.choose(HOST, ownActions=None)
    assert since(HOST, GUEST) == first
    world.settle(HOST, "host@example.com", "Europe/Paris", "en", 12)
    moved = since(HOST, GUEST)
    assert moved == [world.now, first[1]]
    world.pass_by()
    world.choose(HOST, reminders=[5])
    assert since(HOST)[0] > moved[0]
    world.settle(HOST, "guest@example.com", "Europe/Paris", "en", 12)
    assert since(HOST, GUEST) == [world.now, world.now]


def test_pages_are_read_one_after_the_other(world: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(world)
    monkeypatch.setattr(retell, "AT_ONCE", 2)
    monkeypatch.setattr(retell, "PAGE", 1)
    found, counts = world.retold()
    assert (found, counts.events) == ([], 37)
    assert counts.same > 100
