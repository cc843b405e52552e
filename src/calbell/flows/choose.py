"""Choose: a user says what he wants to be told, and when."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from calbell.domain.plan import Rules
from calbell.domain.preferences import Choices, Mistake, Preferences, effective, merged, mistake_in
from calbell.flows.remind import judge_again, remind_user
from calbell.store import preferences
from calbell.store.connection import Connection


class NoUser(Struct, frozen=True):
    """There is no such user here."""


def chosen(connection: Connection, user_id: int, rules: Rules) -> Preferences | NoUser:
    """What counts for the user, with the operator's defaults filled in."""
    found = preferences.find(connection, user_id)
    return NoUser() if found is None else effective(found.choices, rules.defaults)


def choose(
    connection: Connection,
    user_id: int,
    patch: Mapping[str, object],
    rules: Rules,
    now: datetime,
) -> Preferences | Mistake | NoUser:
    """One unit of work: the patch (RFC 7396, each value in the form of `Choices`) is merged into
    what the user chose, and he is told as he wishes now. What counts for him then; with a
    `Mistake` nothing is changed."""
    before = preferences.open_one(connection, user_id)
    if before is None:
        return NoUser()
    after = merged(before.object, patch)
    choices = msgspec.convert(after, Choices)
    mistake = mistake_in(choices, rules.defaults) if "quietHours" in patch else None
    if mistake is not None:
        return mistake
    if after != before.object:
        preferences.save(connection, user_id, after, now)
    old, new = (effective(one, rules.defaults) for one in (before.choices, choices))
    if new.reminders != old.reminders:
        remind_user(connection, user_id, rules, now)
    if new.quiet_hours != old.quiet_hours:
        judge_again(connection, user_id, rules, now)
    return new
