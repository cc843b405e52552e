"""Receipts that Expo does not give are asked for as long as there may be any."""

from asyncio import sleep

import msgspec

from calbell.simulator.wire import Request, Response, unpacked
from tests.flows.stage import Stage

HOUR = 3600


def asked_for(request: Request) -> list[str]:
    """The tickets of a question for receipts; none of another request."""
    if not request.path.endswith("/getReceipts"):
        return []
    found: list[str] = msgspec.json.decode(unpacked(request))["ids"]
    return found


def failed(_request: Request, _response: Response) -> Response:
    return Response(500, {}, b"")


def test_what_expo_never_tells_is_unknown_when_it_has_forgotten_it() -> None:
    stage = Stage()
    stage.phone(1)
    stage.line.broken = lambda request, response: (
        failed(request, response) if asked_for(request) else response
    )

    async def story() -> None:
        stage.tell(1)
        await sleep(23 * HOUR)
        assert stage.states() == {("accepted", None): 1}
        await sleep(3 * HOUR)

    stage.plays(story())
    assert stage.states() == {("unknown", "no_receipt"): 1}
    assert stage.ask("select count(receipt_due_at) from attempts") == [(0,)]


def test_one_that_upsets_expo_keeps_nobody_elses_receipt_back() -> None:
    stage = Stage()
    for user in range(1, 41):
        stage.phone(user)

    def upset(request: Request, response: Response) -> Response:
        tickets = asked_for(request)
        ((worst,),) = stage.ask("select ticket_id from attempts order by id limit 1 offset 17")
        return failed(request, response) if worst in tickets else response

    async def story() -> None:
        stage.tell(*range(1, 41))
        await sleep(1)
        stage.line.broken = upset
        await sleep(6 * HOUR)
        assert stage.states() == {("accepted", None): 1, ("delivered", None): 39}
        await sleep(24 * HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 39, ("unknown", "no_receipt"): 1}
