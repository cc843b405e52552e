"""A real browser, Debian's Chromium, on the simulator's page."""

import shutil
import time
from collections.abc import Iterator
from random import Random

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from calbell.simulator.service import PushService
from tests.simulated import listening

CHROMIUM = shutil.which("chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Without a sandbox, which root cannot have, and without what Chromium asks the network for."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module, not for the session: as long as it is there, no other test of this process can
    run an event loop."""
    if CHROMIUM is None:
        pytest.skip(
            "Chromium is not installed: the pages are not tested (apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1500, "height": 900}) as context:
        context.set_default_timeout(20_000)
        yield context


@pytest.fixture
def service() -> PushService:
    return PushService(time.time, Random(7))


@pytest.fixture
def url(service: PushService) -> Iterator[str]:
    """Where the page is."""
    with listening(service) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def complaints() -> list[str]:
    """What the browser had to complain of, and whom it asked but the simulator."""
    return []


@pytest.fixture
def page(context: BrowserContext, url: str, complaints: list[str]) -> Iterator[Page]:
    """The page, open and live. In the end the browser has nothing to complain of."""
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(url) else complaints.append(request.url),
    )
    page.goto(url)
    page.wait_for_selector(".is-live")
    yield page
    page.close()
    assert complaints == []
