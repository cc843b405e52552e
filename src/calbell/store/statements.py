"""Named SQL statements, one text for both engines.

A file of `sql/` holds statements, each under a header:

    -- name: accept_deliveries
    -- Expo took them.
    -- moves: sending -> accepted
    update ... from rows(id bigint) as r where id = r.id

Parameters are written `:name`. `rows(column type, ...) as alias` stands for a list of rows: on
PostgreSQL arrays; on SQLite the list in JSON where something comes back, else one row for which the
statement is run again and again. `{name}` stands for a fragment: of `sql/shared/`, what several
statements have in common; or of `sql/sqlite/` or `sql/postgresql/`, what the engines do not have in
common. `moves:` lines declare state transitions; a test compares them with the domain's table.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType

from msgspec import Struct


class Dialect(StrEnum):
    """The engines there are."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Statement(Struct, frozen=True):
    """A statement in both dialects.

    `columns` are those of its list of rows (none: it has no list), of the `types` that PostgreSQL
    has for them; `scalars` its other parameters, in the order in which SQLite takes them after the
    columns. `in_json`: SQLite takes the whole list, in JSON, in the place of the columns.
    """

    name: str
    purpose: str
    moves: tuple[str, ...]
    columns: tuple[str, ...]
    scalars: tuple[str, ...]
    sqlite: str
    postgresql: str
    returns_rows: bool
    in_json: bool = False
    types: tuple[str, ...] = ()


_HEADER = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_ROWS = re.compile(r"\brows\(([^)]*)\) as (\w+)")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_FRAGMENT = re.compile(r"\{(\w+)\}")
_ONE_ROW = re.compile(r"\bselect ([\w\s,:']+?)\s+from rows\([^)]*\) as \w+\s+where true\b")
"""The values of a list's rows, taken as they are: on SQLite, which gets them one by one, a row."""
_RETURNS = re.compile(r"^\s*(select|with)\b|\breturning\b", re.IGNORECASE)


def load(family: str) -> Mapping[str, Statement]:
    """The statements of `sql/<family>.sql` by name."""
    text = _read(f"{family}.sql")
    return MappingProxyType({name: statement(name, body) for name, body in _split(text)})


def families() -> tuple[str, ...]:
    """The names of all files of statements."""
    folder = files("calbell.store") / "sql"
    return tuple(sorted(f.name.removesuffix(".sql") for f in folder.iterdir() if f.is_file()))


def _read(path: str) -> str:
    return (files("calbell.store") / "sql").joinpath(path).read_text(encoding="utf-8")


def _split(text: str) -> list[tuple[str, str]]:
    parts = _HEADER.split(text)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _fragments(folder: str) -> dict[str, str]:
    return {
        name: "\n".join(line for line in body.splitlines() if not line.startswith("--")).strip()
        for name, body in _split(_read(f"{folder}/fragments.sql"))
    }


_FRAGMENTS = {dialect: _fragments("shared") | _fragments(dialect) for dialect in Dialect}


def statement(name: str, body: str) -> Statement:
    """The statement of which this is the text, with the comments before it."""
    comments = [line[3:] for line in body.splitlines() if line.startswith("-- ")]
    sql = "\n".join(line for line in body.splitlines() if not line.startswith("--"))
    sql = sql.strip().rstrip(";")
    columns: list[tuple[str, str]] = []
    if listed := _ROWS.search(sql):
        columns = [(c, t) for c, t in (column.split() for column in listed[1].split(","))]
    texts = {dialect: expand(sql, dialect) for dialect in Dialect}
    scalars = tuple(dict.fromkeys(_PARAMETER.findall(texts[Dialect.SQLITE])))
    if len(columns) != len({c for c, _ in columns} - set(scalars)):
        raise ValueError(f"{name}: a parameter has the name of a column")
    returns_rows = any(_RETURNS.search(text) for text in texts.values())
    # Row by row the driver is quickest where it need not hand over what came of each; and JSON has
    # no form for bytes.
    in_json = returns_rows and bool(columns) and all(type_ != "bytea" for _, type_ in columns)
    for_sqlite = _for_sqlite_in_json if in_json else _for_sqlite
    return Statement(
        name=name,
        purpose=" ".join(line for line in comments if not line.startswith("moves: ")),
        moves=tuple(line[7:] for line in comments if line.startswith("moves: ")),
        columns=tuple(c for c, _ in columns),
        scalars=scalars,
        sqlite=for_sqlite(texts[Dialect.SQLITE], columns, scalars),
        postgresql=_for_postgresql(texts[Dialect.POSTGRESQL], columns),
        returns_rows=returns_rows,
        in_json=in_json,
        types=tuple(type_ for _, type_ in columns),
    )


def expand(sql: str, dialect: Dialect) -> str:
    """The text with what is particular about the engine put in for its `{fragments}`."""
    return _FRAGMENT.sub(lambda match: _FRAGMENTS[dialect][match[1]], sql)


def _for_sqlite(sql: str, columns: list[tuple[str, str]], scalars: tuple[str, ...]) -> str:
    numbers = {name: at + len(columns) for at, name in enumerate(scalars, 1)}
    places = {name: f"?{at}" for at, (name, _) in enumerate(columns, 1)}
    one_row = ", ".join(f"{place} as {name}" for name, place in places.items())
    sql = _ONE_ROW.sub(lambda match: f"values ({_placed(match[1], places)})", sql)
    sql = _PARAMETER.sub(lambda match: f"?{numbers[match[1]]}", sql)
    return _ROWS.sub(lambda match: f"(select {one_row}) as {match[2]}", sql)


def _for_sqlite_in_json(sql: str, columns: list[tuple[str, str]], scalars: tuple[str, ...]) -> str:
    numbers = {name: at for at, name in enumerate(scalars, 2)}
    places = range(len(columns))
    values = ["value"] if len(columns) == 1 else [f"value->>{at}" for at in places]
    row = ", ".join(f"{value} as {name}" for value, (name, _) in zip(values, columns, strict=True))
    sql = _PARAMETER.sub(lambda match: f"?{numbers[match[1]]}", sql)
    return _ROWS.sub(lambda match: f"(select {row} from json_each(?1)) as {match[2]}", sql)


def _placed(names: str, places: Mapping[str, str]) -> str:
    """The list of names with what stands for each column in its place."""
    return ", ".join(places.get(name, name) for name in (n.strip() for n in names.split(",")))


def _for_postgresql(sql: str, columns: list[tuple[str, str]]) -> str:
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"cast(%({name})s as {type_}[])" for name, type_ in columns)
    sql = _PARAMETER.sub(lambda match: f"%({match[1]})s", sql.replace("%", "%%"))
    return _ROWS.sub(lambda match: f"unnest({arrays}) as {match[2]}({names})", sql)
