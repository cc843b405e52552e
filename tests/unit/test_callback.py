"""The way of a notice: which addresses it may lead to."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from calbell.callback import NO_NAME, PRIVATE, CallbackAddress, is_public


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_what_does_not_lead_out_is_private(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_what_leads_out_is_public(text: str) -> None:
    assert is_public(ip_address(text))


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name leads there."""

    async def getaddrinfo(_: Any, host: str, port: int, **more: Any) -> list[tuple[Any, ...]]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)


def refused(url: str) -> str | None:
    return asyncio.run(CallbackAddress(url).leads_nowhere())


def test_a_name_that_leads_into_a_private_network_is_refused_also_if_only_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves(monkeypatch, "1.1.1.1", "10.0.0.1")
    assert refused("https://ops.example/") == PRIVATE
    assert asyncio.run(CallbackAddress("http://ops.example/").post(b"", {})) == PRIVATE


def test_a_name_that_leads_out_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "1.1.1.1", "2606:4700:4700::1111")
    assert refused("https://ops.example/") is None


def test_localhost_is_this_machine_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "127.0.0.1", "::1")
    assert refused("http://localhost:9/") is None
    assert refused("http://localhost.:9/") is None
    assert refused("http://localhost.example:9/") == PRIVATE
    resolves(monkeypatch, "192.168.1.1")
    assert refused("http://localhost:9/") == PRIVATE


def test_an_address_that_is_written_out_is_meant() -> None:
    assert refused("http://192.168.1.1/") is None
    assert refused("http://[::1]:9/") is None


def test_a_name_that_is_not_there_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    assert refused("https://ops.invalid/") == NO_NAME
    assert asyncio.run(CallbackAddress("https://ops.invalid/").post(b"", {})) == "no connection"
