"""`calbell users`."""

from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from calbell.choices import policy_of
from calbell.cli.context import database, settings
from calbell.cli.failures import Failure, Misuse
from calbell.cli.output import out, show
from calbell.domain.people import is_address, is_locale
from calbell.domain.time_zones import is_time_zone
from calbell.flows.clocks import system_clock
from calbell.flows.welcome import keep_told_user
from calbell.flows.wishes import described
from calbell.store import users
from calbell.store.users import FROM_OPERATOR, Profile

app = cyclopts.App(name="users", help="Add, change, list and remove users.")


@app.command
def add(
    *,
    id: int,  # noqa: A002, the option's name
    email: Annotated[list[str], Parameter(negative=())],
    name: str = "",
    username: str | None = None,
    time_zone: str = "Europe/London",
    locale: str = "en",
    time_format: int = 12,
) -> int:
    """Add a user, or change one: what is given here replaces what was known.

    Parameters
    ----------
    id
        The user's id at Cal.com (`GET /v2/me`, `data.id`).
    email
        An address by which bookings name the user; may be repeated, the first one is the primary.
        It is taken from a user who has it already.
    name
        As others see it.
    username
        At Cal.com.
    time_zone
        IANA name, such as Europe/Berlin: times in pushes are said in it.
    locale
        Language, such as en or de-AT.
    time_format
        12 or 24.
    """
    if not is_time_zone(time_zone):
        raise Misuse(f"--time-zone {time_zone}: not an IANA time zone, such as Europe/Berlin")
    if not is_locale(locale):
        raise Misuse(f"--locale {locale}: not a language, such as en or de-AT")
    if time_format not in (12, 24):
        raise Misuse(f"--time-format {time_format}: it is 12 or 24")
    if not 1 <= id < 1 << 63:
        raise Misuse(f"--id {id}: it is a positive number of at most 63 bits")
    for address in email:
        if not is_address(address):
            raise Misuse(f"--email {address}: not an address")
    now = system_clock()
    profile = Profile(
        id=id,
        name=name,
        username=username,
        time_zone=time_zone,
        locale=locale,
        time_format=time_format,
        source=FROM_OPERATOR,
        addresses=tuple(address.strip().lower() for address in email),
        created_at=now,
    )
    found = settings()
    with database(found, makes=True) as units:
        _, taken = units.run(keep_told_user, profile, policy_of(found).rules, now)
    out(f"user {id} is kept")
    for address, holder in taken.items():
        out(f"{address} was user {holder}'s until now: bookings that name it are told to user {id}")
    return 0


@app.command(name="list")
def list_() -> int:
    """List all users."""
    with database(settings()) as units:
        found = units.run(users.listed)
    table = Table("id", "name", "addresses", "time zone", "language", "clock")
    for profile in found:
        table.add_row(
            str(profile.id),
            profile.name,
            ", ".join(profile.addresses),
            profile.time_zone,
            profile.locale,
            f"{profile.time_format} h",
        )
    show(table)
    return 0


@app.command(name="show")
def show_(id: int) -> int:  # noqa: A002, the argument's name
    """Show one user, with the number of his phones and what he wants to be told.

    Parameters
    ----------
    id
        The user's id.
    """
    from calbell.flows.choose import NoUser, chosen
    from calbell.store import subscriptions

    found = settings()
    with database(found) as units:
        profile = units.run(users.find, id)
        phones = units.run(subscriptions.phones_of, [id])[id]
        wishes = units.run(chosen, id, policy_of(found).rules)
    if profile is None or isinstance(wishes, NoUser):
        raise Failure(f"there is no user {id}")
    table = Table.grid(padding=(0, 2))
    for label, value in (
        ("id", str(profile.id)),
        ("name", profile.name),
        ("username", profile.username or ""),
        ("addresses", ", ".join(profile.addresses)),
        ("time zone", profile.time_zone),
        ("language", profile.locale),
        ("clock", f"{profile.time_format} h"),
        (
            "phones",
            f"{sum(not p.is_dead for p in phones)} to ring, {sum(p.is_dead for p in phones)} gone",
        ),
        *described(wishes),
    ):
        table.add_row(label, value)
    show(table)
    return 0


@app.command
def remove(id: int) -> int:  # noqa: A002, the argument's name
    """Remove a user with addresses, keys, phones and notifications, and his name from what is kept
    of others' bookings. Broken off, it is gone on with by the service, or by the next removal.

    Parameters
    ----------
    id
        The user's id.
    """
    import time

    from calbell.flows.erase import ROOM, remove_user
    from calbell.store import removals

    with database(settings()) as units:
        if not units.run(remove_user, id, system_clock()):
            raise Failure(f"there is no user {id}")
        began = time.monotonic()
        while units.run(removals.step, ROOM):
            # Others have the database for half of the time.
            time.sleep(min(time.monotonic() - began, 1.0))
            began = time.monotonic()
    out(f"user {id} is removed")
    return 0
