"""`python -m bench.importing`: how long a move takes, with 200,000 users and a million devices.

The file is made first, as `calbell export` would have written it, with phones that several users
have, dead ones, and some thousand bookings to come. Then the program imports it into an empty
database, exports that again, and imports it once more, when all of it is known. Every step is the
command, started and ended, with its defaults.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench import cores, machine
from bench.databases import Databases, SqliteFiles, postgresql, prepared
from bench.program import environment
from calbell.domain.booking import Booking, Status
from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedPhone,
    CarriedUser,
    type_of,
)
from calbell.domain.carried_file import Writing
from calbell.domain.events import TimeSpan
from calbell.domain.people import Person
from calbell.domain.subscription import Platform
from calbell.flows.clocks import system_clock

_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 5_000
_SHARED_EVERY = 50
_DEAD_EVERY = 30


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.importing", description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--bookings", type=int, default=5_000)
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made, ExitStack() as on:
        folder = Path(made)
        file = folder / "large.ndjson"
        records = _write(file, options.users, options.devices, options.bookings)
        version, stages = None, list[Databases]()
        if "sqlite" in options.engines:
            stages.append(SqliteFiles(folder))
        if "postgresql" in options.engines:
            server = on.enter_context(postgresql(folder))
            version = server.version
            stages.append(server)
        for line in machine.describe(folder, cores.pick(), version)[:2]:
            _tell(line)
        _tell(f"{records:,} records in {file.stat().st_size / 1e6:,.0f} MB")
        _tell("| engine | step | seconds | records/s | CPU of the program, s | most memory, MB |")
        _tell("| --- | --- | ---: | ---: | ---: | ---: |")
        for databases in stages:
            _measure(databases, folder, file, records)
    return 0


def _measure(databases: Databases, folder: Path, file: Path, records: int) -> None:
    with databases.fresh() as url:
        with prepared(url):
            pass
        exported = folder / "exported.ndjson"
        steps = (
            ("import into nothing", ("import", str(file))),
            ("export", ("export", str(exported))),
            ("import what is known", ("import", str(exported))),
        )
        for name, arguments in steps:
            took, cpu, memory = _run(url, folder, arguments)
            rate = f"{took:.0f} | {records / took:,.0f}"
            _tell(f"| {databases.name} | {name} | {rate} | {cpu:.0f} | {memory:.0f} |")
        if _without_ends(file) != _without_ends(exported):
            raise RuntimeError("what was exported is not what was imported")
        exported.unlink()


def _run(url: str, folder: Path, arguments: Sequence[str]) -> tuple[float, float, float]:
    """Seconds that the command took, on the wall's clock and of CPU, and its memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "calbell", *arguments],
        cwd=folder,
        env=environment({"CALBELL_DATABASE_URL": url}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if (code := os.waitstatus_to_exitcode(status)) != 0:
        raise RuntimeError(f"calbell {arguments[0]} ended with {code}")
    process.returncode = code
    took = time.monotonic() - began
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def _without_ends(file: Path) -> int:
    """A hash of all lines but the header and the footer."""
    from hashlib import sha256

    digest, pending = sha256(), b""
    with file.open("rb") as opened:
        next(opened)
        for line in opened:
            digest.update(pending)
            pending = line
    return int(digest.hexdigest(), 16)


def _write(file: Path, users: int, devices: int, bookings: int) -> int:
    writing = Writing()
    with file.open("wb") as opened:
        opened.write(writing.header(_MADE_AT))
        for source in (_users(users), _devices(users, devices), _bookings(users, bookings)):
            while page := list(islice(source, _AT_ONCE)):
                opened.write(writing.lines(type_of(page[0]), page))
        opened.write(writing.footer())
    return sum(writing.counts.values())


def _users(number: int) -> Iterator[Struct]:
    for nth in range(1, number + 1):
        yield CarriedUser(
            id=nth,
            name=f"Sample Person {nth}",
            time_zone="Europe/Berlin" if nth % 2 else "America/New_York",
            locale="en",
            time_format=24 if nth % 2 else 12,
            source="operator",
            addresses=(f"person{nth}@example.com",),
            created_at=_MADE_AT,
            refreshed_at=_MADE_AT + timedelta(seconds=nth),
        )


def _devices(users: int, number: int) -> Iterator[Struct]:
    for nth in range(1, number + 1):
        # The device before had the same phone, and lost it to this user.
        is_second = nth % _SHARED_EVERY == 0
        has_second = nth % _SHARED_EVERY == _SHARED_EVERY - 1 and nth < number
        phone = nth - 1 if is_second else nth
        owner = nth + 1 if has_second else nth
        at = _MADE_AT + timedelta(seconds=nth)
        is_dead = phone % _DEAD_EVERY == 0
        yield CarriedDevice(
            id=nth,
            user_id=nth % users + 1,
            token=f"ExponentPushToken[{phone:022d}]",
            platform=Platform.IOS if nth % 2 else Platform.ANDROID,
            device_id=f"device-{nth}",
            created_at=at,
            updated_at=at,
            phone=CarriedPhone(
                owner_user_id=owner % users + 1,
                registered_at=_MADE_AT + timedelta(seconds=owner),
                dead_at=_MADE_AT + timedelta(days=90) if is_dead else None,
                dead_code="DeviceNotRegistered" if is_dead else None,
                last_receipt_at=_MADE_AT + timedelta(days=30),
                last_receipt_code="ok",
                project="@sample/app",
            ),
        )


def _bookings(users: int, number: int) -> Iterator[Struct]:
    now = system_clock().replace(microsecond=0)
    for nth in range(number):
        start_at = now + timedelta(days=1, minutes=nth)
        host, guest = nth % users + 1, (nth + 1) % users + 1
        yield CarriedBooking(
            booking=Booking(
                uid=f"booking-{nth}",
                status=Status.ACCEPTED,
                title="Intro call",
                times=TimeSpan(start_at, start_at + timedelta(minutes=30)),
                organizer=Person(f"person{host}@example.com", f"Sample Person {host}", host),
                attendees=(Person(f"person{guest}@example.com", f"Sample Person {guest}"),),
                observed={"status:accepted": now},
                version=1,
            ),
            updated_at=now,
        )


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
