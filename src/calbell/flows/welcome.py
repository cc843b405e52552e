"""Welcome: whoever becomes a user here is reminded of what he has booked already."""

from datetime import datetime

from calbell.domain.plan import Rules
from calbell.domain.preferences import Preferences
from calbell.flows.choose import chosen
from calbell.flows.remind import judge_again, remind_user
from calbell.store import users
from calbell.store.connection import Connection
from calbell.store.users import Profile


def keep_told_user(
    connection: Connection, profile: Profile, rules: Rules, now: datetime
) -> tuple[Profile, dict[str, int]]:
    """One unit of work: the user is as an operator tells him; and whose the addresses were that
    others had."""
    holders = users.holders(connection, profile.addresses)
    kept = keep_user(connection, profile, rules, now)
    return kept, {address: id_ for address, id_ in holders.items() if id_ != profile.id}


def keep_user(connection: Connection, profile: Profile, rules: Rules, now: datetime) -> Profile:
    """One unit of work: the user is as given, and reminded of what he has booked already; quiet
    hours are those of the zone in which he lives now."""
    known = users.find(connection, profile.id)
    kept = users.save(connection, profile, now)
    wishes = chosen(connection, kept.id, rules)
    assert isinstance(wishes, Preferences)
    if (known is None or known.addresses != kept.addresses) and wishes.reminders:
        remind_user(connection, kept.id, rules, now)
    elif known is not None and known.time_zone != kept.time_zone and wishes.quiet_hours:
        judge_again(connection, kept.id, rules, now)
    return kept
