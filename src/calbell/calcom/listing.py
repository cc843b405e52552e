"""Listing: bookings as Cal.com's API shows them, a page at a time, oldest change first."""

from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from calbell.calcom.http import MOST_LIST_BYTES, Answer, Answered
from calbell.calcom.json_fields import (
    NO_FIELDS,
    Fields,
    address,
    fields,
    items,
    moment,
    parsed,
    positive,
    text,
)
from calbell.calcom.payloads import LONGEST_UID, each_once
from calbell.calcom.registered import Api, Refusal, date_of, refusal, whole
from calbell.domain.events import BookingEvent, EventKind, TimeSpan
from calbell.domain.people import Person, is_address

PAGE: Final = 50
"""Bookings of one answer: a form may have long answers."""

LONGEST_REST: Final = timedelta(minutes=2)
SHARE_LEFT: Final = 4
"""What is left of the request limit for others with the same key: a quarter."""

_KINDS: Final = {
    "accepted": EventKind.CREATED,
    "pending": EventKind.REQUESTED,
    "cancelled": EventKind.CANCELLED,
    "rejected": EventKind.REJECTED,
}


class Seen(Struct, frozen=True, kw_only=True):
    """A booking as Cal.com has it. `event` says all that is shown of it, as of its last change.
    `moved_to` is the uid that took its place: Cal.com calls such a booking cancelled."""

    event: BookingEvent
    moved_to: str | None
    raw: bytes


class Page(Struct, frozen=True, kw_only=True):
    """Some bookings. `until` is the latest change of any of them, read or not; `is_ordered` says
    that they came in the order of their changes: older versions of Cal.com do not sort so. `rest`
    is how long to leave the instance alone before the next page, `said_at` when this was said, by
    its own clock, if it shows one."""

    seen: tuple[Seen, ...]
    unreadable: int
    is_last: bool
    is_ordered: bool
    until: datetime | None
    rest: timedelta | None
    said_at: datetime | None


class Place(Struct, frozen=True):
    """Where a page begins: at bookings that changed at `after` or later, or, without it, at those
    that begin after `starting_after`; so many are left out. `is_unordered`: a page before did not
    come in the order of changes."""

    after: datetime | None = None
    starting_after: datetime | None = None
    skip: int = 0
    is_unordered: bool = False


class Sight(Struct, frozen=True):
    """Which bookings a key can see: `path` is where they are listed, `said` says it in words."""

    path: str
    said: str


Listed: TypeAlias = Page | Refusal


async def page(api: Api, sight: Sight, authorization: str, place: Place) -> Listed:
    """The page that begins there."""
    query: dict[str, object] = {"sortUpdatedAt": "asc", "take": PAGE}
    if place.skip:
        query["skip"] = place.skip
    if place.after is not None:
        query["afterUpdatedAt"] = _written(place.after)
    elif place.starting_after is not None:
        query["afterStart"] = _written(place.starting_after)
    path = f"{sight.path}?{urlencode(query)}"
    answer = await api.ask("GET", path, authorization, longest=MOST_LIST_BYTES)
    return _page(answer)


async def may_see(api: Api, sight: Sight, authorization: str) -> bool | Refusal:
    """Whether the key may list these; a refusal that is not final says nothing of it."""
    answer = await api.ask("GET", f"{sight.path}?take=1", authorization, longest=MOST_LIST_BYTES)
    if isinstance(answer, Answered) and answer.status == 200:
        return True
    refused = refusal(answer)
    return False if refused.is_final else refused


def seen(raw: bytes) -> Seen | None:
    """The booking as it was kept when it was seen; `None` where it cannot be read."""
    said = parsed(raw)
    return None if said is None else _seen(said)


def _page(answer: Answer) -> Listed:
    if not isinstance(answer, Answered) or answer.status != 200:
        return refusal(answer)
    said = parsed(answer.body) or NO_FIELDS
    listed = items(said.get("data"))
    if listed is None:
        return Refusal("an answer without bookings", is_final=False)
    shown = [_seen(one) for one in listed]
    changed = [at for one in listed if (at := _changed_at(one)) is not None]
    has_next = (fields(said.get("pagination")) or NO_FIELDS).get("hasNextPage")
    return Page(
        seen=tuple(one for one in shown if one is not None),
        unreadable=shown.count(None),
        is_last=has_next is not True and len(listed) < PAGE,
        is_ordered=changed == sorted(changed),
        until=max(changed, default=None),
        rest=_rest(answer),
        said_at=date_of(answer.headers),
    )


def _rest(answer: Answered) -> timedelta | None:
    left, limit, reset = (
        positive(whole(answer.headers.get(f"x-ratelimit-{name}-default")))
        for name in ("remaining", "limit", "reset")
    )
    if limit is None or reset is None or (left or 0) > limit // SHARE_LEFT:
        return None
    return min(timedelta(seconds=reset), LONGEST_REST)


def _changed_at(said: Fields) -> datetime | None:
    return moment(said.get("updatedAt")) or moment(said.get("createdAt"))


def _seen(said: Fields) -> Seen | None:
    uid, changed_at = text(said.get("uid")), _changed_at(said)
    kind = _KINDS.get(text(said.get("status")) or "")
    start, end = moment(said.get("start")), moment(said.get("end"))
    if uid is None or changed_at is None or kind is None or start is None or end is None:
        return None
    if len(uid.encode()) > LONGEST_UID or end < start:
        return None
    old_uid = text(said.get("rescheduledFromUid"))
    if old_uid is not None and kind is EventKind.CREATED:
        kind = EventKind.RESCHEDULED
    attendees = items(said.get("attendees")) or []
    is_seated = any(one.get("seatUid") is not None for one in attendees)
    people = each_once(person for one in attendees if (person := _person(one)))
    event = BookingEvent(
        kind=kind,
        uid=uid,
        sent_at=changed_at,
        title=text(said.get("title")),
        times=TimeSpan(start, end),
        place=text(said.get("location")) or text(said.get("meetingUrl")),
        organizer=_organizer(said),
        attendees=people or None,
        seats=len(people) if is_seated else None,
        old_uid=old_uid if kind in (EventKind.RESCHEDULED, EventKind.REQUESTED) else None,
        actor=_actor(kind, said),
        reason=_reason(kind, said),
        is_of_a_series=text(said.get("recurringBookingUid")) is not None,
    )
    moved_to = text(said.get("rescheduledToUid")) if kind is EventKind.CANCELLED else None
    return Seen(event=event, moved_to=moved_to, raw=msgspec.json.encode(said))


def _organizer(said: Fields) -> Person | None:
    """The first host is who holds the booking; where there is nobody, Cal.com says `unknown`."""
    for host in items(said.get("hosts")) or ():
        person = _person(host)
        id_ = positive(host.get("id"))
        if person is None and id_ is None:
            return None
        known = person or Person("")
        return Person(known.email, known.name or text(host.get("name")) or "", id_)
    return None


def _person(said: Fields) -> Person | None:
    email = address(said.get("email"))
    if email is None or not is_address(email):
        return None
    return Person(email, text(said.get("name")) or "")


def _actor(kind: EventKind, said: Fields) -> str | None:
    if kind is EventKind.CANCELLED:
        return address(said.get("cancelledByEmail"))
    return address(said.get("rescheduledByEmail")) if kind is EventKind.RESCHEDULED else None


def _reason(kind: EventKind, said: Fields) -> str | None:
    if kind is EventKind.CANCELLED:
        return text(said.get("cancellationReason"))
    return text(said.get("reschedulingReason")) if kind is EventKind.RESCHEDULED else None


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
