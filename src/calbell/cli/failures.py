"""How a command ends when it does not end well. The message is the whole error line."""


class Failure(Exception):
    """It failed at run time; the command exits with 1."""


class Misuse(Exception):
    """It was called wrongly; the command exits with 2."""
