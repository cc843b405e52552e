"""What is said of malformed JSON is what Node.js says of it, letter for letter."""

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.api.json_syntax import complaint

# Cal.com's body parser looks at the first character before JSON.parse does, and lets it complain
# about a text of placeholders.
STRICT_PARSE = """
const said = (text) => { try { JSON.parse(text); return null } catch (e) { return e.message } };
const complaint = (text) => {
  const first = /^[\\x20\\x09\\x0a\\x0d]*([^\\x20\\x09\\x0a\\x0d])/.exec(text)?.[1];
  if (first === "{" || first === "[") return said(text);
  const at = first === undefined ? -1 : text.indexOf(first);
  const partial = at < 0 ? "" : text.substring(0, at) + "#".repeat(text.length - at);
  return said(partial).replace(/#+/g, (run) => text.substring(at, at + run.length));
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  console.log(JSON.stringify(complaint(JSON.parse(line)) ?? null));
});
"""

PIECES = st.sampled_from(
    [
        *'{}[]":,+-.0123eEtfnx\\ \n\t\r\0\b/u',
        '{"a":', '"b"', "true", "false", "null", "nul", "12", "0.5", "1e5", "-", '\\u00e9', "\\u12",
        "📱", "é", "\u2028", "undefined", "NaN", "abcdefghijkl", "Infinity",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@st.composite
def almost(draw: st.DrawFn) -> str:
    """A JSON text in which one place was cut or replaced."""
    text = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans()))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(PIECES | st.just("")) + text[at + draw(st.integers(0, 3)) :]


class Node:
    """A running Node.js that says of each text what Cal.com would say."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [program, "-e", STRICT_PARSE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def complaint(self, text: str) -> str | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        said: str | None = json.loads(self._process.stdout.readline())
        return said

    def end(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node.js to compare with")
    started = Node(program)
    yield started
    started.end()


@settings(max_examples=1_000)
@given(text=st.lists(PIECES, max_size=14).map("".join) | almost())
def test_every_complaint_is_the_one_of_node(node: Node, text: str) -> None:
    assert complaint(text) == node.complaint(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Unexpected end of JSON input"),
        (" \n", "Unexpected end of JSON input"),
        ('{"token":', "Unexpected end of JSON input"),
        ("hello", "Unexpected token 'h', \"hello\" is not valid JSON"),
        ('"x"', 'Unexpected token \'"\', ""x"" is not valid JSON'),
        ("null", "Unexpected token 'n', \"null\" is not valid JSON"),
        ("{'a':1}", "Expected property name or '}' in JSON at position 1"),
        ('{"a":1,}', "Expected double-quoted property name in JSON at position 7"),
        ("[1,]", "Unexpected token ']', \"[1,]\" is not valid JSON"),
        ("{}x", "Unexpected non-whitespace character after JSON at position 2"),
        ("hello, this is long", "Unexpected token 'h', \"hello, this is long\" is not valid JSON"),
        ("hello, this is longer", "Unexpected token 'h', \"hello, thi\"... is not valid JSON"),
        ('{"📱":', "Unexpected end of JSON input"),
        ('["📱", x]', 'Unexpected token \'x\', "["📱", x]" is not valid JSON'),
        ('{"a": 1}', None),
        ("[]", None),
    ],
)
def test_what_is_said_is_cal_coms(text: str, said: str | None) -> None:
    assert complaint(text) == said


def test_a_text_may_be_nested_as_deeply_as_it_is_long() -> None:
    assert complaint("[" * 50_000 + "]" * 50_000) is None
    assert complaint("[" * 100_000) == "Unexpected end of JSON input"
