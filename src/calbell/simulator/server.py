"""The simulator's own HTTP server: uvicorn's, with hands on the connections it must spoil."""

import asyncio
import os
import socket
import struct
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

BACKLOG: Final = 2048
GRACE_SECONDS: Final = 5.0

_WIRE: Final = "expo-simulator.wire"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Wire:
    """The connection on which a request came, beneath its HTTP."""

    def __init__(self, transport: asyncio.Transport, server: "Server") -> None:
        self._transport = transport
        self._server = server

    @property
    def is_ending(self) -> bool:
        """Whether the server is about to stop, so that what never ends has to."""
        return self._server.is_ending

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        """What was written goes out, then the connection ends."""
        self._transport.close()

    def reset(self) -> None:
        """The connection is torn down at once, and the other end learns it as a reset."""
        file = self._transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(file)) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def close_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._transport.close)

    def refuse(self, seconds: float) -> None:
        """For so long connections are refused."""
        self._server.refuse(seconds)


def wire_of(scope: Scope) -> Wire:
    """The connection, where the request came through this server."""
    wire = scope.get("extensions", {}).get(_WIRE)
    if not isinstance(wire, Wire):
        raise RuntimeError("this fault can only be had from the simulator's own server")
    return wire


class Server:
    """Serves the application; `port` is the real one, also where 0 was asked for."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        """Raises `OSError` where it cannot listen."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = _bound(family, host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._family = family
        self._config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
        )
        self._state = ServerState()
        self.is_ending = False
        self._listening: asyncio.Server | None = None
        self._closed: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Requests are answered from now on."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            partial(_Connection, self, self._config, self._state, {}),
            sock=self._socket,
            backlog=BACKLOG,
        )

    def refuse(self, seconds: float) -> None:
        """Nobody listens for so many seconds, and the connections that are idle are closed."""
        if self._closed is None or self._closed.done():
            self._stop_listening()
            self._closed = asyncio.create_task(self._listen_again(seconds))

    async def stop(self) -> None:
        """No request is taken any more; those under way were answered, unless they take long."""
        self.is_ending = True
        if self._closed is not None:
            self._closed.cancel()
        self._stop_listening()
        if tasks := list(self._state.tasks):
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for connection in list(self._state.connections):
            connection.transport.abort()

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self._socket.close()
        for connection in list(self._state.connections):
            connection.shutdown()

    async def _listen_again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._socket = _bound(self._family, self.host, self.port)
        await self.start()


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class _Connection(HttpToolsProtocol):
    """Tells every request on which wire it came."""

    def __init__(
        self, server: Server, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, state, app_state)
        self._server = server

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {_WIRE: Wire(self.transport, self._server)}
        self.scope["extensions"] = extensions
