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
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.programs import ask
from tests.api.calcom import described
from tests.booked import Booked, Json, page_of

SCOPES = re.compile(
    r"/v2(?P<scope>|/organizations/(?P<org>\d+)|/oauth-clients/(?P<client>\w+)"
    r"|(/teams/(?P<team>\d+))?/event-types/(?P<type>\d+))/webhooks(/(?P<id>[\w-]+))?"
)


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
        booked.touch(self.clock())
        self._tell(booked, payloads.created)

    def reject(self, booked: Booked) -> None:
        booked.ends("rejected", self.clock())
        self._tell(booked, payloads.rejected)

    def cancel(self, booked: Booked, by: str = "stranger@example.net") -> None:
        booked.ends("cancelled", self.clock())
        self._tell(booked, payloads.cancelled, cancelledBy=by)

    def move(self, old: Booked) -> Booked:
        """It takes place an hour later, under another uid."""
        start = old.start + timedelta(hours=1)
        new = old.moves(f"inst{next(self._numbers)}", start, self.clock())
        self.bookings[new.uid] = new
        times = {"old_start": old.start, "old_end": old.start + timedelta(minutes=30)}
        self._tell(new, payloads.rescheduled, old_uid=old.uid, rescheduledBy=None, **times)
        return new

    def relocate(self, booked: Booked, place: str) -> None:
        """There is no webhook for that, nor for the two that follow."""
        booked.place = place
        booked.touch(self.clock())

    def reassign(self, booked: Booked, host: Json) -> None:
        booked.host = host
        booked.touch(self.clock())

    def invite(self, booked: Booked, email: str, name: str) -> None:
        booked.attendees = [*booked.attendees, {"email": email, "name": name}]
        booked.touch(self.clock())

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
                request, lambda one: one.host["id"] == mine["id"] or one.is_attended_by(mine)
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
        seen = [one for one in self.bookings.values() if may_see(one)]
        return success(**page_of(seen, query, sorts=self.sorts))

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
