"""Durability: what the database does not promise about commits, and what to do about it."""

from collections.abc import Mapping
from types import MappingProxyType

from calbell.store.connection import Connection
from calbell.store.statements import load

_SQL = load("durability")

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "set fsync = on in postgresql.conf: a power cut can destroy the database",
        "full_page_writes": "set full_page_writes = on in postgresql.conf: a power cut can damage "
        "pages of the database",
        "synchronous_commit": "let Calbell connect to the server itself: what was answered can be "
        "lost",
    }
)
"""By the setting that is off. Calbell switches synchronous_commit on for its own sessions."""


def switched_off(connection: Connection) -> tuple[str, ...]:
    """One unit of work: the settings without which a commit may be lost and that are off."""
    (found,) = connection.run(_SQL["durability"])
    return tuple(
        name for name, value in zip(REMEDIES, found, strict=True) if value in ("off", "false")
    )
