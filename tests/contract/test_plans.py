"""Query plans: the hot statements use their indexes, so history costs nothing."""

import re
from collections.abc import Iterable, Iterator

import pytest
from msgspec import structs

from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.statements import Dialect, Statement, load
from tests.contract.conftest import new_engine
from tests.contract.world import World

NOTIFICATIONS_OF_BOOKING = (
    r"notifications_booking_id_booking_version_user_id_kind_due_a_key"
    r"|sqlite_autoindex_notifications_1"
)
PRIMARY_KEY = r"_pkey|PRIMARY KEY"
LATER_ATTEMPTS = (
    r"attempts_delivery_id_number_key|sqlite_autoindex_attempts_1 \(delivery_id=\? AND number>\?\)"
)
BY_ID = r"deliveries_pkey|SEARCH (deliveries|d) USING INTEGER PRIMARY KEY"
HOT = {
    ("deliveries", "pick_project"): "deliveries_queued",
    ("deliveries", "line_up"): "deliveries_queued",
    ("deliveries", "first_in_lines"): "deliveries_queued",
    ("deliveries", "newest_singles"): "deliveries_queued",
    ("deliveries", "queued_by_id"): BY_ID,
    ("deliveries", "next_due_delivery"): "deliveries_queued",
    ("deliveries", "held_deliveries"): "deliveries_queued",
    ("deliveries", "resume_deliveries"): "deliveries_queued",
    ("deliveries", "any_held"): "deliveries_queued",
    ("holds", "next_probe"): "deliveries_queued",
    ("deliveries", "hold_deliveries"): BY_ID,
    ("deliveries", "postpone_deliveries"): BY_ID,
    ("deliveries", "lease_deliveries"): BY_ID,
    ("deliveries", "end_queued"): BY_ID,
    ("deliveries", "accept_deliveries"): BY_ID,
    ("deliveries", "settle_sending"): rf"deliveries_leased|{BY_ID}",
    ("deliveries", "save_attempts"): BY_ID,
    ("deliveries", "lost_leases"): "deliveries_leased",
    ("deliveries", "next_lost_lease"): "deliveries_leased",
    ("failures", "codes_met"): r"attempts_delivery_id_number_key|sqlite_autoindex_attempts_1",
    ("receipts", "due_receipts"): "attempts_without_receipt",
    ("receipts", "next_due_receipt"): "attempts_without_receipt",
    ("receipts", "save_receipts"): (r"attempts_delivery_id_number_key|sqlite_autoindex_attempts_1"),
    ("receipts", "deliver"): BY_ID,
    ("receipts", "settle_accepted"): BY_ID,
    ("notifications", "due_notifications"): "notifications_waiting",
    ("notifications", "next_due_notification"): "notifications_waiting",
    ("notifications", "waiting_of_bookings"): NOTIFICATIONS_OF_BOOKING,
    ("notifications", "hold_waiting"): rf"notifications_of_user|{NOTIFICATIONS_OF_BOOKING}",
    # What is there already, an insert finds by what it conflicts with: SQLite's plan says nothing.
    ("bookings", "open_bookings"): r"bookings_uid_key|SCAN json_each",
    ("bookings", "bookings_by_id"): PRIMARY_KEY,
    ("users", "users_by_address"): r"addresses_pkey|sqlite_autoindex_addresses_1",
    ("users", "users_by_id"): PRIMARY_KEY,
    ("users", "addresses_by_user"): "addresses_of_user",
    ("events", "known_keys"): r"event_keys_pkey|sqlite_autoindex_event_keys_1",
    ("events", "unreadable_ids"): "events_unreadable",
    ("events", "newest_unreadable"): "events_unreadable",
    ("events", "count_unreadable_ids"): "events_unreadable",
    ("keys", "find_key"): r"api_keys_hash_key|sqlite_autoindex_api_keys_1",
    ("subscriptions", "phones_of_users"): (
        r"subscriptions_user_id_phone_id_key|sqlite_autoindex_subscriptions_1"
    ),
    ("upkeep", "queue_depth"): "deliveries_queued",
    ("upkeep", "count_unreadable"): "events_unreadable",
    ("upkeep", "last_errors"): "attempts_failed",
    ("overview", "receipts_due"): "attempts_without_receipt",
    ("overview", "count_sending"): "deliveries_leased",
    ("overview", "project_queues"): "deliveries_queued",
    ("search", "bookings_of_user"): "notifications_of_user",
    ("search", "bookings_between"): "bookings_by_end",
    ("search", "phones_of_each"): (
        r"subscriptions_user_id_phone_id_key|sqlite_autoindex_subscriptions_1"
    ),
    ("search", "keys_of_user"): "api_keys_of_user",
    ("search", "event_by_id"): r"events_public_id_key|sqlite_autoindex_events_1",
    ("search", "page_of_unreadable"): "events_unreadable",
    ("story", "notifications_of_user"): "notifications_of_user",
    ("tallies", "tally_deliveries"): PRIMARY_KEY,
    ("tallies", "age_of_deliveries"): PRIMARY_KEY,
    ("tallies", "hourly_tallies"): r"hourly_pkey|sqlite_autoindex_hourly_1|Seq Scan on hourly",
    ("carried_devices", "known_devices"): r"phones_token_hash_key|sqlite_autoindex_phones_1",
    ("carried_devices", "page_of_devices"): r"subscriptions_pkey|INTEGER PRIMARY KEY",
    ("retention", "over_bookings"): "bookings_by_end",
    ("retention", "weigh_bookings"): "events_of_booking",
    ("retention", "delete_told"): NOTIFICATIONS_OF_BOOKING,
    ("retention", "delete_bookings"): r"bookings_pkey|PRIMARY KEY",
    ("retention", "some_told"): NOTIFICATIONS_OF_BOOKING,
    ("retention", "untied_notifications"): "notifications_without_booking",
    ("retention", "weigh_notifications"): "deliveries_of_notification",
    ("retention", "delete_notifications"): r"notifications_pkey|PRIMARY KEY",
    ("retention", "trim_attempts"): "deliveries_of_notification",
    ("retention", "trim_deliveries"): "deliveries_of_notification",
    ("retention", "part_notifications"): "notifications_of_event",
    ("retention", "trim_events"): "events_of_booking",
    ("retention", "untied_events"): "events_without_booking",
    ("retention", "delete_events"): r"events_pkey|PRIMARY KEY",
    ("retention", "disowned_phones"): "phones_disowned",
    ("retention", "delete_phones"): "subscriptions_of_phone",
    ("notices", "due_notices"): "notices_due",
    ("notices", "next_due_notice"): "notices_due",
    ("notices", "notices_waiting"): "notices_due",
    ("notices", "last_vain_notice"): "notices_given_up",
    ("notices", "notices_given_up"): "notices_given_up",
    ("notices", "forget_notices"): "notices_by_age",
    ("notices", "fates"): "deliveries_of_notification",
    ("notices", "notifications_of"): PRIMARY_KEY,
    ("notices", "lock_notifications"): PRIMARY_KEY,
    ("notices", "gone_devices"): "subscriptions_of_phone",
    ("removals", "drop_notices"): "notices_of_user",
    ("removals", "next_removal"): "removals_under_way",
    ("removals", "removals_under_way"): "removals_under_way",
    ("removals", "told_before"): "notifications_of_user",
    ("removals", "drop_deliveries_of"): "deliveries_of_notification",
    ("removals", "page_of_bookings"): r"bookings_pkey|INTEGER PRIMARY KEY",
    ("removals", "page_of_facts"): r"notifications_pkey|INTEGER PRIMARY KEY",
    ("removals", "page_of_events"): r"events_pkey|INTEGER PRIMARY KEY",
    ("removals", "known_hashes"): r"removed_addresses_pkey|sqlite_autoindex_removed_addresses_1",
}

