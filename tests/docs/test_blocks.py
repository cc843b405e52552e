"""Every block of the pages is of a kind that is known, is right in its kind, and is tried."""

import configparser
import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from calbell.config import VARIABLES, ConfigError, load
from tests.docs import shown
from tests.docs.pages import PAGES, ROOT, blocks, page
from tests.docs.shell_words import assignments, faults, faults_of_setting, unknown
from tests.docs.walks import (
    ELSEWHERE,
    NOT_RUN,
    REFUSED,
    WALKS,
    find,
    is_run,
    shown_after,
    value_for,
    walk_of,
)

PROGRAMS = {"python", "js", "ts", "tsx", "nginx", "caddyfile", "sql", "http"}
"""Nothing here runs them: each is tried by a test of its own."""


def _ini(text: str) -> object:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return parser


def _csv(text: str) -> object:
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert len({len(row) for row in rows}) == 1
    return rows


DATA: Mapping[str, Callable[[str], object]] = {
    "json": shown.value,
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
    "ini": _ini,
    "csv": _csv,
}
TEXT = {"", "text"}
KNOWN = {"sh", *PROGRAMS, *DATA, *TEXT}

COMMAND = ("$ ", "calbell ", "curl ", "make ", ".venv/bin/")


def test_every_block_says_what_it_is() -> None:
    strange = [
        f"{block.where}: {block.language}"
        for path in PAGES
        for block in page(path).blocks
        if block.language not in KNOWN
    ]
    assert not strange, f"write one of {sorted(KNOWN)}, or teach tests/docs/test_blocks.py another"


def test_data_can_be_read() -> None:
    wrong = []
    for block in blocks(*DATA):
        try:
            DATA[block.language](block.text)
        except Exception as error:
            wrong.append(f"{block.where}: {error}")
    assert wrong == []


def test_commands_stand_in_blocks_that_are_run() -> None:
    wrong = [
        f"{block.where}: {line}"
        for block in blocks(*TEXT)
        for line in block.text.splitlines()
        if line.startswith(COMMAND) and not page(block.page).is_generated
    ]
    assert wrong == [], "make it a block of sh"


@pytest.mark.parametrize("key", NOT_RUN, ids=" ".join)
def test_what_cannot_be_run_here_is_right_as_far_as_it_can_be_read(key: tuple[str, str]) -> None:
    (block,) = find(key)
    assert block.language == "sh"
    assert list(faults(block.text)) == [], block.where


def test_every_setting_in_a_block_exists_and_takes_its_value() -> None:
    wrong = [
        f"{block.where}: {fault}"
        for block in blocks("sh")
        for name, value in assignments(block.text)
        if name.startswith("CALBELL_")
        for fault in faults_of_setting(name, value)
    ]
    assert wrong == []


def test_settings_in_files_exist_and_take_their_values() -> None:
    """Those of units, of containers, of `.env`."""
    wrong = [
        f"{block.where}: {fault}"
        for path in PAGES
        for block in page(path).blocks
        if block.language != "sh"
        for name, value in re.findall(r"\b(CALBELL_[A-Z_]+)(?:=|: +)(\S+)", block.text)
        for fault in faults_of_setting(name, value.strip("\"'"))
    ]
    assert wrong == []


def test_settings_of_a_block_fit_together(tmp_path: Path) -> None:
    wrong = []
    for block in blocks("sh"):
        told = {
            name: "0123456789abcdef" if unknown(value) else value
            for name, value in assignments(block.text)
            if name in VARIABLES and not (unknown(value) and "SECRET" not in name)
        }
        try:
            load(told, tmp_path)
        except ConfigError as error:
            wrong.append(f"{block.where}: {error}")
    assert wrong == []


def _names_of_shown_files() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "docs" / "how-to").rglob("*"):
        if path.is_file() and path.suffix != ".md":
            yield path.read_text("utf-8"), path.name


def test_every_program_and_every_body_is_tried_somewhere() -> None:
    files = dict(_names_of_shown_files())
    tests = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "tests").rglob("*.py")
        if path.parent.name != "docs" or "how_to" not in path.name
    )
    wrong = []
    for block in blocks(*PROGRAMS, "json"):
        is_answer = any(block in shown_after(one) for one in page(block.page).blocks if is_run(one))
        is_file = block.text in files and files[block.text] in tests
        if not (is_answer or is_file or page(block.page).is_generated):
            test = value_for(ELSEWHERE, block)
            if test is None or block.page.rpartition("/")[2] not in (ROOT / test).read_text():
                wrong.append(block.where)
    assert wrong == [], (
        "try it in a test, and name the test in ELSEWHERE in tests/docs/walks.py;"
        " or let JSON be the answer to the command before it"
    )


def test_the_tables_name_blocks_that_there_are() -> None:
    for table in (NOT_RUN, REFUSED, ELSEWHERE):
        for key in table:
            assert len(find(key)) == 1, f"{key}: words of one block of the page are wanted"
    for walk in WALKS:
        walked = [one for one in page(walk.page).blocks if is_run(one) and walk_of(one) == walk]
        assert walked, walk.name
        shown = [answer for one in walked for answer in shown_after(one)]
        text = "".join(one.text for one in (*walked, *shown))
        for words in (*walk.replaced, *walk.before):
            assert words in text, f"{walk.name}: {words}"
