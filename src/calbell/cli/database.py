"""`calbell migrate` and `calbell status`."""

from datetime import datetime

import msgspec
from rich.table import Table

from calbell.cli.context import database, settings
from calbell.cli.output import out, show
from calbell.domain.holds import Held
from calbell.flows import words
from calbell.flows.clocks import system_clock
from calbell.store import migrate as migrations
from calbell.store import upkeep
from calbell.store.engines import engine_of
from calbell.store.notices import Callback
from calbell.store.sweeps import Sweep
from calbell.store.upkeep import Counts, Storage


def migrate() -> int:
    """Bring the database's schema up to date.

    One process migrates at a time; running it again changes nothing. `calbell serve` does it by
    itself on SQLite. A SQLite file is copied first, to a file beside it that ends in `before-` and
    the number of the first step.
    """
    engine = engine_of(settings().database_url)
    migrated = migrations.bring_up_to_date(engine, system_clock())
    if migrated.copied_to is not None:
        out(f"copied first: {migrated.copied_to}")
    applied = ", ".join(map(str, migrated.applied))
    out(f"applied: {applied}" if applied else "up to date")
    return 0


def status(*, json: bool = False) -> int:
    """What waits, what was delivered, which phones there are, and what went wrong last.

    Parameters
    ----------
    json
        Print JSON, for programs.
    """
    now = system_clock()
    with database(settings()) as units:
        counts = units.run(upkeep.counts, now)
    if json:
        out(msgspec.json.encode(counts).decode())
        return 0
    waited = (
        f", the oldest for {(now - counts.depth.oldest_due_at).total_seconds():.1f} s"
        if counts.depth.oldest_due_at
        else ""
    )
    table = Table.grid(padding=(0, 2))
    for label, value in _rows(counts):
        table.add_row(label, value)
    table.add_row("due now", f"{counts.depth.due}{waited}")
    show(table)
    return 0


def _rows(counts: Counts) -> list[tuple[str, str]]:
    return [
        ("users", str(counts.users)),
        ("phones", f"{counts.phones} to ring, {counts.phones_gone} gone"),
        ("notifications", _by_state(counts.notifications)),
        ("deliveries", _by_state(counts.deliveries)),
        ("unreadable events", str(counts.unreadable_events)),
        ("database", _room(counts.storage)),
        ("last event", _at(counts.last_event_at) if counts.last_event_at else "none"),
        *_swept(counts.sweep),
        *_called_back(counts.callback),
        *(("held", _held(held)) for held in counts.held),
        *(
            ("last error", f"{_at(error.at)} {error.outcome} {error.code or ''}")
            for error in counts.last_failures
        ),
    ]


def _swept(sweep: Sweep) -> list[tuple[str, str]]:
    """How comparing with Cal.com's bookings goes, where it is done."""
    said = []
    if sweep.finished_at is not None:
        said.append(f"{_at(sweep.finished_at)}: {sweep.sees}")
    if sweep.failure is not None and sweep.failed_at is not None:
        said.append(f"failed {_at(sweep.failed_at)}: {sweep.failure}")
    return [("compared with Cal.com", one) for one in said]


def _called_back(callback: Callback) -> list[tuple[str, str]]:
    """How telling another program goes, where there is something to say of it."""
    said = []
    if callback.waiting:
        tried = f", {callback.in_vain} tried in vain" if callback.in_vain else ""
        said.append(f"{callback.waiting} to be sent{tried}")
    if callback.given_up:
        said.append(f"{callback.given_up} given up within a day")
    if callback.failure is not None and callback.failed_at is not None:
        said.append(f"failed {_at(callback.failed_at)}: {callback.failure}")
    return [("notices", one) for one in said]


def _held(held: Held) -> str:
    whose = words.held_back(held)
    return f"{whose}: {held.code} since {_at(held.since)}; one tries from time to time"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _room(storage: Storage) -> str:
    free = f", {storage.free / 1e6:,.1f} MB of it free for what comes" if storage.free else ""
    return f"{storage.size / 1e6:,.1f} MB{free}"


def _by_state(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items()) or "none"
