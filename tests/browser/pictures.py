"""The pictures of the documentation, from a running demo: `python -m tests.browser.pictures`."""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
BOOKINGS = 12
"""So many are sent through before the pictures are taken."""


def main() -> None:
    """docs/images/ shows the demo's phones and the console as they look now."""
    IMAGES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "calbell", "demo", "--no-open-page"]
    ports = ["--port", "0", "--simulator-port", "0"]
    with subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, encoding="utf-8") as demo:
        try:
            phones, console, token = addresses(demo)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                take_phones(browser, phones)
                take_console(browser, console, token)
                browser.close()
        finally:
            demo.terminate()


def addresses(demo: "subprocess.Popen[str]") -> tuple[str, str, str]:
    """Where the pages are, once there is something to see on them."""
    assert demo.stdout is not None
    said, told = "", 0
    while told < BOOKINGS:
        line = demo.stdout.readline()
        assert line, "the demo has ended"
        said += line
        told += "users to tell" in line
    phones = re.search(r"Phones (http\S+)", said)
    console = re.search(r"Console (\S+), operator's token (\w+)", said)
    assert phones
    assert console
    return phones[1], console[1], console[2]


def take_phones(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1500, "height": 790}) as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".is-live")
        page.wait_for_function("document.querySelectorAll('.card').length > 2")
        # A lossy picture: the phones' colours run into each other, which PNG takes 400 KB for.
        page.screenshot(path=IMAGES / "phones.jpg", type="jpeg", quality=75)


def take_console(browser: Browser, address: str, token: str) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_label("Operator's token").fill(token)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector(".is-live")
        page.screenshot(path=IMAGES / "console.png")


if __name__ == "__main__":
    main()
