"""What systemd gives a service and wants to hear from it: a socket that listens already, and that
the service is ready, alive, or stopping.

The protocols are those of sd_listen_fds(3) and sd_notify(3). Without systemd nothing of this does
anything.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from calbell.cli.failures import Misuse

log = structlog.get_logger()

PASSED = 3
"""Descriptors are passed from this one on."""


def passed_socket(environ: Mapping[str, str], pid: int) -> socket.socket | None:
    """The socket that systemd listens on for this process, if it does. `Misuse` where it passes
    something else: then its unit of the socket is wrong."""
    number = environ.get("LISTEN_FDS", "0")
    if environ.get("LISTEN_PID") != str(pid) or number == "0":
        return None
    if number != "1":
        raise Misuse(
            f"systemd passes {number} sockets (LISTEN_FDS), one is wanted: "
            "leave one ListenStream= in the socket's unit"
        )
    try:
        passed = socket.socket(fileno=PASSED)
    except OSError:
        raise Misuse(
            f"systemd says that it passes a socket (LISTEN_FDS), but descriptor {PASSED} is none"
        ) from None
    os.set_inheritable(PASSED, False)
    if (
        passed.type is not socket.SOCK_STREAM
        or passed.family not in (socket.AF_INET, socket.AF_INET6)
        or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    ):
        raise Misuse(
            "systemd passes a socket that is not a listening TCP one: in the socket's unit, write "
            "ListenStream= with a port, and Accept=no"
        )
    return passed


class Supervisor:
    """Whoever started this process and wants to hear how it is."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watched = timedelta()
        if environ.get("WATCHDOG_PID", str(pid)) == str(pid):
            told = environ.get("WATCHDOG_USEC", "0")
            self._watched = timedelta(microseconds=int(told) if told.isdecimal() else 0)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """It hears that the service is ready, that its loop still turns where it watches that, and
        at the end that the service is stopping."""
        self._tell("READY=1")
        watching = asyncio.create_task(self._tell_again_and_again()) if self._watched else None
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
            self._tell("STOPPING=1")

    async def _tell_again_and_again(self) -> None:
        while True:
            self._tell("WATCHDOG=1")
            # Twice in its time, as systemd recommends.
            await asyncio.sleep(self._watched.total_seconds() / 2)

    def _tell(self, state: str) -> None:
        """A datagram: to a path, or to a name that is in no file system, written with an @."""
        if not self._address.startswith(("/", "@")):
            return
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.sendto(state.encode(), address)
        except OSError as error:
            log.warning("not_notified", state=state, detail=error.strerror)
