"""The English texts, by the id of each: what other languages and an operator's own texts replace.

A `{place}` in a text is filled in; a text of which a place has nothing to fill it is not said. A
text with plural forms has one for each category of CLDR. Ids are stable: catalogues rely on them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

Text: TypeAlias = str | Mapping[str, str]

FOR_ATTENDEE: Final = "_for_attendee"
"""What the id of an event's text ends in, if it is for attendees only."""

ENGLISH: Final[Mapping[str, Text]] = MappingProxyType(
    {
        # Parts that the texts of several events are made of.
        "lines.untitled": "Booking",
        "lines.booking": "{title} with {people}",
        "lines.two_people": "{first} and {second}",
        "lines.more_people": {
            "one": "{first} and {count} other",
            "other": "{first} and {count} others",
        },
        "lines.seat_title": "Seat: {title}",
        "lines.all_day": "{when} (all day)",
        "lines.was": "Was {old}",
        "lines.instead_of": "Instead of {old}",
        "lines.series": {
            "one": "{count} booking, {when}",
            "other": "{count} bookings, the first {when}",
        },
        "lines.seats_at_once": {"one": "{count} seat", "other": "{count} seats"},
        "lines.seat_taken": "Seat {taken} of {seats}",
        "lines.seats_left": "That left {taken} of {seats} seats booked",
        "lines.reassigned": "From {old} to {new}",
        "lines.new_place": "New location: {place}",
        "lines.reason": "Reason: “{reason}”",
        "lines.organized_by": "Organized by {organizer}",
        # Each event: its title; the first line, if it is another than `lines.booking`; a note; and
        # what is said of it under CALBELL_PRIVACY=minimal.
        "booking_requested.title": "Booking Requested",
        "booking_requested.title_for_attendee": "Booking Request Sent",
        "booking_requested.minimal": "You have a new booking request",
        "booking_requested.minimal_for_attendee": "Your booking request was sent",
        "booking_request_reminder.title": "Reminder: Booking Request",
        "booking_request_reminder.minimal": "A reminder of a booking request",
        "booking_confirmed.title": "Booking Confirmed",
        "booking_confirmed.minimal": "You have a new booking",
        "booking_rejected.title": "Booking Rejected",
        "booking_rejected.minimal": "A booking request was rejected",
        "booking_rescheduled.title": "Booking Rescheduled",
        "booking_rescheduled.minimal": "A booking was rescheduled",
        "booking_reschedule_requested.title": "Reschedule Requested",
        "booking_reschedule_requested.note_for_attendee": "You were asked to pick a new time",
        "booking_reschedule_requested.minimal": "A new time was asked for",
        "booking_reschedule_requested.minimal_for_attendee": "You were asked to pick a new time",
        "booking_cancelled.title": "Booking Cancelled",
        "booking_cancelled.minimal": "A booking was cancelled",
        "booking_location_changed.title": "Location Changed",
        "booking_location_changed.minimal": "The location of a booking changed",
        "booking_reassigned.title": "Booking Reassigned",
        "booking_reassigned.minimal": "A booking was reassigned",
        "booking_attendee_added.title": "Attendee Added",
        "booking_attendee_added.first_line": "{added} joined {booking}",
        "booking_attendee_added.minimal": "Somebody joined a booking",
        "booking_guests_added.title": "Guests Added",
        "booking_guests_added.first_line": "{added} joined {booking}",
        "booking_guests_added.minimal": "Guests joined a booking",
        "booking_seat_cancelled.title": "Seat: Booking Cancelled",
        "booking_seat_cancelled.minimal": "A seat was cancelled",
        "payment_received.title": "Payment Received",
        "payment_received.first_line": "{amount} for {booking}",
        "payment_received.minimal": "A payment was received",
        "booking_proposal_requested.title": "New Time Proposed",
        "booking_proposal_requested.minimal": "A new time was proposed for a booking",
        "recording_ready.title": "Recording Ready",
        "recording_ready.minimal": "A recording is ready",
        "transcript_ready.title": "Transcript Ready",
        "transcript_ready.minimal": "A transcript is ready",
        "cal_event_new_registration.title": "New Registration",
        "cal_event_new_registration.title_for_attendee": "Registration Received",
        "cal_event_new_registration.first_line": "{people} registered for {title}",
        "cal_event_new_registration.first_line_for_attendee": "{booking}",
        "cal_event_new_registration.minimal": "You have a new registration",
        "cal_event_new_registration.minimal_for_attendee": "Your registration was received",
        "cal_event_pending_registration.title": "Registration Requested",
        "cal_event_pending_registration.title_for_attendee": "Registration Request Sent",
        "cal_event_pending_registration.first_line": "{people} asked to join {title}",
        "cal_event_pending_registration.first_line_for_attendee": "{booking}",
        "cal_event_pending_registration.minimal": "You have a new registration request",
        "cal_event_pending_registration.minimal_for_attendee": "Your registration request was sent",
        "booking_reminder.title": "Booking Reminder",
        "booking_reminder.minimal": "A reminder of a booking",
    }
)
