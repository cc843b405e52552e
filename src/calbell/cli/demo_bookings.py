"""The demo's bookings, as Cal.com's webhooks tell of them (cal-webhooks.md sections 3 to 5)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import msgspec
from msgspec import Struct


class DemoUser(Struct, frozen=True):
    """A user of the demo."""

    id: int
    name: str
    email: str
    time_zone: str
    time_format: int


HOST = DemoUser(7, "Ada Lovelace", "ada@example.com", "Europe/London", 24)
GUEST = DemoUser(8, "Grace Hopper", "grace@example.org", "America/New_York", 12)

_TITLES = ("Intro call", "Product demo", "30 min meeting", "Design review", "Coaching session")


class DemoBooking:
    """A booking of the guest with the host, and the webhooks of what happens to it."""

    def __init__(self, chance: Random, now: datetime) -> None:
        self._chance = chance
        self.uid = self._new_uid()
        self.title = f"{chance.choice(_TITLES)} between {HOST.name} and {GUEST.name}"
        hours = chance.randrange(3, 200)
        self.start_at = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)

    def created(self, now: datetime) -> bytes:
        """It was booked, or a request for it confirmed."""
        return self._webhook("BOOKING_CREATED", now, status="ACCEPTED")

    def requested(self, now: datetime) -> bytes:
        """Somebody asks for it; the host has to confirm."""
        return self._webhook("BOOKING_REQUESTED", now, status="PENDING", requiresConfirmation=True)

    def rejected(self, now: datetime) -> bytes:
        """The host declined."""
        reason = "I am travelling that day"
        return self._webhook("BOOKING_REJECTED", now, status="REJECTED", rejectionReason=reason)

    def rescheduled(self, now: datetime) -> bytes:
        """The guest moved it: from now on it has another uid."""
        old_uid, old_start_at = self.uid, self.start_at
        self.uid = self._new_uid()
        self.start_at = old_start_at + timedelta(hours=self._chance.choice((1, 2, 24, 48)))
        return self._webhook(
            "BOOKING_RESCHEDULED",
            now,
            status="ACCEPTED",
            rescheduleId=1,
            rescheduleUid=old_uid,
            rescheduleStartTime=_iso(old_start_at),
            rescheduleEndTime=_iso(old_start_at + timedelta(minutes=30)),
            rescheduledBy=GUEST.email,
        )

    def cancelled(self, now: datetime) -> bytes:
        """The host cancelled it."""
        return self._webhook(
            "BOOKING_CANCELLED",
            now,
            status="CANCELLED",
            cancellationReason="Something came up",
            cancelledBy=HOST.email,
        )

    def life(self) -> Iterator[str]:
        """What happens to it, one after the other: names of the methods above."""
        yield from self._chance.choice(
            (
                ("created",),
                ("created", "cancelled"),
                ("created", "rescheduled"),
                ("created", "rescheduled", "cancelled"),
                ("requested", "created"),
                ("requested", "rejected"),
            )
        )

    def _new_uid(self) -> str:
        return f"demo{self._chance.getrandbits(64):016x}"

    def _webhook(self, trigger: str, now: datetime, **more: object) -> bytes:
        payload = {
            "uid": self.uid,
            "bookingId": self._chance.randrange(1, 1_000_000),
            "type": "30min",
            "title": self.title,
            "startTime": _iso(self.start_at),
            "endTime": _iso(self.start_at + timedelta(minutes=30)),
            "length": 30,
            "organizer": _person(HOST) | {"id": HOST.id},
            "attendees": [_person(GUEST)],
            "location": "integrations:daily",
            "metadata": {"videoCallUrl": f"https://meet.example.com/{self.uid}"},
            **more,
        }
        return msgspec.json.encode(
            {"triggerEvent": trigger, "createdAt": _iso(now), "payload": payload}
        )


def _person(user: DemoUser) -> dict[str, object]:
    return {
        "name": user.name,
        "email": user.email,
        "timeZone": user.time_zone,
        "language": {"locale": "en"},
    }


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
