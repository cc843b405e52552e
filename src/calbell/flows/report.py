"""Report: what a send request came to, for each of its deliveries, and how it is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct, structs

from calbell.domain.backoff import receipt_look
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state
from calbell.domain.outcomes import (
    Accepted,
    AllLater,
    AllUnclear,
    Answer,
    Gone,
    Later,
    MixedProjects,
    Refused,
    Ticket,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.flows.claim import Pace
from calbell.store import deliveries, projects, subscriptions
from calbell.store.connection import Connection
from calbell.store.deliveries import Completion, DueDelivery

MIXED_PROJECTS = "PUSH_TOO_MANY_EXPERIENCE_IDS"


class Report(Struct, frozen=True, kw_only=True):
    """What is to be kept of one request. `paused_until` holds the whole project back;
    `learned` tells which tokens belong to which project of Expo."""

    project_id: int
    completions: tuple[Completion, ...]
    paused_until: datetime | None = None
    learned: Mapping[str, Sequence[str]] = {}


class Sending(Struct, frozen=True):
    """A request under way: who sends what since when, and how long to pause where it fails.

    One pause for all: deliveries that wait together are sent together again.
    """

    project_id: int
    request: Sequence[DueDelivery]
    worker: str
    started_at: datetime
    pause: timedelta


def report(sending: Sending, answer: Answer, pace: Pace, now: datetime) -> Report:
    """What the answer means for each delivery of the request.

    A request that was refused whole for something in it is sent again in halves; one whose tokens
    belong to several projects in parts, each in the line of its project.
    """
    match answer:
        case Tickets(tickets):
            return _report(sending, tickets, pace, now)
        case AllUnclear(code):
            return _report(sending, (Unclear(code),) * len(sending.request), pace, now)
        case AllLater(code, wait):
            later = (Later(code, wait),) * len(sending.request)
            until = now + max(sending.pause, wait or timedelta())
            return _report(sending, later, pace, now, paused_until=until)
        case MixedProjects(tokens) if _teaches(tokens, sending.request):
            return _again(sending, MIXED_PROJECTS, pace, now, learned=tokens)
        case WholeRefused() | MixedProjects():
            code = answer.code if isinstance(answer, WholeRefused) else MIXED_PROJECTS
            if len(sending.request) == 1:
                return _report(sending, (Refused(code),), pace, now)
            half = (len(sending.request) + 1) // 2
            return _again(sending, code, pace, now, most_together=half)
        case _:
            assert_never(answer)


def keep_reports(connection: Connection, reports: Sequence[Report], now: datetime) -> list[None]:
    """One unit of work: what several requests came to is kept. Doing it again changes nothing."""
    completions = [one for report in reports for one in report.completions]
    deliveries.complete_many(connection, completions, now)
    for one in reports:
        if one.paused_until is not None:
            deliveries.pause(connection, one.project_id, one.paused_until)
        if one.learned:
            ids = projects.know(connection, one.learned)
            subscriptions.learn_projects(
                connection,
                {token: ids[name] for name, named in one.learned.items() for token in named},
            )
    return [None] * len(reports)


def _report(
    sending: Sending,
    tickets: Sequence[Ticket],
    pace: Pace,
    now: datetime,
    *,
    paused_until: datetime | None = None,
) -> Report:
    completions = tuple(
        completion(delivery, ticket, sending, pace, now)
        for delivery, ticket in zip(sending.request, tickets, strict=True)
    )
    return Report(project_id=sending.project_id, completions=completions, paused_until=paused_until)


def _again(
    sending: Sending,
    code: str,
    pace: Pace,
    now: datetime,
    *,
    most_together: int | None = None,
    learned: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Nothing was sent; all of it is due again at once, otherwise put together."""
    at_once = structs.replace(sending, pause=timedelta())
    again = _report(at_once, (Later(code),) * len(sending.request), pace, now)
    if most_together is None:
        return structs.replace(again, learned=learned or {})
    smaller = tuple(structs.replace(c, most_together=most_together) for c in again.completions)
    return structs.replace(again, completions=smaller)


_FACTS = {
    Gone: DeliveryFact.PHONE_GONE,
    Refused: DeliveryFact.REFUSED,
    Later: DeliveryFact.POSTPONED,
    Unclear: DeliveryFact.ANSWER_LOST,
}


def completion(
    delivery: DueDelivery, ticket: Ticket, sending: Sending, pace: Pace, now: datetime
) -> Completion:
    """What to keep of one delivery after one attempt."""
    if isinstance(ticket, Accepted):
        look = receipt_look(pace.receipt_delay, 0)
        return Completion(
            delivery_id=delivery.id,
            worker=sending.worker,
            attempt=delivery.attempt,
            asked_at=sending.started_at,
            outcome="accepted",
            ticket_id=ticket.ticket_id,
            receipt_due_at=now + look if look is not None else None,
            phone_id=delivery.phone_id,
            most_together=delivery.most_together,
        )
    fact = _FACTS[type(ticket)]
    state = next_state(DeliveryState.SENDING, fact, possibly_sent=delivery.possibly_sent)
    assert state is not None
    wait = ticket.wait if isinstance(ticket, Later) and ticket.wait else timedelta()
    return Completion(
        delivery_id=delivery.id,
        worker=sending.worker,
        attempt=delivery.attempt,
        asked_at=sending.started_at,
        outcome=fact,
        code=ticket.code,
        state=state,
        due_at=now + max(sending.pause, wait),
        possibly_sent=delivery.possibly_sent or isinstance(ticket, Unclear),
        phone_id=delivery.phone_id,
        gone=delivery.token if isinstance(ticket, Gone) else None,
        most_together=delivery.most_together,
    )


def _teaches(tokens: Mapping[str, Sequence[str]], request: Sequence[DueDelivery]) -> bool:
    """Whether knowing these projects will part the request: else it would come again as it is."""
    sent = {delivery.token for delivery in request}
    return sum(not sent.isdisjoint(named) for named in tokens.values()) > 1
