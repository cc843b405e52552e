"""A promise that was not kept."""


class Broken(AssertionError):
    """A promise was not kept."""


def require(holds: bool, what: str) -> None:
    """It must be so."""
    if not holds:
        raise Broken(what)
