"""The page about copies: what it says beside the commands that are run (test_commands)."""

import re
from pathlib import Path

from tests.acceptance.programs import command
from tests.docs.pages import page

PAGE = page("docs/how-to/back-up-and-restore.md").text


def test_the_times_on_the_page_can_be_given(tmp_path: Path) -> None:
    (line,) = re.findall(r"`(calbell serve --restored-from \S+)`", PAGE)
    ended = command([*line.split()[1:], "--port=0", "--host=nowhere.invalid"], tmp_path)
    assert "cannot" in ended.err
    assert "--restored-from" not in ended.err


def test_the_command_that_backup_names_is_the_one_on_the_page(tmp_path: Path) -> None:
    url = {"CALBELL_DATABASE_URL": "postgresql://calbell@db.example/calbell"}
    said = command(["backup", "calbell.dump"], tmp_path, url).err
    (dump,) = re.findall(r"^(pg_dump .+) \"", PAGE, re.MULTILINE)
    assert dump in said
