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
    """One request, read to its end. Header names are lower-case, and the first of a name counts;
    `url` is path and query; `address` is the client's, or that of the proxy that is not trusted.
    """

    method: str
    url: str
    path_parameters: Mapping[str, str]
    headers: Headers
    body: bytes
    address: str

    def header(self, name: bytes) -> str | None:
        """The header's value, if it was sent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


async def read(scope: Scope, receive: Receive, longest_body: int) -> Call | None:
    """The whole request; `None` if its body is longer than it may be. `ClientLeft` if it ends
    before."""
    body = await _read_body(receive, longest_body)
    if body is None:
        return None
    client = scope.get("client")
    return Call(
        scope["method"],
        _url(scope),
        scope.get("path_params", {}),
        dict(reversed(scope["headers"])),
        body,
        client[0] if client else "",
    )


def _url(scope: Scope) -> str:
    """Path and query as asked for, but `/api/v2` as `/v2`: so Cal.com names them in its errors."""
    path: str = scope["raw_path"].decode("latin-1")
    if path.startswith("/api/v2/"):
        path = path.removeprefix("/api")
    query = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


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
