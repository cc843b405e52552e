"""The phones on the simulator's page, looked at and touched in a real browser."""

import json
import os
import re
import time
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from calbell.simulator.page.routes import POLICY
from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService
from tests.simulated import listening

SEND = "/--/api/v2/push/send"


def post(
    url: str, path: str, body: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of the answer to a request from outside the browser."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", path, body, headers or {})
    answer = connection.getresponse()
    told = answer.status, answer.read()
    connection.close()
    return told


def send(url: str, token: str, **message: object) -> None:
    status, _ = post(url, SEND, json.dumps([{"to": token} | message]))
    assert status == 200


def phone_of(page: Page, name: str) -> Locator:
    return page.locator(".station").filter(has=page.get_by_role("heading", name=name))


def made(url: str, name: str, platform: str = "IOS") -> str:
    """The token of a new phone, made while the page is open."""
    body = {"name": name, "platform": platform, "app": "com.cal.companion"}
    token: str = json.loads(post(url, "/_sim/devices", json.dumps(body))[1])["token"]
    return token


def test_a_phone_is_made_on_the_page_and_can_be_sent_to(
    page: Page, url: str, service: PushService
) -> None:
    expect(page.get_by_text("No phone yet")).to_be_visible()
    page.get_by_placeholder("Whose phone?").fill("Ada's Pixel")
    page.get_by_role("button", name="+ Android").click()
    phone = phone_of(page, "Ada's Pixel")
    expect(phone.locator(".android")).to_be_visible()
    expect(page.get_by_text("No phone yet")).to_be_hidden()
    (device,) = service.devices
    assert (device.name, device.platform) == ("Ada's Pixel", Platform.ANDROID)
    expect(phone.locator(".token")).to_have_text(device.token)
    phone.get_by_role("button", name="Send a push").click()
    expect(phone.locator(".card .title")).to_have_text("Hello")


def test_a_push_comes_live_with_its_words_its_sound_and_its_buttons(page: Page, url: str) -> None:
    token = made(url, "Ada")
    send(
        url,
        token,
        title="New Booking Request",
        subtitle="Design review",
        body="Mon, 30 Nov\nat 14:00",
        sound="default",
        badge=3,
        categoryId="calcom_booking_request_actions",
    )
    card = phone_of(page, "Ada").locator(".card")
    expect(card.locator(".title")).to_have_text("New Booking Request")
    expect(card.locator(".subtitle")).to_have_text("Design review")
    expect(card.locator(".body")).to_have_text("Mon, 30 Nov at 14:00")
    expect(card.locator(".buttons button")).to_have_text(["Confirm", "Decline"])
    expect(card.locator(".marks")).to_contain_text(re.compile(r"♪ default\s*● 3"))
    expect(page.locator("#log .row .what")).to_contain_text("POST send 1 message")


@pytest.mark.parametrize(("platform", "key"), [("IOS", "collapseId"), ("ANDROID", "tag")])
def test_a_later_push_takes_the_place_of_one_with_its_key(
    page: Page, url: str, platform: str, key: str
) -> None:
    token = made(url, "Ada", platform)
    for title in ("Booked", "Moved"):
        send(url, token, title=title, **{key: "b1"})
    card = phone_of(page, "Ada").locator(".card")
    expect(card.locator(".title")).to_have_text(["Moved"])
    expect(card.locator(".marks")).to_contain_text("replaced 1")


def test_iphones_stack_by_thread_and_what_is_unfolded_stays_so(page: Page, url: str) -> None:
    token = made(url, "Ada")
    for number in range(3):
        send(url, token, title=f"Paid {number}", threadId="payments")
    send(url, token, title="Booked", threadId="bookings")
    phone = phone_of(page, "Ada")
    expect(phone.locator(".card .title:visible")).to_have_text(["Booked", "Paid 2"])
    phone.get_by_text("2 more").click()
    titles = phone.locator(".card .title:visible")
    expect(titles).to_have_text(["Booked", "Paid 2", "Paid 1", "Paid 0"])
    send(url, token, title="Paid 3", threadId="payments")
    expect(titles).to_have_text(["Paid 3", "Paid 2", "Paid 1", "Paid 0", "Booked"])


def test_android_bundles_many_and_leaves_few_alone(page: Page, url: str) -> None:
    token = made(url, "Ada", "ANDROID")
    titles = phone_of(page, "Ada").locator(".card .title:visible")
    for number in range(3):
        send(url, token, title=f"Paid {number}", threadId="payments")
    expect(titles).to_have_text(["Paid 2", "Paid 1", "Paid 0"])
    send(url, token, title="Paid 3")
    expect(titles).to_have_text(["Paid 3"])
    expect(phone_of(page, "Ada").get_by_text("3 more")).to_be_visible()


