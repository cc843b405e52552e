"""The page about security names all that is kept, and leads to what there is."""

import re
from pathlib import Path

import pytest

from calbell.store import migrate
from calbell.store.sqlite import SqliteConnection
from tests.api.desk import NOON

ROOT = Path(__file__).parents[2]
PATHS = ("docs/explanation/security.md", "SECURITY.md")
PAGE = (ROOT / PATHS[0]).read_text()


def test_every_table_is_named_with_what_it_keeps() -> None:
    kept = PAGE.partition("## What is kept where")[2].partition("## What somebody")[0]
    connection = SqliteConnection(":memory:")
    migrate.migrate(connection, NOON)
    rows = connection._raw.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    )
    tables = {name for (name,) in rows}
    connection.close()
    assert tables
    assert tables - set(re.findall(r"`(\w+)`", kept)) == set()


@pytest.mark.parametrize("path", PATHS)
def test_its_links_lead_somewhere(path: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)", (ROOT / path).read_text()):
        assert ((ROOT / path).parent / link).exists(), link
