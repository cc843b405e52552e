"""The pages that are made from the program: `python -m tests.reference` writes them.

Each module makes one page as text; nobody edits these pages by hand, and a test compares them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.reference import commands, decisions, http_api, states

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final[Mapping[Path, Callable[[], str]]] = {
    DOCS / "reference" / "commands.md": commands.page,
    DOCS / "reference" / "http-api.md": http_api.page,
    DOCS / "reference" / "states.md": states.page,
    DOCS / "decisions" / "README.md": decisions.page,
}
