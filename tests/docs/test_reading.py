"""What reads the pages finds what stands there, and what is wrong with it."""

from pathlib import Path

import pytest

from tests.docs import shown
from tests.docs.pages import read
from tests.docs.shell import SERVER, CommandFailed, Shell
from tests.docs.shell_words import (
    assignments,
    calls,
    dangers,
    faults,
    faults_of_call,
    faults_of_setting,
)
from tests.docs.walks import HARMLESS

PAGE = """# One
A `calbell status
--json` and ``a ` tick``.

1. A step:

   ```sh title="x"
   calbell status   # it's fine
     indented
   ```

## Two

```json
{}
```
"""


def test_blocks_and_code_are_found_where_they_stand() -> None:
    page = read("x.md", PAGE)
    assert [(one.line, one.language, one.headings) for one in page.blocks] == [
        (7, "sh", ("One",)),
        (14, "json", ("One", "Two")),
    ]
    assert page.blocks[0].text == "calbell status   # it's fine\n  indented\n"
    assert [(one.where, one.text) for one in page.codes] == [
        ("x.md:2", "calbell status --json"),
        ("x.md:3", "a ` tick"),
    ]


def test_a_block_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.md:1"):
        read("x.md", "```sh\nls\n")


def test_calls_are_found_behind_whatever_stands_around_them() -> None:
    script = """A=1 one 'a # b' | two > file && three \\
  more   # don't
export KEY=$(four x) ; five "$(six y)"
"""
    assert list(calls(script)) == [
        ["four", "x"],
        ["six", "y"],
        ["A=1", "one", "a # b"],
        ["two"],
        ["three", "more"],
        ["export", "KEY=$…"],
        ["five", "$…"],
    ]
    assert list(assignments("export A=1 B='x y'\nC=$(ls)\nD=2 cmd E=3\n")) == [
        ("A", "1"),
        ("B", "x y"),
        ("C", "$…"),
        ("D", "2"),
    ]


def test_a_text_within_a_script_is_no_command_but_what_it_calls_is() -> None:
    script = "cat > .env <<EOF\nCALBELL_PORT=1\nA=$(one it)\nEOF\ntwo\n"
    assert list(calls(script)) == [["one", "it"], ["cat"], [":", "$…"], ["two"]]
    assert list(assignments(script)) == [("CALBELL_PORT", "1"), ("A", "$(one it)")]
    assert list(calls(script.replace("<<EOF", "<<'EOF'"))) == [["cat"], ["two"]]


@pytest.mark.parametrize(
    "script",
    [
        "if true",
        "calbell statsu",
        "calbell status --jsno",
        "calbell push --user x",
        "calbell push",
        "docker exec calbell calbell serve --nope",
        "sudo -u calbell /opt/calbell/.venv/bin/calbell nope",
        "KEY=$(calbell keys create --usr 7)",
        "make nope",
        "make -C /opt/calbell nope",
        "python -m tests.nope",
        "cat tests/nope.py",
    ],
)
def test_what_is_wrong_with_a_command_is_found_without_running_it(script: str) -> None:
    assert list(faults(script))


def test_a_command_that_is_only_mentioned_may_lack_arguments_but_not_have_others() -> None:
    words = ["calbell", "push", "--preview"]
    assert list(faults_of_call(words))
    assert list(faults_of_call(words, is_whole=False)) == []
    assert list(faults_of_call(["calbell", "push", "--usr", "7"], is_whole=False))


def test_what_is_right_is_not_found_wrong() -> None:
    script = """docker exec calbell calbell users add --id 7 --email ada@example.com
sudo -u calbell /opt/calbell/.venv/bin/calbell status
make -C /opt/calbell setup && make universe SEED=7
python -m tests.catalogues it < tests/catalogues.py
"""
    assert list(faults(script)) == []


@pytest.mark.parametrize(
    "script",
    [
        "useradd x",
        "cat < x | sudo tee y",
        "rm -r /etc/x",
        "rm -r /",
        "A=/etc/x",
        "date >/etc/x",
        "curl https://cal.com",
    ],
)
def test_what_may_do_harm_is_not_run(script: str) -> None:
    assert list(dangers(script, "/here", HARMLESS))


def test_what_stays_in_its_folder_is_run() -> None:
    script = "A=b ./.venv/bin/calbell status > /here/x\ncurl http://127.0.0.1:8/x -d '{}' | cat"
    assert list(dangers(script, "/here", HARMLESS)) == []


def test_a_setting_has_to_exist_and_to_take_its_value() -> None:
    assert list(faults_of_setting("CALBELL_PROT"))
    assert list(faults_of_setting("CALBELL_PORT", "a"))
    assert list(faults_of_setting("CALBELL_NOPE_FILE"))
    for name, value in (("CALBELL_PORT", "80"), ("CALBELL_PORT", "…"), ("CALBELL_PORT_FILE", "a")):
        assert list(faults_of_setting(name, value)) == []


def test_what_is_shown_has_to_be_said_but_for_what_changes() -> None:
    text = (
        "took 3 phones\nSun, Nov 29, 13:00 – 13:30\nkey   cal_12…\nnot heard  team events: …\n...\n"
    )
    days = "Thu, Dec 3, 2027, 8:00 – 8:30 AM"
    said = f"x\ntook 17 phones\n{days}\nkey cal_ab34\nnot heard team events: a b"
    assert shown.missing(text, said) == []
    assert shown.missing("took 3 telephones", said) == ["took 3 telephones"]
    assert shown.differences({"a": [{"at": "2026", "b": 1}]}, {"a": [{"at": "2027", "b": 1}]}) == []
    assert shown.differences(shown.value('{"a": 1, …}'), {"a": 1, "b": 2}) == []
    assert shown.differences(shown.value('{"a": 1, …}'), {"b": 2})
    for other in ({}, {"a": 2}, {"a": 1, "b": 1}, [1], {"a": "1"}):
        assert shown.differences({"a": 1}, other)


@pytest.mark.parametrize(
    ("line", "is_server"),
    [
        ("calbell serve", True),
        ("A=b .venv/bin/calbell worker &   # there", True),
        ("calbell demo", True),
        ("calbell demo --once", False),
        ("calbell serve --help", False),
        ("calbell backup serve", False),
    ],
)
def test_programs_that_run_until_they_are_ended_are_known(line: str, is_server: bool) -> None:
    assert bool(SERVER.search(line)) == is_server


def test_the_shell_keeps_what_was_set_and_ends_at_the_first_command_that_fails(
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path, {})
    try:
        shell.run("A=1")
        assert shell.run('echo "$A"').out == "1\n"
        with pytest.raises(CommandFailed, match="exit code 3"):
            shell.run("(exit 3) | cat\necho on")
    finally:
        shell.end()


def test_a_server_that_ends_at_once_is_told_of_with_what_it_said(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"CALBELL_PORT": "no number"})
    try:
        with pytest.raises(CommandFailed, match="must be a whole number"):
            shell.run("calbell serve")
    finally:
        shell.end()
