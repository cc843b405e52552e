"""What history costs: how plans are read, and the page."""

from pathlib import Path

import pytest
from bench import ageing
from bench.ageing import Found
from bench.figures import Engine, Figure

from calbell.store.migrate import bring_up_to_date
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import statement
from tests.contract.test_plans import plan
from tests.contract.world import NOW


def nodes_on_sqlite(folder: Path, sql: str) -> str:
    engine = SqliteEngine(str(folder / "calbell.db"))
    bring_up_to_date(engine, NOW)
    connection = engine.connect()
    try:
        return ageing._nodes(plan(connection, statement("asked", sql)))
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("sql", "nodes"),
    [
        ("select * from deliveries where reason = 'x'", "SCAN deliveries"),
        ("select d.id from deliveries d where d.reason = 'x'", "SCAN d"),
        (
            "select d.state from rows(id bigint) as r join deliveries d on d.id = r.id",
            "SEARCH d USING INTEGER PRIMARY KEY",
        ),
        ("select 1 where 1 = (select 1)", ""),
        (
            "select count(*) from (select state from deliveries order by reason limit 5) as w"
            " join projects p on p.name = w.state",
            "SCAN deliveries; SEARCH p USING COVERING INDEX sqlite_autoindex_projects_1",
        ),
        (
            "select id from deliveries where state = 'queued' order by project_id",
            "SCAN deliveries USING INDEX deliveries_queued",
        ),
    ],
)
def test_a_table_that_sqlite_reads_whole_is_shown_and_a_list_or_what_was_read_is_not(
    tmp_path: Path, sql: str, nodes: str
) -> None:
    assert nodes_on_sqlite(tmp_path, sql) == nodes


def test_a_table_that_postgresql_reads_whole_is_shown_and_a_list_is_not() -> None:
    told = """('Nested Loop  (cost=0.15..21.01 rows=1 width=126)',)
('  ->  Function Scan on unnest r  (cost=0.00..0.03 rows=3 width=40)',)
('  ->  Seq Scan on deliveries d  (cost=0.00..8.30 rows=1 width=22)',)
('  ->  Index Scan Backward using attempts_pkey on attempts a  (cost=0.29..8.30 rows=1 width=22)',)
"""
    assert ageing._nodes(told) == (
        "Seq Scan on deliveries; Index Scan Backward using attempts_pkey on attempts"
    )


def found(young: list[float], aged: list[float]) -> Found:
    return Found(
        Engine.SQLITE,
        dict.fromkeys(ageing.FIGURES, young),
        dict.fromkeys(ageing.FIGURES, aged),
        [("deliveries.line_up", "SCAN d")],
        2_000_000_000,
    )


def test_the_page_compares_each_run_with_the_other_half_of_the_same_run() -> None:
    page = ageing.page([found([100, 400, 200], [200, 100, 200])], ["A machine."], 1000, 3)
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {Figure.DRAIN.words}"))
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[3:] == ["200 /s", "200 /s", "**1.00**", "0.50 – 4.00", "yes", ""]
    assert "| `deliveries.line_up` | SCAN d |" in page


def test_what_got_slower_than_it_may_is_said_on_the_page() -> None:
    page = ageing.page([found([120, 120, 120], [100, 100, 100])], [], 1000, 3)
    assert page.count("| **no** |") == len(ageing.FIGURES)
