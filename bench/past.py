"""The past: a database that has been in use for a month, made by a few statements.

Two deliveries of a booking, ten thousand users with a phone each. Ids are those of an empty
database: the past comes before everything else.
"""

from calbell.store.connection import Connection
from calbell.store.statements import Dialect

USERS = 10_000
SPAN_MS = 30 * 86_400_000


def fill(connection: Connection, number: int, now_ms: int, *, waiting: bool = True) -> None:
    """A past of so many deliveries exists, the newest of this moment; four rows for each. A few of
    them wait, where anything does."""
    sqlite = connection.dialect is Dialect.SQLITE
    begin = now_ms - SPAN_MS

    def numbered(most: int) -> str:
        if sqlite:
            return (
                f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {most})"
            )
        return f"with n(i) as (select generate_series(1, {most}))"

    bookings = number // 2
    at = f"{begin} + cast(i as bigint) * {SPAN_MS} / {bookings}"
    at_of_delivery = f"{begin} + cast(i as bigint) * {SPAN_MS} / {number}"
    raw = "x'7b7d'" if sqlite else "'{}'"
    state = (
        f"case when i % 5000 = 0 then '{'queued' if waiting else 'delivered'}' "
        "when i % 50 = 1 then 'failed' when i % 50 = 2 then 'unregistered' else 'delivered' end"
    )
    people = """'{"organizer":{"email":"past' || (i % 10000) || '@example.com","name":"U",'
      || '"user_id":' || (i % 10000) || '},"attendees":[{"email":"guest' || i
      || '@example.org","name":"G"}]}'"""
    if not sqlite:
        # No unit of the service takes as long as a million rows.
        connection.script("set statement_timeout = 0;")
    for statement in (
        f"""{numbered(USERS)} insert into users (id, name, time_zone, locale, time_format, source,
          created_at, refreshed_at)
          select i, 'User ' || i, 'UTC', 'en', 12, 'bench', {begin}, {begin} from n where true""",
        f"""{numbered(USERS)} insert into addresses (address, user_id, is_primary)
          select 'past' || i || '@example.com', i, 1 from n where true""",
        f"""{numbered(USERS)} insert into phones (token, token_hash, project_id, owner_user_id,
          registered_at, bad_in_row)
          select 't' || i, 'h' || i, 1, i, {begin}, 0 from n where true""",
        f"""{numbered(USERS)} insert into subscriptions (user_id, phone_id, platform, device_id,
          created_at, updated_at) select i, i, 'IOS', 'd', {begin}, {begin} from n where true""",
        f"""{numbered(bookings)} insert into bookings (uid, status, title, start_at, end_at, people,
          observed, version, updated_at) select 'b' || i, 'accepted', 'Call', {at} + 86400000,
          {at} + 88200000, {people}, '{{}}', 1, {at} from n where true""",
        f"""{numbered(bookings)} insert into events (public_id, trigger_name, booking_id, state,
          recipients, sent_at, received_at, body_hash, raw)
          select 'e' || i, 'BOOKING_CREATED', i, case when i % 9999 = 0 then 'unreadable'
            else 'taken' end, 2, {at}, {at}, 'h', {raw} from n where true""",
        f"""{numbered(bookings)} insert into event_keys (key, event_id, body_hash, seen_at)
          select 'past' || i, i, 'h', {at} from n where true""",
        f"""{numbered(bookings)} insert into notifications (event_id, booking_id, booking_version,
          user_id, role, kind, state, due_at, expires_at, facts, created_at)
          select i, i, 1, 1 + i % {USERS}, 'organizer', 'BOOKING_CONFIRMED', 'released', {at},
            {at} + 86400000, '{{"uid":"b"}}', {at} from n where true""",
        f"""{numbered(number)} insert into deliveries (notification_id, user_id, subscription_id,
          phone_id, platform, project_id, key, state, due_at, expires_at, attempt, possibly_sent,
          most_together, created_at)
          select (i + 1) / 2, 1 + i % {USERS}, 1, 1 + i % {USERS}, 'IOS', 1, 'k', {state},
            {at_of_delivery}, {at_of_delivery} + 86400000, 1, 0, 100, {at_of_delivery}
          from n where true""",
        f"""{numbered(number)} insert into attempts (delivery_id, number, at, outcome, ticket_id,
          receipt_look, receipt_at, receipt_code)
          select i, 1, {at_of_delivery} + 20, 'accepted', 't', 1, {at_of_delivery} + 900000, 'ok'
          from n where true""",
    ):
        with connection.transaction(writes=True):
            connection.script(f"{statement};")
    if not sqlite:
        connection.script("vacuum analyze;")
