"""The statements themselves: what they declare is true."""

import re

import pytest

from calbell.domain.delivery import DELIVERY_TRANSITIONS
from calbell.domain.notification import NOTIFICATION_TRANSITIONS
from calbell.store.statements import Statement, families, load

ALL = [
    pytest.param(statement, id=f"{family}.{name}")
    for family in families()
    for name, statement in load(family).items()
]
DELIVERY_MOVES = {
    f"{state} -> {end}"
    for (state, _), step in DELIVERY_TRANSITIONS.items()
    for end in (step.state, step.if_possibly_sent)
    if end is not None
}
NOTIFICATION_MOVES = {f"{state} -> {end}" for (state, _), end in NOTIFICATION_TRANSITIONS.items()}


def declared(statement: Statement) -> set[str]:
    return {move.strip() for line in statement.moves for move in line.split(",")}


@pytest.mark.parametrize("statement", ALL)
def test_a_statement_says_what_it_is_for(statement: Statement) -> None:
    assert statement.purpose.endswith(".")


@pytest.mark.parametrize("statement", ALL)
def test_a_statement_makes_only_transitions_of_the_domains_table(statement: Statement) -> None:
    sql = statement.sqlite
    if "update notifications" in sql:
        assert declared(statement) <= NOTIFICATION_MOVES
    else:
        assert declared(statement) <= DELIVERY_MOVES


@pytest.mark.parametrize("statement", ALL)
def test_a_statement_that_sets_a_state_declares_its_moves(statement: Statement) -> None:
    changes = re.search(
        r"update (?:deliveries|notifications)\b.*?\bset\b(.*?)\b(?:from|where)\b",
        statement.sqlite,
        re.DOTALL,
    )
    sets_state = changes is not None and re.search(r"\bstate = ", changes[1]) is not None
    assert not sets_state or declared(statement)


def test_every_transition_of_a_delivery_is_made_by_some_statement() -> None:
    made = {move for family in families() for s in load(family).values() for move in declared(s)}
    assert made >= DELIVERY_MOVES
    assert made >= NOTIFICATION_MOVES


def test_the_statement_that_supersedes_news_names_the_kinds_that_the_domain_does() -> None:
    from calbell.domain.push_events import STATE_NEWS

    listed = re.findall(r"'([A-Z_]+)'", load("notifications")["supersede_released"].sqlite)
    assert set(listed) == set(STATE_NEWS)
