"""What the pages name in their text is there: commands, options, settings, metrics, paths."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from bench import scale

from calbell.simulator.control import ROUTES
from calbell.simulator.openapi import document
from calbell.telemetry import Metrics
from tests.docs.pages import PAGES, ROOT, Code, page
from tests.docs.shell_words import (
    calls,
    faults_of_call,
    faults_of_name,
    faults_of_setting,
    is_calbells,
    options,
)

CODES = [code for path in PAGES for code in page(path).codes]

OF_OTHERS = {"--help", "--version", "--debug", "--require-hashes", "--platform"}
"""Options of all commands, and of pip and eas."""

OF_CAL_COM = {"GET /v2/me", "POST /v2/bookings/{}/confirm"}
"""Calls of Cal.com's own API that pages name."""

MADE_BY_THE_READER = {"src/calbell/domain/wording/locales/it/LC_MESSAGES/calbell.po"}

METHOD = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
FILE = re.compile(r"(?:src|tests|docs|bench)/[\w./@-]+")
METRIC = re.compile(r"\bcalbell_[a-z_]+\b(?![./])")


def wrong_in(codes: list[Code], read: Callable[[str], Iterator[str]]) -> list[str]:
    return [f"{code.where}: {fault}" for code in codes for fault in read(code.text)]


def faults_of_command(text: str) -> Iterator[str]:
    """Of a call, or of a mere name such as `calbell users add`."""
    if not re.match(r"(?:\S*/)?(?:calbell|make|python|docker|sudo) ", f"{text} "):
        return
    for words in calls(text):
        if words[0] == "calbell" and all(re.fullmatch(r"[a-z][a-z-]*", one) for one in words):
            yield from faults_of_name(words[1:])
        else:
            yield from faults_of_call(words, is_whole=False)


def test_every_command_in_the_text_exists_with_its_options() -> None:
    assert wrong_in(CODES, faults_of_command) == []


def test_every_command_without_the_programs_name_exists_too() -> None:
    """`serve --no-delivery`."""

    def read(text: str) -> Iterator[str]:
        words = text.split()
        if len(words) > 1 and is_calbells(words[0]) and words[1].startswith("--"):
            yield from faults_of_call(["calbell", *words])

    assert wrong_in(CODES, read) == []


def test_every_option_in_the_text_is_one_of_some_command() -> None:
    known = options() | set(scale._parser()._option_string_actions) | OF_OTHERS

    def read(text: str) -> Iterator[str]:
        found = re.match(r"--[a-z][a-z-]*", text)
        if found and found[0] not in known:
            yield f"nothing has an option {found[0]}"

    assert wrong_in(CODES, read) == []


@pytest.mark.parametrize("path", PAGES)
def test_every_setting_exists(path: str) -> None:
    names = set(re.findall(r"\bCALBELL_[A-Z_]*[A-Z]\b", page(path).text))
    assert [fault for name in sorted(names) for fault in faults_of_setting(name)] == []


def test_every_value_of_a_setting_is_taken() -> None:
    def read(text: str) -> Iterator[str]:
        if found := re.fullmatch(r"(CALBELL_\w+)=(\S+)", text):
            yield from faults_of_setting(found[1], found[2])

    assert wrong_in(CODES, read) == []


def test_every_metric_exists() -> None:
    families = {family.name for family in Metrics().registry.collect()}

    def read(text: str) -> Iterator[str]:
        for name in METRIC.findall(text):
            if re.sub(r"_(total|bucket|sum|count)$", "", name) not in families:
                yield f"there is no metric {name}"

    assert wrong_in(CODES, read) == []


def test_every_call_over_http_exists() -> None:
    ours: Any = yaml.safe_load((ROOT / "src/calbell/api/openapi.yaml").read_text())
    control: Any = document(ROUTES)
    described = {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for paths in (ours["paths"], control["paths"])
        for path, methods in paths.items()
        for method in methods
    }

    def read(text: str) -> Iterator[str]:
        if found := METHOD.fullmatch(text):
            call = f"{found[1]} {re.sub(r'{[^}]*}', '{}', found[2].partition('?')[0])}"
            if call not in described | OF_CAL_COM:
                yield f"there is no {text}"

    assert wrong_in(CODES, read) == []


def test_every_file_of_the_repository_is_there() -> None:
    def read(text: str) -> Iterator[str]:
        if FILE.fullmatch(text) and not (ROOT / text).exists():
            yield f"there is no {text}"

    assert wrong_in([code for code in CODES if code.text not in MADE_BY_THE_READER], read) == []
