"""What must hold in every universe, whatever happened in it."""

from collections import Counter

from calbell.domain.delivery import DELIVERY_TRANSITIONS, SETTLED
from calbell.domain.notification import NOTIFICATION_TRANSITIONS
from calbell.store.connection import Connection, Row
from calbell.store.statements import Statement
from tests.universe.expo import Handed
from tests.universe.world import Universe

WATCH = """
create table moves (at integer primary key autoincrement, kind text, before text, after text);
create trigger watch_deliveries after update of state on deliveries
  when old.state <> new.state
  begin insert into moves (kind, before, after) values ('delivery', old.state, new.state); end;
create trigger watch_notifications after update of state on notifications
  when old.state <> new.state
  begin insert into moves (kind, before, after) values ('notification', old.state, new.state); end;
"""
"""Makes the database itself remember every transition that anybody makes."""

LONGEST_WAY_MS = 400
"""From a claim to the arrival of its request at Expo."""

DELIVERY_MOVES = {
    (state, end)
    for (state, _), step in DELIVERY_TRANSITIONS.items()
    for end in (step.state, step.if_possibly_sent)
    if end is not None
}
NOTIFICATION_MOVES = {(state, end) for (state, _), end in NOTIFICATION_TRANSITIONS.items()}


def ask(connection: Connection, sql: str) -> list[Row]:
    """The rows of a query made up for a test."""
    with connection.transaction(writes=False):
        return connection.run(Statement("ask", "", (), (), (), sql, sql, returns_rows=True))


def check(universe: Universe) -> None:
    """Everything that must hold does."""
    states_move_only_by_the_table(universe)
    everything_has_ended(universe)
    what_was_accepted_is_kept(universe)
    what_expo_took_has_a_receipt(universe)
    nothing_is_lost_or_doubled_without_a_reason(universe)
    phones_ring_only_for_their_owners(universe)
    assert universe.expo.refused_for_rate == 0
    assert universe.expo.violations == []


def states_move_only_by_the_table(universe: Universe) -> None:
    """No transition was made that the domain does not know."""
    for kind, before, after in ask(
        universe.connection, "select distinct kind, before, after from moves"
    ):
        allowed = DELIVERY_MOVES if kind == "delivery" else NOTIFICATION_MOVES
        assert (before, after) in allowed, (kind, before, after)


def everything_has_ended(universe: Universe) -> None:
    """Long after the last event nothing waits, and everything that did not arrive says why."""
    waiting = ask(universe.connection, "select count(*) from notifications where state = 'waiting'")
    assert waiting == [(0,)]
    states = ask(universe.connection, "select state, reason, possibly_sent from deliveries")
    for state, reason, possibly_sent in states:
        assert state in SETTLED, state
        assert state == "delivered" or reason is not None, (state, possibly_sent)
        if state in ("failed", "withdrawn", "expired"):
            assert not possibly_sent


def what_expo_took_has_a_receipt(universe: Universe) -> None:
    """A ticket that is known leads to its receipt: nobody forgets to ask in time."""
    states = ask(
        universe.connection,
        "select distinct d.state from deliveries d join attempts a on a.delivery_id = d.id "
        "where a.ticket_id is not null",
    )
    assert {state for (state,) in states} <= {"delivered", "unregistered", "failed"}


def what_was_accepted_is_kept(universe: Universe) -> None:
    """Every event that was answered with 2xx is there, and so is each notification of it."""
    kept: dict[str, int] = dict(
        ask(universe.connection, "select public_id, recipients from events")
    )
    told: dict[str, int] = dict(
        ask(
            universe.connection,
            "select e.public_id, count(distinct n.user_id) from events e "
            "join notifications n on n.event_id = e.id where n.kind <> 'BOOKING_REMINDER' "
            "group by e.public_id",
        )
    )
    for accepted in universe.accepted:
        id_ = accepted.taken.event_id
        assert id_ in kept
        assert told.get(id_, 0) == kept[id_]
        if not accepted.taken.duplicate:
            assert accepted.taken.recipients == kept[id_]


def nothing_is_lost_or_doubled_without_a_reason(universe: Universe) -> None:
    """What is said to be delivered was handed to Expo; what was handed over more than once was
    marked as possibly sent, and always under the same key; what was not to be sent was not."""
    handed = Counter(one.key for one in universe.expo.handed)
    keys = ask(
        universe.connection,
        "select key, state, possibly_sent, p.token from deliveries d "
        "join phones p on p.id = d.phone_id",
    )
    assert set(handed) <= {key for key, *_ in keys}
    assert len({key for key, *_ in keys}) == len(keys)
    for key, state, possibly_sent, _ in keys:
        if handed[key] > 1:
            assert possibly_sent or _was_retried_by_receipt(universe, key), (key, state)
        if state == "delivered":
            assert handed[key] >= 1
        if state in ("withdrawn", "expired"):
            assert handed[key] == 0
    by_key = {key: token for key, _, _, token in keys}
    assert all(by_key[one.key] == one.token for one in universe.expo.handed)


def witness(universe: Universe, handed: Handed) -> None:
    """What Expo takes is still true, still fresh, still wanted on this phone, and was not taken
    before, as far as could be known when the request left."""
    now = int(handed.at * 1000)
    left = now - LONGEST_WAY_MS
    ((expires_at, superseded_at, owner, user_id, registered_at, kept_ticket),) = ask(
        universe.connection,
        "select d.expires_at, e.received_at, p.owner_user_id, d.user_id, p.registered_at, "
        "exists (select 1 from attempts a where a.delivery_id = d.id "
        "and a.ticket_id is not null and coalesce(a.receipt_code, 'ok') = 'ok') "
        "from deliveries d join notifications n on n.id = d.notification_id "
        "join phones p on p.id = d.phone_id left join events e on e.id = n.superseded_by "
        f"where d.key = '{handed.key}'",
    )
    assert left < expires_at, "stale"
    assert superseded_at is None or left < superseded_at, "superseded"
    assert owner in (user_id, None) or left < registered_at, "taken over"
    answered_at = universe.expo.answered.get(handed.key)
    knew_before = kept_ticket and answered_at is not None and answered_at * 1000 < left
    assert not knew_before, "taken before"


def _was_retried_by_receipt(universe: Universe, key: str) -> bool:
    rows = ask(
        universe.connection,
        "select a.receipt_code from attempts a join deliveries d on d.id = a.delivery_id "
        f"where d.key = '{key}' and a.receipt_code not in ('ok')",
    )
    return bool(rows)


def phones_ring_only_for_their_owners(universe: Universe) -> None:
    """A phone is never rung about a booking that its owner has no part in."""
    parts = ask(
        universe.connection,
        "select d.key, n.user_id, d.user_id from deliveries d "
        "join notifications n on n.id = d.notification_id",
    )
    assert all(told == delivered for _, told, delivered in parts)
