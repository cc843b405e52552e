"""Writes the reference page: `python -m calbell.config > docs/reference/configuration.md`."""

import sys

from calbell.config.reference import page

if __name__ == "__main__":
    sys.stdout.write(page())
