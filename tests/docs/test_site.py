"""The documentation is a site: whole, true to what its authors wrote, and of no other host."""

import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typing_extensions import override

from tests.reference import DOCS, PAGES

ROOT = DOCS.parent
WRITTEN = sorted(DOCS.rglob("*.md"))
BUILDING_BLOCKS = {"h1", "h2", "h3", "h4", "li", "ol", "pre", "table", "ul", "img"}
ELSEWHERE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
FETCHED = {"script", "link", "img", "iframe", "source", "video", "audio", "object", "embed"}
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""")


class Article(HTMLParser):
    """Counts what a page is built of, and notes what a browser would fetch for it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.blocks: Counter[str] = Counter()
        self.fetched: list[str] = []
        self._is_whole = "<article" not in page
        self._depth = 0
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in FETCHED:
            self.fetched += [given[name] or "" for name in ("src", "href", "data") if name in given]
        self._depth += tag == "article"
        if tag in BUILDING_BLOCKS and (self._is_whole or self._depth):
            self.blocks[tag] += 1

    @override
    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` makes it: a warning would have ended it."""
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder


def test_every_page_is_built_of_what_a_reader_of_the_markdown_sees(site: Path) -> None:
    """Python-Markdown takes some lists for text where CommonMark, and GitHub, do not."""
    parser = MarkdownIt("commonmark").enable("table")
    differing = dict[str, tuple[Counter[str], Counter[str]]]()
    for path in WRITTEN:
        meant = Article(parser.render(path.read_text("utf-8"))).blocks
        shown = Article(made_of(path, site).read_text("utf-8")).blocks
        if shown != meant:
            differing[path.name] = shown - meant, meant - shown
    assert differing == {}, "too many, and too few: mostly a blank line that a list misses"


def made_of(path: Path, site: Path) -> Path:
    page = path.relative_to(DOCS)
    is_index = page.stem in ("index", "README")
    return site / (page.parent if is_index else page.with_suffix("")) / "index.html"


def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(WRITTEN) / 2
    for page in pages:
        text = page.read_text("utf-8")
        fetched = Article(text).fetched
        assert fetched
        assert [one for one in fetched if ELSEWHERE.match(one)] == [], page
        # The theme's script would get a library for these from elsewhere.
        assert 'class="mermaid"' not in text
    for style in site.rglob("*.css"):
        assert IN_STYLE.findall(style.read_text("utf-8")) == [], style


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_that_is_made_from_the_program_is_as_the_program_makes_it(path: Path) -> None:
    again = "make it anew: python -m tests.reference"
    assert path.read_text("utf-8") == PAGES[path](), again


def test_every_test_that_a_page_names_is_there() -> None:
    named = {
        (page.name, path, test)
        for page in WRITTEN
        for path, test in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page.read_text("utf-8"))
    }
    assert any(page == "guarantees.md" for page, _, _ in named)
    for page, path, test in named:
        assert re.search(rf"def {test}\(", (ROOT / path).read_text("utf-8")), f"{page}: {test}"
