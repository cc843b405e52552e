"""What one user was told, for that user to read."""

import msgspec

from calbell.domain.notification import BookingFacts
from calbell.domain.own_copy import OwnDelivery, OwnNotification
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms

_SQL = load("own_history")
_facts = msgspec.json.Decoder(BookingFacts)


def told(
    connection: Connection, user_id: int, after: int, number: int
) -> tuple[list[OwnNotification], int]:
    """What was, or is, to be said to the user, `number` of what came after an id, with what became
    of it on each phone; and the id of the last one."""
    rows = connection.run(_SQL["told_to_user"], user_id=user_id, after=after, number=number)
    sent: dict[int, list[OwnDelivery]] = {row[0]: [] for row in rows}
    for id_, platform, state, reason, settled_at in connection.each(
        _SQL["sent_for"], [(id_,) for id_ in sent]
    ):
        sent[id_].append(OwnDelivery(Platform(platform), state, reason, maybe_from_ms(settled_at)))
    found = [
        OwnNotification(
            uid=uid,
            part=Role(role),
            kind=PushEvent(kind),
            title=_facts.decode(facts).title,
            state=state,
            reason=reason,
            created_at=from_ms(created_at),
            due_at=from_ms(due_at),
            deliveries=tuple(sent[id_]),
        )
        for id_, uid, role, kind, state, reason, created_at, due_at, facts in rows
    ]
    return found, rows[-1][0] if rows else after
