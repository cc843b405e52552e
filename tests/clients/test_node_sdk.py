"""Expo's Node SDK, both versions, against the simulator."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="Node is not installed: its SDKs are not tested"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules").exists(),
        reason="Expo's Node SDK is not installed: make .venv/.node",
    ),
]


@pytest.mark.parametrize(
    ("sdk", "version"), [("expo-server-sdk-6", "6.1.0"), ("expo-server-sdk-7", "7.2.0")]
)
def test_the_node_sdk_finds_what_it_expects_of_expo(
    address: tuple[str, int], sdk: str, version: str
) -> None:
    assert NODE is not None
    package = (FOLDER / "node_modules" / sdk / "package.json").read_text()
    assert f'"version": "{version}"' in package
    host, port = address
    ended = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", "sdk.test.mjs"],
        cwd=FOLDER,
        env={**os.environ, "EXPO_BASE_URL": f"http://{host}:{port}", "SDK": sdk},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )
    said = dict(re.findall(r"^# (tests|pass|fail) (\d+)$", ended.stdout, re.MULTILINE))
    failures = "\n".join(_failures(ended.stdout)) or ended.stderr
    assert ended.returncode == 0, failures
    assert said == {"tests": "37", "pass": "37", "fail": "0"}


def _failures(tap: str) -> list[str]:
    """Each test that failed, with what it said."""
    blocks = re.split(r"^(?=\s*(?:not )?ok )", tap, flags=re.MULTILINE)
    return [block for block in blocks if block.lstrip().startswith("not ok")]
