"""Writes the pages that are made from the program: `python -m tests.reference`."""

from tests.reference import PAGES

for path, page in PAGES.items():
    path.write_text(page(), encoding="utf-8")
