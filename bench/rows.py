"""Rows: how many bytes a row of each table takes, on both engines."""

import sqlite3
from pathlib import Path

import psycopg

from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine

TABLES = (
    "users",
    "addresses",
    "api_keys",
    "phones",
    "subscriptions",
    "bookings",
    "events",
    "event_keys",
    "notifications",
    "deliveries",
    "attempts",
)


def sizes(url: str) -> dict[str, float]:
    """Bytes of a row of each table, with its share of the table's indexes."""
    engine = engine_of(url)
    return _sqlite_sizes(engine.path) if isinstance(engine, SqliteEngine) else _sizes(url)


def _sqlite_sizes(path: str | Path) -> dict[str, float]:
    connection = sqlite3.connect(path)
    try:
        found = dict[str, float]()
        for table in TABLES:
            (size,) = connection.execute(
                "select sum(pgsize) from dbstat where name in"
                " (select name from sqlite_master where tbl_name = ?)",
                (table,),
            ).fetchone()
            (rows,) = connection.execute(f"select count(*) from {table}").fetchone()
            found[table] = size / rows
        return found
    finally:
        connection.close()


def _sizes(url: str) -> dict[str, float]:
    with psycopg.connect(url, autocommit=True) as connection:
        found = dict[str, float]()
        for table in TABLES:
            row = connection.execute(
                f"select pg_total_relation_size('{table}'), count(*) from {table}".encode()
            ).fetchone()
            assert row is not None
            found[table] = row[0] / row[1]
        return found


def pack(url: str) -> None:
    """Nothing that is gone takes room any more."""
    engine = engine_of(url)
    connection = engine.connect()
    try:
        connection.script("vacuum" if isinstance(engine, SqliteEngine) else "vacuum full")
    finally:
        connection.close()
