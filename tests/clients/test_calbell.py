"""Calbell's own client against every fault of the simulator.

What it says of a request is compared with what the simulator did: it may be in doubt about what was
not sent, but never sure of the wrong thing.
"""

import asyncio
from datetime import timedelta

import pytest

from calbell.domain.outcomes import (
    Accepted,
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    MixedProjects,
    NoReceipts,
    Receipts,
    ReceiptsAnswer,
    Tickets,
    WholeRefused,
)
from calbell.expo.client import ExpoClient
from calbell.expo.http import HttpTransport
from calbell.expo.messages import PushData, PushMessage
from calbell.simulator import faults
from calbell.simulator.faults import SUPPORTED, Endpoint, Fault, fault_id
from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

DATA = PushData(booking_uid="b1", notification_event="BOOKING_CONFIRMED", event_id="e1")

SURE, DOUBT, LATER, NEVER = Tickets, AllUnclear, AllLater, WholeRefused

SENT: list[tuple[Fault, type[Answer]]] = [
    (faults.TooManyRequests(3), LATER),
    (faults.ServerError("before"), DOUBT),
    (faults.ServerError("after"), DOUBT),
    (faults.BadGateway(), DOUBT),
    (faults.Unavailable(), DOUBT),
    (faults.Unavailable("connection termination"), DOUBT),
    (faults.GatewayTimeout(), DOUBT),
    (faults.NoAnswer(), DOUBT),
    (faults.NotRead(), DOUBT),
    (faults.Reset(), DOUBT),
    (faults.Reset("not queued"), DOUBT),
    (faults.CutOff(), DOUBT),
    (faults.CutOff("chunked"), DOUBT),
    (faults.SlowAnswer(0.05, 0.0001), SURE),
    (faults.SlowAnswer(60), DOUBT),
    (faults.SlowAnswer(byte_seconds=1), DOUBT),
    (faults.Garbage("html"), DOUBT),
    (faults.Garbage("empty"), DOUBT),
    (faults.Garbage("object"), DOUBT),
    (faults.Garbage("null"), DOUBT),
    (faults.Garbage("array"), DOUBT),
    (faults.WrongCount("fewer"), DOUBT),
    (faults.WrongCount("more"), DOUBT),
    (faults.WrongCount("reordered"), SURE),
    (faults.SomeFail(1), SURE),
    (faults.DataAndErrors(), DOUBT),
    (faults.LateReceipts(), SURE),
    (faults.LateGone(), SURE),
    (faults.BrokenCredentials(), SURE),
    (faults.Wave(), SURE),
    (faults.Wave(at="receipt"), SURE),
    (faults.OddDelivery(), SURE),
    (faults.OddDelivery("reversed"), SURE),
    (faults.OddDelivery("late", 1), SURE),
    (faults.Unfamiliar("code"), SURE),
    (faults.Unfamiliar("fields"), SURE),
    (faults.Unfamiliar("details"), SURE),
    (faults.Unfamiliar("capitals"), SURE),
    (faults.BearerTurnsInvalid(), AllBarred),
    (faults.Rerouted("close"), SURE),
    (faults.Rerouted("idle"), SURE),
    (faults.ClockSkew(), SURE),
    (faults.SeveralErrors(), NEVER),
    (faults.ErrorsOnly(), DOUBT),
    (faults.Failing(), SURE),
    (faults.Failing(at="ticket"), SURE),
    (faults.Dropped(), SURE),
]

ASKED: list[tuple[Fault, type[ReceiptsAnswer]]] = [
    (faults.TooManyRequests(), NoReceipts),
    (faults.ServerError(), NoReceipts),
    (faults.BadGateway(), NoReceipts),
    (faults.GatewayTimeout(), NoReceipts),
    (faults.NoAnswer(), NoReceipts),
    (faults.NotRead(), NoReceipts),
    (faults.Reset(), NoReceipts),
    (faults.CutOff(), NoReceipts),
    (faults.Garbage(), NoReceipts),
    (faults.BadReceipts("429"), NoReceipts),
    (faults.BadReceipts("500"), NoReceipts),
    (faults.BadReceipts("nothing"), NoReceipts),
    (faults.BadReceipts("array"), NoReceipts),
    (faults.BearerTurnsInvalid(), NoReceipts),
    (faults.LateReceipts(), Receipts),
    (faults.Unfamiliar("code"), Receipts),
    (faults.Unfamiliar("fields"), Receipts),
    (faults.Unfamiliar("details"), Receipts),
    (faults.Unfamiliar("capitals"), Receipts),
    (faults.SlowAnswer(0.05), Receipts),
]