LARGE = {
    *("addresses", "attempts", "bookings", "deliveries", "events", "notifications", "phones"),
    *("subscriptions", "users", "a", "b", "d", "e", "n", "s", "v"),
}
"""Tables that grow, with the short names that statements give them."""

NEWEST = {
    ("overview", "latest_attempts"): "attempts",
    ("overview", "latest_receipts"): "attempts",
    ("search", "bookings_heard_of"): "events",
    ("search", "page_of_events"): "events",
}
"""Statements that look at the newest rows of a table, and at no more than they are told to."""


SOME = 5000
"""In the middle of the past that is made here, be it an id or a time."""


def history(sqlite: bool) -> str:
    """Statements that make a past: ten thousand of everything, of which a few wait; one waits for
    its receipt, as on a calm evening."""
    numbers = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)"
        if sqlite
        else "with n(i) as (select generate_series(1, 10000))"
    )
    return f"""
    {numbers} insert into users (id, name, time_zone, locale, time_format, source, created_at,
        refreshed_at)
      select i, '', 'UTC', 'en', 12, 'x', i, i from n where i <> 7;
    {numbers} insert into addresses (address, user_id, is_primary)
      select 'a' || i, i, 1 from n where i <> 7;
    {numbers} insert into api_keys (user_id, hash, hint, name, created_at)
      select i, 'h' || i, '', '', i from n where true;
    {numbers} insert into phones (token, token_hash, project_id, owner_user_id, registered_at,
        bad_in_row)
      select 't' || i, 'h' || i, 1, case when i % 500 > 0 then i end, i, 0 from n where true;
    {numbers} insert into subscriptions (user_id, phone_id, platform, device_id, created_at,
        updated_at)
      select i, i, 'IOS', 'd', i, i from n where i <> 7;
    {numbers} insert into events (public_id, trigger_name, state, recipients, sent_at, received_at,
        body_hash, raw)
      select 'e' || i, 't', 'ignored', 0, i, i, 'h', {"x''" if sqlite else "''"} from n where true;
    {numbers} insert into event_keys (key, event_id, body_hash, seen_at)
      select 'k' || i, i, 'h', i from n where true;
    {numbers} insert into bookings (uid, title, people, observed, version, updated_at)
      select 'b' || i, '', '{{}}', '{{}}', 1, i from n where true;
    {numbers} insert into notifications (booking_id, booking_version, user_id, role, kind, state,
        due_at, expires_at, facts, created_at)
      select i, 1, 7, 'organizer', 'BOOKING_CONFIRMED',
        case when i % 500 = 0 then 'waiting' else 'released' end, i, i, '{{}}', i from n where true;
    {numbers} insert into deliveries (notification_id, user_id, subscription_id, phone_id, platform,
        project_id, key, state, due_at, expires_at, attempt, possibly_sent, most_together,
        created_at, lease_until, line)
      select i, 7, 1, 1, 'IOS', 1, 'k', case i % 500 when 0 then 'queued' when 1 then 'sending'
        else 'delivered' end, i, i, 1, 0, 100, i, i, i / 500 % 3 from n where true;
    {numbers} insert into attempts (delivery_id, number, at, outcome, ticket_id, receipt_due_at,
        receipt_look)
      select i, 1, i, 'accepted', 't', case when i = {SOME} then i end, 0 from n where true;
    {numbers} insert into notices (public_id, about, kind, user_id, body, created_at, due_at,
        attempt, outcome, settled_at)
      select 'n' || i, 'a' || i, 'k', i, '', i, i, 1,
        case i % 500 when 0 then null when 1 then 'given_up' else 'taken' end,
        case when i % 500 > 0 then i end
      from n where true;
    {numbers} insert into removals (user_id, removed_at, details)
      select i, i, case when i % 5000 = 0 then '{{}}' end from n where true;
    {numbers} insert into removed_addresses (hash, user_id) select 'h' || i, i from n where true;
    {"" if sqlite else "analyze;"}
    """


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def aged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    """A connection to a database with a past, for all tests: none of them changes it."""
    with new_engine(request, tmp_path_factory.mktemp("aged")) as engine:
        connection = engine.connect()
        world = World(connection)
        world.user(7)
        world.register(7, "a")
        connection.script(history(connection.dialect is Dialect.SQLITE))
        yield connection
        connection.close()


