"""A booking as a Cal.com instance has it, and as its API lists many of them. Both stand-ins for an
instance are made with it: the one that is asked over HTTP, and the one of the universe."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from tests import payloads

Json: TypeAlias = dict[str, Any]

LENGTH = timedelta(minutes=30)


def written(at: datetime) -> str:
    """As JavaScript's `toISOString` writes it."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


class Booked:
    """A booking as the instance has it. `by` is the address of who cancelled it, or moved it
    here."""

    def __init__(
        self,
        uid: str,
        host: Json,
        attendees: list[Json],
        now: datetime,
        *,
        start: datetime | None = None,
        title: str | None = None,
    ) -> None:
        self.uid = uid
        self.host = host
        self.attendees = attendees
        self.status = "accepted"
        self.start = start or now.replace(microsecond=0) + timedelta(days=2)
        self.title = title or f"Chat about {uid}"
        self.place = f"https://app.cal.com/video/{uid}"
        self.created_at = self.updated_at = now
        self.from_uid: str | None = None
        self.to_uid: str | None = None
        self.by: str | None = None
        self.is_seated = False
        self.is_of_a_team = False

    def touch(self, now: datetime) -> None:
        """It changed."""
        self.updated_at = max(now, self.updated_at + timedelta(milliseconds=1))

    def ends(self, status: str, now: datetime, by: str | None = None) -> None:
        """It does not take place."""
        self.status, self.by = status, by
        self.touch(now)

    def moves(self, uid: str, start: datetime, now: datetime, by: str | None = None) -> "Booked":
        """It takes place then, under another uid: the booking with that."""
        new = Booked(uid, self.host, self.attendees, now, start=start, title=self.title)
        new.from_uid, new.place, new.by = self.uid, self.place, by
        self.status, self.to_uid = "cancelled", uid
        self.touch(now)
        return new

    def is_attended_by(self, person: Json) -> bool:
        """Whether somebody with this address attends."""
        return any(one["email"] == person["email"] for one in self.attendees)

    def shown(self) -> Json:
        """As `GET /v2/bookings` shows it."""
        host = {"id": self.host["id"], "name": self.host["name"], "email": self.host["email"]}
        seated = {"seatUid": "seat"} if self.is_seated else {}
        shown: Json = {
            "id": 42,
            "uid": self.uid,
            "title": self.title,
            "description": "",
            "hosts": [{**host, "username": "unknown", "timeZone": "Europe/London"}],
            "status": self.status,
            "start": written(self.start),
            "end": written(self.start + LENGTH),
            "duration": 30,
            "eventTypeId": 5,
            "attendees": [
                {
                    "name": one["name"],
                    "email": one["email"],
                    "timeZone": "Europe/Berlin",
                    "language": "en",
                    "absent": False,
                    **seated,
                }
                for one in self.attendees
            ],
            "location": self.place,
            "meetingUrl": self.place,
            "absentHost": False,
            "createdAt": written(self.created_at),
            "updatedAt": written(self.updated_at),
            "metadata": {},
        }
        if self.status == "cancelled":
            shown |= {"cancellationReason": "I am ill"}
        if self.from_uid is not None:
            shown["rescheduledFromUid"] = self.from_uid
        if self.to_uid is not None:
            shown["rescheduledToUid"] = self.to_uid
        if self.by is not None:
            name = "cancelled" if self.status == "cancelled" else "rescheduled"
            shown[f"{name}ByEmail"] = self.by
        return shown

    def webhook(self, trigger: Any, sent_at: datetime, **more: Any) -> Json:
        """The webhook of this booking: `trigger` is one of the functions of `payloads`."""
        envelope: Json = trigger(
            uid=self.uid,
            organizer=payloads.organizer(**self.host),
            attendees=[payloads.attendee(one["email"], one["name"]) for one in self.attendees],
            start=self.start,
            end=self.start + LENGTH,
            sent_at=sent_at,
            title=self.title,
            **more,
        )
        envelope["payload"]["metadata"]["videoCallUrl"] = self.place
        return envelope


def page_of(bookings: Sequence[Booked], query: Mapping[str, str], *, sorts: bool = True) -> Json:
    """The answer of an instance that has these to a question with this query. Older versions of
    Cal.com do not know how to sort by the last change."""
    take, skip = int(query.get("take", "100")), int(query.get("skip", "0"))
    after = query.get("afterUpdatedAt", "")
    assert 1 <= take <= 250
    found = [one for one in bookings if written(one.updated_at) >= after]
    if (start := query.get("afterStart")) is not None:
        found = [one for one in found if written(one.start) >= start]
    if sorts and query.get("sortUpdatedAt") == "asc":
        found.sort(key=lambda one: one.updated_at)
    page = found[skip : skip + take]
    left = len(found) - skip - len(page)
    return {"data": [one.shown() for one in page], "pagination": {"hasNextPage": left > 0}}
