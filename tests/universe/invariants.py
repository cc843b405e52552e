"""What must hold in every universe, whatever happened in it: at each hand-over to Expo, at each
death, and of everything before it is forgotten."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from calbell.choices import policy_of
from calbell.config import Settings
from calbell.config.languages import read_languages
from calbell.domain.delivery import DELIVERY_TRANSITIONS, SETTLED
from calbell.domain.notification import NOTIFICATION_TRANSITIONS
from calbell.domain.push_events import STATE_NEWS, PushEvent
from calbell.domain.subscription import Platform
from calbell.domain.wording import Voice, texts_of
from calbell.flows.claim import LEAD
from calbell.flows.retell import Retell
from calbell.store.times import from_ms, to_ms
from tests.universe import wished
from tests.universe.bookings import Bookings
from tests.universe.broken import Broken, require
from tests.universe.database import SharedConnection
from tests.universe.expo import Handed
from tests.universe.ledger import Accepted, Given, Ledger
from tests.universe.nature import Nature
from tests.universe.people import People, Resident
from tests.universe.wire import LONGEST_WAY_SECONDS

LONGEST_WAY = timedelta(seconds=LONGEST_WAY_SECONDS + 0.05) + LEAD
"""From a claim to the arrival of its request at Expo."""

SETTLED_WITHIN = timedelta(days=4)
"""A day of being fresh, a day of waiting for a receipt, and what trouble adds."""

KEPT_WITHIN = timedelta(days=1)
FURTHEST_AHEAD = timedelta(hours=25)
"""A clock, and a little more."""
STORED_WITHIN = timedelta(hours=4)
"""What Expo said is stored as soon as a process that lives can."""

HELD_CODES = frozenset({"InvalidCredentials", "UNAUTHORIZED", "invalid_token"})
ENDINGS = frozenset(
    {
        PushEvent.BOOKING_CANCELLED,
        PushEvent.BOOKING_REJECTED,
        PushEvent.BOOKING_RESCHEDULE_REQUESTED,
    }
)

DELIVERY_MOVES = {
    (state, end)
    for (state, _), step in DELIVERY_TRANSITIONS.items()
    for end in (step.state, step.if_possibly_sent)
    if end is not None
}
NOTIFICATION_MOVES = {(state, end) for (state, _), end in NOTIFICATION_TRANSITIONS.items()}

_AT_HAND_OVER = """
select d.created_at, d.expires_at, d.user_id, p.token, s.at, t.at, n.reason = 'quiet_hours', o.at,
  coalesce((select a.receipt_code from attempts a where a.delivery_id = d.id
    and a.ticket_id is not null order by a.number desc limit 1), 'ok')
from deliveries d
join phones p on p.id = d.phone_id
join notifications n on n.id = d.notification_id
left join superseded s on s.notification_id = d.notification_id
left join known_tickets t on t.delivery_id = d.id
left join over o on o.booking_id = n.booking_id
where d.key = ?
"""
_OF_DELIVERIES = """
select d.id, d.key, d.state, d.reason, d.possibly_sent, p.token, n.user_id, d.user_id,
  (select group_concat(a.ticket_id) from attempts a where a.delivery_id = d.id),
  exists (select 1 from attempts a where a.delivery_id = d.id and a.receipt_code <> 'ok')
from deliveries d
join phones p on p.id = d.phone_id
join notifications n on n.id = d.notification_id
where d.id > ? and d.id <= ? order by d.id
"""


_HELD = """
select user_id, due_at from notifications
where state = 'waiting' and reason = 'quiet_hours' and kind <> 'BOOKING_REMINDER'
union all
select user_id, due_at from deliveries where state = 'queued' and reason = 'quiet_hours'
order by user_id, due_at
"""
_TOLD_OF = """
select e.recipients, count(distinct case when n.state = 'suppressed'
    and n.reason in ('switched_off', 'own_action', 'never_heard') and n.settled_at = n.created_at
    then null else n.user_id end)
from events e
left join notifications n on n.event_id = e.id and n.kind <> 'BOOKING_REMINDER'
where e.public_id = ? group by e.id
"""
_SETTLED = """
select n.id, n.user_id, n.state, n.reason, n.superseded_by,
  exists (select 1 from deliveries d where d.notification_id = n.id)
