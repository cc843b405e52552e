"""The pages about connecting and the doctor name the options and checks that there are."""

import inspect
import re
from pathlib import Path

from calbell.calcom.registered import Scope, ScopeKind
from calbell.cli import callback, connect, doctor, findings
from calbell.flows.connect import coverage

DOCS = Path(__file__).parents[2] / "docs"
CHECK = re.compile(
    r'(?:fine|doubtful|wrong)\(\s*"([\w ./]+)"|(?i:_?check)(?:, \w+|: Final)? = "([\w ./]+)"'
)


def test_every_check_of_the_doctor_stands_in_the_reference() -> None:
    sources = [inspect.getsource(module) for module in (findings, doctor, callback)]
    checks = {one or other for source in sources for one, other in CHECK.findall(source)}
    page = (DOCS / "reference" / "doctor.md").read_text()
    named = set(
        re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)))
    )
    assert named == checks | {f"clock ({whose})" for whose in ("database", "Expo", "Cal.com")}


def test_the_options_that_the_page_names_are_those_of_the_command() -> None:
    page = (DOCS / "how-to" / "connect-cal-com.md").read_text()
    named = {name.replace("-", "_") for name in re.findall(r"--([a-z][a-z-]+)", page)}
    assert named == set(inspect.signature(connect.connect).parameters)


def test_what_each_webhook_hears_is_said_for_every_scope() -> None:
    assert all(all(coverage(Scope(kind))) for kind in ScopeKind)
