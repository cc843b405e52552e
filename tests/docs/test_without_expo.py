"""The page about the simulator: its program in Python, its scenario, the address for an app."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from calbell.simulator.scenario import read
from calbell.simulator.service import PushService
from tests.simulated import listening

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "test-expo-pushes-without-expo.md").read_text("utf-8")
OK = "ExponentPushToken[ok]"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def service() -> PushService:
    return PushService(time.time, Random(7))


@pytest.fixture
def url(service: PushService) -> Iterator[str]:
    with listening(service) as (host, port):
        yield f"http://{host}:{port}"


def run(arguments: list[str], folder: Path, **variables: str) -> str:
    ended = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def titles(service: PushService) -> list[object]:
    return [shown.message.title for shown in service.displayed(OK)]


def test_the_python_program_sends(service: PushService, url: str, tmp_path: Path) -> None:
    (program,) = blocks("python")
    run([sys.executable, "-c", program.replace("http://127.0.0.1:8100", url)], tmp_path)
    assert titles(service) == ["From Python"]


def test_the_scenario_can_be_played(service: PushService) -> None:
    (scenario,) = blocks("toml")
    read(scenario, "page.toml").begin(service)
    assert [device.name for device in service.devices] == ["Ada's Pixel", "Bob's iPhone"]
    service.advance(30)
    assert [device.registered for device in service.devices] == [True, False]


def test_the_app_is_told_the_address_under_which_it_is_answered() -> None:
    (code,) = (block for block in blocks("js") if "getExpoPushTokenAsync" in block)
    (base,) = re.findall(r"baseUrl: '([^']+)'", code)
    assert base.endswith(":8100/--/api/v2/")
    (asked,) = re.findall(r"8100(\S+/getExpoPushToken)", "".join(blocks("sh")))
    assert base.partition(":8100")[2] + "push/getExpoPushToken" == asked