def test_a_tap_opens_the_app_at_its_deep_link(page: Page, url: str, service: PushService) -> None:
    token = made(url, "Ada")
    data = {"url": "calcom://booking?uid=b1", "bookingUid": "b1"}
    send(url, token, title="Booked", data=data)
    phone = phone_of(page, "Ada")
    phone.locator(".face").click()
    opened = phone.locator(".opened")
    expect(opened).to_contain_text("Companion is open")
    expect(opened).to_contain_text("by a tap on “Booked”")
    expect(opened.locator(".url")).to_have_text("calcom://booking?uid=b1")
    expect(opened.locator("pre")).to_contain_text('"bookingUid": "b1"')
    opened.get_by_role("button", name="Lock the phone").click()
    expect(phone.locator(".lock")).to_be_visible()
    expect(phone.locator(".card")).to_have_count(0)
    assert service.displayed(token) == ()


def test_a_tap_on_a_button_says_which(page: Page, url: str) -> None:
    token = made(url, "Ada", "ANDROID")
    send(url, token, title="Asked", categoryId="calcom_booking_request_actions")
    phone = phone_of(page, "Ada")
    phone.get_by_role("button", name="Decline").click()
    expect(phone.locator(".opened .action")).to_have_text("decline_booking_request")


def test_a_phone_is_switched_off_and_on(page: Page, url: str) -> None:
    token = made(url, "Ada")
    phone = phone_of(page, "Ada")
    phone.get_by_role("button", name="Switch off").click()
    expect(phone.locator(".offline")).to_be_visible()
    send(url, token, title="Booked")
    expect(phone.get_by_text("1 waiting at Apple")).to_be_visible()
    expect(phone.locator(".card")).to_have_count(0)
    phone.get_by_role("button", name="Switch on").click()
    expect(phone.locator(".card .title")).to_have_text("Booked")
    phone.get_by_role("button", name="Clear").click()
    expect(phone.locator(".card")).to_have_count(0)


def test_the_app_is_uninstalled_and_installed_again(
    page: Page, url: str, service: PushService
) -> None:
    made(url, "Ada")
    phone = phone_of(page, "Ada")
    phone.get_by_role("button", name="Uninstall").click()
    expect(phone.get_by_text("The app is not on this phone any more.")).to_be_visible()
    assert not service.devices[0].registered
    phone.get_by_role("button", name="Install").click()
    expect(phone.get_by_text("The app is not on this phone any more.")).to_have_count(0)
    assert service.devices[0].registered


def test_a_push_is_saved_as_a_file_for_an_ios_simulator(
    page: Page, url: str, tmp_path: Path
) -> None:
    send(url, made(url, "Ada"), title="Booked", data={"url": "calcom://b1"})
    with page.expect_download() as download:
        phone_of(page, "Ada").get_by_role("link", name=".apns").click()
    download.value.save_as(tmp_path / "push.apns")
    assert download.value.suggested_filename.endswith(".apns")
    saved = json.loads((tmp_path / "push.apns").read_text())
    assert saved["Simulator Target Bundle"] == "com.cal.companion"
    assert saved["aps"]["alert"] == {"title": "Booked"}


def test_the_log_shows_faults_and_what_was_sent(page: Page, url: str) -> None:
    token = made(url, "Ada")
    post(url, "/_sim/faults", '{"fault":"F02"}')
    status, _ = post(url, SEND, json.dumps([{"to": token, "title": "Booked"}]))
    assert status == 500
    row = page.locator("#log .row").first
    expect(row).to_contain_text("F02")
    expect(row.locator(".bad")).to_have_text("500")
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text('"title": "Booked"')


def test_the_clock_is_moved(page: Page, service: PushService) -> None:
    before = service.now
    page.get_by_role("button", name="+1 day").click()
    deadline = time.monotonic() + 20
    while service.now < before + 86400:
        assert time.monotonic() < deadline


def test_a_phone_that_is_no_more_goes_off_the_page(
    page: Page, url: str, service: PushService
) -> None:
    made(url, "Ada")
    expect(phone_of(page, "Ada")).to_be_visible()
    post(url, "/_sim/reset", "")
    expect(page.get_by_text("No phone yet")).to_be_visible()
    expect(page.locator(".station")).to_have_count(0)


