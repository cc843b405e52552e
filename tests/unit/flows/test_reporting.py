"""What a send request came to, and how what is due is put together."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from calbell.domain.backoff import Backoff
from calbell.domain.delivery import DeliveryState, Standing
from calbell.domain.notification import BookingFacts
from calbell.domain.outcomes import (
    Accepted,
    AllLater,
    AllUnclear,
    Answer,
    Gone,
    Later,
    MixedProjects,
    Refused,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform
from calbell.domain.wording import Reader
from calbell.flows.claim import Pace, requests_of
from calbell.flows.complete import Sending
from calbell.flows.report import Report, report
from calbell.store.due import DueDelivery

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=3)
PACE = Pace(
    rate=600,
    requests=6,
    lease=timedelta(minutes=1),
    backoff=Backoff(timedelta(seconds=2), timedelta(minutes=5)),
    receipt_delay=timedelta(minutes=15),
)


def delivery(id_: int, most_together: int = 100, *, possibly_sent: bool = False) -> DueDelivery:
    return DueDelivery(
        id=id_,
        notification_id=1,
        attempt=1,
        possibly_sent=possibly_sent,
        platform=Platform.IOS,
        key=f"key{id_}",
        phone_id=id_,
        token=f"ExponentPushToken[{id_}]",
        standing=Standing(
            user_id=7,
            expires_at=NOW + timedelta(days=1),
            superseded=False,
            subscribed=True,
            phone_dead=False,
            phone_owner_id=7,
        ),
        kind=PushEvent.BOOKING_CONFIRMED,
        facts=BookingFacts(uid="uid"),
        event_id="evt",
        reader=Reader(Role.ORGANIZER, "UTC", "en", 12),
        most_together=most_together,
        code=None,
        suspected_at=None,
    )


def reported(answer: Answer, *request: DueDelivery) -> Report:
    return report(Sending(1, request, "worker", NOW, PAUSE), answer, PACE, NOW)


@pytest.mark.parametrize(
    ("ticket", "state", "due_at", "possibly_sent"),
    [
        (Gone("X"), DeliveryState.UNREGISTERED, NOW + PAUSE, False),
        (Refused("X"), DeliveryState.FAILED, NOW + PAUSE, False),
        (Later("X"), DeliveryState.QUEUED, NOW + PAUSE, False),
        (Later("X", timedelta(minutes=9)), DeliveryState.QUEUED, NOW + 180 * PAUSE, False),
        (Unclear("X"), DeliveryState.QUEUED, NOW + PAUSE, True),
    ],
)
def test_every_ticket_leads_where_the_table_says(
    ticket: Gone | Refused | Later | Unclear,
    state: DeliveryState,
    due_at: datetime,
    possibly_sent: bool,
) -> None:
    (kept,) = reported(Tickets((ticket,)), delivery(1)).completions
    assert (kept.state, kept.code, kept.due_at) == (state, "X", due_at)
    assert kept.possibly_sent is possibly_sent
    assert (kept.sighting is Sighting.GONE) is isinstance(ticket, Gone)


@pytest.mark.parametrize(
    ("met", "state"),
    [
        ({}, DeliveryState.QUEUED),
        ({"X": 1}, DeliveryState.QUEUED),
        ({"HTTP_503": 40, "Y": 2}, DeliveryState.QUEUED),
        ({"X": 2}, DeliveryState.FAILED),
        ({"X": 1, "X:Unavailable": 1}, DeliveryState.FAILED),
    ],
)
def test_what_failed_alike_often_enough_is_not_tried_again(
    met: dict[str, int], state: DeliveryState
) -> None:
    last = structs.replace(delivery(1), attempt=43, met=met)
    (kept,) = reported(Tickets((Later("X:503", most=3),)), last).completions
    assert (kept.state, kept.code) == (state, "X:503")
    assert kept.outcome == ("refused" if state is DeliveryState.FAILED else "postponed")


def test_what_may_have_been_sent_is_not_called_failed_when_it_is_given_up() -> None:
    last = structs.replace(delivery(1, possibly_sent=True), met={"X": 2})
    (kept,) = reported(Tickets((Later("X", most=3),)), last).completions
    assert kept.state is DeliveryState.UNKNOWN


def test_without_a_limit_what_fails_is_tried_as_long_as_there_is_time() -> None:
    last = structs.replace(delivery(1), met={"X": 1000})
    (kept,) = reported(Tickets((Later("X"),)), last).completions
    assert kept.state is DeliveryState.QUEUED


def test_an_ok_ticket_is_kept_with_the_time_to_look_for_its_receipt() -> None:
    (kept,) = reported(Tickets((Accepted("ticket"),)), delivery(1)).completions
    assert (kept.ticket_id, kept.receipt_due_at) == ("ticket", NOW + PACE.receipt_delay)


def test_what_may_have_been_sent_is_never_called_failed() -> None:
    (kept,) = reported(Tickets((Refused("X"),)), delivery(1, possibly_sent=True)).completions
    assert kept.state is DeliveryState.UNKNOWN


def test_a_request_that_comes_later_pauses_its_project_and_waits_together() -> None:
    made = reported(AllLater("TOO_MANY_REQUESTS", timedelta(seconds=30)), delivery(1), delivery(2))
    assert made.paused_until == NOW + timedelta(seconds=30)
    assert {kept.due_at for kept in made.completions} == {made.paused_until}
    assert not any(kept.possibly_sent for kept in made.completions)


def test_an_answer_that_was_lost_marks_every_delivery() -> None:
    made = reported(AllUnclear("ANSWER_LOST"), delivery(1), delivery(2))
    assert all(kept.possibly_sent for kept in made.completions)
    assert made.paused_until is None


@pytest.mark.parametrize(
    ("answer", "possibly_sent"),
    [
        (AllUnclear("HTTP_503", timedelta(minutes=7)), True),
        (AllLater("HTTP_400", timedelta(minutes=7), unexplained=True), False),
    ],
)
def test_whatever_asks_us_to_wait_pauses_its_project(answer: Answer, possibly_sent: bool) -> None:
    made = reported(answer, delivery(1), delivery(2))
    assert made.paused_until == NOW + timedelta(minutes=7)
    assert {kept.possibly_sent for kept in made.completions} == {possibly_sent}
    assert {kept.state for kept in made.completions} == {DeliveryState.QUEUED}


@pytest.mark.parametrize(("alone", "most"), [(True, 1), (False, 100)])
def test_a_refusal_without_a_reason_fails_nobody_and_is_split_where_others_go_well(
    alone: bool, most: int
) -> None:
    sending = Sending(1, (delivery(1), delivery(2)), "worker", NOW, PAUSE)
    made = report(sending, AllLater("HTTP_400", unexplained=True), PACE, NOW, alone=alone)
    assert {(kept.state, kept.due_at) for kept in made.completions} == {
        (DeliveryState.QUEUED, NOW + PAUSE)
    }
    assert {kept.most_together for kept in made.completions} == {most}
    assert not any(kept.possibly_sent for kept in made.completions)
    assert made.paused_until is None


@pytest.mark.parametrize(("size", "half"), [(2, 1), (3, 2), (100, 50)])
def test_a_request_that_was_refused_whole_is_due_again_in_halves(size: int, half: int) -> None:
    made = reported(WholeRefused("VALIDATION_ERROR"), *map(delivery, range(size)))
    assert {kept.most_together for kept in made.completions} == {half}
    assert {(kept.state, kept.due_at) for kept in made.completions} == {(DeliveryState.QUEUED, NOW)}


def test_what_is_refused_alone_is_refused_for_good() -> None:
    (kept,) = reported(WholeRefused("VALIDATION_ERROR"), delivery(1)).completions
    assert (kept.state, kept.code) == (DeliveryState.FAILED, "VALIDATION_ERROR")


def test_projects_that_part_a_request_are_learned_and_all_of_it_is_due_again() -> None:
    tokens: dict[str, tuple[str, ...]] = {
        "@a/a": ("ExponentPushToken[1]",),
        "@b/b": ("ExponentPushToken[2]",),
    }
    made = reported(MixedProjects(tokens), delivery(1), delivery(2))
    assert made.learned == tokens
    assert {(kept.most_together, kept.due_at) for kept in made.completions} == {(100, NOW)}


def test_projects_that_teach_nothing_of_a_request_split_it() -> None:
    made = reported(MixedProjects({"@a/a": ("other",)}), delivery(1), delivery(2))
    assert made.learned == {}
    assert {kept.most_together for kept in made.completions} == {1}


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ([100] * 250, [100, 100, 50]),
        ([50] * 100, [50, 50]),
        ([1, 1, 1], [1, 1, 1]),
        ([100] * 3 + [2] * 4, [3, 2, 2]),
        ([2, 100, 2, 100], [2, 2]),
        ([], []),
    ],
)
def test_no_delivery_is_in_a_larger_request_than_it_may_be(
    limits: list[int], sizes: list[int]
) -> None:
    due = [delivery(id_, limit) for id_, limit in enumerate(limits)]
    requests = list(requests_of(due))
    assert [len(request) for request in requests] == sizes
    for request in requests:
        assert all(len(request) <= one.most_together for one in request)
    sent = [one.id for request in requests for one in request]
    assert sorted(sent) == [one.id for one in due]


def test_what_makes_expo_refuse_a_request_is_found_in_few() -> None:
    """One message of a hundred is bad: Expo refuses any request that has it."""
    waiting, refused, requests = [delivery(id_) for id_ in range(100)], list[int](), 0
    while waiting:
        (request, *_), left = list(requests_of(waiting)), waiting
        requests += 1
        sent = {one.id for one in request}
        if 42 not in sent:
            waiting = [one for one in left if one.id not in sent]
            continue
        kept = {c.delivery_id: c for c in reported(WholeRefused("X"), *request).completions}
        refused += [id_ for id_, c in kept.items() if c.state is DeliveryState.FAILED]
        waiting = [one for one in left if one.id not in sent] + [
            structs.replace(one, most_together=kept[one.id].most_together)
            for one in request
            if kept[one.id].state is DeliveryState.QUEUED
        ]
    assert refused == [42]
    assert requests <= 20
