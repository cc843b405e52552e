"""Releasing: what becomes of a notification when its time has come."""

from datetime import timedelta

import pytest

from calbell.domain.booking import Booking, Status
from calbell.domain.notification import Suppression
from calbell.domain.preferences import Preferences
from calbell.domain.push_events import PushEvent
from calbell.domain.release import Released, Stale, Suppressed, release
from tests.unit.domain.builders import DAY, NOW, TUESDAY, news, phone, standing

REMINDER = news(PushEvent.BOOKING_REMINDER)
NO_LONGER_TRUE = Suppressed(Suppression.NO_LONGER_TRUE)
NO_DEVICE = Suppressed(Suppression.NO_DEVICE)


def test_news_is_said_on_all_phones_that_can_be_rung() -> None:
    phones = (phone(1), phone(2))
    verdict = release(news(), standing(), phones, exclusive=True, now=NOW)
    assert verdict == Released(phones)


def test_news_is_stale_from_the_moment_it_expires() -> None:
    one = news(expires_at=NOW + DAY)
    just_before = NOW + DAY - timedelta(milliseconds=1)
    assert isinstance(release(one, None, [phone()], exclusive=True, now=just_before), Released)
    assert release(one, None, [phone()], exclusive=True, now=NOW + DAY) == Stale()


def test_what_is_stale_is_stale_whatever_else_speaks_against_it() -> None:
    cancelled = standing(status=Status.CANCELLED)
    assert release(REMINDER, cancelled, (), exclusive=True, now=NOW + DAY) == Stale()


def test_a_reminder_of_a_booking_that_stands_at_that_time_is_said() -> None:
    verdict = release(REMINDER, standing(), [phone()], exclusive=True, now=NOW)
    assert verdict == Released((phone(),))


@pytest.mark.parametrize(
    "booking",
    [
        standing(status=Status.PENDING),
        standing(status=Status.CANCELLED),
        standing(status=Status.REJECTED),
        standing(replaced_by_uid="booking-2"),
        standing(times=TUESDAY),
        standing(times=None),
    ],
)
def test_a_reminder_of_what_is_no_longer_true_is_not_said(booking: Booking) -> None:
    verdict = release(REMINDER, booking, [phone()], exclusive=True, now=NOW)
    assert verdict == NO_LONGER_TRUE


def test_that_it_is_no_longer_true_is_said_before_that_there_is_no_phone() -> None:
    cancelled = standing(status=Status.CANCELLED)
    assert release(REMINDER, cancelled, (), exclusive=True, now=NOW) == NO_LONGER_TRUE


def test_news_of_a_change_stays_true_of_its_change() -> None:
    cancelled = standing(status=Status.CANCELLED, times=TUESDAY)
    assert isinstance(release(news(), cancelled, [phone()], exclusive=True, now=NOW), Released)


def test_what_is_about_no_known_booking_is_said() -> None:
    assert isinstance(release(REMINDER, None, [phone()], exclusive=True, now=NOW), Released)


@pytest.mark.parametrize("exclusive", [True, False])
def test_without_a_phone_there_is_nobody_to_say_it_to(exclusive: bool) -> None:
    assert release(news(), standing(), (), exclusive=exclusive, now=NOW) == NO_DEVICE


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_dead_phone_is_not_rung(exclusive: bool) -> None:
    phones = (phone(1, is_dead=True), phone(2))
    verdict = release(news(), standing(), phones, exclusive=exclusive, now=NOW)
    assert verdict == Released((phone(2),))
    assert release(news(), standing(), phones[:1], exclusive=exclusive, now=NOW) == NO_DEVICE


@pytest.mark.parametrize("owner", [8, None])
def test_a_phone_of_another_owner_is_rung_only_where_phones_are_shared(owner: int | None) -> None:
    taken = phone(1, owner_user_id=owner)
    assert release(news(), standing(), [taken], exclusive=True, now=NOW) == NO_DEVICE
    assert release(news(), standing(), [taken], exclusive=False, now=NOW) == Released((taken,))


OFF = [Preferences(enabled=False), Preferences(off=frozenset({REMINDER.kind}))]


@pytest.mark.parametrize("wishes", OFF)
def test_what_the_user_has_switched_off_is_not_said(wishes: Preferences) -> None:
    verdict = release(REMINDER, standing(), [phone()], exclusive=True, now=NOW, wishes=wishes)
    assert verdict == Suppressed(Suppression.SWITCHED_OFF)


def test_another_kind_that_is_switched_off_keeps_nothing_from_being_said() -> None:
    verdict = release(news(), standing(), [phone()], exclusive=True, now=NOW, wishes=OFF[1])
    assert verdict == Released((phone(),))
