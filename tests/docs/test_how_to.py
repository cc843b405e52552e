"""The how-to pages show the files that the tests run, and lead where they say."""

import re
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = sorted(HOW_TO.glob("*.md"))
IMPORTED = {HOW_TO / "monitoring" / "grafana.json"}
"""What a program reads and nobody types or copies: a page leads to it and does not show it."""

SHOWN = sorted(
    path
    for path in HOW_TO.rglob("*")
    if path.is_file() and path.suffix != ".md" and path not in IMPORTED
)
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(HOW_TO))


@pytest.mark.parametrize("file", SHOWN, ids=name)
def test_a_page_shows_the_whole_file_as_it_is(file: Path) -> None:
    pages = [page.read_text() for page in PAGES]
    showing = [page for page in pages if file.read_text() in BLOCK.findall(page)]
    assert len(showing) == 1
    assert f"]({name(file)})" in showing[0]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    for link in links:
        assert (page.parent / link).exists(), link


def test_the_index_leads_to_every_page() -> None:
    index = HOW_TO / "README.md"
    links = LINK.findall(index.read_text())
    assert sorted(links) == [name(page) for page in PAGES if page != index]
