"""The life of a delivery: one table, walked through in every direction."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from
from msgspec import structs

from calbell.domain.delivery import (
    DELIVERY_TRANSITIONS,
    SETTLED,
    DeliveryFact,
    DeliveryState,
    Standing,
    Withdrawal,
    next_state,
    objection,
)
from tests.unit.domain.builders import DAY, NOW

S, F = DeliveryState, DeliveryFact
CERTAINLY_NOT_SENT = {S.FAILED, S.WITHDRAWN, S.EXPIRED}
LATE_KNOWLEDGE = {F.TICKET, F.RECEIPT_OK}
MAKE_IT_POSSIBLE = {F.ANSWER_LOST, F.LEASE_LOST}


class Walk(RuleBasedStateMachine):
    """Anything may happen at any time; what the table does not know changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.state = S.QUEUED
        self.possibly_sent = False

    @rule(fact=sampled_from(F))
    def happens(self, fact: DeliveryFact) -> None:
        before = self.state
        after = next_state(before, fact, possibly_sent=self.possibly_sent)
        if after is None:
            return
        self.state = after
        self.possibly_sent |= fact in MAKE_IT_POSSIBLE
        if before in SETTLED:
            assert fact in LATE_KNOWLEDGE
        if fact is F.RECEIPT_OK:
            assert after is S.DELIVERED

    @invariant()
    def it_is_in_a_state(self) -> None:
        assert self.state in S

    @invariant()
    def what_may_have_been_sent_is_never_called_not_sent(self) -> None:
        assert not (self.possibly_sent and self.state in CERTAINLY_NOT_SENT)


TestAWalkThroughTheTable = Walk.TestCase
TestAWalkThroughTheTable.settings = settings(
    deadline=None, max_examples=200, stateful_step_count=25
)


def test_every_state_is_reached_from_queued() -> None:
    reached, growing = {S.QUEUED}, True
    while growing:
        found = {
            after
            for state, fact, possibly in product(reached, F, (True, False))
            if (after := next_state(state, fact, possibly_sent=possibly)) is not None
        }
        growing = not found <= reached
        reached |= found
    assert reached == set(S)


def test_every_fact_leads_somewhere() -> None:
    assert {fact for _, fact in DELIVERY_TRANSITIONS} == set(F)


def test_the_states_that_are_ends_are_left_only_by_late_knowledge() -> None:
    assert {S.QUEUED, S.SENDING, S.ACCEPTED} == set(S) - SETTLED
    ways_out = {fact for state, fact in DELIVERY_TRANSITIONS if state in SETTLED}
    assert ways_out == LATE_KNOWLEDGE


@pytest.mark.parametrize("end", [S.DELIVERED, S.WITHDRAWN, S.EXPIRED])
@pytest.mark.parametrize("fact", F)
def test_what_was_delivered_or_certainly_not_sent_stays_so(
    end: DeliveryState, fact: DeliveryFact
) -> None:
    assert next_state(end, fact, possibly_sent=False) is None


@pytest.mark.parametrize(
    ("state", "fact", "certainly", "possibly"),
    [
        (S.QUEUED, F.WITHDRAWN, S.WITHDRAWN, S.UNKNOWN),
        (S.QUEUED, F.WENT_STALE, S.EXPIRED, S.UNKNOWN),
        (S.SENDING, F.REFUSED, S.FAILED, S.UNKNOWN),
        (S.ACCEPTED, F.RECEIPT_REFUSED, S.FAILED, S.UNKNOWN),
        (S.SENDING, F.PHONE_GONE, S.UNREGISTERED, S.UNREGISTERED),
        (S.ACCEPTED, F.RECEIPT_GONE, S.UNREGISTERED, S.UNREGISTERED),
        (S.ACCEPTED, F.RECEIPT_NEVER_CAME, S.UNKNOWN, S.UNKNOWN),
    ],
)
def test_how_a_delivery_ends_depends_on_whether_it_may_have_been_sent(
    state: DeliveryState,
    fact: DeliveryFact,
    certainly: DeliveryState,
    possibly: DeliveryState,
) -> None:
    assert next_state(state, fact, possibly_sent=False) is certainly
    assert next_state(state, fact, possibly_sent=True) is possibly


