"""The named points at which a program is killed: what was just done there, and what was not yet."""

from collections.abc import Mapping
from enum import Enum, auto

from msgspec import Struct

AT_RANDOM = "at random"
"""No named point: from outside, at any moment."""


class Moment(Enum):
    """When a program dies of a call: as it begins, while it waits for somebody else, or when it has
    returned."""

    BEFORE = auto()
    DURING = auto()
    AFTER = auto()


class Point(Struct, frozen=True):
    """A call that is deadly. `where` names it: module, and attribute in it. Calls whose first
    argument does not mention `about` do not count."""

    where: str
    moment: Moment
    about: str = ""


TAKING_IN: Mapping[str, Point] = {
    "before_intake_commit": Point("calbell.flows.take_in:take_in_many", Moment.AFTER),
    "after_intake_commit": Point("calbell.flows.receive:Receive.take_in", Moment.AFTER),
    "before_registration_commit": Point("calbell.store.subscriptions:register_many", Moment.AFTER),
    "after_registration_commit": Point("calbell.flows.register:Register.register", Moment.AFTER),
}
"""Where requests are answered."""

DELIVERING: Mapping[str, Point] = {
    "before_claim_commit": Point("calbell.flows.dispatch:claim_and_look", Moment.AFTER),
    "after_claim": Point("calbell.flows.dispatch:Dispatch._send", Moment.BEFORE),
    "request_left": Point("aiohttp:ClientResponse.start", Moment.DURING, about="/push/send"),
    "answer_came": Point("calbell.expo.client:read_send", Moment.BEFORE),
    "before_answer_commit": Point("calbell.flows.dispatch:keep_reports", Moment.AFTER),
    "after_answer_commit": Point("calbell.flows.dispatch:Dispatch._keep", Moment.AFTER),
    "before_rescue_commit": Point("calbell.store.deliveries:rescue", Moment.AFTER),
    "receipts_claimed": Point("calbell.flows.collect:Collect._ask", Moment.BEFORE),
    "before_receipts_commit": Point("calbell.flows.collect:settle", Moment.AFTER),
    "after_receipts_commit": Point("calbell.flows.collect:Collect._ask", Moment.AFTER),
}
"""Where deliveries are made."""

STARTING: Mapping[str, Point] = {
    "before_leases_are_ended": Point("calbell.store.deliveries:end_all_leases", Moment.AFTER),
}
"""Where a program starts that knows to be alone: on SQLite."""

MIGRATING: Mapping[str, Point] = {
    "in_migration": Point("sqlite3:complete_statement", Moment.BEFORE),
    "before_version_is_noted": Point("calbell.store.migrate:to_ms", Moment.BEFORE),
    "before_migration_commit": Point("calbell.store.migrate:migrate", Moment.AFTER),
    "after_migration_commit": Point("calbell.store.migrate:bring_up_to_date", Moment.AFTER),
    "after_copy": Point("calbell.store.sqlite:SqliteEngine.copy_before", Moment.AFTER),
}
"""In a migration. Only on SQLite is its text run statement by statement, and is there a copy."""

WHILE_SERVING: Mapping[str, Point] = {**TAKING_IN, **DELIVERING, **STARTING}
POINTS: Mapping[str, Point] = {**WHILE_SERVING, **MIGRATING}
