"""The container files and their page. No engine is there to build with: what is tested is that
the image's files are enough, that what it runs exists, and that the services start as compose has
it."""

import json
import re
import subprocess
import sys
import zipfile
from itertools import takewhile
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns
from typing import Any

import pytest
import yaml

from calbell.config import load
from calbell.config.variables import VARIABLES
from tests.acceptance.programs import Program, ask, command, environment
from tests.acceptance.stand import started

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "run-in-containers.md").read_text()
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
INSTRUCTIONS = re.findall(r"^([A-Z]+) +(.+)$", DOCKERFILE, re.MULTILINE)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "calbell"}


def all_of(instruction: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def copied() -> list[str]:
    """What comes from the checkout into the image."""
    lines = [line for line in all_of("COPY") if not line.startswith("--from=")]
    return [source for line in lines for source in line.split()[:-1]]


def variables(text: str) -> set[str]:
    return {name.removesuffix("_FILE") for name in re.findall(r"CALBELL_[A-Z_]+", text)}


def test_what_is_copied_is_there_and_is_all_that_the_engine_is_sent() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert sorted(line.removeprefix("!") for line in ignore if line[:1] == "!") == sorted(copied())
    for source in copied():
        assert (ROOT / source).exists(), source


def test_packages_are_installed_by_the_hashes_of_the_lock() -> None:
    installs = [line for line in all_of("RUN") if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9].*?==.*?(?=^[a-z0-9]|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(pins) > 20
    assert all("--hash=sha256:" in pin for pin in pins)
    # Nothing else is fetched to build with.
    assert "\nhatchling==" in lock


def test_what_is_copied_is_enough_to_install_all_of_the_program(tmp_path: Path) -> None:
    for source in copied():
        if (ROOT / source).is_dir():
            copytree(ROOT / source, tmp_path / source, ignore=ignore_patterns("__pycache__"))
        else:
            copy2(ROOT / source, tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    done = subprocess.run(
        [*build, "--no-index", "--wheel-dir", "made"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "made").glob("calbell-*.whl")
    package = tmp_path / "src"
    wanted = {str(one.relative_to(package)) for one in package.rglob("*") if one.is_file()}
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())


def test_the_program_is_not_run_by_root_and_keeps_its_files_in_the_volume() -> None:
    (user,) = all_of("USER")
    assert user == "calbell"
    last = [name for name, _ in INSTRUCTIONS]
    assert last.index("USER") > max(at for at, name in enumerate(last) if name in {"RUN", "COPY"})
    assert all_of("VOLUME") == all_of("WORKDIR")[-1:]
    # The database stands there by default.
    path = load({}, ROOT / "nowhere").database_url
    assert path == "sqlite:///calbell.db"
    assert "calbell.db" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "docs/how-to/run-in-containers.md"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = variables((ROOT / name).read_text())
    assert named
    assert named <= VARIABLES.keys()


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml"])
def test_images_are_named_without_the_host_of_a_registry(name: str) -> None:
    images = re.findall(r"^(?:FROM|\s+image:) +(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    assert len(images) >= 2
    assert all(re.fullmatch(r"[a-z]+(?::[\w.-]+)?", image) for image in images)


def commands() -> list[str]:
    """What is run: by the image, by compose, and on the page."""
    shown = re.findall(r"docker (?:exec|compose exec) \w+ calbell (.+)$", PAGE, re.MULTILINE)
    run = [" ".join(service["command"]) for service in OURS.values()]
    return sorted({" ".join(json.loads(all_of("CMD")[-1])), *run, *shown})


@pytest.mark.parametrize("line", commands())
def test_every_command_and_option_exists(line: str, tmp_path: Path) -> None:
    words = line.split()
    names = list(takewhile(lambda word: re.fullmatch(r"[a-z]+", word), words))
    told = command([*names, "--help"], tmp_path)
    assert told.code == 0
    assert f"Usage: calbell {' '.join(names)}" in told.out
    for option in (word for word in words if word.startswith("--")):
        assert option in told.out


def test_what_services_refer_to_is_declared() -> None:
    assert SERVICES.keys() == {"database", "migrate", "serve", "worker"}
    for name, service in SERVICES.items():
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        named = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert named <= COMPOSE["volumes"].keys(), name
        files = [value for key, value in service["environment"].items() if key.endswith("_FILE")]
        assert {f"/run/secrets/{secret}" for secret in service["secrets"]} == set(files)
    for secret in COMPOSE["secrets"].values():
        assert re.search(rf"> {secret['file']}$", PAGE, re.MULTILINE)


def test_nobody_starts_before_the_tables_are_there_and_everybody_may_end_in_peace() -> None:
    for name in ("serve", "worker"):
        assert OURS[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }
    for service in OURS.values():
        # Ten seconds are what a stop may take.
        assert int(service["stop_grace_period"].removesuffix("s")) > 10
        assert service["build"] == "."
    assert "--stop-timeout 15" in PAGE


@pytest.fixture
def secrets(postgres_url: str, tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "database-url").write_text(f"{postgres_url}\n")
    for name in ("webhook-secrets", "admin-token"):
        (folder / name).write_text("0123456789abcdef0123456789abcdef\n")
    return folder


def settings_of(service: str, secrets: Path, volume: Path) -> dict[str, str]:
    """The settings of a container of this service, with its files as they are here."""
    return {
        name: str(value)
        .replace("/run/secrets", str(secrets))
        .replace("/var/lib/calbell", str(volume))
        for name, value in OURS[service]["environment"].items()
    }


def is_healthy(port: str, tmp_path: Path) -> bool:
    (line,) = all_of("HEALTHCHECK")
    program, *arguments = json.loads(line.partition(" CMD ")[2])
    assert program == "python"
    variables = environment(CALBELL_PORT=port)
    return not subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=variables, capture_output=True, timeout=20
    ).returncode


def test_the_services_start_with_their_settings_and_the_health_check_tells(
    secrets: Path, tmp_path: Path
) -> None:
    told = {name: settings_of(name, secrets, tmp_path) for name in OURS}
    early = command(OURS["serve"]["command"], tmp_path, told["serve"])
    assert early.code != 0
    assert "calbell migrate" in early.err
    assert command(OURS["migrate"]["command"], tmp_path, told["migrate"]).code == 0
    here = {**told["serve"], "CALBELL_PORT": "0"}
    serve = Program(["-m", "calbell", *OURS["serve"]["command"]], tmp_path, here)
    worker = Program(["-m", "calbell", *OURS["worker"]["command"]], tmp_path, told["worker"])
    url: str = serve.first(serve.err, started)["url"]
    worker.first(worker.err, started)
    port = url.rpartition(":")[2]
    assert ask(url, "GET", "/readyz").status == 200
    assert is_healthy(port, tmp_path)
    serve.stop()
    worker.stop()
    assert not is_healthy(port, tmp_path)
