"""Bookings: finding one, its story, what would be said of it now, and saying it again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from calbell.console.desk import Desk, clean, whole_number
from calbell.console.sessions import Session
from calbell.flows import again
from calbell.flows.again import CannotSay, Said
from calbell.flows.story import Timeline, timeline
from calbell.store import bookings, search
from calbell.store.connection import Connection
from calbell.store.search import FoundBooking

log = structlog.get_logger()

AROUND = timedelta(days=45)
"""How far around now bookings of somebody are looked for, where nobody says when."""

FEW = 5
"""Users of one name whose bookings are shown together."""


class Bookings:
    """The pages about bookings."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def search(self, request: Request, session: Session) -> Response:
        """Bookings that were heard of last, or those that were asked for; a single one at once."""
        means, now = self._desk.means, self._desk.means.clock()
        text = clean(request.query_params.get("q", ""))
        since, until = (_day(request.query_params.get(name, "")) for name in ("from", "to"))
        found = await means.database.read(_found, text, since, until, now)
        if isinstance(found, str):
            return self._desk.to(request, "/booking", uid=found)
        values = {
            "text": text,
            "since": since,
            "until": until,
            "found": found,
            "most": search.MOST,
        }
        return self._desk.page(request, "bookings.html", session, values)

    async def story(self, request: Request, session: Session) -> Response:
        """All that happened to one booking; with `now`, also what would be said of it now."""
        uid = request.query_params.get("uid", "").strip()
        if not uid:
            return self._desk.to(request, "/bookings")
        story = await self._story(uid)
        if story is None:
            return self._desk.page(request, "no_booking.html", session, {"uid": uid}, status=404)
        said, why_not = await self._now(uid) if "now" in request.query_params else (None, None)
        values = {
            "story": story,
            "said": said,
            "why_not": why_not,
            "sent_to": whole_number(request.query_params.get("sent", "")),
        }
        return self._desk.page(request, "booking.html", session, values)

    async def piece(self, request: Request) -> str:
        """What of the story changes."""
        story = await self._story(request.query_params.get("uid", "").strip())
        if story is None:
            return ""
        return self._desk.rendering.piece(request, "booking_piece.html", {"story": story})

    async def say_again(self, request: Request, form: Mapping[str, str]) -> Response:
        """The booking is told to one user again, as it stands."""
        means, uid = self._desk.means, clean(form.get("uid", ""))
        user_id = whole_number(form.get("user", ""))
        if user_id is None:
            raise HTTPException(400, "This is no user.")
        try:
            await means.database.run(
                again.send_again, uid, user_id, means.policy, means.clock(), means.chance
            )
        except CannotSay as error:
            raise HTTPException(409, f"Nothing was sent: {error}.") from None
        means.wake()
        log.info("console_sent_again", user=user_id)
        return self._desk.to(request, "/booking", uid=uid, sent=user_id)

    async def _story(self, uid: str) -> Timeline | None:
        # No database of ours can hold a NUL, nor be asked for one.
        return None if "\0" in uid else await self._desk.means.database.read(timeline, uid)

    async def _now(self, uid: str) -> tuple[list[Said] | None, str | None]:
        means = self._desk.means
        try:
            said = await means.database.read(
                again.what_now, uid, means.policy, means.app, means.clock()
            )
        except CannotSay as error:
            return None, str(error)
        return said, None


def _found(
    connection: Connection, text: str, since: datetime | None, until: datetime | None, now: datetime
) -> list[FoundBooking] | str:
    """Bookings that fit what was typed; the uid, where it is one."""
    if text and bookings.by_uid(connection, text) is not None:
        return text
    after = until + timedelta(days=1) if until else None
    if text:
        known = search.people(connection, text)
        if "@" in text and not any(one.is_exact for one in known):
            # A stranger's address: it may be a part of a user's, who is not meant.
            start, end = since or now - AROUND, after or now + AROUND
            return search.between(connection, start, end, text.lower())
        theirs = {
            one.uid: one
            for user in known[:FEW]
            for one in search.of_user(connection, user.id)
            if _is_within(one, since, after)
        }
        return list(theirs.values())[: search.MOST]
    if since is None and after is None:
        return search.heard_of(connection)
    start = since or (after or now) - AROUND
    return search.between(connection, start, after or start + 2 * AROUND, None)


def _is_within(one: FoundBooking, since: datetime | None, until: datetime | None) -> bool:
    if one.start_at is None or one.end_at is None:
        return since is None and until is None
    return (since is None or one.end_at >= since) and (until is None or one.start_at < until)


def _day(text: str) -> datetime | None:
    """The start of a day, in UTC, if it is one that any booking could be on."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day if 1970 <= day.year < 9000 else None
