"""What a person may see of what is kept of him."""

import msgspec
from msgspec.structs import replace

from calbell.domain.booking import Booking
from calbell.domain.carried import CarriedBooking
from calbell.domain.own_copy import own_booking, own_device, own_key
from calbell.domain.people import Person, Role
from tests.unit.domain.test_carried_file import ADA, MADE_AT
from tests.unit.domain.test_newer import DEVICE, KEY, PHONE

ME = Person("ada@example.com", "Ada")
BOB = Person("bob@example.com", "Bob")
HOST = Person("host@example.com", "Host", 9)


def carried(**more: object) -> CarriedBooking:
    booking = replace(Booking(uid="b1", organizer=HOST, attendees=(BOB, ME)), **more)
    return CarriedBooking(booking=booking, updated_at=MADE_AT)


def test_a_key_is_shown_by_its_end_alone() -> None:
    said = msgspec.json.encode(own_key(KEY))
    assert KEY.hint.encode() in said
    assert KEY.hash.encode() not in said


def test_ones_own_phone_is_shown_with_its_token() -> None:
    shown = own_device(DEVICE)
    assert (shown.token, shown.is_yours) == (DEVICE.token, True)


def test_of_a_phone_that_is_somebody_elses_by_now_nothing_is_told() -> None:
    phone = replace(PHONE, owner_user_id=8, last_receipt_code="fine", project="@a/b")
    said = msgspec.json.encode(
        own_device(replace(DEVICE, token="ExponentPushToken[abcdef]", phone=phone))
    )
    for word in (b"def]", b"8", b"fine", b"@a/b"):
        assert word not in said.replace(b"2026-11-25T12:00:00Z", b"")


def test_a_booking_is_shown_to_whoever_has_a_part_in_it() -> None:
    shown = own_booking(carried(), ADA)
    assert shown is not None
    assert (shown.part, shown.attendees) == (Role.ATTENDEE, (BOB, ME))
    hosted = own_booking(carried(organizer=replace(ME, user_id=ADA.id)), ADA)
    assert hosted is not None
    assert hosted.part is Role.ORGANIZER
    helped = own_booking(carried(hosts=(ME,), attendees=(BOB,)), ADA)
    assert helped is not None
    assert helped.part is Role.HOST


def test_a_booking_of_others_is_not_shown() -> None:
    assert own_booking(carried(attendees=(BOB,)), ADA) is None
    # An attendee's id is not a user's, and an organizer's id counts before the address.
    assert own_booking(carried(attendees=(replace(BOB, user_id=ADA.id),)), ADA) is None
    assert own_booking(carried(organizer=replace(ME, user_id=9), attendees=()), ADA) is None


def test_who_shares_a_booking_with_seats_does_not_see_the_others() -> None:
    shown = own_booking(carried(seats=5), ADA)
    assert shown is not None
    assert shown.attendees == (ME,)
    hosted = own_booking(carried(seats=5, organizer=replace(ME, user_id=ADA.id)), ADA)
    assert hosted is not None
    assert hosted.attendees == (BOB, ME)
