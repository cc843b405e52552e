"""The operator's console in a real browser, on a running Calbell with a simulated Expo."""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from playwright.sync_api import Browser, BrowserContext, Page, expect

from calbell.store.connection import Connection
from calbell.store.tallies import HOUR, hour_of, save, start_of_hour
from tests import payloads
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, Stand, User, with_unit

WRONG = b'{"triggerEvent": "BOOKING_CREATED", "payload": {"title": "Zoe Hidden"}}'


class Scene(Struct):
    """A running service with two users: Olivia has two phones, her guest has none."""

    stand: Stand
    host: User
    guest: User
    phone: str

    def meeting(self) -> Meeting:
        meeting = Meeting(self.host, self.guest)
        self.stand.tell(meeting.webhook(payloads.created))
        return meeting


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    expo = Expo.start(tmp_path_factory.mktemp("expo"))
    folder = tmp_path_factory.mktemp("calbell")
    stand = Stand(Database(f"sqlite:///{folder}/calbell.db", folder), expo, {})
    host, guest = stand.database.user(), stand.database.user()
    phone = stand.phone(host)
    stand.phone(host, "ANDROID")
    yield Scene(stand, host, guest, phone)
    stand.stop()
    expo.program.stop()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser had to complain of, and whom it asked but the service."""
    return []


@pytest.fixture
def page(context: BrowserContext, scene: Scene, complaints: list[str]) -> Iterator[Page]:
    """The overview, logged in and live. In the end the browser has nothing to complain of."""
    page = watched(context, scene, complaints)
    log_in(page, scene)
    yield page
    page.close()
    assert complaints == []


def watched(context: BrowserContext, scene: Scene, complaints: list[str]) -> Page:
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(scene.stand.url) else complaints.append(request.url)
        ),
    )
    return page


def log_in(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.stand.url}/console")
    page.get_by_label("Operator's token").fill(scene.stand.admin_token)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.wait_for_selector(".is-live")


def go(page: Page, scene: Scene, path: str) -> None:
    page.goto(f"{scene.stand.url}/console{path}")


def test_who_does_not_know_the_token_sees_nothing(context: BrowserContext, scene: Scene) -> None:
    page = context.new_page()
    go(page, scene, "/people")
    page.get_by_label("Operator's token").fill("a guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the operator's token.")
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_a_booking_is_watched_as_it_goes_through(page: Page, scene: Scene) -> None:
    meeting = Meeting(scene.host, scene.guest)
    scene.stand.tell(meeting.webhook(payloads.requested))
    page.get_by_label("Booking uid").fill(meeting.uid)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Booking {meeting.uid}")
    expect(page.locator(".story")).to_contain_text("Booking requested")
    page.evaluate("window.still = true")
    scene.stand.tell(meeting.webhook(payloads.created))
    expect(page.locator(".story > li h3")).to_have_text(["Booking requested", "Booking created"])
    told = page.locator(".story > li").nth(1)
    expect(told).to_contain_text("handed to Apple or Google")
    expect(told.locator(".is-delivered")).to_have_count(2)
    assert page.evaluate("window.still"), "the page was loaded anew"


def test_it_is_found_out_why_somebody_was_not_told(page: Page, scene: Scene) -> None:
    meeting = scene.meeting()
    go(page, scene, f"/booking?uid={meeting.uid}")
    told = page.locator(".story li").filter(has_text=f"User {scene.guest.id}").last
    expect(told).to_contain_text("suppressed: not said: the user has no phone that could be rung")
    told.get_by_role("link", name=f"User {scene.guest.id}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"User {scene.guest.id}")
    expect(page.locator("main")).to_contain_text("No phone of this user is registered")
    expect(page.locator("main")).to_contain_text(f"booking {meeting.uid}")


def test_a_booking_is_told_again_as_it_stands(page: Page, scene: Scene) -> None:
    meeting = scene.meeting()
    scene.stand.settled(meeting.uid)
    go(page, scene, f"/booking?uid={meeting.uid}")
    page.get_by_role("link", name="Show what would be sent now").click()
    push = page.locator(".push").filter(has_text=f"User {scene.host.id}")
    expect(push.locator("blockquote")).to_contain_text(scene.guest.name)
    push.get_by_role("button", name="Send it again to 2 phones").click()
    expect(page.get_by_role("status")).to_contain_text("on its way")
    again = page.locator("h2", has_text="What no event led to").locator("~ .story")
    expect(again.locator(".is-delivered")).to_have_count(2)
    shown = [
        m for m in scene.stand.expo.screen(scene.phone) if m["data"]["bookingUid"] == meeting.uid
    ]
    assert len(shown) == 2


def test_a_test_push_says_in_words_what_became_of_it(page: Page, scene: Scene) -> None:
    page.get_by_role("link", name="People").click()
    page.get_by_label("User id, e-mail address or name").fill(scene.host.email)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=f"User {scene.host.id}").click()
    expect(page.locator("main")).to_contain_text(scene.host.email)
    expect(page.locator("main")).to_contain_text("ExponentPushToken[")
    assert scene.phone not in page.content()
    page.get_by_role("button", name="Send a test push").click()
    result = page.get_by_role("status")
    expect(result.locator(".is-delivered")).to_have_count(2)
    expect(result).to_contain_text("handed to Apple or Google")


def test_what_a_body_says_of_people_is_hidden_until_asked_for(page: Page, scene: Scene) -> None:
    assert scene.stand.webhook(WRONG).status == 200
    page.get_by_role("link", name="Events").click()
    page.get_by_role("link", name="Unreadable").click()
    page.get_by_role("link", name="Not understood").first.click()
    expect(page.locator("pre")).to_contain_text("•••")
    assert "Zoe" not in page.content()
    page.get_by_role("button", name="Take it in again").click()
    expect(page.get_by_role("status")).to_contain_text("still cannot be understood")
    page.get_by_role("button", name="Show what it says of people").click()
    expect(page.locator("pre")).to_contain_text("Zoe Hidden")


def test_whoever_logs_out_is_out(page: Page, scene: Scene) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    go(page, scene, "/events")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_bookings_are_found_by_who_is_in_them_and_when_they_are(page: Page, scene: Scene) -> None:
    meeting = scene.meeting()
    day = f"{meeting.start:%Y-%m-%d}"
    for query in (
        f"q={scene.guest.email}",
        f"q={scene.host.id}",
        f"from={day}&to={day}",
        f"q={scene.host.id}&from={day}&to={day}",
        "",
    ):
        go(page, scene, f"/bookings?{query}")
        expect(page.get_by_role("link", name=meeting.uid, exact=True)).to_be_visible()
    before = f"{meeting.start - timedelta(days=9):%Y-%m-%d}"
    go(page, scene, f"/bookings?to={before}")
    expect(page.get_by_role("link", name=meeting.uid, exact=True)).to_have_count(0)


def test_the_service_stops_while_pages_are_live(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, scene: Scene
) -> None:
    folder = tmp_path_factory.mktemp("stopping")
    stand = Stand(Database(f"sqlite:///{folder}/calbell.db", folder), scene.stand.expo, {})
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{stand.url}/console")
        page.get_by_label("Operator's token").fill(stand.admin_token)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector(".is-live")
        began = time.monotonic()
        stand.stop()
        assert time.monotonic() - began < 3


PAGES = ("/", "/?span=week", "/bookings", "booking", "/people", "person", "/events", "event")


def address_of(scene: Scene, name: str, meeting: Meeting) -> str:
    """The page's path, where it needs something to be about."""
    match name:
        case "booking":
            return f"/booking?uid={meeting.uid}&now=1"
        case "person":
            return f"/person?id={scene.host.id}"
        case "event":
            event = scene.stand.timeline(meeting.uid)["events"][0]["event_id"]
            return f"/event?id={event}"
        case _:
            return name


