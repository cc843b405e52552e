"""Requests: what is asked, read to its end before anybody looks at it."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct
from starlette.types import Receive, Scope

USER_BODY = 100 * 1024
EVENT_BODY = 1024 * 1024
"""Bytes of the longest body: on all paths; but for webhooks and events."""

Headers: TypeAlias = Mapping[bytes, bytes]


class ClientLeft(Exception):
    """The client is gone before its request was whole; nobody waits for an answer."""


class Call(Struct, frozen=True):
    """One request, read to its end. Header names are lower-case, and the first of a name counts."""

    scope: Scope
    headers: Headers
    body: bytes

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @property
    def url(self) -> str:
        """Path and query as asked for, but `/api/v2` as `/v2`: so Cal.com names them in errors."""
        path: str = self.scope["raw_path"].decode("latin-1")
        if path.startswith("/api/v2/"):
            path = path.removeprefix("/api")
        query: bytes = self.scope["query_string"]
        return f"{path}?{query.decode('latin-1')}" if query else path

    @property
    def query(self) -> str:
        """What stands behind the question mark."""
        query: bytes = self.scope["query_string"]
        return query.decode("latin-1")

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The variable parts of the path."""
        parameters: Mapping[str, str] = self.scope["path_params"]
        return parameters

    @property
    def address(self) -> str:
        """The client's, or that of the last proxy that is not trusted; empty where there is
        none."""
        client: tuple[str, int] | None = self.scope.get("client")
        return client[0] if client else ""

    def header(self, name: bytes) -> str | None:
        """The header's value, if it was sent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


async def read(scope: Scope, receive: Receive, longest_body: int) -> Call | None:
    """The whole request; `None` if its body is longer than it may be. `ClientLeft` if it ends
    before."""
    body = await _read_body(receive, longest_body)
    return None if body is None else Call(scope, dict(reversed(scope["headers"])), body)


async def _read_body(receive: Receive, longest: int) -> bytes | None:
    chunks, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > longest:
            return None
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
