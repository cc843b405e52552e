"""Giving up: what keeps failing alike is tried a number of times, and then it has failed."""

from asyncio import sleep
from datetime import timedelta

import msgspec
import pytest

from calbell.simulator.wire import Request, Response
from tests.flows.stage import Stage, lost, messages_of

MINUTE = 60
HOUR = 60 * MINUTE
LONG = timedelta(hours=20)


def errors(details: object) -> dict[str, object]:
    return {"status": "error", "message": "it failed", "details": details}


def answer(data: object) -> Response:
    body = msgspec.json.encode({"data": data})
    return Response(200, {"content-type": "application/json"}, body)


UNAVAILABLE = {"error": "ProviderError", "fcm": {"error": "Unavailable"}}
FAILURES = [
    (None, "NO_CODE", 5),
    (UNAVAILABLE, "ProviderError:Unavailable", 3),
    ({"error": "ExpoError"}, "ExpoError", 50),
]


@pytest.mark.parametrize(("details", "code", "attempts"), FAILURES)
def test_tickets_that_fail_alike_end_as_failed(details: object, code: str, attempts: int) -> None:
    stage = Stage()
    bad, good = stage.phone(7), stage.phone(7)

    def broken(request: Request, response: Response) -> Response:
        if not request.path.endswith("/send"):
            return response
        tickets = msgspec.json.decode(response.body)["data"]
        sent = [message["to"] for message in messages_of(request)]
        return answer(
            [errors(details) if to == bad else t for to, t in zip(sent, tickets, strict=True)]
        )

    async def story() -> None:
        stage.line.broken = broken
        stage.tell(7, lives=LONG)
        await sleep(19 * HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1, ("failed", code): 1}
    assert stage.ask("select max(number) from attempts") == [(attempts,)]
    assert stage.shown(good) == 1


@pytest.mark.parametrize(("details", "code", "attempts"), FAILURES[:2])
def test_receipts_that_fail_alike_end_as_failed(details: object, code: str, attempts: int) -> None:
    stage = Stage()
    stage.phone(7)

    def broken(request: Request, response: Response) -> Response:
        if request.path.endswith("/send"):
            return response
        ids = msgspec.json.decode(response.body)["data"]
        return answer({id_: errors(details) for id_ in ids})

    async def story() -> None:
        stage.line.broken = broken
        stage.tell(7, lives=LONG)
        await sleep(19 * HOUR)

    stage.plays(story())
    assert stage.states() == {("failed", code): 1}
    assert stage.ask("select max(number) from attempts") == [(attempts,)]


def test_a_long_outage_takes_no_try_from_what_fails_after_it() -> None:
    stage = Stage()
    phone = stage.phone(7)
    failing = 2

    def fails(request: Request, response: Response) -> Response:
        nonlocal failing
        if not request.path.endswith("/send") or failing == 0:
            return response
        failing -= 1
        return answer([errors(UNAVAILABLE) for _ in messages_of(request)])

    async def story() -> None:
        stage.line.is_cut = True
        stage.tell(7, lives=LONG)
        await sleep(HOUR)
        stage.line.is_cut, stage.line.broken = False, fails
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1}
    assert stage.shown(phone) >= 1


def test_what_may_have_rung_is_unknown_when_it_is_given_up() -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        stage.line.broken = lost
        stage.tell(7, lives=LONG)
        await sleep(1)
        stage.line.broken = lambda request, _: answer([errors(None) for _ in messages_of(request)])
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("unknown", "NO_CODE"): 1}
