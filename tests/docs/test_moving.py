"""The pages about moving and bringing: their commands are run, and do what the pages say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import NewDatabase
from tests.acceptance.conftest import new_database as new_database
from tests.acceptance.programs import environment

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    text = (HOW_TO / page).read_text("utf-8")
    found = re.findall(rf"^   ```{language}\n(.*?)^   ```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder in which `calbell` is the one that is tested."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "calbell"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m calbell "$@"\n')
    script.chmod(0o755)
    return folder


def run(script: str, folder: Path, programs: Path, **variables: str) -> str:
    set_ = environment(**variables)
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={**set_, "PATH": f"{programs}:{set_['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def test_the_move_is_made_as_the_page_says(
    new_database: NewDatabase, tmp_path: Path, programs: Path
) -> None:
    old, new = new_database("sqlite"), new_database("postgresql")
    old.run("users", "add", "--id=7", "--email=ada@example.com")
    script = "".join(blocks("move-to-postgresql.md", "sh"))
    for name, url in (("OLD", old.url), ("NEW", new.url)):
        script, number = re.subn(rf"(?m)^export {name}=.*$", f"export {name}='{url}'", script)
        assert number == 1
    said = run(script, tmp_path, programs)
    assert "nothing was changed: this was a dry run" in said
    assert "ada@example.com" in new.run("users", "list").out
    assert not list(tmp_path.glob("*.ndjson"))


def test_the_table_is_taken_in_as_the_page_says(tmp_path: Path, programs: Path) -> None:
    (table,) = blocks("bring-your-tokens.md", "csv")
    (tmp_path / "tokens.csv").write_text(table, "utf-8")
    url = "sqlite:///calbell.db"
    script = "".join(blocks("bring-your-tokens.md", "sh"))
    run(script, tmp_path, programs, CALBELL_DATABASE_URL=url)
    shown = run("calbell users show 456", tmp_path, programs, CALBELL_DATABASE_URL=url)
    assert "2 to ring" in shown
    assert "Europe/Berlin" in shown
