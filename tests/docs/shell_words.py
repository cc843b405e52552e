"""What a script would call, read without running it; and what is wrong with the calls."""

import importlib.util
import re
import shlex
import subprocess
from collections.abc import Container, Iterator
from functools import cache
from pathlib import PurePosixPath

import cyclopts
from cyclopts import CycloptsError, MissingArgumentError

from calbell.cli.commands import COMMANDS, application
from calbell.config import VARIABLES, ConfigError
from tests.docs.pages import ROOT

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

PLACEHOLDERS = {"COMMAND": "status", "N": "7", "FILE": "file", "TIME": "2026-11-25T08:30:00Z"}
"""What pages write where a value of one's own goes, and such a value."""

OF_THE_TESTS = set(
    re.findall(
        r"CALBELL_\w+",
        "".join(
            (ROOT / file).read_text()
            for file in ("Makefile", "tests/postgresql.py", "tests/browser/conftest.py")
        ),
    )
)
"""Variables of the checkout's own tools, which the program does not know."""

_CARRIED = re.compile(r"docker exec \S+|docker compose (?:exec|run --rm) \S+|sudo -u \S+")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_HERE = re.compile(
    r"<<-? *(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)(?P<line>[^\n]*)\n(?P<text>.*?)^\s*(?P=word)$",
    re.MULTILINE | re.DOTALL,
)
_OURS = re.compile(r"(?:src|tests|docs|bench)/[\w./-]+")


def calls(script: str) -> Iterator[list[str]]:
    """The words of each simple command, those within `$(...)` first; assignments count as words,
    and what comes from `$(...)` is `$…`."""
    text = _without_comments(_HERE.sub(_held, script).replace("\\\n", " "))
    while inner := re.search(r"\$\(([^()]*)\)", text):
        yield from calls(inner[1])
        text = f"{text[: inner.start()]}$…{text[inner.end() :]}"
    words: list[str] = []
    skip = False
    for word in (*_lexer(text), "\n"):
        if re.fullmatch(r"[;()|&\n]+", word):
            if words:
                yield words
            words = []
        elif re.fullmatch(r"[<>]+&?", word):
            skip = True
        elif skip:
            skip = False
        else:
            words.append(word)


def _held(here: re.Match[str]) -> str:
    """Of a text that stands in the script: the calls within."""
    within = "" if here["quote"] else " ".join(re.findall(r"\$\([^()]*\)", here["text"]))
    return f"{here['line']}\n: {within}" if within else here["line"]


def _lexer(text: str) -> Iterator[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    yield from lexer


def _without_comments(script: str) -> str:
    """The lexer's own way would swallow the end of the line too, which ends a command."""
    kept, quote, before, is_comment = "", "", "\n", False
    for character in script:
        if is_comment and character != "\n":
            continue
        is_comment = not quote and character == "#" and before.isspace()
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and not is_comment:
            quote = character
        before = character
        kept += "" if is_comment else character
    return kept


def assignments(script: str) -> Iterator[tuple[str, str]]:
    """The variables that are set, with what stands behind `=`."""
    for here in _HERE.finditer(script):
        yield from re.findall(r"^([A-Z_]+)=(.*)$", here["text"], re.MULTILINE)
    for words in calls(script):
        for word in words[1:] if words[0] == "export" else words:
            if found := _ASSIGNMENT.fullmatch(word):
                yield found["name"], found["value"]
            else:
                break


def faults(script: str) -> Iterator[str]:
    """What is wrong with a script that cannot be run here."""
    parsed = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    if parsed.returncode:
        yield parsed.stderr.strip()
        return
    for words in calls(script):
        yield from faults_of_call(words)


def faults_of_call(words: list[str], *, is_whole: bool = True) -> Iterator[str]:
    """What is wrong with a simple command, as far as it calls what is ours. One that is not whole
    may lack arguments that are required."""
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] in {"export", "env"}):
        words = words[1:]
    carried = _CARRIED.match(" ".join(words))
    if carried:
        words = words[carried[0].count(" ") + 1 :]
    if not words:
        return
    program, *arguments = words
    match PurePosixPath(program).name:
        case "calbell":
            yield from _faults_of_calbell(arguments, is_whole)
        case "make":
            yield from _faults_of_make(arguments)
        case "python" | "python3":
            yield from _faults_of_python(arguments)
        case _:
            pass
    for word in arguments:
        if _OURS.fullmatch(word) and not (ROOT / word).exists():
            yield f"there is no {word}"


