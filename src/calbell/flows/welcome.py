"""Welcome: whoever becomes a user here is reminded of what he has booked already."""

from datetime import datetime

from calbell.domain.plan import Rules
from calbell.domain.preferences import Preferences
from calbell.flows.choose import chosen
from calbell.flows.remind import remind_user
from calbell.store import users
from calbell.store.connection import Connection
from calbell.store.users import Profile


def keep_user(connection: Connection, profile: Profile, rules: Rules, now: datetime) -> Profile:
    """One unit of work: the user is as given, and reminded of what he has booked already."""
    known = users.find(connection, profile.id)
    kept = users.save(connection, profile, now)
    if (known is None or known.addresses != kept.addresses) and _is_reminded(
        connection, kept, rules
    ):
        remind_user(connection, kept.id, rules, now)
    return kept


def _is_reminded(connection: Connection, kept: Profile, rules: Rules) -> bool:
    wishes = chosen(connection, kept.id, rules)
    return isinstance(wishes, Preferences) and bool(wishes.reminders)