def told(fault: Fault) -> str:
    return str(fault)


def messages(*tokens: str) -> list[PushMessage]:
    return [
        PushMessage(to=token, title="Booked", body="At 9", data=DATA, collapse_id=f"key-{number}")
        for number, token in enumerate(tokens)
    ]


async def speaking(
    address: tuple[str, int], tokens: list[str], ids: list[str] | None = None
) -> tuple[Answer | None, ReceiptsAnswer | None]:
    transport = HttpTransport("http://{}:{}".format(*address), timedelta(seconds=0.5), 6)
    client = ExpoClient(transport, None)
    try:
        if ids is None:
            return await client.send(messages(*tokens)), None
        return None, await client.receipts(ids)
    finally:
        await transport.close()


def sent(address: tuple[str, int], tokens: list[str]) -> Answer:
    answer, _ = asyncio.run(speaking(address, tokens))
    assert answer is not None
    return answer


@pytest.fixture
def tokens(service: PushService) -> list[str]:
    return [service.add_device(platform).token for platform in Platform for _ in range(2)]


def test_every_fault_is_met() -> None:
    assert {fault_id(fault) for fault, _ in [*SENT, *ASKED]} == set(SUPPORTED)


@pytest.mark.parametrize(("fault", "kind"), SENT, ids=told)
def test_it_is_never_sure_of_the_wrong_thing(
    service: PushService,
    address: tuple[str, int],
    tokens: list[str],
    fault: Fault,
    kind: type[Answer],
) -> None:
    service.queue_fault(fault)
    answer = sent(address, tokens)
    assert type(answer) is kind
    (request,) = service.requests
    assert request.fault == fault_id(fault)
    queued = {ticket.id.lower() for ticket in service.tickets}
    match answer:
        case Tickets(tickets=tickets):
            accepted = [each.ticket_id for each in tickets if isinstance(each, Accepted)]
            assert {ticket_id.lower() for ticket_id in accepted} == queued
        case AllLater() | AllBarred() | WholeRefused() | MixedProjects():
            assert queued == set()
        case AllUnclear():
            pass


def test_refused_connections_are_certainly_not_transmitted(
    service: PushService, address: tuple[str, int], tokens: list[str]
) -> None:
    service.queue_fault(faults.NotRead("refused", 60))
    first, second = sent(address, tokens), sent(address, tokens)
    assert (type(first), second) == (AllUnclear, AllLater("NOT_TRANSMITTED"))
    assert service.tickets == ()


@pytest.mark.parametrize("variant", ["301", "307"])
def test_a_redirect_is_not_followed_and_nothing_was_sent(
    service: PushService, address: tuple[str, int], tokens: list[str], variant: str
) -> None:
    service.queue_fault(faults.Rerouted("301" if variant == "301" else "307"))
    assert not isinstance(sent(address, tokens), Tickets)
    assert (len(service.requests), service.tickets) == (1, ())


@pytest.mark.parametrize(("fault", "kind"), ASKED, ids=told)
def test_receipts_are_there_or_are_asked_for_again(
    service: PushService,
    address: tuple[str, int],
    tokens: list[str],
    fault: Fault,
    kind: type[ReceiptsAnswer],
) -> None:
    answer = sent(address, tokens)
    assert isinstance(answer, Tickets)
    ids = [each.ticket_id for each in answer.tickets if isinstance(each, Accepted)]
    service.advance(2)
    service.queue_fault(fault, Endpoint.RECEIPTS)
    _, receipts = asyncio.run(speaking(address, [], ids))
    assert type(receipts) is kind
    if isinstance(receipts, Receipts) and not isinstance(fault, faults.LateReceipts):
        assert set(receipts.by_ticket) == set(ids)


def test_two_projects_are_told_apart(
    service: PushService, address: tuple[str, int], tokens: list[str]
) -> None:
    other = service.add_device(project="@owner/other").token
    answer = sent(address, [*tokens, other])
    assert answer == MixedProjects({"@simulator/first": tuple(tokens), "@owner/other": (other,)})
