"""An HTTP server inside a process that has more to do than serve HTTP."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from calbell import telemetry
from calbell.cli.failures import Failure
from calbell.cli.whole_answers import WholeAnswers
from calbell.flows.grace import Grace

log = structlog.get_logger()

SHUTDOWN_SECONDS = 5
BACKLOG = 2048

KEPT_IDLE_SECONDS = 75
"""Longer than proxies usually keep a connection: a request that meets the moment in which we close
it is lost, and Cal.com sends no webhook twice."""


class _Notes(logging.Handler):
    """What the server library has to say becomes a log line of ours."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        failed = telemetry.described_in(record)
        log.warning("http_server", **{**failed, "detail": record.getMessage()})


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application; `port` is the real one, also where 0 was asked for.

    What proxies at the addresses `trusted` say of client and scheme is believed. A socket that is
    `passed` listens already, and somebody else keeps it open when this server has gone.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        trusted: Iterable[str] = (),
        *,
        passed: socket.socket | None = None,
    ) -> None:
        self._listens = passed is not None
        self._socket = passed or _bound(host, port)
        server_log = logging.getLogger("uvicorn.error")
        server_log.handlers, server_log.propagate = [_Notes()], False
        self.host: str = self._socket.getsockname()[0] if passed else host
        self.port: int = self._socket.getsockname()[1]
        proxies = list(trusted)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=WholeAnswers,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                backlog=BACKLOG,
                timeout_keep_alive=KEPT_IDLE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Requests are answered from now on."""
        if not self._listens:
            self._socket.listen(BACKLOG)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self, grace: Grace | None = None) -> None:
        """No request is taken any more; those under way were answered, unless `grace` was over
        before."""
        self._server.should_exit = True
        if self._task is not None:
            if grace is not None:
                await grace.wait([self._task])
            self._server.force_exit = not self._task.done() and grace is not None
            await self._task
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return bound


@contextmanager
def stop_signals(again: Callable[[], None] = lambda: None) -> Iterator[asyncio.Event]:
    """Within, SIGTERM and Ctrl-C set the event instead of ending the process; when it is set
    already they call `again`."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if stopped.is_set():
            again()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard)
    try:
        yield stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
