"""The page about systemd: its units are sound, and its secrets are where they are looked for."""

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from calbell.config import load
from tests.acceptance.programs import STOP_SECONDS, command

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGE = (HOW_TO / "run-with-systemd.md").read_text()
UNITS = sorted((HOW_TO / "systemd").iterdir())
PROGRAM = "/opt/calbell/.venv/bin/calbell"


class Unit(RawConfigParser):
    """A unit; of an option that is given several times, the last value."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, comment_prefixes="#")
        self.optionxform = str  # type: ignore[assignment, method-assign]
        self.text = (HOW_TO / "systemd" / name).read_text()
        self.read_string(self.text)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, sys.executable))
    template = tmp_path / "calbell-worker@.service"
    instance = template.rename(tmp_path / "calbell-worker@1.service")
    names = [tmp_path / "calbell.service", tmp_path / "calbell.socket", instance]
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, names)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = [
        line for line in ended.stderr.splitlines() if str(tmp_path) in line or "calbell" in line
    ]
    assert (ended.returncode, said) == (0, [])


@pytest.mark.parametrize("name", ["calbell.service", "calbell-worker@.service"])
def test_a_unit_starts_a_command_that_there_is_and_gives_it_time_to_stop(
    tmp_path: Path, name: str
) -> None:
    unit = Unit(name)
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    assert program == PROGRAM
    assert command([*arguments, "--help"], tmp_path).code == 0
    assert int(service["TimeoutStopSec"]) > STOP_SECONDS
    assert service["RestartPreventExitStatus"] == "2"
    # By the second, systemd's own limit of starts is reached before a database is back.
    assert (service["RestartSec"], unit["Unit"]["StartLimitIntervalSec"]) == ("1", "0")


def test_the_secrets_are_where_the_settings_look_for_them(tmp_path: Path) -> None:
    unit = Unit("calbell.service")
    given = dict(re.findall(r"^LoadCredential=([\w-]+):(\S+)$", unit.text, re.MULTILINE))
    assert all(f"/dev/stdin {path}\n" in PAGE for path in given.values())
    for name in given:
        (tmp_path / name).write_text(f"{name}-{'x' * 32}\n")
    said = re.findall(r"^Environment=(\w+)=%d/(.+)$", unit.text, re.MULTILINE)
    assert {name for _, name in said} == given.keys()
    settings = load({variable: str(tmp_path / name) for variable, name in said}, tmp_path)
    assert settings.admin_token is not None
    assert len(settings.webhook_secrets) == 1
