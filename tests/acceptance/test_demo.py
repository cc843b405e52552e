"""`calbell demo`: the main job with nothing but this machine."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.acceptance.programs import Program, ask, command, until


def test_demo_once_brings_one_booking_to_three_phones(tmp_path: Path) -> None:
    ended = command(["demo", "--once"], tmp_path, {"TMPDIR": str(tmp_path)})
    assert (ended.code, ended.err) == (0, "")
    assert sum(line.endswith(": delivered") for line in ended.out.splitlines()) == 3
    assert "Every push arrived: 3 of 3." in ended.out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_runs_until_it_is_asked_to_end_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Program(
        ["-m", "calbell", "demo", "--port=0", "--simulator-port=0"],
        tmp_path,
        {"TMPDIR": str(tmp_path)},
    )
    url = demo.first(demo.out, lambda line: line.split()[1] if line[:7] == "Phones " else None)
    page = ask(url, "GET", "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Pixel" in page.body.decode()
    demo.first(demo.out, lambda line: line if line.startswith("Console http://") else None)
    demo.first(demo.out, lambda line: line if line.strip().endswith(" delivered") else None)
    demo.stop()
    assert demo.err == []
    assert demo.out[-1] == "The demo is over."
    assert list(tmp_path.iterdir()) == []


def test_the_demo_opens_the_phones_where_there_is_a_screen(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "calbell", "demo", "--port=0", "--simulator-port=0"],
        cwd=tmp_path,
        env={**os.environ, "DISPLAY": ":0", "BROWSER": str(browser), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        said = b""
        while b"Ctrl-C ends" not in said:
            said += os.read(ours, 4096)
        url = until(lambda: opened.read_text().strip() if opened.exists() else None, "a browser")
        assert f"Phones {url}".encode() in said
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(OSError):
            while os.read(ours, 4096):
                pass
        assert process.wait(20) == 0
        os.close(ours)
