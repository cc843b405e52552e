"""A stand-in for a whole Cal.com instance: people, their webhooks at four scopes, and bookings.

It answers its API v2 over HTTP as cal-api.md and cal-webhooks.md section 10 say, with a request
limit and outages, and sends signed webhooks that get lost, come twice, and come in another order.
"""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.programs import ask
from tests.api.calcom import described

Json: TypeAlias = dict[str, Any]

SCOPES = re.compile(
    r"/v2(?P<scope>|/organizations/(?P<org>\d+)|/oauth-clients/(?P<client>\w+)"
    r"|(/teams/(?P<team>\d+))?/event-types/(?P<type>\d+))/webhooks(/(?P<id>[\w-]+))?"
)


def written(at: datetime) -> str:
    """As JavaScript's `toISOString` writes it."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


class Booked:
    """A booking as the instance has it."""

    def __init__(self, uid: str, host: Json, attendees: list[Json], now: datetime) -> None:
        self.uid = uid
        self.host = host
        self.attendees = attendees
        self.status = "accepted"
        self.start = now.replace(microsecond=0) + timedelta(days=2)
        self.place = f"https://app.cal.com/video/{uid}"
        self.created_at = self.updated_at = now
        self.from_uid: str | None = None
        self.to_uid: str | None = None
        self.is_seated = False
        self.is_of_a_team = False

    def shown(self) -> Json:
        """As `GET /v2/bookings` shows it."""
        host = {"id": self.host["id"], "name": self.host["name"], "email": self.host["email"]}
        seated = {"seatUid": "seat"} if self.is_seated else {}
        shown: Json = {
            "id": 42,
            "uid": self.uid,
            "title": f"Chat about {self.uid}",
            "description": "",
            "hosts": [{**host, "username": "unknown", "timeZone": "Europe/London"}],
            "status": self.status,
            "start": written(self.start),
            "end": written(self.start + timedelta(minutes=30)),
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
        return shown

    def webhook(self, trigger: Any, sent_at: datetime, **more: Any) -> Json:
        """The webhook of this booking: `trigger` is one of the functions of `payloads`."""
        envelope: Json = trigger(
            uid=self.uid,
            organizer=payloads.organizer(**self.host),
            attendees=[payloads.attendee(one["email"], one["name"]) for one in self.attendees],
            start=self.start,
            end=self.start + timedelta(minutes=30),
            sent_at=sent_at,
            title=f"Chat about {self.uid}",
            **more,
        )
        envelope["payload"]["metadata"]["videoCallUrl"] = self.place
        return envelope


class Instance:
    """Knows people by the token after `Bearer `. `asked` counts requests by method and path."""

    _numbers = count(1)

    def __init__(self) -> None:
        self.url = ""
        self.people: dict[str, Json] = {}
        self.admins: dict[str, set[int]] = {}
        self.webhooks: list[Json] = []
        self.bookings: dict[str, Booked] = {}
        self.asked: Counter[str] = Counter()
        self.limit = 1_000_000
        self.window_seconds = 60
        self.is_down = self.hangs = False
        self.sorts = True
        """Older versions of Cal.com do not know how to sort by the last change."""
        self.refuses: Callable[[str], web.Response | None] = lambda _: None
        self.ahead = timedelta()
        """How far its clock is ahead of ours."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC) + self.ahead
        self.loses_webhooks = False
        self.sent: list[tuple[Json, Json]] = []
        """Every webhook that went out, with what it was sent for."""
        self._spent: Counter[tuple[str, int]] = Counter()

    def person(self, token: str, id_: int, *, admin_of: int | None = None, **more: Any) -> None:
        """Somebody whose token this is."""
        self.people[token] = described(id_, **more)
        self.admins[token] = set() if admin_of is None else {admin_of}

    # What happens at the instance.

    def book(
        self,
        host: Json,
        *guests: tuple[str, str],
        pending: bool = False,
        seated: bool = False,
        team: bool = False,
    ) -> Booked:
        """Somebody books."""
        people = [{"email": email, "name": name} for email, name in guests]
        booked = Booked(f"inst{next(self._numbers)}", host, people, self.clock())
        booked.status = "pending" if pending else "accepted"
        booked.is_seated, booked.is_of_a_team = seated, team
        self.bookings[booked.uid] = booked
        self._tell(booked, payloads.requested if pending else payloads.created)
        return booked

    def confirm(self, booked: Booked) -> None:
        booked.status = "accepted"
        self._touch(booked)
        self._tell(booked, payloads.created)

    def reject(self, booked: Booked) -> None:
        booked.status = "rejected"
        self._touch(booked)
        self._tell(booked, payloads.rejected)

    def cancel(self, booked: Booked, by: str = "stranger@example.net") -> None:
        booked.status = "cancelled"
        self._touch(booked)
        self._tell(booked, payloads.cancelled, cancelledBy=by)

    def move(self, old: Booked) -> Booked:
        """It takes place an hour later, under another uid."""
        new = Booked(f"inst{next(self._numbers)}", old.host, old.attendees, self.clock())
        new.start, new.from_uid, new.place = old.start + timedelta(hours=1), old.uid, old.place
        old.status, old.to_uid = "cancelled", new.uid
        self._touch(old)
        self.bookings[new.uid] = new
        times = {"old_start": old.start, "old_end": old.start + timedelta(minutes=30)}
        self._tell(new, payloads.rescheduled, old_uid=old.uid, rescheduledBy=None, **times)
        return new

    def relocate(self, booked: Booked, place: str) -> None:
        """There is no webhook for that, nor for the two that follow."""
        booked.place = place
        self._touch(booked)

    def reassign(self, booked: Booked, host: Json) -> None:
        booked.host = host
        self._touch(booked)

    def invite(self, booked: Booked, email: str, name: str) -> None:
        booked.attendees = [*booked.attendees, {"email": email, "name": name}]
        self._touch(booked)

    def _touch(self, booked: Booked) -> None:
        booked.updated_at = max(self.clock(), booked.updated_at + timedelta(milliseconds=1))

    # The webhooks it sends.

    def _tell(self, booked: Booked, trigger: Any, **more: Any) -> None:
        envelope = booked.webhook(trigger, self.clock(), **more)
        for webhook in self.webhooks:
            if self._hears(webhook, booked, envelope["triggerEvent"]):
                self.sent.append((webhook, envelope))
                if not self.loses_webhooks:
                    self.send(webhook, envelope)

    def send(self, webhook: Json, envelope: Json) -> int:
        """The webhook goes out, once more if it did before; the status that comes back."""
        body = payloads.body(envelope)
        url = urlsplit(webhook["subscriberUrl"])
        signature = sign(body, webhook["secret"]) if webhook["secret"] else "no-secret-provided"
        headers = {"Content-Type": "application/json", "X-Cal-Signature-256": signature}
        try:
            return ask(f"http://{url.netloc}", "POST", url.path, body, headers).status
        except OSError:
            return 0  # Cal.com logs it and goes on.

    def _hears(self, webhook: Json, booked: Booked, trigger: str) -> bool:
        if not webhook["active"] or trigger not in webhook["triggers"]:
            return False
        scope = webhook["scope"]
        if scope == "":
            personal = not booked.is_of_a_team or trigger == "BOOKING_REJECTED"
            return bool(webhook["userId"] == booked.host["id"] and personal)
        if str(scope).startswith("/organizations/"):
            members = (one for one in self.people.values() if one["id"] == booked.host["id"])
            return any(f"/organizations/{one['organizationId']}" == scope for one in members)
        return str(scope).endswith("/event-types/5")

    # Its API.

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What it says to any request."""
        self.asked[f"{request.method} {request.path}"] += 1
        if self.hangs:
            await asyncio.sleep(60)
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.people:
            return refused(401, "UnauthorizedException", "Invalid Access Token.")
        window = int(time.monotonic() / self.window_seconds)
        self._spent[token, window] += 1
        left = self.limit - self._spent[token, window]
        headers = {
            "Date": format_datetime(datetime.now(UTC) + self.ahead, usegmt=True),
            "X-RateLimit-Limit-Default": str(self.limit),
            "X-RateLimit-Remaining-Default": str(max(left, 0)),
            "X-RateLimit-Reset-Default": str(self.window_seconds),
        }
        if left < 0:
            answer = refused(429, "ThrottlerException", "Too many requests.")
        else:
            answer = self.refuses(request.path) or await self._routed(request, token)
        answer.headers.update(headers)
        return answer

    async def _routed(self, request: web.Request, token: str) -> web.Response:
        path = request.path
        if path == "/v2/me":
            return success(self.people[token])
        if path == "/v2/bookings":
            mine = self.people[token]
            return self._page(
                request, lambda one: one.host["id"] == mine["id"] or _attends(one, mine)
            )
        if (asked := re.fullmatch(r"/v2/organizations/(\d+)/bookings", path)) is not None:
            if int(asked[1]) not in self.admins[token]:
                return refused(403, "ForbiddenException", "IsAdminGuard - not an admin.")
            members = {
                p["id"] for p in self.people.values() if p["organizationId"] == int(asked[1])
            }
            return self._page(request, lambda one: one.host["id"] in members)
        if (at := SCOPES.fullmatch(path)) is not None:
            return await self._webhooks(request, at, token)
        return refused(404, "NotFoundException", f"Cannot {request.method} {path}")

    def _page(self, request: web.Request, may_see: Callable[[Booked], bool]) -> web.Response:
        query = request.query
        if request.headers.get("cal-api-version") != "2024-08-13":
            return refused(404, "NotFoundException", "Cannot GET /v2/bookings")
        take, skip = int(query.get("take", "100")), int(query.get("skip", "0"))
        after = query.get("afterUpdatedAt", "")
        assert 1 <= take <= 250
        found = [one for one in self.bookings.values() if may_see(one)]
        found = [one for one in found if written(one.updated_at) >= after]
        if (start := query.get("afterStart")) is not None:
            found = [one for one in found if written(one.start) >= start]
        if self.sorts and query.get("sortUpdatedAt") == "asc":
            found.sort(key=lambda one: one.updated_at)
        page = found[skip : skip + take]
        left = len(found) - skip - len(page)
        return success([one.shown() for one in page], pagination={"hasNextPage": left > 0})

    async def _webhooks(self, request: web.Request, at: re.Match[str], token: str) -> web.Response:
        scope, mine = at["scope"], self.people[token]
        if at["org"] is not None and int(at["org"]) not in self.admins[token]:
            return refused(403, "ForbiddenException", "IsAdminGuard - not an admin.")
        there = [
            one
            for one in self.webhooks
            if one["scope"] == scope and (scope != "" or one["userId"] == mine["id"])
        ]
        if at["id"] is None and request.method == "GET":
            return success([_webhook(one) for one in there])
        body = await request.json()
        if not str(body.get("subscriberUrl", "http")).startswith("http"):
            return refused(400, "BadRequestException", "Webhook URL is not allowed: Invalid URL")
        if at["id"] is None:
            if any(one["subscriberUrl"] == body["subscriberUrl"] for one in there):
                said = "Webhook with this subscriber url already exists for this user"
                return refused(409, "ConflictException", said)
            made = {"payloadTemplate": None, "secret": None, **body}
            made |= {"id": f"hook-{next(self._numbers)}", "userId": mine["id"], "scope": scope}
            self.webhooks.append(made)
            return success(_webhook(made), status=201)
        for one in there:
            if one["id"] == at["id"]:
                one.update(body)
                return success(_webhook(one))
        return refused(404, "NotFoundException", f"Webhook ({at['id']}) not found")


def _attends(booked: Booked, person: Json) -> bool:
    return any(one["email"] == person["email"] for one in booked.attendees)


def _webhook(one: Json) -> Json:
    return {name: value for name, value in one.items() if name != "scope"}


def success(data: object, *, status: int = 200, **more: object) -> web.Response:
    return web.json_response({"status": "success", "data": data, **more}, status=status)


def refused(status: int, code: str, message: str) -> web.Response:
    error = {"code": code, "message": message, "details": {"message": message}}
    return web.json_response({"status": "error", "error": error}, status=status)


@contextmanager
def instance() -> Iterator[Instance]:
    """One that listens on this machine, in a thread of its own; its API is at `url`."""
    standing, loop = Instance(), asyncio.new_event_loop()
    ready, ended = threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", standing.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        standing.url = f"http://{host}:{port}/v2"
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield standing
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
