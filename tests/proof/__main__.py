"""`python -m tests.proof` makes the page of proof anew."""

from tests.proof.page import page
from tests.proof.runs import FOLDER, read

PAGE = FOLDER.parents[1] / "docs/explanation/proof.md"

if __name__ == "__main__":
    PAGE.write_text(page(read()))
