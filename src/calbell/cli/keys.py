"""`calbell keys`."""

from datetime import date
from typing import Literal

import cyclopts
from rich.table import Table

from calbell.cli.context import database, settings
from calbell.cli.failures import Failure, Misuse
from calbell.cli.output import out, show
from calbell.flows.clocks import system_clock
from calbell.flows.grant import grant
from calbell.store import keys, users

app = cyclopts.App(name="keys", help="Create, list and revoke keys of apps and operators.")


@app.command
def create(
    *,
    user: int | None = None,
    role: Literal["events", "support", "admin"] | None = None,
    name: str = "",
    expires: date | None = None,
) -> int:
    """Create a key and print it, alone, on stdout, once: only its hash is kept.

    Parameters
    ----------
    user
        The user whose key it is.
    role
        Makes an operator's key instead: `support` may read timelines and metrics; `admin` that, and
        manage users and keys over HTTP; `events` may send events and nothing else.
    name
        To recognise it by.
    expires
        The last day on which it is good (YYYY-MM-DD); never, if not given.
    """
    from random import SystemRandom

    if (user is None) == (role is None):
        raise Misuse("give either --user or --role")
    now = system_clock()
    if expires is not None and expires < now.date():
        raise Misuse(f"--expires {expires}: that day is over")
    with database(settings(), makes=user is None) as units:
        if user is not None and units.run(users.find, user) is None:
            raise Failure(f"there is no user {user}: add it with calbell users add")
        granted = units.run(grant, user, role, name, expires, now, SystemRandom())
    out(granted.key)
    return 0


@app.command(name="list")
def list_() -> int:
    """List all keys, masked, with their last use."""
    with database(settings()) as units:
        found = units.run(keys.listed)
    table = Table("id", "of", "key", "name", "created", "expires", "last used", "state")
    today = system_clock().date()
    for key in found:
        table.add_row(
            str(key.id),
            f"user {key.user_id}" if key.user_id is not None else f"role {key.role}",
            f"cal_…{key.hint}",
            key.name,
            f"{key.created_at:%Y-%m-%d}",
            str(key.expires_on or "never"),
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
            key.state(today),
        )
    show(table)
    return 0


@app.command
def revoke(id: int) -> int:  # noqa: A002, the argument's name
    """Revoke a key: within five seconds it opens nothing any more.

    Parameters
    ----------
    id
        As `calbell keys list` shows it.
    """
    with database(settings()) as units:
        if not units.run(keys.revoke, id, system_clock()):
            raise Failure(f"there is no key {id} that could be revoked")
    return 0
