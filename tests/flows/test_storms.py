"""Storms: Expo is out of order, or there is too much at once, and nobody makes it worse.

`CALBELL_BACKLOG` says how long the backlog is that leaves at Expo's pace.
"""

import os
from asyncio import sleep
from datetime import timedelta

import msgspec

from calbell.domain.subscription import Platform
from calbell.simulator.wire import Request, Response
from tests.flows.stage import Stage, lost, messages_of

MINUTE = 60
HOUR = 60 * MINUTE
BACKLOG = int(os.environ.get("CALBELL_BACKLOG", "10000"))


def test_in_an_outage_one_delivery_tries_for_all() -> None:
    stage = Stage()
    for user in range(1, 301):
        stage.phone(user, project=f"@{'ab'[user % 2]}/app")

    async def story() -> None:
        stage.line.is_cut = True
        stage.tell(*range(1, 301))
        await sleep(5 * MINUTE)
        stage.line.is_cut = False
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 300}


def test_an_outage_that_loses_answers_is_met_with_few_requests() -> None:
    stage = Stage()
    for user in range(1, 1001):
        stage.phone(user)

    async def story() -> None:
        stage.line.broken = lost
        stage.tell(*range(1, 1001))
        await sleep(5 * MINUTE)
        repeated = sum(number for _, number in stage.line.sent) - 1000
        # Every one of them may have been shown: more than a handful would be a flood.
        assert repeated < 300
        stage.line.broken = lambda _, response: response
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1000}
    assert stage.metrics.registry.get_sample_value("calbell_possibly_doubled_total") == repeated_of(
        stage
    )
    assert all(len(shown) == 1 for shown in map(stage.service.displayed, tokens_of(stage)))


def repeated_of(stage: Stage) -> int:
    """How many deliveries got a ticket though they may have been sent before."""
    ((number,),) = stage.ask("select count(*) from deliveries where possibly_sent = 1")
    return int(number)


def tokens_of(stage: Stage) -> list[str]:
    return [device.token for device in stage.service.devices]


def test_one_that_upsets_expo_is_found_and_the_others_are_sent() -> None:
    """An answer in doubt does not tell which message it was; smaller requests do."""
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(100)]

    def upset(request: Request, response: Response) -> Response:
        if any(one["to"] == tokens[37] for one in messages_of(request)):
            body = msgspec.json.encode({"errors": [{"code": "INTERNAL_SERVER_ERROR"}]})
            return Response(500, {"content-type": "application/json"}, body)
        return response

    async def story() -> None:
        stage.line.broken = lambda request, response: (
            upset(request, response) if request.path.endswith("/send") else response
        )
        stage.tell(7, lives=timedelta(hours=2))
        await sleep(30 * MINUTE)
        assert stage.states() == {("delivered", None): 99, ("queued", "INTERNAL_SERVER_ERROR"): 1}
        await sleep(2 * HOUR)

    stage.plays(story())
    assert stage.states() == {
        ("delivered", None): 99,
        ("unknown", "INTERNAL_SERVER_ERROR"): 1,
    }


def page(status: int, **headers: str) -> Response:
    return Response(status, {"content-type": "text/html", **headers}, b"<html>Bad</html>")


def test_a_proxy_that_refuses_everything_for_a_while_fails_nothing() -> None:
    stage = Stage()
    for user in range(1, 301):
        stage.phone(user)

    async def story() -> None:
        stage.line.broken = lambda *_: page(400)
        stage.tell(*range(1, 301))
        await sleep(10 * MINUTE)
        assert len(stage.line.sent) < 200
        assert {state for state, _ in stage.states()} == {"queued"}
        stage.line.broken = lambda _, response: response
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 300}
    assert repeated_of(stage) == 0


def test_an_outage_that_says_how_long_it_takes_is_left_alone_so_long() -> None:
    stage = Stage()
    for user in range(1, 301):
        stage.phone(user)

    async def story() -> None:
        stage.line.broken = lambda *_: page(503, **{"retry-after": "1200"})
        stage.tell(*range(1, 301))
        await sleep(5)
        asked = len(stage.line.sent)
        await sleep(19 * MINUTE)
        assert len(stage.line.sent) == asked
        stage.line.broken = lambda _, response: response
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 300}
    assert repeated_of(stage) > 0


def test_one_that_a_proxy_refuses_does_not_keep_the_others_waiting() -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(100)]

    def refused(request: Request, response: Response) -> Response:
        is_send = request.path.endswith("/send")
        if is_send and any(one["to"] == tokens[37] for one in messages_of(request)):
            return page(400)
        return response

    async def story() -> None:
        stage.line.broken = refused
        stage.tell(7, lives=timedelta(hours=2))
        await sleep(30 * MINUTE)
        assert stage.states() == {("delivered", None): 99, ("queued", "HTTP_400"): 1}
        await sleep(2 * HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 99, ("expired", "HTTP_400"): 1}


def test_a_backlog_leaves_at_the_pace_that_expo_allows_and_nothing_is_refused() -> None:
    stage = Stage()
    users = range(1, BACKLOG // 200 + 1)
    for user in users:
        for _ in range(200):
            stage.phone(user, Platform.ANDROID)

    async def story() -> None:
        stage.tell(*users)
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): BACKLOG}
    times = [at for at, _ in stage.line.sent]
    assert len(times) == BACKLOG // 100
    # At 95 % of 600 a second; the first and the last hundred take no time.
    assert 0.96 < (times[-1] - times[0]) / (BACKLOG / 570) < 1.01


def test_a_burst_of_one_app_does_not_keep_another_waiting() -> None:
    stage = Stage()
    for _ in range(5000):
        stage.phone(7)
    single = stage.phone(8, project="@b/app")

    async def story() -> None:
        stage.tell(8, 7)
        await sleep(MINUTE)  # Whose they are is learned from the first request.
        stage.tell(7)
        await sleep(1)
        stage.tell(8)
        await sleep(0.5)
        assert stage.shown(single) == 2

    stage.plays(story())


def test_a_receipt_is_not_given_up_at_the_first_look_after_a_long_stop() -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        stage.tell(7)
        await sleep(1)
        # As if the clock had been set forward, or nobody had been there for a day.
        stage.script("update attempts set at = at - 86400000")
        stage.line.broken = lambda request, response: (
            response
            if request.path.endswith("/send")
            else Response(200, {"content-type": "application/json"}, b'{"data":{}}')
        )
        await sleep(16 * MINUTE)
        assert stage.states() == {("accepted", None): 1}
        stage.line.broken = lambda _, response: response
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1}
