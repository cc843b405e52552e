"""Layers: what stands under Calbell, alone, as the measure of the machine.

The same requests as in bench/throughput.py, answered by uvicorn, Starlette, msgspec and the
database's driver, with the same durable upsert in lists and nothing else: no keys, no rules, no
limits, no log, no metrics. What that does in the same run says how fast the machine is just now.

`python -m bench.layers DATABASE_URL` serves it, and prints its port.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import uvicorn
import uvloop
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from bench import scene
from bench.cores import pinned
from bench.databases import prepared
from bench.figures import Figure, Reading
from bench.load import Flow, press
from bench.program import Program, announced, environment
from bench.stage import WARM_UP, Stage, chance
from bench.throughput import REGISTERING, registration
from calbell.flows.clocks import system_clock
from calbell.flows.register import LONGEST_LIST
from calbell.store.connection import Connection
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.lists import Lists
from calbell.store.statements import statement
from calbell.store.times import to_ms

_TABLE = """create table alone (token text primary key, platform text not null,
  device_id text not null, updated_at bigint not null);"""
_UPSERT = statement(
    "upsert",
    """insert into alone (token, platform, device_id, updated_at)
    select token, platform, device_id, :now
    from rows(token text, platform text, device_id text) as r where true
    on conflict (token) do update set platform = excluded.platform,
      device_id = excluded.device_id, updated_at = excluded.updated_at
    returning token""",
)


class Phone(Struct, frozen=True, rename="camel"):
    """What is registered."""

    token: str
    platform: str
    device_id: str


def alone(stage: Stage) -> list[Reading]:
    """How fast the layers are."""
    flow = register(stage)
    return [Reading(Figure.LAYERS, flow.rate, flow.cost)]


def register(stage: Stage) -> Flow:
    """What registering took them."""
    number = stage.size.registrations
    with stage.databases.fresh() as url:
        with prepared(url) as connection:
            connection.script(_TABLE)
            keys = scene.add_users(connection, system_clock(), chance())
        requests = [registration(at, keys) for at in range(number)]
        with _served(stage, url) as program, pinned(stage.cores.load):
            return press(program, requests, warm_up=number // WARM_UP, status=b"201")


@contextmanager
def _served(stage: Stage, url: str) -> Iterator[Program]:
    command = (sys.executable, "-m", "bench.layers", url)
    with announced(command, stage.cores.service, env=environment({})) as (process, port):
        yield Program(process, int(port))


def _upsert_many(connection: Connection, phones: Sequence[Phone]) -> list[str]:
    rows = [(one.token, one.platform, one.device_id) for one in phones]
    kept = connection.each(_UPSERT, rows, now=to_ms(system_clock()))
    return [token for (token,) in kept]


async def _serve(url: str) -> None:
    engine = engine_of(url)
    database = ThreadedDatabase(engine)
    upsert = Lists[Phone, str](
        database,
        _upsert_many,
        keys=lambda phone: (phone.token,),
        size=LONGEST_LIST,
        lanes=engine.lanes,
    )
    read = msgspec.json.Decoder(Phone).decode

    async def register(request: Request) -> Response:
        token = await upsert(read(await request.body()))
        return Response(msgspec.json.encode({"token": token}), 201)

    app = Router([Route(REGISTERING, register, methods=["POST"])])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    try:
        await server.serve(sockets=[listening])
    finally:
        database.close()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