def dangers(script: str, folder: str, harmless: Container[str]) -> Iterator[str]:
    """Why a script must not be run here: it calls what may do more than it should to this machine,
    names files outside of the folder, or asks another machine."""
    for path in re.findall(r"[<>]\s*(/\S+)", _without_comments(script)):
        if not path.startswith((folder, "/dev/")):
            yield f"{path} is outside of the folder"
    for words in calls(script):
        program = next((word for word in words if not _ASSIGNMENT.fullmatch(word)), "export")
        if (PurePosixPath(program).name or program) not in harmless:
            yield f"{program} is not called here"
        local = " ".join(word for word in words if "://" not in word)
        for path in re.findall(r"(?:^|[=\s])(/[^\s:]*)", local):
            leaves = path == "/" and words[0] == "cd"
            if not path.startswith((folder, "/dev/")) and not leaves:
                yield f"{path} is outside of the folder"
        if program == "curl":
            for host in re.findall(r"https?://([^/:\s]+)", " ".join(words)):
                if host != "127.0.0.1":
                    yield f"{host} is another machine"


@cache
def parser() -> cyclopts.App:
    """The program's own parser."""
    return application(())


def _faults_of_calbell(arguments: list[str], is_whole: bool) -> Iterator[str]:
    try:
        parser().parse_args(
            [PLACEHOLDERS.get(word, word) for word in arguments if word != "--debug"],
            print_error=False,
            exit_on_error=False,
        )
    except CycloptsError as error:
        if is_whole or not isinstance(error, MissingArgumentError):
            yield f"calbell {' '.join(arguments)}: {error}"
            return
        # What is missing is said before what is unknown.
        known = options(parser().parse_commands(arguments)[1][-1])
        for word in arguments:
            if word.startswith("--") and word.partition("=")[0] not in known:
                yield f"calbell {' '.join(arguments)}: there is no option {word}"


def is_calbells(word: str) -> bool:
    """Whether it is the name of a command."""
    return word in COMMANDS


def faults_of_name(words: list[str]) -> Iterator[str]:
    """What is wrong with the mere name of a command, such as `calbell users add`."""
    names, *_ = parser().parse_commands(words)
    if len(names) < len(words):
        yield f"calbell {' '.join(words)}: there is no such command"


def options(app: cyclopts.App | None = None) -> set[str]:
    """Those of all commands of the program, or of one with its own."""
    app = app or parser()
    names = {
        name
        for argument in (app.assemble_argument_collection() if app.default_command else ())
        for name in argument.names
    }
    return names.union(*(options(app[name]) for name in app if not name.startswith("-")))


def _faults_of_make(arguments: list[str]) -> Iterator[str]:
    if arguments[:1] == ["-C"]:
        arguments = arguments[2:]
    for word in arguments:
        if "=" not in word and not word.startswith("-") and word not in TARGETS:
            yield f"make {word}: there is no such target"


def _faults_of_python(arguments: list[str]) -> Iterator[str]:
    if arguments[:1] == ["-m"] and importlib.util.find_spec(arguments[1]) is None:
        yield f"python -m {arguments[1]}: there is no such module"


def unknown(value: str) -> bool:
    """Whether a page leaves it to its reader, or to the shell, what stands there."""
    return re.search(r"[…$<>]", value) is not None


def faults_of_setting(name: str, value: str | None = None) -> Iterator[str]:
    """What is wrong with a variable of the program's, and with its value where one is told."""
    stem = name.removesuffix("_FILE")
    if stem not in VARIABLES:
        if name not in OF_THE_TESTS:
            yield f"{name}: there is no such setting"
    elif value and name == stem and not unknown(value):
        try:
            VARIABLES[name].value(value, "page")
        except ConfigError as error:
            yield str(error)
