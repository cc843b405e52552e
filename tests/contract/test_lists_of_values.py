"""Lists of values on their way to a database."""

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calbell.store.arrays import array, teach
from calbell.store.sqlite import SqliteConnection
from calbell.store.statements import statement

Listed = Sequence[tuple[str | int | None, ...]]

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


TEXTS = st.one_of(st.none(), text, st.sampled_from(["", "null", "[]", '"', "\\", "\x01", "\x7f"]))
NUMBERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[psycopg.Connection[tuple[object]]]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        teach(connection)
        yield connection


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", st.one_of(TEXTS, st.sampled_from(["NULL", "{}"]))),
        ("bigint", NUMBERS),
        ("bytea", st.one_of(st.none(), st.binary())),
    ],
)
def test_what_goes_out_comes_back(
    server: psycopg.Connection[tuple[object]],
    kind: str,
    values: st.SearchStrategy[str | int | bytes | None],
) -> None:
    @settings(suppress_health_check=[HealthCheck.nested_given], max_examples=100)
    @given(st.lists(values, min_size=1))
    def comes_back(column: list[str | int | bytes | None]) -> None:
        row = server.execute(
            f"select cast(%s as {kind}[])", [array(kind, column, server.info.encoding)]
        ).fetchone()
        assert row == (column,)

    comes_back()


def test_texts_go_in_the_encoding_of_the_session(postgres: str) -> None:
    with psycopg.connect(postgres, client_encoding="latin1") as connection:
        teach(connection)
        sent = array("text", ["Käthe"], connection.info.encoding)
        assert connection.execute("select cast(%s as text[])", [sent]).fetchone() == (["Käthe"],)


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("one text", st.tuples(TEXTS)),
        ("one bigint", st.tuples(NUMBERS)),
        ("one text, two bigint, three text", st.tuples(TEXTS, NUMBERS, TEXTS)),
    ],
)
def test_what_goes_to_sqlite_in_one_piece_comes_back_in_its_order(
    columns: str, rows: st.SearchStrategy[tuple[str | int | None, ...]]
) -> None:
    echo = statement("echo", f"select r.*, :mark as mark from rows({columns}) as r")
    assert echo.in_json
    connection = SqliteConnection(":memory:")

    @settings(max_examples=100)
    @given(st.lists(rows))
    def comes_back(listed: Listed) -> None:
        assert connection.each(echo, listed, mark=7) == [(*row, 7) for row in listed]

    comes_back()
    connection.close()


def test_bytes_go_to_sqlite_one_row_after_the_other() -> None:
    echo = statement("echo", "select body, :mark as mark from rows(body bytea) as r")
    connection = SqliteConnection(":memory:")
    listed = [(b"\xff\0",), (None,), (b"",)]
    assert connection.each(echo, listed, mark=7) == [(*row, 7) for row in listed]
    connection.close()
