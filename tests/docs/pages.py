"""The pages of the documentation: their fenced blocks, and the code in their text."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "SECURITY.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^`]*$")
_HEADING = re.compile(r"^(#+) +(.+?)(?: +#+)?$")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


class Block(NamedTuple):
    """A fenced block; its text stands at the margin, however far the fence is moved in."""

    page: str
    line: int
    language: str
    headings: tuple[str, ...]
    """Those that it stands under, from the page's title on."""
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def name(self) -> str:
        """Tells it from the others of its page, also when lines are added before it."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")


class Code(NamedTuple):
    """Code within the text, on one line."""

    where: str
    text: str


class Page(NamedTuple):
    """A page as it was read. `blocks` and `codes` are in the order of the page."""

    text: str
    blocks: tuple[Block, ...]
    codes: tuple[Code, ...]

    @property
    def is_generated(self) -> bool:
        """Whether it is made from the code, and compared with it by another test."""
        return "<!-- Made by `" in self.text


@cache
def page(path: str) -> Page:
    """The page at this path from the root of the repository."""
    return read(path, (ROOT / path).read_text("utf-8"))


def read(path: str, text: str) -> Page:
    """The page with this text."""
    blocks = tuple(_blocks(path, text.splitlines()))
    return Page(text, blocks, tuple(_codes(path, text.splitlines(), blocks)))


def blocks(*languages: str) -> list[Block]:
    """Every block of all pages in one of these languages."""
    return [block for path in PAGES for block in page(path).blocks if block.language in languages]


def _blocks(path: str, lines: list[str]) -> Iterator[Block]:
    headings: dict[int, str] = {}
    rest = iter(enumerate(lines, 1))
    for number, line in rest:
        if heading := _HEADING.match(line):
            level = len(heading[1])
            headings = {at: name for at, name in headings.items() if at < level}
            headings[level] = heading[2]
        if fence := _FENCE.match(line):
            held = []
            for _, inner in rest:
                if re.fullmatch(rf"\s*{fence['ticks']}{fence['ticks'][0]}*\s*", inner):
                    break
                held.append(inner.removeprefix(fence["indent"]))
            else:
                raise ValueError(f"{path}:{number}: this block has no end")
            text = "".join(f"{one}\n" for one in held)
            yield Block(path, number, fence["language"], tuple(headings.values()), text)


def _codes(path: str, lines: list[str], blocks: tuple[Block, ...]) -> Iterator[Code]:
    for block in blocks:
        # Lines stay where they are; a block ends what stands before it.
        for at in range(block.line - 1, block.line + 1 + block.text.count("\n")):
            lines[at] = ""
    at = 1
    for paragraph in re.split(r"\n(?=\s*\n)", "\n".join(lines)):
        for code in _CODE.finditer(paragraph):
            line = at + paragraph[: code.start()].count("\n")
            yield Code(f"{path}:{line}", " ".join(code[2].replace("\\|", "|").split()))
        at += paragraph.count("\n") + 1
