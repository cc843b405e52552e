"""The operator's pages on a database of their own, and those who look at them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from calbell.console.live import Ending
from calbell.console.pages import Console
from calbell.domain.delivery import DeliveryState
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform, Registration
from calbell.store import deliveries, migrate, receipts, subscriptions, users
from calbell.store.database import InlineDatabase, run_once
from calbell.store.deliveries import Completion
from calbell.store.receipts import SettledReceipt
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from calbell.store.users import Profile
from tests.console.visit import (
    ANDROID,
    IPHONE,
    NOON,
    TICKET,
    TOKEN,
    Browser,
    Time,
    means_of,
    mounted,
    take_in,
)
from tests.payloads import created


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SqliteConnection]:
    engine = SqliteEngine(str(tmp_path / "calbell.db"))
    migrate.bring_up_to_date(engine, NOON)
    connection = engine.connect()
    yield connection
    connection.close()


@pytest.fixture
def wakes() -> list[bool]:
    """How often somebody was told that there is something to send."""
    return []


@pytest.fixture
def ending() -> Ending:
    return Ending()


@pytest.fixture
def console(connection: SqliteConnection, time: Time, wakes: list[bool], ending: Ending) -> Console:
    return Console(means_of(InlineDatabase(connection), time, wakes), TOKEN, ending)


@pytest.fixture
def stranger(console: Console) -> Browser:
    return Browser(mounted(console))


@pytest.fixture
def operator(console: Console) -> Browser:
    browser = Browser(mounted(console))
    assert browser.log_in().status == 303
    return browser


@pytest.fixture
def booked(connection: SqliteConnection) -> None:
    """Ada has two phones, and Bob none; a booking of theirs came in."""
    for id_, name, address in ((7, "Ada Host", "ada"), (8, "Bob Guest", "bob")):
        profile = Profile(
            id=id_,
            name=name,
            username=None,
            time_zone="Europe/London",
            locale="en",
            time_format=12,
            source="test",
            addresses=(f"{address}@example.com",),
            created_at=NOON,
        )
        run_once(connection, users.save, profile, NOON)
    phones = [
        Registration(7, IPHONE, Platform.IOS, "one"),
        Registration(7, ANDROID, Platform.ANDROID, "two"),
    ]
    run_once(connection, subscriptions.register_many, phones, NOON)
    take_in(connection, created(uid="bk1"))


@pytest.fixture
def delivered(connection: SqliteConnection, booked: None) -> None:
    """Expo took the news for the iPhone and has a good receipt; the Android phone is gone."""
    at = NOON + timedelta(seconds=5)
    project = run_once(connection, deliveries.pick_project, at)
    assert project is not None
    due = run_once(connection, deliveries.due, project, at, 10)
    run_once(connection, deliveries.lease, [one.id for one in due], "w", at + timedelta(minutes=1))
    reports = [
        Completion(
            delivery_id=one.id,
            worker="w",
            attempt=1,
            asked_at=at,
            most_together=100,
            outcome="accepted",
            ticket_id=TICKET,
            receipt_due_at=at + timedelta(minutes=15),
            phone_id=one.phone_id,
            token=one.token,
        )
        if one.platform is Platform.IOS
        else Completion(
            delivery_id=one.id,
            worker="w",
            attempt=1,
            asked_at=at,
            most_together=100,
            outcome="phone_gone",
            code="DeviceNotRegistered",
            state=DeliveryState.UNREGISTERED,
            phone_id=one.phone_id,
            token=one.token,
            sighting=Sighting.GONE,
        )
        for one in due
    ]
    run_once(connection, deliveries.complete_many, reports, at)
    later = at + timedelta(minutes=15)
    (ticket,) = run_once(connection, receipts.claim, later, later + timedelta(minutes=1), 10)
    settled = SettledReceipt(ticket.attempt, "ok", DeliveryState.DELIVERED)
    run_once(connection, receipts.settle, [settled], later)
