"""Lists of values on their way to PostgreSQL."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calbell.store.postgresql import array_literal

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[psycopg.Connection[tuple[object]]]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "text",
            st.one_of(st.none(), text, st.sampled_from(["", "null", "NULL", '"', "\\", "{}"])),
        ),
        ("bigint", st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))),
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
            f"select cast(%s as {kind}[])",
            [array_literal(column)],
        ).fetchone()
        assert row == (column,)

    comes_back()
