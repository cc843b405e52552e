"""The life of a notification."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.notification import (
    NOTIFICATION_TRANSITIONS,
    NotificationFact,
    NotificationState,
)

ENDS = {NotificationState.SUPERSEDED, NotificationState.SUPPRESSED, NotificationState.EXPIRED}


def test_every_state_is_reached_from_waiting() -> None:
    reached = {NotificationState.WAITING}
    for (state, _), end in NOTIFICATION_TRANSITIONS.items():
        assert state in (NotificationState.WAITING, NotificationState.RELEASED)
        reached.add(end)
    assert reached == set(NotificationState)


def test_every_fact_leads_somewhere() -> None:
    assert {fact for _, fact in NOTIFICATION_TRANSITIONS} == set(NotificationFact)


def test_an_end_has_no_way_out() -> None:
    assert ENDS.isdisjoint(state for state, _ in NOTIFICATION_TRANSITIONS)


def test_what_was_released_is_never_unsaid() -> None:
    ways = {end for (state, _), end in NOTIFICATION_TRANSITIONS.items() if state == "released"}
    assert ways == {NotificationState.RELEASED}


@settings(deadline=None)
@given(st.lists(st.sampled_from(NotificationFact)))
def test_whatever_happens_it_leaves_waiting_at_most_once(facts: list[NotificationFact]) -> None:
    states = [NotificationState.WAITING]
    for fact in facts:
        states.append(NOTIFICATION_TRANSITIONS.get((states[-1], fact), states[-1]))
    moves = sum(before is not now for before, now in pairwise(states))
    assert moves <= 1
    assert moves == min(len(facts), 1)


def test_each_fact_leads_a_waiting_one_to_its_own_end() -> None:
    waiting = NotificationState.WAITING
    assert {fact: NOTIFICATION_TRANSITIONS[waiting, fact] for fact in NotificationFact} == {
        NotificationFact.ITS_TIME_CAME: NotificationState.RELEASED,
        NotificationFact.BOOKING_CHANGED: NotificationState.SUPERSEDED,
        NotificationFact.NOT_TO_BE_SAID: NotificationState.SUPPRESSED,
        NotificationFact.WENT_STALE: NotificationState.EXPIRED,
    }