def test_of_very_many_phones_the_newest_are_shown(
    page: Page, url: str, service: PushService
) -> None:
    for number in range(43):
        service.add_device(name=f"phone {number}")
    made(url, "the last")
    expect(phone_of(page, "the last")).to_be_visible()
    expect(page.locator(".station")).to_have_count(40)
    expect(page.get_by_text("4 older phones are not shown")).to_be_visible()


def test_what_a_push_says_is_text_whatever_it_says(page: Page, url: str) -> None:
    evil = "<img src=x onerror=\"document.title='taken'\">"
    send(url, made(url, evil), title=evil, body=evil, data={"url": evil}, sound=evil)
    expect(page.locator(".card .title")).to_have_text(evil)
    expect(page.locator(".card .body")).to_have_text(evil)
    assert page.locator(".station img").count() == 0
    assert page.title() == "Phones · Expo simulator"


def test_without_script_the_page_is_right_and_its_forms_work(browser: Browser, url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        page.get_by_placeholder("Whose phone?").fill("Ada")
        page.get_by_role("button", name="+ iPhone").click()
        phone_of(page, "Ada").get_by_role("button", name="Send a push").click()
        expect(phone_of(page, "Ada").locator(".card .title")).to_have_text("Hello")
        phone_of(page, "Ada").locator(".face").click()
        expect(phone_of(page, "Ada").locator(".url")).to_have_text("exp://hello")


def test_the_page_allows_the_browser_nothing_but_its_own(page: Page, url: str) -> None:
    for path in ("/", "/page/style.css", "/page/live.js", "/page/icon.svg"):
        answer = page.request.get(url + path)
        assert answer.headers["content-security-policy"] == POLICY
        assert "http" not in answer.text().replace(url, "").replace(
            "http://www.w3.org/2000/svg", ""
        )


def test_no_other_site_can_use_the_forms(url: str, service: PushService) -> None:
    status, _ = post(url, "/page/phones", "name=Eve", {"sec-fetch-site": "cross-site"})
    assert (status, service.devices) == (403, ())
    token = service.add_device().token
    path = f"/page/phones/{quote(token, safe='')}"
    assert post(url, f"{path}/dance", "")[0] == 404
    assert post(url, f"{path}/tap", "ticket_id=none")[0] == 404
    assert post(url, "/page/phones/nobody/off", "")[0] == 404
    assert post(url, "/page/clock", "seconds=many")[0] == 400
    assert post(url, "/page/phones", "x" * 20_000)[0] == 413


def test_the_simulator_ends_while_pages_are_open(context: BrowserContext) -> None:
    page = context.new_page()
    with listening(PushService(time.time, Random(7))) as (host, port):
        page.goto(f"http://{host}:{port}")
        page.wait_for_selector(".is-live")
        begun = time.monotonic()
    assert time.monotonic() - begun < 4
    page.wait_for_selector("body:not(.is-live)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1500, 420])
def test_lock_screens_look_right_in_light_and_dark_wide_and_narrow(
    browser: Browser, url: str, tmp_path: Path, scheme: str, width: int
) -> None:
    """Nothing hangs out of the page or of a phone. With CALBELL_SCREENSHOTS the pictures are kept
    there, to be looked at."""
    folder = Path(os.environ.get("CALBELL_SCREENSHOTS", tmp_path))
    with browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    ) as context:
        page = context.new_page()
        for platform in ("IOS", "ANDROID"):
            furnish(url, made(url, f"Ada's {platform}", platform))
        page.goto(url)
        page.wait_for_selector(".is-live")
        page.screenshot(path=folder / f"phones-{scheme}-{width}.png", full_page=True)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(17, 17, 20)" if scheme == "dark" else "rgb(245, 245, 247)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for screen in page.locator(".screen").all():
            inner = screen.bounding_box()
            assert inner is not None
            for card in screen.locator(".card:visible").all():
                box = card.bounding_box()
                assert box is not None
                assert inner["x"] <= box["x"]
                assert box["x"] + box["width"] <= inner["x"] + inner["width"]


def furnish(url: str, token: str) -> None:
    link = {"url": "calcom://(tabs)/(bookings)/booking-detail?uid=b1", "bookingUid": "b1"}
    send(url, token, title="Payment Received", body="€40.00 for a coaching hour", data=link)
    for body in ("Fri, 27 Nov at 10:00", "now Fri, 27 Nov at 11:30"):
        send(url, token, title="Booking Rescheduled", body=body, collapseId="a", tag="a")
    send(
        url,
        token,
        title="New Booking Request",
        body="Design review with an attendee-of-a-very-long-name-without-any-space-in-it\nMon",
        categoryId="calcom_booking_request_actions",
        sound="default",
        threadId="requests",
    )
