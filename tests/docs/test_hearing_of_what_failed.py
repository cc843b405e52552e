"""The receivers on the page take what is genuine, once, and refuse everything else."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from calbell.callback import CallbackAddress
from calbell.domain.delivery import DeliveryState
from calbell.domain.holds import Held
from calbell.domain.notices import (
    Fate,
    NoticeKind,
    Way,
    device_gone,
    headers_of,
    turned,
    unreachable,
)
from calbell.domain.notification import NotificationState
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from tests.acceptance.programs import until

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "hear-of-what-failed.md").read_text("utf-8")
SECRET = "a-secret-for-the-receivers-of-the-page"
NOW = datetime.now(UTC)


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


class Receiver:
    """A receiver of the page, running."""

    def __init__(self, command: list[str], folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.said = (folder / "said").open("w+")
        self.process = subprocess.Popen(
            command,
            stdout=self.said,
            stderr=subprocess.DEVNULL,
            env={"CALBELL_CALLBACK_SECRET": SECRET, "PORT": str(self.port)},
        )
        until(self._listens, "the receiver to listen")

    def _listens(self) -> bool | None:
        assert self.process.poll() is None
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0 or None

    def is_sent(self, body: bytes, headers: dict[str, str]) -> str | None:
        return asyncio.run(CallbackAddress(f"http://127.0.0.1:{self.port}/").post(body, headers))

    def lines(self) -> list[str]:
        self.said.seek(0)
        return [line for line in self.said if line.startswith("device.gone")]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self.said.close()


@pytest.fixture(params=["python", "js"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    program = sys.executable
    if request.param == "js":
        node = shutil.which("node")
        if node is None:
            pytest.skip("there is no Node here")
        program = node
    file = tmp_path / f"receiver.{'py' if request.param == 'python' else 'cjs'}"
    file.write_text(block(request.param))
    started = Receiver([program, str(file)], tmp_path)
    yield started
    started.end()


GONE = device_gone(
    3, 7, Platform.IOS, "phone", "ExponentPushToken[abc]", "DeviceNotRegistered", NOW
)
BODY = GONE.body.encode()


def test_what_is_genuine_is_taken_and_a_copy_is_dropped(receiver: Receiver) -> None:
    headers = headers_of(GONE.id, BODY, SECRET, datetime.now(UTC))
    assert receiver.is_sent(BODY, headers) is None
    assert receiver.is_sent(BODY, headers) is None
    until(lambda: receiver.lines() or None, "the notice to be shown")
    assert len(receiver.lines()) == 1


def test_what_is_not_is_refused(receiver: Receiver) -> None:
    now = datetime.now(UTC)
    right = headers_of(GONE.id, BODY, SECRET, now)
    for body, headers in (
        (BODY, headers_of(GONE.id, BODY, "another secret of somebody else", now)),
        (BODY + b" ", right),
        (BODY, right | {"calbell-timestamp": str(int(now.timestamp()) + 1)}),
        (BODY, right | {"calbell-signature": "v1="}),
        (BODY, {"content-type": "application/json"}),
        (BODY, headers_of(GONE.id, BODY, SECRET, now - timedelta(minutes=10))),
    ):
        assert receiver.is_sent(body, headers) == "status 401"
    assert receiver.lines() == []


def test_the_page_names_every_kind_with_all_its_fields() -> None:
    fate = Fate(
        notification_id=5,
        made_at=NOW,
        user_id=7,
        event=PushEvent.BOOKING_CONFIRMED,
        booking_uid="b1",
        event_id="evt_1",
        state=NotificationState.RELEASED,
        reason=None,
        is_superseded=False,
        ways=(Way(DeliveryState.UNREGISTERED, "DeviceNotRegistered"),),
    )
    lost = unreachable(fate, NOW)
    assert lost is not None
    (held,) = turned([], [Held(False, "@a/app", None, "InvalidCredentials", NOW)], NOW)
    made: dict[NoticeKind, Any] = {one.kind: json.loads(one.body) for one in (GONE, lost, held)}
    assert made.keys() == set(NoticeKind)
    for kind, said in made.items():
        (row,) = re.findall(rf"^\| `{re.escape(kind)}` \|.*$", PAGE, re.MULTILINE)
        data = row.rsplit(" | ", 1)[1]
        assert set(said["data"]) <= set(re.findall(r"`(\w+)`", data)), kind
    shown = msgspec.json.decode(block("json"))
    assert shown.keys() == made[NoticeKind.NOTIFICATION_UNREACHABLE].keys()
    said = made[NoticeKind.NOTIFICATION_UNREACHABLE]["data"]
    assert shown["data"].keys() == said.keys()
    assert shown["data"]["reasons"] == said["reasons"]
