"""Of what is known and what a file brings, which counts."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.domain.booking import Booking, Status
from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedKey,
    CarriedPhone,
    CarriedSource,
    CarriedUser,
)
from calbell.domain.newer import (
    Outcome,
    meet_booking,
    meet_device,
    meet_key,
    meet_source,
    meet_user,
    without_owner,
)
from calbell.domain.subscription import Platform
from tests.unit.domain.test_carried_file import (
    ADA,
    MADE_AT,
    bookings,
    devices,
    keys,
    phones,
    sources,
    users,
)

LATER = MADE_AT + timedelta(hours=1)
KEY = CarriedKey(id=1, user_id=7, hash="0" * 64, hint="abcd", created_at=MADE_AT)
SOURCE = CarriedSource(path="p", secret="s1", scope="user")
PHONE = CarriedPhone(owner_user_id=7, registered_at=MADE_AT)
DEVICE = CarriedDevice(
    id=1,
    user_id=7,
    token="ExponentPushToken[a]",
    platform=Platform.IOS,
    device_id="d",
    created_at=MADE_AT,
    updated_at=MADE_AT,
    phone=PHONE,
)
BOOKING = CarriedBooking(booking=Booking(uid="b1", version=3), updated_at=MADE_AT)


@given(users, users)
def test_a_user_met_twice_is_unchanged_the_second_time(
    here: CarriedUser, brought: CarriedUser
) -> None:
    after = meet_user(here, brought).after
    again = meet_user(after, brought)
    assert again.after == after
    assert again.outcome in (Outcome.UNCHANGED, Outcome.NEWER)


@given(keys, keys)
def test_a_key_met_twice_is_unchanged_the_second_time(
    here: CarriedKey, brought: CarriedKey
) -> None:
    after = meet_key(here, brought).after
    assert meet_key(after, brought).after == after


@given(sources, sources)
def test_a_source_met_twice_is_unchanged_the_second_time(
    here: CarriedSource, brought: CarriedSource
) -> None:
    after = meet_source(here, brought).after
    assert meet_source(after, brought).after == after


@given(bookings, bookings)
def test_a_booking_met_twice_is_unchanged_the_second_time(
    here: CarriedBooking, brought: CarriedBooking
) -> None:
    after = meet_booking(here, brought).after
    assert meet_booking(after, brought).after == after


@given(devices, phones, devices)
def test_a_device_met_twice_is_unchanged_the_second_time(
    here: CarriedDevice, phone: CarriedPhone, brought: CarriedDevice
) -> None:
    for known, its_phone in ((None, None), (None, phone), (replace(here, phone=phone), phone)):
        met = meet_device(known, its_phone, brought)
        if met.outcome in (Outcome.ADDED, Outcome.CHANGED):
            after = replace(met.after, is_dated=True)
            again = meet_device(after, after.phone, brought)
            assert again.after == after
            assert again.outcome in (Outcome.UNCHANGED, Outcome.NEWER)


@given(devices, st.permutations(range(3)))
def test_a_phone_is_the_newest_registrations_in_whatever_order_it_is_told(
    device: CarriedDevice, order: list[int]
) -> None:
    told = [
        replace(
            device,
            is_dated=True,
            user_id=nth + 1,
            phone=CarriedPhone(
                owner_user_id=nth + 1, registered_at=MADE_AT + timedelta(minutes=nth)
            ),
        )
        for nth in range(3)
    ]
    phone = None
    for nth in order:
        phone = meet_device(None, phone, told[nth]).after.phone
    assert phone == told[2].phone


def test_a_user_who_changed_here_since_stays_as_he_is() -> None:
    here = replace(ADA, name="Ada", refreshed_at=LATER)
    assert meet_user(here, ADA).after == here
    assert meet_user(here, ADA).outcome is Outcome.NEWER
    assert meet_user(ADA, here).after == here
    assert meet_user(ADA, here).outcome is Outcome.CHANGED


def test_what_a_user_prefers_is_kept_where_nothing_newer_is_known_of_it() -> None:
    file = replace(ADA, preferences="{}")
    here = replace(ADA, refreshed_at=LATER)
    met = meet_user(here, file)
    assert (met.outcome, met.after) == (Outcome.CHANGED, replace(here, preferences="{}"))
    assert meet_user(file, replace(here)).after.preferences == "{}"


def test_a_key_that_was_revoked_anywhere_stays_revoked() -> None:
    revoked = replace(KEY, revoked_at=LATER)
    assert meet_key(KEY, revoked).after.revoked_at == LATER
    assert meet_key(revoked, KEY).after.revoked_at == LATER
    assert meet_key(revoked, KEY).outcome is Outcome.UNCHANGED


def test_a_key_that_is_somebody_elses_here_is_refused() -> None:
    met = meet_key(replace(KEY, user_id=8), KEY)
    assert met.outcome is Outcome.REFUSED
    assert met.after.user_id == 8


def test_the_secret_that_replaced_the_other_counts() -> None:
    rotated = replace(SOURCE, secret="s2", old_secret="s1", old_until=LATER)
    assert meet_source(SOURCE, rotated).after.secret == "s2"
    assert meet_source(rotated, SOURCE).outcome is Outcome.NEWER
    assert meet_source(replace(SOURCE, secret="s3"), SOURCE).outcome is Outcome.REFUSED


def test_a_booking_that_is_replaced_gets_a_version_that_it_never_had() -> None:
    here = replace(BOOKING, booking=Booking(uid="b1", version=5))
    newer = replace(BOOKING, updated_at=LATER)
    assert meet_booking(here, newer).after.booking.version == 6
    assert meet_booking(None, newer).after.booking.version == 3
    cancelled = replace(newer, booking=Booking(uid="b1", status=Status.CANCELLED))
    assert meet_booking(cancelled, BOOKING).outcome is Outcome.NEWER


def test_a_registration_here_since_is_left_with_its_id_and_phone() -> None:
    phone = replace(PHONE, owner_user_id=8, registered_at=LATER)
    here = replace(DEVICE, id=5, updated_at=LATER, device_id="new", phone=phone)
    met = meet_device(here, phone, DEVICE)
    assert (met.outcome, met.after) == (Outcome.NEWER, here)


def test_a_registration_that_is_newer_in_the_file_keeps_the_id_that_it_has_here() -> None:
    newer = replace(DEVICE, id=9, updated_at=LATER, phone=replace(PHONE, registered_at=LATER))
    met = meet_device(DEVICE, PHONE, newer)
    assert (met.outcome, met.after) == (Outcome.CHANGED, replace(newer, id=1))


def test_a_phone_that_died_or_was_left_since_does_not_come_back() -> None:
    dead = replace(PHONE, dead_at=LATER, dead_code="DeviceNotRegistered")
    left = replace(PHONE, owner_user_id=None)
    for here in (dead, left):
        assert meet_device(replace(DEVICE, phone=here), here, DEVICE).after.phone == here
        assert meet_device(DEVICE, PHONE, replace(DEVICE, phone=here)).after.phone == here


def test_a_device_that_its_user_removed_here_since_is_not_added_again() -> None:
    met = meet_device(None, replace(PHONE, owner_user_id=None), DEVICE)
    assert met.outcome is Outcome.NEWER


def test_the_last_receipt_and_the_project_are_kept_from_wherever_they_are_known() -> None:
    here = replace(PHONE, last_receipt_at=LATER, last_receipt_code="ok")
    file = replace(PHONE, registered_at=LATER, project="@a/b", last_receipt_at=MADE_AT)
    phone = meet_device(replace(DEVICE, phone=here), here, replace(DEVICE, phone=file)).after.phone
    assert (phone.last_receipt_code, phone.project) == ("ok", "@a/b")


def test_a_row_without_a_time_takes_no_phone_from_whoever_has_it_here() -> None:
    undated = replace(
        DEVICE,
        id=None,
        is_dated=False,
        user_id=9,
        phone=replace(PHONE, owner_user_id=9, registered_at=LATER),
    )
    met = meet_device(None, PHONE, undated)
    assert (met.outcome, met.after.phone) == (Outcome.ADDED, PHONE)


def test_of_rows_without_a_time_in_one_file_the_last_one_has_the_phone() -> None:
    first = replace(DEVICE, is_dated=False)
    second = replace(first, user_id=8, phone=replace(PHONE, owner_user_id=8))
    phone = meet_device(None, meet_device(None, None, first).after.phone, second).after.phone
    assert phone.owner_user_id == 8


def test_a_row_without_a_time_changes_nothing_of_a_device_that_is_known() -> None:
    undated = replace(DEVICE, is_dated=False, device_id="x", updated_at=LATER)
    assert meet_device(DEVICE, PHONE, undated).after == DEVICE


def test_without_its_owner_a_phone_is_older_than_he_says_and_is_his_when_he_comes() -> None:
    shared = replace(PHONE, owner_user_id=8, registered_at=LATER)
    orphan = meet_device(None, None, without_owner(replace(DEVICE, phone=shared))).after.phone
    assert orphan == CarriedPhone(owner_user_id=None, registered_at=MADE_AT)
    owners = replace(DEVICE, user_id=8, updated_at=LATER, phone=shared)
    met = meet_device(None, orphan, owners)
    assert (met.outcome, met.after.phone) == (Outcome.ADDED, shared)