@pytest.fixture(scope="module")
def past(scene: Scene) -> Meeting:
    """A past: some bookings went through, something was refused, something was not understood."""
    meetings = [scene.meeting() for _ in range(6)]
    scene.stand.tell(meetings[0].webhook(payloads.cancelled))
    scene.stand.webhook(WRONG.replace(b"Zoe", b"Zara"))
    scene.stand.webhook(b"{}", signature="0" * 64)
    for meeting in meetings:
        scene.stand.settled(meeting.uid)
    with_unit(scene.stand.database.url, count_a_week, datetime.now(UTC))
    return meetings[1]


def count_a_week(connection: Connection, now: datetime) -> None:
    """As if a week of busy days had been counted."""
    hours = [start_of_hour(now) - number * HOUR for number in range(2, 168)]
    shares = {
        ("deliveries", "delivered"): 40,
        ("deliveries", "unregistered"): 3,
        ("deliveries", "withdrawn"): 4,
        ("deliveries", "failed"): 2,
        ("notifications", "released"): 25,
        ("notifications", "suppressed"): 9,
        ("events", "taken"): 14,
        ("events", "copy"): 3,
    }
    counts = {
        (hour_of(hour), *key): share * (24 - abs(14 - hour.hour)) // 9
        for hour in hours
        for key, share in shares.items()
    }
    save(connection, counts, hours[-1], now, now)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1500, 420])
