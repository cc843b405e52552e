"""Cal.com in this process: what its bookings really are, and what its API says of them.

It knows nothing of who asks. Every answer is made as cal-api.md describes it, of the bookings as
they are at that moment.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from tests.booked import Booked, Json, page_of

KEY = "cal_key-of-the-universe"
ORGANISATION = 12
OWNER = 1
"""Whose key it is."""

STRANGERS = 900
"""The ids of hosts who are no users here begin with this one."""

LIMIT = 120
WINDOW_SECONDS = 60
VERSION = "2024-08-13"

_OF_ORGANISATION = re.compile(r"/organizations/(\d+)/bookings")


class Mood(StrEnum):
    """How the instance is."""

    WELL = "well"
    SILENT = "silent"
    AWAY = "away"
    BROKEN = "broken"
    SHUT = "shut to this key"
    DEMOTING = "sure that the key's owner is no admin"


class Said(Struct, frozen=True):
    """An answer; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Instance:
    """Bookings by uid, and one key, of an admin of the organisation or of one of its users alone.
    `busy` is how many requests others make with the same key in a minute."""

    def __init__(self, clock: Callable[[], datetime], *, is_admins: bool) -> None:
        self._clock = clock
        self._is_admins = is_admins
        self._window, self._spent = 0, 0
        self.bookings: dict[str, Booked] = {}
        self.mood = Mood.WELL
        self.busy = 0
        self.well_since = clock()
        self.turned_away = self.later_pages = 0

    # What happens there.

    def becomes(self, mood: Mood = Mood.WELL, *, busy: int = 0) -> None:
        """It is like that from now on."""
        self.mood, self.busy = mood, busy
        self.well_since = self._clock()

    @property
    def is_well(self) -> bool:
        """Whether it answers who has the key."""
        return self.mood is Mood.WELL and not self.busy

    def shows(self) -> Iterable[Booked]:
        """The bookings that the key can see."""
        return filter(self._may_see, self.bookings.values())

    def forget(self, before: datetime) -> None:
        """Nobody asks any more for what began before that."""
        for uid, booked in tuple(self.bookings.items()):
            if booked.start < before:
                del self.bookings[uid]

    # Its API.

    def answer(self, path: str, authorization: str, version: str | None) -> Said:
        """What it says to somebody who wants to read that."""
        if self.mood is Mood.BROKEN:
            return Said(502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>")
        if authorization != f"Bearer {KEY}" or self.mood is Mood.SHUT:
            return self._refused(401, "UnauthorizedException", "Invalid API Key")
        now = self._clock().timestamp()
        window = int(now / WINDOW_SECONDS)
        if window != self._window:
            self._window, self._spent = window, self.busy
        self._spent += 1
        left = LIMIT - self._spent
        limits = {
            "x-ratelimit-limit-default": str(LIMIT),
            "x-ratelimit-remaining-default": str(max(left, 0)),
            "x-ratelimit-reset-default": str(int(WINDOW_SECONDS - now % WINDOW_SECONDS) + 1),
        }
        if left < 0:
            self.turned_away += 1
            said = self._refused(429, "ThrottlerException", "Too many requests.")
        else:
            said = self._routed(path, version)
        said.headers.update(limits)
        return said

    def _routed(self, path: str, version: str | None) -> Said:
        url = urlsplit(path)
        if url.path == "/me":
            return self._success(data=_person(OWNER))
        of_organisation = _OF_ORGANISATION.fullmatch(url.path)
        if of_organisation is not None and int(of_organisation[1]) == ORGANISATION:
            if not self._is_admins or self.mood is Mood.DEMOTING:
                return self._refused(403, "ForbiddenException", "IsAdminGuard - not an admin.")
            seen = list(self.shows())
        elif url.path == "/bookings":
            seen = [one for one in self.bookings.values() if _is_mine(one)]
        else:
            return self._refused(404, "NotFoundException", "Cannot GET it")
        if version != VERSION:
            return self._refused(404, "NotFoundException", "Cannot GET it")
        query = dict(parse_qsl(url.query))
        page = page_of(seen, query)
        self.later_pages += page["pagination"]["hasNextPage"] and query["take"] != "1"
        return self._success(**page)

    def _may_see(self, booked: Booked) -> bool:
        return self._is_admins or _is_mine(booked)

    def _success(self, **more: object) -> Said:
        return self._said(200, {"status": "success", **more})

    def _refused(self, status: int, code: str, message: str) -> Said:
        return self._said(
            status, {"status": "error", "error": {"code": code, "message": message, "details": {}}}
        )

    def _said(self, status: int, body: object) -> Said:
        headers = {
            "date": format_datetime(self._clock(), usegmt=True),
            "content-type": "application/json",
        }
        return Said(status, headers, json.dumps(body).encode())


def _is_mine(booked: Booked) -> bool:
    return bool(booked.host["id"] == OWNER) or booked.is_attended_by(_person(OWNER))


def _person(id_: int) -> Json:
    return {
        "id": id_,
        "email": f"user{id_}@example.com",
        "name": f"User {id_}",
        "timeZone": "Europe/London",
        "locale": "en",
        "timeFormat": 24,
        "organizationId": ORGANISATION,
    }


def series_of_strangers(uid: str, number: int, start: datetime, now: datetime) -> Iterable[Booked]:
    """A stranger books many times at once, week after week, with somebody who is no user here."""
    host = {"id": STRANGERS, "name": "Stan Host", "email": "stan@example.net"}
    guest = {"name": "Gus Guest", "email": "gus@example.net"}
    for nth in range(number):
        yield Booked(f"{uid}n{nth}", host, [guest], now, start=start + nth * timedelta(hours=1))
