"""Ids that come from another database."""

from calbell.store.connection import Connection
from calbell.store.statements import load

_SQL = load("carried_ids")

TABLES = {"key": "api_keys", "device": "subscriptions"}
"""Where records with ids of their own are kept, for which this database makes ids as well."""


def give_out_above(connection: Connection, type_: str, highest: int) -> None:
    """Ids that are made for records of this type from now on are above `highest`."""
    name = TABLES[type_]
    connection.count(_SQL["begin_ids"], name=name)
    connection.count(_SQL["raise_ids"], name=name, above=highest)


def gather_statistics(connection: Connection) -> None:
    """PostgreSQL plans for what is in the tables by now, not for empty ones."""
    connection.count(_SQL["analyze_carried"])
