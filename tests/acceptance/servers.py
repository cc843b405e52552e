"""The servers that Calbell talks to: a simulated Expo, and databases on PostgreSQL."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from tests.acceptance.programs import Program, Reply, ask


class Expo:
    """A running Expo simulator."""

    def __init__(self, program: Program, url: str) -> None:
        self.program = program
        self.url = url
        self.tokens: list[str] = []

    @classmethod
    def start(cls, folder: Path, *more: str, receipt_delay: float = 0.05) -> "Expo":
        """The command `calbell expo-simulator`, with more arguments, ready to be asked."""
        delay = f"--receipt-delay={receipt_delay}"
        program = Program(["-m", "calbell", "expo-simulator", "--port=0", delay, *more], folder)
        return cls(program, program.first(program.out, address_of))

    def control(self, method: str, path: str, value: object = None) -> Any:
        """What the control API answers."""
        body = None if value is None else msgspec.json.encode(value)
        return self.raw(method, f"/_sim{path}", body).json()

    def raw(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """What it answers, which has to be a success."""
        reply = ask(self.url, method, path, body)
        assert reply.status < 300, reply
        return reply

    def device(self, platform: str = "IOS", project: str = "@simulator/first") -> str:
        """The token of a new phone."""
        made = self.control("POST", "/devices", {"platform": platform, "project": project})
        token: str = made["token"]
        self.tokens.append(token)
        return token

    def unregister(self, token: str) -> None:
        """The app was removed from the phone."""
        self.control("POST", "/devices", {"token": token, "registered": False})

    def reinstall(self, token: str) -> None:
        """The app is on the phone again, with the token that it had."""
        self.control("POST", "/devices", {"token": token, "registered": True})

    def screen(self, token: str) -> list[dict[str, Any]]:
        """The messages that the phone shows, oldest first."""
        told = self.control("GET", f"/devices/{quote(token, safe='')}/displayed")
        return [shown["message"] for shown in told["displayed"]]

    def advance(self, seconds: float) -> None:
        """So much time has passed for it."""
        self.control("POST", "/clock/advance", {"seconds": seconds})

    def statuses(self) -> list[int]:
        """What it answered to every send request so far."""
        log = self.control("GET", "/requests")["requests"]
        return [request["status"] for request in log if request["path"].endswith("/send")]

    def sent(self, token: str) -> list[dict[str, Any]]:
        """Every message to the phone that came in, be it accepted or not."""
        return [
            message
            for request in self.control("GET", "/requests")["requests"]
            if request["path"].endswith("/send")
            for message in request["body"]
            if message["to"] == token
        ]


def address_of(line: str) -> str | None:
    """The address that a simulator prints when it is ready."""
    start, _, rest = line.partition("http://")
    return f"http://{rest.split()[0]}" if rest and "simulator" in start else None
