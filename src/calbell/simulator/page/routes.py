"""The page's routes: itself, its style and script, what is live on it, and what it can do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from calbell.simulator import push
from calbell.simulator.orders import ClockOrder, DeviceOrder, TapOrder
from calbell.simulator.page.screens import PHONES_SHOWN, rows, screens
from calbell.simulator.phones import Platform
from calbell.simulator.server import wire_of
from calbell.simulator.service import PushService
from calbell.simulator.wire import Refused
from calbell.simulator.wire import Request as PushRequest

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
LOOK_AGAIN_SECONDS: Final = 1.0
"""At least so often the page is looked at anew: phones show the time."""

TOGETHER_SECONDS: Final = 0.05
"""What happens within so short a time is drawn together."""

LONGEST_FORM: Final = 16 * 1024

Pieces = Mapping[str, str]
"""The parts of the page that change, by their id."""


class Pulse:
    """Tells those who watch that something may have changed."""

    def __init__(self) -> None:
        self._watching: set[asyncio.Event] = set()

    def beat(self) -> None:
        for each in self._watching:
            each.set()

    async def changed(self, seconds: float) -> None:
        """Something has changed, or so many seconds have passed."""
        event = asyncio.Event()
        self._watching.add(event)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        finally:
            self._watching.discard(event)


class Page:
    """The page on a service. `pulse` beats whenever the service was asked for something."""

    def __init__(self, service: PushService, pulse: Pulse) -> None:
        self._service = service
        self._pulse = pulse
        self._templates = Environment(
            loader=PackageLoader("calbell.simulator.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.routes = [
            Route("/", self._whole),
            Route("/page/live", self._live),
            Route("/page/style.css", _static("style.css", "text/css")),
            Route("/page/live.js", _static("live.js", "text/javascript")),
            Route("/page/icon.svg", _static("icon.svg", "image/svg+xml")),
            Route("/page/phones", self._acting(self._make), methods=["POST"]),
            Route("/page/clock", self._acting(self._advance), methods=["POST"]),
            Route("/page/reset", self._acting(self._reset), methods=["POST"]),
            Route("/page/phones/{token:path}/tap", self._acting(self._tap), methods=["POST"]),
            Route("/page/phones/{token:path}/{act}", self._acting(self._change), methods=["POST"]),
        ]

    async def _whole(self, request: Request) -> Response:
        template = self._templates.get_template("page.html")
        html = template.render(pieces=self._pieces(), base=str(request.base_url).rstrip("/"))
        return Response(html, media_type="text/html; charset=utf-8", headers=_HEADERS)

    def _pieces(self) -> Pieces:
        self._service.catch_up()
        phone = self._templates.get_template("phone.html")
        hidden = max(0, len(self._service.devices) - PHONES_SHOWN)
        bar = self._templates.get_template("bar.html").render(hidden=hidden)
        log = self._templates.get_template("log.html")
        drawn = {each.id: phone.render(phone=each) for each in screens(self._service)}
        told = log.render(rows=rows(self._service), log=self._service.log)
        return {"bar": bar, "log": told, **drawn}

    async def _live(self, request: Request) -> Response:
        wire = wire_of(request.scope)

        async def changes() -> AsyncIterator[str]:
            drawn: Pieces = {}
            while not wire.is_ending:
                pieces = self._pieces()
                fresh = {id_: html for id_, html in pieces.items() if drawn.get(id_) != html}
                if fresh or len(pieces) != len(drawn):
                    told = {"fresh": fresh, "ids": list(pieces)}
                    yield f"data: {msgspec.json.encode(told).decode()}\n\n"
                drawn = pieces
                await self._pulse.changed(LOOK_AGAIN_SECONDS)
                await asyncio.sleep(TOGETHER_SECONDS)

        return StreamingResponse(changes(), media_type="text/event-stream", headers=_HEADERS)

    def _acting(
        self, act: Callable[[Request, Mapping[str, str]], None]
    ) -> Callable[[Request], object]:
        """Does it for one of the page's own forms, then shows the page."""

        async def acted(request: Request) -> Response:
            if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return Response("This is for the simulator's own page.", 403, headers=_HEADERS)
            try:
                act(request, await _form(request))
            except Refused as refused:
                return Response(refused.message, refused.status, headers=_HEADERS)
            self._pulse.beat()
            return RedirectResponse("/", 303, headers=_HEADERS)

        return acted

    def _make(self, _: Request, form: Mapping[str, str]) -> None:
        on_ios = form.get("platform") != Platform.ANDROID
        platform = Platform.IOS if on_ios else Platform.ANDROID
        DeviceOrder(platform=platform, name=form.get("name", "")).carried_out(self._service)

    def _advance(self, _: Request, form: Mapping[str, str]) -> None:
        try:
            order = msgspec.convert(form, ClockOrder, strict=False)
        except msgspec.ValidationError:
            raise Refused(400, "VALIDATION_ERROR", "These are no seconds.") from None
        order.carried_out(self._service)

    def _reset(self, _: Request, form: Mapping[str, str]) -> None:
        self._service.reset()

    def _tap(self, request: Request, form: Mapping[str, str]) -> None:
        order = TapOrder(form.get("ticket_id", ""), form.get("action"))
        order.carried_out(self._service, _token(request))

    def _change(self, request: Request, _: Mapping[str, str]) -> None:
        token = _token(request)
        phone = self._service.find(token)
        if phone is None:
            raise Refused(404, "NOT_FOUND", "There is no such phone.")
        match request.path_params["act"]:
            case "off" | "on" as act:
                DeviceOrder(token=token, offline=act == "off").carried_out(self._service)
            case "uninstall" | "install" as act:
                DeviceOrder(token=token, registered=act == "install").carried_out(self._service)
            case "lock":
                phone.lock()
            case "clear":
                phone.clear()
            case "try":
                self._service.answer(PushRequest("POST", push.SEND, body=_greeting(token)))
            case _:
                raise Refused(404, "NOT_FOUND", "There is nothing that a phone does so.")


def _greeting(token: str) -> bytes:
    message = {
        "to": token,
        "title": "Hello",
        "body": "This is what a push looks like on this phone.",
        "sound": "default",
        "channelId": "default",
        "data": {"url": "exp://hello"},
    }
    return msgspec.json.encode([message])


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token


async def _form(request: Request) -> Mapping[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise Refused(413, "PAYLOAD_TOO_LARGE", "This is more than a form of the page holds.")
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _static(name: str, media_type: str) -> Callable[[Request], object]:
    content = (files("calbell.simulator.page") / "static" / name).read_bytes()

    async def given(_: Request) -> Response:
        return Response(content, media_type=f"{media_type}; charset=utf-8", headers=_HEADERS)

    return given
