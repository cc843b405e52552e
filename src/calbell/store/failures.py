"""Failures: what earlier attempts of deliveries met."""

from collections.abc import Iterable, Mapping

from calbell.store.connection import Connection
from calbell.store.statements import load

_SQL = load("failures")


def met(connection: Connection, delivery_ids: Iterable[int]) -> Mapping[int, Mapping[str, int]]:
    """Of each of these deliveries the codes that its attempts met so far, and how often; of one
    that met none, nothing."""
    codes: dict[int, dict[str, int]] = {}
    ids = sorted(set(delivery_ids))
    rows = connection.each(_SQL["codes_met"], [(id_,) for id_ in ids]) if ids else []
    for delivery_id, code, number in rows:
        codes.setdefault(delivery_id, {})[code] = number
    return codes