TIMES = {
    *("at", "before", "ends_by", "lease_until", "now", "quiet_since", "removed_at", "since"),
    *("soon", "until"),
}
TEXTS = {"code", "hash", "pattern", "platform", "public_id", "worker"}


def plan(
    connection: Connection,
    statement: Statement,
    now: int = SOME,
    rows: Iterable[int] = (7, 8, 9),
) -> str:
    """The engine's plan of a statement at a time (in milliseconds), as text; a list has a row for
    each of these numbers."""
    explained = structs.replace(
        statement,
        sqlite=f"explain query plan {statement.sqlite}",
        postgresql=f"explain {statement.postgresql}",
        returns_rows=True,
    )
    values = {name: _value(name, now) for name in statement.scalars}
    listed = [
        tuple(number if type_ == "bigint" else str(number) for type_ in statement.types)
        for number in rows
    ]
    lines = run_once(
        connection,
        lambda c: (
            c.each(explained, listed, **values) if statement.types else c.run(explained, **values)
        ),
    )
    return "\n".join(str(line) for line in lines)


def _value(scalar: str, now: int) -> str | int:
    if scalar in TEXTS:
        return "x"
    if scalar in TIMES:
        return now
    return 100 if scalar == "number" else SOME


def read_whole(found: str) -> set[str]:
    """The tables of which this plan reads every row, as PostgreSQL or, by their short names, SQLite
    calls them; neither lists that were given nor what was read already."""
    tables = {match[1] for match in re.finditer(r"\b(?:Seq Scan on|SCAN) (\w+)(?! USING)\b", found)}
    return {
        table
        for table in tables
        if not re.search(
            rf"\b(?:CO-ROUTINE|MATERIALIZE) {table}\b|SCAN {table} (?:VIRTUAL|CONSTANT|ROW)", found
        )
    }


