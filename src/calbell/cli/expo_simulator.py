"""`calbell expo-simulator`."""

import time
from random import Random

import uvloop

from calbell.cli.context import Port
from calbell.cli.failures import Failure
from calbell.cli.output import out
from calbell.cli.server import stop_signals
from calbell.simulator.app import create_app
from calbell.simulator.server import Server
from calbell.simulator.service import PushService


def expo_simulator(
    *,
    host: str = "127.0.0.1",
    port: Port = 8100,
    receipt_delay: float = 2.0,
    seed: int | None = None,
) -> int:
    """A local Expo Push Service: answers like the real one, and reaches no phone.

    Point a client's base URL at it: `EXPO_BASE_URL` of Expo's Node SDK, `PushClient(host=...)` of
    the Python SDK, `CALBELL_EXPO_BASE_URL` of Calbell. A phone with its token is made by
    `curl -d '{"platform":"IOS","name":"my phone"}' http://127.0.0.1:8100/_sim/devices` (IOS or
    ANDROID); `GET /_sim/devices/{token}/displayed` tells what it shows, `GET /_sim` lists the rest.

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
    """
    return uvloop.run(_run(host, port, receipt_delay, Random(seed)))


async def _run(host: str, port: int, receipt_delay: float, chance: Random) -> int:
    server = simulated_expo(PushService(time.time, chance, receipt_delay), host, port)
    with stop_signals() as stopped:
        await server.start()
        out(f"Expo simulator on {server.url} (Ctrl-C ends it)")
        await stopped.wait()
        await server.stop()
    return 0


def simulated_expo(service: PushService, host: str, port: int) -> Server:
    """The service behind HTTP, where it can listen."""
    try:
        return Server(create_app(service), host, port)
    except OSError as error:
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}") from error