@pytest.mark.parametrize(
    ("state", "fact", "after"),
    [
        (S.QUEUED, F.CLAIMED, S.SENDING),
        (S.SENDING, F.TICKET, S.ACCEPTED),
        (S.ACCEPTED, F.RECEIPT_OK, S.DELIVERED),
        (S.SENDING, F.POSTPONED, S.QUEUED),
        (S.SENDING, F.ANSWER_LOST, S.QUEUED),
        (S.SENDING, F.LEASE_LOST, S.QUEUED),
        (S.ACCEPTED, F.RECEIPT_POSTPONED, S.QUEUED),
    ],
)
def test_the_way_of_a_delivery(
    state: DeliveryState, fact: DeliveryFact, after: DeliveryState
) -> None:
    assert next_state(state, fact, possibly_sent=False) is after


@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.FAILED, S.UNKNOWN])
def test_a_ticket_that_comes_late_makes_it_accepted(state: DeliveryState) -> None:
    assert next_state(state, F.TICKET, possibly_sent=True) is S.ACCEPTED


@pytest.mark.parametrize(
    "state", [S.QUEUED, S.SENDING, S.ACCEPTED, S.FAILED, S.UNREGISTERED, S.UNKNOWN]
)
def test_a_good_receipt_makes_it_delivered_however_late(state: DeliveryState) -> None:
    assert next_state(state, F.RECEIPT_OK, possibly_sent=True) is S.DELIVERED


@pytest.mark.parametrize("state", [S.SENDING, S.ACCEPTED])
def test_what_is_on_its_way_is_neither_withdrawn_nor_stale(state: DeliveryState) -> None:
    assert next_state(state, F.WITHDRAWN, possibly_sent=False) is None
    assert next_state(state, F.WENT_STALE, possibly_sent=False) is None


FINE = Standing(
    user_id=7,
    expires_at=NOW + DAY,
    superseded=False,
    subscribed=True,
    phone_dead=False,
    phone_owner_id=7,
)


def test_nothing_speaks_against_a_delivery_that_is_still_to_be_sent() -> None:
    assert objection(FINE, exclusive=True, now=NOW) is None


OBJECTIONS: list[tuple[dict[str, object], tuple[DeliveryFact, str]]] = [
    ({"superseded": True}, (F.WITHDRAWN, Withdrawal.SUPERSEDED)),
    ({"subscribed": False}, (F.WITHDRAWN, Withdrawal.DEVICE_REMOVED)),
    ({"phone_owner_id": 8}, (F.WITHDRAWN, Withdrawal.TAKEN_OVER)),
    ({"phone_dead": True}, (F.WITHDRAWN, Withdrawal.DEVICE_GONE)),
    ({"expires_at": NOW}, (F.WENT_STALE, F.WENT_STALE)),
]


@pytest.mark.parametrize(("fault", "expected"), OBJECTIONS)
def test_each_reason_against_sending_is_named(
    fault: dict[str, object], expected: tuple[DeliveryFact, str]
) -> None:
    assert objection(structs.replace(FINE, **fault), exclusive=True, now=NOW) == expected


@pytest.mark.parametrize("nth", range(len(OBJECTIONS)))
def test_of_several_reasons_the_first_is_named(nth: int) -> None:
    faults: dict[str, object] = {}
    for fault, _ in OBJECTIONS[nth:]:
        faults |= fault
    assert objection(structs.replace(FINE, **faults), exclusive=True, now=NOW) == OBJECTIONS[nth][1]


def test_what_its_user_has_switched_off_is_withdrawn() -> None:
    off = (F.WITHDRAWN, Withdrawal.SWITCHED_OFF)
    assert objection(FINE, exclusive=True, wanted=False, now=NOW) == off


def test_a_phone_that_its_owner_gave_up_belongs_to_nobody() -> None:
    given_up = structs.replace(FINE, phone_owner_id=None)
    assert objection(given_up, exclusive=True, now=NOW) == (F.WITHDRAWN, Withdrawal.TAKEN_OVER)


@pytest.mark.parametrize("owner", [8, None])
def test_where_phones_are_shared_it_does_not_matter_who_owns_one(owner: int | None) -> None:
    standing = structs.replace(FINE, phone_owner_id=owner)
    assert objection(standing, exclusive=False, now=NOW) is None


def test_a_delivery_is_sent_until_just_before_it_is_stale() -> None:
    assert objection(FINE, exclusive=True, now=NOW + DAY - timedelta(milliseconds=1)) is None
    assert objection(FINE, exclusive=True, now=NOW + DAY) == (F.WENT_STALE, F.WENT_STALE)
