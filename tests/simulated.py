"""A simulator behind HTTP, in a thread of this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

import uvloop

from calbell.simulator.app import create_app
from calbell.simulator.server import Server
from calbell.simulator.service import PushService


@contextmanager
def listening(service: PushService) -> Iterator[tuple[str, int]]:
    """Host and port of a server that answers as the service does."""
    started: SimpleQueue[tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def serve() -> None:
        server, ended = Server(create_app(service), "127.0.0.1", 0), asyncio.Event()
        await server.start()
        started.put((server, asyncio.get_running_loop(), ended))
        await ended.wait()
        await server.stop()

    thread = Thread(target=uvloop.run, args=(serve(),))
    thread.start()
    server, loop, ended = started.get(timeout=30)
    try:
        yield server.host, server.port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
