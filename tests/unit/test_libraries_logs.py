"""What libraries log is said without their words."""

import json
import subprocess
import sys

import pytest

SECRET = "ExponentPushToken[secret]"

LOGGED = f"""
import asyncio, gc, logging
from calbell import telemetry
telemetry.configure_logs(as_json=True, level="info")

async def failing():
    raise RuntimeError("row ({SECRET})")

async def forgotten():
    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()

asyncio.run(forgotten())
"""
WARNED = f"""
import logging
from calbell import telemetry
telemetry.configure_logs(as_json=True, level="info")
logging.getLogger("a.library").warning("bad answer: %s", "{SECRET}")
logging.getLogger("a.library").info("of no interest")
"""


@pytest.mark.parametrize(
    ("program", "name", "error"), [(LOGGED, "asyncio", "RuntimeError"), (WARNED, "a.library", None)]
)
def test_what_a_library_logs_is_a_line_of_ours_without_its_words(
    program: str, name: str, error: str | None
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    (line,) = map(json.loads, ran.stderr.splitlines())
    assert (line["event"], line["name"], line.get("error")) == ("library", name, error)
    assert "secret" not in ran.stderr
