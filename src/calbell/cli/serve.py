"""`calbell serve` and `calbell worker`."""

import gc
import os
import socket
from typing import Annotated, NamedTuple

import structlog
import uvloop
from cyclopts import Parameter

from calbell.cli.context import Port, settings
from calbell.cli.failures import Misuse
from calbell.cli.spans import Moment
from calbell.cli.systemd import Supervisor, passed_socket
from calbell.config import Settings
from calbell.flows.restore import Restoring

GARBAGE = 20_000
"""Objects more than there were, after which the collector looks for cycles."""

log = structlog.get_logger()


class Listen(NamedTuple):
    """Where to listen, or on what that is open already."""

    host: str
    port: int
    passed: socket.socket | None


def serve(
    *,
    host: str | None = None,
    port: Port | None = None,
    delivery: Annotated[bool, Parameter(negative="--no-delivery")] = True,
    restored: Annotated[bool, Parameter(negative="")] = False,
    restored_from: Moment | None = None,
) -> int:
    """The whole service in one process: HTTP API, event intake, delivery, receipts, reminders.

    SIGTERM or Ctrl-C ends it within ten seconds, with exit code 0: what is under way at Expo gets
    eight of them, and what is not answered by then is recorded as possibly sent. A second SIGTERM
    or Ctrl-C ends it at once: nothing is waited for, and all that is under way is recorded so.

    Under systemd it listens on the socket that it is given, says when it is ready or stopping, and
    answers the watchdog: docs/how-to/run-with-systemd.md.

    Parameters
    ----------
    host
        Where to listen. [default: CALBELL_HOST, 127.0.0.1]
    port
        Where to listen; 0 picks a free one. [default: CALBELL_PORT, 8000]
    delivery
        Without delivery, this process only answers HTTP: run `calbell worker` beside it, on
        PostgreSQL.
    restored
        The database is an older copy, and the original is lost: what was due before the copy was
        made is not sent again. Done once for each copy, however often it is said.
    restored_from
        The same, where the copy does not say when it was made (a file-system snapshot, cp,
        pg_dump), or where the original is known to have gone on until then: a time with its zone,
        such as 2026-11-25T03:00:00Z.
    """
    found = settings()
    passed = passed_socket(os.environ, os.getpid())
    if passed is not None and not (host is None and port is None):
        raise Misuse("systemd passes a socket to listen on: leave out --host and --port")
    listen = Listen(host or found.host, found.port if port is None else port, passed)
    restoring = Restoring(restored_from) if restored or restored_from else None
    return uvloop.run(_serve(found, listen, restoring, serves=True, delivers=delivery))


def worker() -> int:
    """Delivery, receipts and reminders only; any number of them, on PostgreSQL.

    SIGTERM or Ctrl-C ends it within ten seconds, a second one at once, as with `calbell serve`.
    """
    return uvloop.run(_serve(settings(), None, None, serves=False, delivers=True))


def _settle() -> None:
    """What was made for the start stays as long as the process: the collector need not look at it
    again and again, and garbage in cycles is rare enough to wait for."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


async def _serve(
    found: Settings,
    listen: Listen | None,
    restoring: Restoring | None,
    *,
    serves: bool,
    delivers: bool,
) -> int:
    from calbell.cli.server import HttpServer, stop_signals
    from calbell.flows.grace import Grace
    from calbell.wiring import GRACE, Service

    service, grace = Service(found), Grace(GRACE)
    with stop_signals(again=grace.cut) as stopped:
        await service.start(serves=serves, delivers=delivers, restoring=restoring)
        server = None
        try:
            if listen is not None:
                server = HttpServer(
                    service.app,
                    listen.host,
                    listen.port,
                    map(str, found.trusted_proxies),
                    passed=listen.passed,
                )
                server.start()
            _settle()
            log.info("started", url=server.url if server else None, delivers=delivers)
            async with Supervisor(os.environ, os.getpid()).told():
                await stopped.wait()
                log.info("stopping")
        finally:
            if server is not None:
                service.end_streams()
                await server.stop(grace)
            await service.stop(grace)
    log.info("stopped")
    return 0
