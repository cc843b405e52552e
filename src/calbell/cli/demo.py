"""`calbell demo`: the main job on this machine alone, with no account anywhere."""

import asyncio
import os
import sys
import time
import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import aiohttp
import uvloop
from msgspec import Struct

from calbell import telemetry
from calbell.calcom.signature import sign
from calbell.cli.context import Port
from calbell.cli.demo_bookings import GUEST, HOST, DemoBooking, DemoUser
from calbell.cli.expo_simulator import simulated_expo
from calbell.cli.failures import Failure
from calbell.cli.output import narrate
from calbell.cli.server import HttpServer, stop_signals
from calbell.config import Secret, Settings
from calbell.flows.clocks import system_clock
from calbell.flows.grant import grant
from calbell.simulator.service import PushService
from calbell.store import users
from calbell.store.users import Profile
from calbell.wiring import Service

RECEIPT_DELAY = 1.0
"""Seconds; a quarter of an hour with the real Expo."""

PATIENCE_SECONDS = 30.0
BETWEEN_BOOKINGS_SECONDS = 4.0
SETTLED = {"delivered", "failed", "unregistered", "withdrawn", "expired", "unknown"}


class DemoPhone(Struct, frozen=True):
    """A simulated phone and whose it is."""

    name: str
    user: DemoUser
    platform: str
    token: str


def demo(
    *, once: bool = False, port: Port = 8000, simulator_port: Port = 8100, open_page: bool = True
) -> int:
    """The main job on this machine alone: no account, no network, no configuration.

    Starts Calbell on a temporary SQLite database and a local Expo Push Service, registers an
    iPhone and an Android phone for a host and a phone for a guest, and sends bookings through.
    It prints what happens and where to look. Ctrl-C ends it and leaves nothing behind.

    Parameters
    ----------
    once
        Send one booking through, print each step up to the receipts, and exit: 0 only if every
        push arrived. Uses free ports.
    port
        Where Calbell listens.
    simulator_port
        Where the simulated Expo Push Service listens.
    open_page
        Open the page that shows the phones, where this terminal has a screen beside it.
    """
    telemetry.configure_logs(as_json=False, level="error")
    with TemporaryDirectory(prefix="calbell-demo-") as folder:
        if once:
            return uvloop.run(_demo(Path(folder), once=True, ports=(0, 0), opens=False))
        ports = port, simulator_port
        return uvloop.run(_demo(Path(folder), once=False, ports=ports, opens=open_page))


