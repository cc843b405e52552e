"""Arrays: the columns of a list of rows, in the form in which PostgreSQL itself sends arrays.

As text every value would be quoted here and parsed there, and a webhook's body go in hexadecimal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import pack
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from typing_extensions import override

from calbell.store.connection import Value

_NULL = b"\xff\xff\xff\xff"
"""Stands where a value's length would."""


class _Bigints(bytes):
    """An array of `bigint`."""


class _Texts(bytes):
    """An array of `text`, in the session's encoding."""


class _Byteas(bytes):
    """An array of `bytea`."""


def array(type_: str, column: Sequence[Value], encoding: str) -> bytes:
    """The values, of which there is at least one, as an array of this type: `bigint`, `text` or
    `bytea`. `encoding` is the session's."""
    return _MADE[type_](column, encoding)


def teach(connection: psycopg.Connection[Any]) -> None:
    """The connection takes arrays as they are."""
    connection.adapters.register_dumper(_Bigints, _DumpBigints)
    connection.adapters.register_dumper(_Texts, _DumpTexts)
    connection.adapters.register_dumper(_Byteas, _DumpByteas)


def _bigints(column: Sequence[Any], _: str) -> bytes:
    number = len(column)
    if None in column:
        values = b"".join(_NULL if v is None else pack("!iq", 8, v) for v in column)
    else:
        lengths_and_values = [8] * (2 * number)
        lengths_and_values[1::2] = column
        values = pack("!" + "iq" * number, *lengths_and_values)
    return _Bigints(_head(_BIGINT.oid, number) + values)


def _texts(column: Sequence[Any], encoding: str) -> bytes:
    encoded = (None if text is None else text.encode(encoding) for text in column)
    return _Texts(_head(_TEXT.oid, len(column)) + _with_lengths(encoded))


def _byteas(column: Sequence[Any], _: str) -> bytes:
    return _Byteas(_head(_BYTEA.oid, len(column)) + _with_lengths(column))


def _head(oid: int, number: int) -> bytes:
    """One dimension, perhaps nulls, of this type, so many, counted from one."""
    return pack("!iiIii", 1, 1, oid, number, 1)


def _with_lengths(values: Iterable[bytes | None]) -> bytes:
    parts = list[bytes]()
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(len(value).to_bytes(4, "big"))
            parts.append(value)
    return b"".join(parts)


_MADE: Mapping[str, Callable[[Sequence[Any], str], bytes]] = MappingProxyType(
    {"bigint": _bigints, "text": _texts, "bytea": _byteas}
)
_BIGINT, _TEXT, _BYTEA = (psycopg.adapters.types[type_] for type_ in _MADE)


class _Dump(Dumper):
    format = pq.Format.BINARY

    @override
    def dump(self, obj: bytes) -> Buffer:
        return obj


class _DumpBigints(_Dump):
    oid = _BIGINT.array_oid


class _DumpTexts(_Dump):
    oid = _TEXT.array_oid


class _DumpByteas(_Dump):
    oid = _BYTEA.array_oid
