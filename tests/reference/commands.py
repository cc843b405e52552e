"""The page of commands, from the program's own help."""

import re
import sys
from unittest.mock import patch

from calbell.cli.commands import COMMANDS, application

_INTRODUCTION = """\
# Commands

<!-- Made by `python -m tests.reference` from the commands' own help; edit src/calbell/cli/. -->

What `calbell --help` and `calbell COMMAND --help` say. From a checkout the program is
`.venv/bin/calbell`; `python -m calbell` is the same. Settings are
[environment variables](configuration.md), also for the commands that only read or write the
database: run them with those of `calbell serve`.

- **Exit codes**: 0 for success, 1 for a failure, 2 for wrong use or a wrong setting, 130 after
  Ctrl-C.
- **Errors** are one line on stderr that says what is wrong and what to do; `--debug`, anywhere in
  the line, shows where it came from. What a command prints for you, or for a program (`--json`),
  goes to stdout.

"""

_HEAD = re.compile(r".*?^\*\*Commands\*\*:\n\n.*?\n\n", re.DOTALL | re.MULTILINE)
"""The program's own help, with its lists of commands: they are headings here."""

_COMMANDS = re.compile(r"^\*\*Commands\*\*:\n\n(?:\* .*\n)+\n", re.MULTILINE)
_PAGE = re.compile(r"\bdocs/((?:[\w.-]+/)*[\w.-]+\.md)")


def page() -> str:
    """Every command with its help."""
    # The library takes the program's name from there.
    with patch.object(sys, "argv", ["calbell"]):
        text = application(COMMANDS).generate_docs(usage_name="calbell")
    text = _COMMANDS.sub("", _HEAD.sub("", text, count=1))
    text = text.replace("```console\n", "```text\n")
    text = re.sub(r"^\* ", "- ", text, flags=re.MULTILINE)
    return _INTRODUCTION + _PAGE.sub(_link, text).strip() + "\n"


def _link(found: re.Match[str]) -> str:
    """A page of docs/ that the help names, as a link from docs/reference/."""
    path = found[1].removeprefix("reference/")
    return f"[{found[0]}]({path if path != found[1] else '../' + path})"