async def _demo(folder: Path, *, once: bool, ports: tuple[int, int], opens: bool) -> int:
    chance = Random()
    admin_token, secret = (f"{chance.getrandbits(128):032x}" for _ in range(2))
    expo = simulated_expo(PushService(time.time, chance, RECEIPT_DELAY / 2), "127.0.0.1", ports[1])
    await expo.start()
    service = Service(
        Settings(
            database_url=f"sqlite:///{folder}/demo.db",
            webhook_secrets=(Secret(secret),),
            admin_token=Secret(admin_token),
            expo_base_url=expo.url,
            receipt_delay=timedelta(seconds=RECEIPT_DELAY),
        )
    )
    await service.start(serves=True, delivers=True)
    calbell = HttpServer(service.app, "127.0.0.1", ports[0])
    calbell.start()
    try:
        async with aiohttp.ClientSession() as http:
            stage = Stage(http, calbell.url, expo.url, admin_token, secret, chance)
            narrate(f"[bold]Calbell[/] {calbell.url}   [bold]Expo simulator[/] {expo.url}")
            await stage.register_phones(service)
            if once:
                return await stage.one_booking()
            narrate(
                f"Phones {expo.url}\n"
                f"Console {calbell.url}/console, operator's token {admin_token}\n"
                "Ctrl-C ends the demo.\n"
            )
            with stop_signals() as asked:
                if opens and _has_screen():
                    await asyncio.to_thread(webbrowser.open, expo.url)
                stream = asyncio.create_task(stage.stream())
                stopped = asyncio.create_task(asked.wait())
                await asyncio.wait((stream, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if stream.done():
                stream.result()
            stream.cancel()
            await asyncio.gather(stream, stopped, return_exceptions=True)
            narrate("\nThe demo is over.")
            return 0
    finally:
        service.end_streams()
        await calbell.stop()
        await service.stop()
        await expo.stop()


def _has_screen() -> bool:
    """Whether somebody sits at a terminal of a desktop, who would see a browser."""
    is_desktop = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return is_desktop and sys.stdout.isatty()


class Stage:
    """What the demo plays on: everything goes over HTTP, as it would from outside."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        calbell: str,
        expo: str,
        admin_token: str,
        secret: str,
        chance: Random,
    ) -> None:
        self._http = http
        self._calbell = calbell
        self._expo = expo
        self._operator = {"Authorization": f"Bearer {admin_token}"}
        self._secret = secret
        self._chance = chance
        self._phones: list[DemoPhone] = []

    async def register_phones(self, service: Service) -> None:
        """Two users exist, with a key each; three phones got push tokens and registered them."""
        narrate("\n[bold]1. Phones register[/]")
        for user, phones in (
            (HOST, (("iPhone", "IOS"), ("Pixel", "ANDROID"))),
            (GUEST, (("iPhone", "IOS"),)),
        ):
            key = await _add(service, user, self._chance)
            for name, platform in phones:
                made = await self._ask(
                    "POST",
                    f"{self._expo}/_sim/devices",
                    json={
                        "platform": platform,
                        "name": f"{user.name}'s {name}",
                        "app": "com.cal.companion",
                    },
                )
                phone = DemoPhone(f"{user.name}'s {name}", user, platform, made["token"])
                kept = await self._ask(
                    "POST",
                    f"{self._calbell}/v2/notifications/subscriptions/app-push",
                    headers={"Authorization": f"Bearer {key}"},
                    json={"token": phone.token, "platform": platform, "deviceId": name},
                )
                narrate(f"   {phone.name}: subscription {kept['data']['id']} of user {user.id}")
                self._phones.append(phone)

    async def one_booking(self) -> int:
        """One booking goes through, told step by step; 0 if every push arrived."""
        booking = DemoBooking(self._chance, datetime.now(UTC))
        narrate("\n[bold]2. Cal.com sends a webhook[/]")
        taken = await self._send(booking.created(datetime.now(UTC)))
        narrate(
            f"   BOOKING_CREATED for booking {booking.uid}: 200, event {taken['eventId']}, "
            f"{taken['recipients']} users to tell"
        )
        story = await self._until_settled(booking.uid)
        self._tell_changes(story)
        await self._tell_requests()
        arrived = self._tell_receipts(story)
        shown = await self._tell_screens(booking.uid)
        if arrived == shown == len(self._phones):
            narrate(f"\n[green]Every push arrived: {arrived} of {len(self._phones)}.[/]")
            return 0
        raise Failure(
            f"of {len(self._phones)} pushes {arrived} were delivered and {shown} are shown"
        )

    async def stream(self) -> None:
        """Bookings come, move and go, until cancelled."""
        while True:
            booking = DemoBooking(self._chance, datetime.now(UTC))
            for step in booking.life():
                body = getattr(booking, step)(datetime.now(UTC))
                taken = await self._send(body)
                story = await self._until_settled(booking.uid)
                narrate(f"[bold]{step}[/] {booking.uid}: {taken['recipients']} users to tell")
                for phone in self._phones:
                    await self._tell_newest(phone, booking.uid)
                self._tell_outcomes(story)
                await asyncio.sleep(BETWEEN_BOOKINGS_SECONDS)

    def _tell_changes(self, story: dict[str, Any]) -> None:
        names = {user.id: user.name for user in (HOST, GUEST)}
        narrate("\n[bold]3. What changed, and who is told[/]")
        narrate(f"   The booking is now {story['status']}.")
        for told in _notifications(story):
            narrate(
                f"   {told['kind']} to {names[told['user_id']]} ({told['role']}): {told['state']}, "
                f"phones: {len(told['deliveries'])}"
            )

    async def _tell_requests(self) -> None:
        narrate("\n[bold]4. Requests to Expo[/]")
        log = await self._ask("GET", f"{self._expo}/_sim/requests")
        for request in log["requests"]:
            body = request["body"]
            size = len(body["ids"] if isinstance(body, dict) and "ids" in body else body)
            what = "ticket ids" if "getReceipts" in request["path"] else "messages"
            narrate(f"   POST {request['path']}: {size} {what}")

    def _tell_receipts(self, story: dict[str, Any]) -> int:
        narrate("\n[bold]5. Tickets and receipts[/]")
        arrived = 0
        for told in _notifications(story):
            for delivery in told["deliveries"]:
                arrived += delivery["state"] == "delivered"
                for attempt in delivery["attempts"]:
                    ticket = attempt["ticket_id"] or "no ticket"
                    receipt = attempt["receipt_code"] or "none"
                    narrate(
                        f"   {delivery['platform']:7} phone {delivery['phone']}: ticket {ticket}, "
                        f"receipt {receipt}: {delivery['state']}"
                    )
        return arrived

    async def _tell_screens(self, uid: str) -> int:
        narrate("\n[bold]6. What each phone shows[/]")
        return sum([await self._tell_newest(phone, uid) for phone in self._phones])

    async def _tell_newest(self, phone: DemoPhone, uid: str) -> bool:
        """Print the newest push about the booking on a phone's screen; whether there is one."""
        screen = await self._ask(
            "GET", f"{self._expo}/_sim/devices/{quote(phone.token, safe='')}/displayed"
        )
        for shown in reversed(screen["displayed"]):
            message = shown["message"]
            if message["data"]["bookingUid"] == uid:
                narrate(f"   [cyan]{phone.name}[/]: [bold]{message['title']}[/]")
                for line in message["body"].splitlines():
                    narrate(f"      {line}", markup=False)
                return True
        return False

    def _tell_outcomes(self, story: dict[str, Any]) -> None:
        states = [d["state"] for told in _notifications(story) for d in told["deliveries"]]
        said = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
        narrate(f"   {said or 'nobody to tell'}\n")

    async def _send(self, body: bytes) -> dict[str, Any]:
        answer = await self._ask(
            "POST",
            f"{self._calbell}/webhooks/cal",
            data=body,
            headers={
                "Content-Type": "application/json",
                "X-Cal-Signature-256": sign(body, self._secret),
            },
        )
        data: dict[str, Any] = answer["data"]
        return data

    async def _until_settled(self, uid: str) -> dict[str, Any]:
        """The booking's story, once nothing of it is under way any more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self._ask(
                "GET", f"{self._calbell}/v1/bookings/{uid}/timeline", headers=self._operator
            )
            story: dict[str, Any] = answer["data"]
            deliveries = [d for told in _notifications(story) for d in told["deliveries"]]
            if all(delivery["state"] in SETTLED for delivery in deliveries):
                return story
            if time.monotonic() > deadline:
                raise Failure(f"booking {uid} was not settled in {PATIENCE_SECONDS:.0f} seconds")
            await asyncio.sleep(0.05)

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        async with self._http.request(method, url, **more) as answer:
            if answer.status >= 300:
                raise Failure(f"{method} {url} answered {answer.status}")
            body: dict[str, Any] = await answer.json()
            return body


def _notifications(story: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [told for event in story["events"] for told in event["notifications"]]


async def _add(service: Service, user: DemoUser, chance: Random) -> str:
    """The user exists; a key of his."""
    now = system_clock()
    profile = Profile(
        id=user.id,
        name=user.name,
        username=None,
        time_zone=user.time_zone,
        locale="en",
        time_format=user.time_format,
        source="demo",
        addresses=(user.email,),
        created_at=now,
    )
    await service.database.run(users.save, profile, now)
    granted = await service.database.run(grant, user.id, None, "demo", None, now, chance)
    return granted.key
