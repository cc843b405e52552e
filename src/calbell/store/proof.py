"""Proof that the database works: a write and a read that nobody needs."""

from calbell.store.connection import Connection
from calbell.store.statements import load

_SQL = load("proof")
_SCHEMA = load("schema")

ROOM = 64 * 1024
"""What must fit in once more, after it did not: as much as a large webhook with all that follows
from it."""


def prove(connection: Connection, in_trouble: bool) -> None:
    """One unit of work: something was written, and is gone again. In trouble it is larger, so that
    what fits into the last free page proves nothing."""
    connection.run(_SQL["write_proof"], filler="x" * (ROOM if in_trouble else 1))
    connection.run(_SQL["erase_proof"])


def prove_readable(connection: Connection) -> None:
    """One unit of work: something could be read."""
    connection.run(_SCHEMA["applied"])