@pytest.mark.parametrize(("family", "name"), HOT, ids=lambda name: name)
def test_a_hot_statement_uses_its_index(aged: Connection, family: str, name: str) -> None:
    found = plan(aged, load(family)[name])
    assert re.search(HOT[family, name], found), found


@pytest.mark.parametrize(("family", "name"), HOT, ids=lambda name: name)
def test_a_hot_statement_reads_no_table_of_history_whole(
    aged: Connection, family: str, name: str
) -> None:
    found = plan(aged, load(family)[name])
    assert not read_whole(found) & LARGE, found


@pytest.mark.parametrize(("family", "name"), NEWEST, ids=lambda name: name)
def test_the_newest_rows_are_read_from_the_end(aged: Connection, family: str, name: str) -> None:
    found, table = plan(aged, load(family)[name]), NEWEST[family, name]
    if aged.dialect is Dialect.POSTGRESQL:
        assert f"Index Scan Backward using {table}_pkey" in found, found
        return
    # The rows are taken in the order of the table; what is sorted is what was taken.
    inner, _, outer = found.partition("SCAN ")
    assert "TEMP B-TREE" not in inner, found
    assert re.search(rf"(SCAN|SEARCH) {table}\b", found), found
    assert not re.search(r"SCAN (d|n|b|deliveries|notifications|bookings)\b", outer), found


def test_a_backlog_is_cut_before_anything_is_joined_to_it(aged: Connection) -> None:
    """Whatever PostgreSQL believes to be queued."""
    found = plan(aged, load("deliveries")["held_deliveries"])
    inner = "LIST SUBQUERY" if aged.dialect is Dialect.SQLITE else "->  Limit"
    assert inner in found, found


@pytest.mark.parametrize("name", ["supersede_waiting", "settle_waiting", "hold_waiting"])
def test_what_waits_is_found_by_its_id(aged: Connection, name: str) -> None:
    """And not among all that waits."""
    found = plan(aged, load("notifications")[name], rows=range(1, 101))
    assert "notifications_waiting" not in found, found
    assert not read_whole(found) & LARGE, found


@pytest.mark.parametrize("name", ["due_receipts", "settle_accepted"])
def test_later_attempts_are_found_by_their_delivery(aged: Connection, name: str) -> None:
    """And not among all that wait for a receipt, however few PostgreSQL believes them to be."""
    found = plan(aged, load("receipts")[name])
    assert re.search(LATER_ATTEMPTS, found), found


@pytest.mark.parametrize(
    "name", ["queued_by_id", "lease_deliveries", "accept_deliveries", "save_attempts"]
)
def test_a_whole_request_is_found_by_its_ids(aged: Connection, name: str) -> None:
    """In a table that PostgreSQL, as it comes, would read whole for a hundred of its rows."""
    found = plan(aged, load("deliveries")[name], rows=range(1, 101))
    assert not read_whole(found) & LARGE, found
