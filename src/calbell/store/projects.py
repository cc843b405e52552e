"""Expo's projects: apps at Expo, each with a rate of its own."""

from collections.abc import Iterable

from calbell.store.connection import Connection
from calbell.store.statements import load

_SQL = load("projects")

UNKNOWN = 1
"""The row of tokens whose project nobody has told us."""


def know(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The projects have a row each; their ids by name."""
    return dict(connection.each(_SQL["know_projects"], [(name,) for name in sorted(set(names))]))


def every(connection: Connection) -> list[int]:
    """The ids of all projects."""
    return [id_ for (id_,) in connection.run(_SQL["every_project"])]
