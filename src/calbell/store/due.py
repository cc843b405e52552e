"""Due deliveries as they are read: with all that decides about them and that their words need."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from calbell.domain.delivery import Standing
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Role
from calbell.domain.preferences import Choices, privacy_of
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.domain.wording import Reader
from calbell.store.connection import Row
from calbell.store.preferences import choices_of
from calbell.store.times import from_ms, maybe_from_ms

_facts = msgspec.json.Decoder(BookingFacts)
_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in PushEvent}
_PLATFORMS = {platform.value: platform for platform in Platform}


class DueDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that can be claimed, with all that its message is made from. `attempt` is the
    number that the next attempt will have; `most_together` is how large a request it may be in;
    `code` what kept it back so far; since `suspected_at` its phone is said to be gone. `choices`
    are its user's; of a test push, which he asked for, nothing is held against it. `is_passive`:
    it is shown without a sound. `met` counts the codes of its earlier attempts, once it is
    claimed."""

    id: int
    notification_id: int
    attempt: int
    possibly_sent: bool
    platform: Platform
    key: str
    phone_id: int
    token: str
    standing: Standing
    kind: PushEvent
    facts: BookingFacts
    event_id: str | None
    reader: Reader
    most_together: int
    code: str | None
    suspected_at: datetime | None
    choices: Choices | None = None
    is_test: bool = False
    is_passive: bool = False
    met: Mapping[str, int] = {}


def read(rows: Iterable[Row]) -> list[DueDelivery]:
    """The deliveries of rows as `deliveries_with_all_for_their_words` selects them."""
    facts: dict[str, BookingFacts] = {}
    return [
        DueDelivery(
            id=row[0],
            notification_id=row[25],
            attempt=row[1] + 1,
            possibly_sent=bool(row[2]),
            platform=_PLATFORMS[row[4]],
            key=row[5],
            phone_id=row[7],
            token=row[8],
            standing=Standing(
                user_id=row[3],
                expires_at=from_ms(row[6]),
                superseded=row[12] is not None,
                subscribed=row[11] is not None,
                phone_dead=row[10] is not None,
                phone_owner_id=row[9],
            ),
            kind=_KINDS[row[14]],
            facts=facts.get(row[15]) or facts.setdefault(row[15], _facts.decode(row[15])),
            event_id=row[16],
            reader=_reader(row, choices_of(row[23])),
            most_together=row[20],
            code=row[21],
            suspected_at=maybe_from_ms(row[22]),
            choices=choices_of(row[23]),
            is_test=row[24] is None,
        )
        for row in rows
    ]


def _reader(row: Row, choices: Choices | None) -> Reader:
    return Reader(_ROLES[row[13]], row[17], row[18], row[19], privacy_of(choices))
