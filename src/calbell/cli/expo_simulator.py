"""`calbell expo-simulator`."""

import time
from random import Random
from typing import Annotated, Final, TypeAlias

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number

from calbell.cli.context import Port
from calbell.cli.failures import Failure, Misuse
from calbell.cli.output import out
from calbell.cli.server import stop_signals
from calbell.simulator.app import create_app
from calbell.simulator.scenario import WrongScenario, load
from calbell.simulator.server import Server
from calbell.simulator.service import PushService

Seconds: TypeAlias = Annotated[float, Parameter(validator=Number(gte=0, lte=86400))]

BARE: Final = {"keep_requests": 0, "keep_displayed": 0, "keep_tickets": 200_000, "rate_limit": 0}


def expo_simulator(
    *,
    host: str = "127.0.0.1",
    port: Port = 8100,
    receipt_delay: Seconds = 2.0,
    seed: int | None = None,
    scenario: str | None = None,
    bare: bool = False,
) -> int:
    """A local Expo Push Service: answers like the real one, and reaches no phone.

    Point a client's base URL at it: `EXPO_BASE_URL` of Expo's Node SDK, `PushClient(host=...)` of
    the Python SDK, `CALBELL_EXPO_BASE_URL` of Calbell. A phone with its token is made by
    `curl -d '{"platform":"IOS","name":"my phone"}' http://127.0.0.1:8100/_sim/devices` (IOS or
    ANDROID); `GET /_sim/devices/{token}/displayed` tells what it shows (`curl -g`: a token has
    brackets), `GET /_sim` lists the rest.
    In a browser the same address shows the phones' lock screens, live.

    Parameters
    ----------
    host
        Where to listen. There are no credentials: keep it on this machine.
    port
        Where to listen; 0 picks a free one.
    receipt_delay
        Seconds from a ticket until its receipt is ready.
    seed
        Makes tokens and ticket ids the same in every run.
    scenario
        A TOML file that says which phones there are and what goes wrong when, or one of those that
        come with the simulator: 504-but-delivered, credentials, dead-tokens, full-hours,
        hour-of-503, late-receipts.
    bare
        A sink for measurements: no rate limit, no log of requests, nothing shown on phones, and
        only the newest 200,000 tickets kept.
    """
    chance = Random(seed)
    if bare:
        service = PushService(time.time, chance, receipt_delay, **BARE)
    else:
        service = PushService(time.time, chance, receipt_delay)
    if scenario is not None:
        _begin(scenario, service)
    return uvloop.run(_run(service, host, port))


def _begin(name: str, service: PushService) -> None:
    try:
        load(name).begin(service)
    except WrongScenario as error:
        raise Misuse(str(error)) from error


async def _run(service: PushService, host: str, port: int) -> int:
    server = simulated_expo(service, host, port)
    with stop_signals() as stopped:
        await server.start()
        out(f"Expo simulator on {server.url} (in a browser: the phones; Ctrl-C ends it)")
        await stopped.wait()
        await server.stop()
    return 0


def simulated_expo(service: PushService, host: str, port: int) -> Server:
    """The service behind HTTP, where it can listen."""
    try:
        return Server(create_app(service), host, port)
    except OSError as error:
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}") from error
