"""The page about upgrades: what it shows beside the commands that are run (test_commands)."""

from pathlib import Path

from tests.acceptance.programs import command
from tests.docs.pages import page


def test_the_table_on_the_page_has_the_lines_of_the_command(tmp_path: Path) -> None:
    assert command(["users", "add", "--id=7", "--email=ada@example.com"], tmp_path).code == 0
    out = command(["replay", "--diff"], tmp_path).out
    labels = [line.rstrip("0 ") for line in out.splitlines()]
    assert labels[0] == "events read"
    (table,) = (one.text for one in page("docs/how-to/upgrade.md").blocks if one.language == "text")
    assert [
        line[: len(label)] for line, label in zip(table.splitlines(), labels, strict=False)
    ] == labels
