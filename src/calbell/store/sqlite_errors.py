"""What SQLite's errors mean to those who have to do something about them."""

import sqlite3
from collections.abc import Mapping
from types import MappingProxyType

from calbell.store.connection import (
    CANNOT_BE_ASKED,
    MissingReference,
    StoreDamaged,
    StoreLocked,
    StoreUnavailable,
)

_LOCK = "another program holds the database locked", "end it, or wait until it is done"
_RIGHTS = "let this user write the file and its folder"
_DAMAGED = (
    "the database file is damaged",
    "restore your backup, or save what is left with sqlite3's .recover",
)

IN_WORDS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        sqlite3.SQLITE_PERM: ("the database file may not be used", _RIGHTS),
        sqlite3.SQLITE_BUSY: _LOCK,
        sqlite3.SQLITE_LOCKED: _LOCK,
        sqlite3.SQLITE_READONLY: ("the database is read-only", _RIGHTS),
        sqlite3.SQLITE_IOERR: ("the disk cannot be read or written", "see the system's log"),
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_FULL: ("the disk is full", "make room on it"),
        sqlite3.SQLITE_CANTOPEN: ("the database file cannot be opened", _RIGHTS),
        sqlite3.SQLITE_PROTOCOL: _LOCK,
        sqlite3.SQLITE_NOTADB: _DAMAGED,
    }
)
"""What is wrong and what to do, by primary code; the extended ones say where SQLite noticed it."""

_ON_ANOTHER_CONNECTION = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


def code_of(error: BaseException) -> int | None:
    """SQLite's primary code, `None` where the error is not SQLite's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def ends_connection(error: BaseException) -> bool:
    """Whether it may go well on another connection: this one was opened read-only, or has read what
    is not so any more."""
    return code_of(error) in _ON_ANOTHER_CONNECTION


def meant(error: sqlite3.Error, what: str) -> Exception:
    """The error of `what` in the store's terms; itself where it is a mistake of ours."""
    code = code_of(error)
    if isinstance(error, sqlite3.IntegrityError):
        is_key = error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
        return MissingReference(f"{what}: {error}") if is_key else error
    told = None if code is None else IN_WORDS.get(code)
    if told is None:
        known = isinstance(error, sqlite3.OperationalError)
        return StoreUnavailable(f"{what}: {error}", CANNOT_BE_ASKED) if known else error
    kind = StoreDamaged if code in _DAMAGE else StoreLocked if code in _LOCKED else StoreUnavailable
    wrong, remedy = told
    return kind(f"{what}: {wrong} ({error}, {error.sqlite_errorname}): {remedy}", wrong)
