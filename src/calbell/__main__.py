"""`python -m calbell` and the console script `calbell`."""

import sys

from calbell.cli.commands import run


def main() -> None:
    """Run the command that the process was called with, and exit as it says."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