def test_pages_look_right_in_light_and_dark_wide_and_narrow(
    browser: Browser,
    scene: Scene,
    past: Meeting,
    tmp_path: Path,
    name: str,
    scheme: Any,
    width: int,
) -> None:
    """Nothing hangs out of the page, and all that is written can be read. With CALBELL_SCREENSHOTS
    the pictures are kept there, to be looked at."""
    folder = Path(os.environ.get("CALBELL_SCREENSHOTS", tmp_path))
    viewport: Any = {"width": width, "height": 900}
    with browser.new_context(color_scheme=scheme, viewport=viewport) as context:
        page = context.new_page()
        log_in(page, scene)
        answer = page.goto(f"{scene.stand.url}/console{address_of(scene, name, past)}")
        assert answer is not None
        assert len(answer.body()) < 100_000
        page.wait_for_timeout(50)
        file = re.sub(r"\W+", "-", name).strip("-") or "overview"
        page.screenshot(path=folder / f"console-{file}-{scheme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(FAINT) == []


FAINT = """() => {
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const parsed = (color) => color.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parsed(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
    if (node.closest('.skip, title')) continue;
    const style = getComputedStyle(node);
    const ink = parsed(node.closest('svg') ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.className} ${walker.currentNode.data}`);
  }
  return faint;
}"""
"""Texts that stand out from their ground by less than WCAG's 4.5 to 1."""


@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_read_aloud_and_used_without_a_mouse(
    page: Page, scene: Scene, past: Meeting, name: str
) -> None:
    go(page, scene, address_of(scene, name, past))
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    nodes = [node for node in tree["nodes"] if not node.get("ignored")]
    for node in nodes:
        role = node.get("role", {}).get("value", "")
        properties = {p["name"]: p["value"].get("value") for p in node.get("properties", ())}
        needs_name = role in {"link", "button", "textbox", "combobox", "img", "table", "region"}
        if needs_name or (properties.get("focusable") and role != "RootWebArea"):
            is_main = role == "main"
            assert is_main or node.get("name", {}).get("value", "").strip(), node
    levels = [
        properties["level"]
        for node in nodes
        if node.get("role", {}).get("value") == "heading"
        and (properties := {p["name"]: p["value"].get("value") for p in node["properties"]})
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    roles = {node.get("role", {}).get("value") for node in nodes}
    assert {"main", "navigation", "banner"} <= roles


def test_the_keyboard_goes_through_the_page_in_its_order(page: Page, scene: Scene) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    for name in ("Overview", "Bookings", "People", "Events"):
        page.keyboard.press("Tab")
        link = page.get_by_role("navigation").get_by_role("link", name=name)
        expect(link).to_be_focused()
        assert link.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_what_is_unfolded_and_focused_stays_so_while_the_page_is_live(
    page: Page, scene: Scene, past: Meeting
) -> None:
    page.reload()
    page.wait_for_selector(".is-live")
    spans = page.get_by_role("link", name="Week")
    spans.focus()
    page.evaluate("document.querySelector('.as-of').dataset.old = 'yes'")
    scene.meeting()
    page.wait_for_selector(".as-of:not([data-old])", timeout=15_000)
    expect(page.get_by_role("link", name="Week")).to_be_focused()