from notifications n where n.settled_at > ? and n.settled_at <= ?
"""


class _Delivery(Struct, frozen=True):
    id: int
    key: str
    state: str
    reason: str | None
    possibly_sent: int
    token: str
    told_user: int
    user: int
    ticket_ids: str | None
    has_bad_receipt: int


class Watched(Protocol):
    """What is watched over."""

    settings: Settings
    nature: Nature
    connection: SharedConnection
    ledger: Ledger
    people: People
    bookings: Bookings
    skew: timedelta
    set_at: datetime
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""


class Invariants:
    """Watches over one universe. Whatever is not as it must be raises `Broken`."""

    def __init__(self, universe: Watched) -> None:
        self._universe = universe
        self._ledger = universe.ledger
        self._ask = universe.connection.ask
        self._audited = 0
        self._judged_ms = 0
        self._marks = [(universe.now(), 0)]

    # At each hand-over.

    def witness(self, handed: Handed) -> int | None:
        """What Expo takes is still true, still fresh, still wanted on this phone, said in its
        user's time, and was not taken before, as far as could be known when the request left. Whose
        it is; `None` if he is gone."""
        now = self._universe.now()
        left = now - LONGEST_WAY
        rows = self._ask(_AT_HAND_OVER, handed.key)
        if not rows:
            require(any(map(self._has_just_left, self._people())), "nobody has this delivery")
            return None
        (
            (
                created_at,
                expires_at,
                user_id,
                token,
                superseded_at,
                ticket_at,
                was_held,
                over_at,
                receipt,
            ),
        ) = rows
        left_ms = to_ms(left)
        require(token == handed.token, "on another phone")
        require(left_ms + self._skew_ms < expires_at, "stale")
        require(superseded_at is None or left_ms < superseded_at, "superseded")
        knew = ticket_at is not None and ticket_at < left_ms and receipt == "ok"
        require(not knew, "taken before")
        self._check_phone(handed, user_id, left)
        self._check_booking(handed, user_id, left)
        is_end = handed.event not in STATE_NEWS - ENDINGS
        require(is_end or over_at is None or left_ms < over_at, "known not to be true any more")
        if handed.event == PushEvent.BOOKING_REMINDER:
            # By the machine's clock of that moment, right or wrong.
            start_at = self._universe.bookings.known[handed.uid].start_at
            longest = wished.longest_reminder(self._universe.people.residents[user_id], left)
            require(start_at - from_ms(created_at) <= longest, "reminded too early")
        self._check_wishes(handed, user_id, from_ms(expires_at), left, was_held=bool(was_held))
        return int(user_id)

    def _check_phone(self, handed: Handed, user_id: int, left: datetime) -> None:
        phone = self._universe.people.phones[handed.token]
        if phone.is_sure and not phone.under_way and phone.since < left:
            require(phone.owner == user_id, f"on a phone of user {phone.owner}")

    def _check_booking(self, handed: Handed, user_id: int, left: datetime) -> None:
        known = self._universe.bookings.known[handed.uid]
        require(user_id in known.parts, f"told user {user_id} of another's booking")
        if known.over_at is not None and known.over_at < left:
            require(handed.event not in STATE_NEWS - ENDINGS, "not true any more")
        resident = self._universe.people.residents[user_id]
        is_settled = resident.is_settled_since(left)
        if is_settled and resident.locale.startswith("en"):
            local = known.start_at.astimezone(ZoneInfo(resident.zone))
            require(_says(handed.body, local), f"not at {local:%d %H:%M}, but {handed.body!r}")

    def _check_wishes(
        self, handed: Handed, user_id: int, expires_at: datetime, left: datetime, *, was_held: bool
    ) -> None:
        universe = self._universe
        resident = universe.people.residents[user_id]
        if not resident.is_settled_since(left):
            return
        known = universe.bookings.known[handed.uid]
        unwished = wished.is_unwished(handed, resident, known, left)
        require(unwished is None, f"{unwished}")
        if universe.set_at >= left:
            return
        told = wished.hours_kept(
            handed,
            resident,
            known,
            expires_at,
            (left + universe.skew, universe.machine_time()),
            is_iphone=universe.people.phones[handed.token].platform is Platform.IOS,
            was_held=was_held,
        )
        require(told is None or isinstance(told, wished.Told), f"{told}")
        if told is not None:
            universe.happened[told] += 1

    # Every few hours.

    def check_waiting(self) -> list[Resident]:
        """What is held for somebody's quiet hours is not held for longer than they last. For whom
        something is held."""
        now = self._universe.now()
        held: dict[int, int] = dict(self._ask(_HELD))
        residents = [self._universe.people.residents[user_id] for user_id in held]
        for resident in residents:
            # What was held by a clock that was wrong is due by that.
            if resident.is_settled_since(now) and not self._universe.nature.clock_jumps:
                due_at = from_ms(held[resident.id])
                late = wished.waits_too_long(resident.wishes, resident.zone, due_at, now)
                require(not late, f"user {resident.id} is not told until {due_at:%d %H:%M}")
        return residents

    # At each death.

    def check_moves(self) -> None:
        """No transition was made that the domain does not know, and nobody holds what has no
        lease."""
        for kind, before, after in self._ask("select kind, before, after from moves"):
            allowed = DELIVERY_MOVES if kind == "delivery" else NOTIFICATION_MOVES
            require((before, after) in allowed, f"{kind}: {before} -> {after}")
        held = self._ask(
            "select count(*) from deliveries where state = 'sending' and lease_until is null"
        )
        require(held == [(0,)], "sending without a lease")

    # Of everything, before it is forgotten.

    def audit(self, *, is_end: bool = False) -> None:
        """What is old enough to have ended has ended as it must; at the `is_end` that is all."""
        now = self._universe.now()
        self.check_moves()
        self._nothing_waits_for_ever(now)
        self._only_the_old_is_forgotten(now)
        self._nobody_is_kept_from_it_without_a_reason()
        self._deliveries_have_ended(now, is_end=is_end)
        self._what_was_accepted_is_kept(now - (timedelta() if is_end else KEPT_WITHIN))
        self._what_expo_said_is_kept(now - (timedelta() if is_end else STORED_WITHIN))

    def check_retold(self) -> None:
        """Whatever happened, the same program would say of all that came in what it said; but for
        what came by a clock that was set back since, as the order of things is lost with it."""
        until = max(self._universe.machine_time(), self._universe.now()) + timedelta(days=1)
        settings = self._universe.settings
        found = Retell(
            self._universe.connection,
            policy_of(settings),
            Voice(texts_of({}, read_languages()), settings.privacy),
            lambda *_: None,
            since=max(until - timedelta(days=365), self._clock_is_good_since()),
            until=until,
        ).differences(lambda *_: None)
        first = next(found, None)
        require(first is None, f"told once more, something differs: {first}")

    def _clock_is_good_since(self) -> datetime:
        if not self._universe.nature.clock_jumps:
            return datetime.min.replace(tzinfo=UTC)
        return self._universe.set_at + FURTHEST_AHEAD

    def _nothing_waits_for_ever(self, now: datetime) -> None:
        late = self._ask(
            "select count(*) from notifications where state = 'waiting' and due_at < ?",
            to_ms(now - timedelta(days=1)),
        )
        require(late == [(0,)], "a notification waits although its time has come")

    def _nobody_is_kept_from_it_without_a_reason(self) -> None:
        """What is not said to a user says why, and only to who chose so is it not said for what he
        chose. What is said is on its way to a phone."""
        since, self._judged_ms = self._judged_ms, to_ms(self._universe.now())
        for id_, user_id, state, reason, event_id, is_on_its_way in self._ask(
            _SETTLED, since + self._skew_ms, self._judged_ms + self._skew_ms
        ):
            what = f"notification {id_} of user {user_id} is {state}"
            resident = self._universe.people.residents[user_id]
            match state:
                case "released":
                    require(bool(is_on_its_way), f"{what}, to no phone")
                case "superseded":
                    require(event_id is not None, f"{what} by nothing")
                case "suppressed":
                    require(reason is not None, f"{what} without a reason")
                    is_choice = reason in ("switched_off", "never_heard")
                    require(not is_choice or resident.ever_chose, f"{what} ({reason})")
                case _:
                    pass

    def _only_the_old_is_forgotten(self, now: datetime) -> None:
        retention = self._universe.settings.retention
        slack = timedelta(days=1) if self._universe.nature.clock_jumps else timedelta()
        for uid, end_at in self._ask("select uid, end_at from forgotten"):
            require(from_ms(end_at) <= now - retention + slack, f"{uid} was forgotten too early")
        self._ask("delete from forgotten")
        old = self._ask(
            "select count(*) from bookings where coalesce(end_at, updated_at) < ?",
            to_ms(now - retention - timedelta(days=2)),
        )
        require(old == [(0,)], "what is old was not forgotten")

    def _deliveries_have_ended(self, now: datetime, *, is_end: bool) -> None:
        ((newest,),) = self._ask("select coalesce(max(id), 0) from deliveries")
        self._marks.append((now, max(newest, self._marks[-1][1])))
        while len(self._marks) > 1 and (is_end or self._marks[1][0] <= now - SETTLED_WITHIN):
            del self._marks[0]
        _, last = self._marks[0]
        for row in self._ask(_OF_DELIVERIES, self._audited, last):
            delivery = _Delivery(*row)
            try:
                self._check_end(delivery)
            except Broken as error:
                raise Broken(f"delivery {delivery.id} ({delivery.key[:6]}): {error}") from None
            self._ledger.forget(delivery.key)
        self._audited = last
        before = (now - SETTLED_WITHIN - timedelta(days=2)).timestamp()
        for key, handed in tuple(self._ledger.handed.items()):
            if is_end or handed[0].at < before:
                self._check_gone(key)

    def _check_end(self, delivery: _Delivery) -> None:
        """It has ended, says why where it was not delivered, was handed over if it is said to be
        and not if it is not, and more than once only where nobody could know, under one key."""
        handed = self._ledger.handed.get(delivery.key, [])
        brought = sum(one.is_brought for one in handed)
        state, reason = delivery.state, delivery.reason
        require(state in SETTLED, f"it is still {state}")
        require(state == "delivered" or reason is not None, f"{state}, and nobody knows why")
        require(delivery.user == delivery.told_user, "it is not its user's")
        tickets = [id_.lower() for id_ in (delivery.ticket_ids or "").split(",") if id_]
        require(len(set(tickets)) == len(tickets), "a ticket is kept twice")
        require(set(tickets) <= {one.ticket_id for one in handed}, "a ticket that is not its own")
        if brought > 1:
            self._ledger.doubled += 1
            has_reason = delivery.possibly_sent or delivery.has_bad_receipt
            require(bool(has_reason), f"{state}: rang {brought} times without a reason")
        if state == "delivered":
            require(brought >= 1, "it is said to be delivered")
        if state == "failed":
            require(reason not in HELD_CODES, f"failed for {reason}, which can be mended")
        if state in ("withdrawn", "expired"):
            require(brought == 0, f"{state} ({reason}), although it rang")
        if state in ("failed", "withdrawn", "expired"):
            require(not delivery.possibly_sent, f"{state}, although it may have rung")
        if reason == "no_receipt" and not self._universe.nature.clock_jumps:
            require(any(not one.has_receipt for one in handed), "nobody read its receipt")

    def _check_gone(self, key: str) -> None:
        """A delivery that is not there any more went with its user."""
        user = self._universe.people.residents[self._ledger.users[key]]
        handed_at = self._ledger.handed[key][0].at
        left_since = user.left_at is not None and user.left_at.timestamp() >= handed_at - 1
        require(left_since, f"a delivery of user {user.id} is gone")
        self._ledger.forget(key)

    def _what_was_accepted_is_kept(self, before: datetime) -> None:
        accepted = self._ledger.accepted
        while accepted and accepted[0].at <= before:
            self._check_kept(accepted.popleft())

    def _check_kept(self, accepted: Accepted) -> None:
        """The event is there, and so is each notification of it, but of users who left."""
        what = f"{accepted.said.trigger} {accepted.said.known.uid}"
        rows = self._ask(
            _TOLD_OF,
            accepted.event_id,
        )
        require(bool(rows), f"{what} was accepted and is lost")
        ((recipients, told),) = rows
        parts = (self._universe.people.residents[id_] for id_ in accepted.said.known.parts)
        nobody_left = all(user.left_at is None for user in parts)
        require(told == recipients or not nobody_left, f"{what}: {told} of {recipients} are told")
        if accepted.recipients is not None and not accepted.duplicate:
            require(accepted.recipients == recipients, f"{what}: said {accepted.recipients}")

    def _what_expo_said_is_kept(self, before: datetime) -> None:
        given = self._ledger.given
        while given and given[0].at <= before:
            self._check_stored(given.popleft())

    def _check_stored(self, given: Given) -> None:
        """A ticket that came back whole is kept, if its process lived on."""
        died_at = given.process.died_at
        if died_at is not None and died_at - given.at < STORED_WITHIN:
            return
        kept = self._ask(
            "select 1 from attempts a join deliveries d on d.id = a.delivery_id "
            "where d.key = ? and lower(a.ticket_id) = ?",
            given.handed.key,
            given.handed.ticket_id,
        )
        if not kept and not self._ask("select 1 from deliveries where key = ?", given.handed.key):
            user = self._universe.people.residents[self._ledger.users[given.handed.key]]
            require(user.left_at is not None, "a delivery is gone")
            return
        require(bool(kept), f"the ticket of {given.handed.uid} was thrown away")

    @property
    def _skew_ms(self) -> int:
        return int(self._universe.skew.total_seconds() * 1000)

    def _people(self) -> Iterator[Resident]:
        return iter(self._universe.people.residents.values())

    def _has_just_left(self, resident: Resident) -> bool:
        left_at = resident.left_at
        return resident.is_here is None or (
            left_at is not None and self._universe.now() - left_at < 2 * LONGEST_WAY
        )


def _says(body: str, at: datetime) -> bool:
    """Whether the words name the day and the time, in either habit."""
    hours = {f"{at.hour:02d}", str(at.hour), str(at.hour % 12 or 12)}
    times = (f"{hour}:{at.minute:02d}" for hour in hours)
    return str(at.day) in body and any(time in body for time in times)
