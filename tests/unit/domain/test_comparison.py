"""What was said and what would be: which differences are any."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from calbell.domain.booking import Booking
from calbell.domain.comparison import Compared, Known, Side, Sort, Was, compared
from calbell.domain.notification import NotificationState, Suppression, Wait
from calbell.domain.people import Directory, Person, User, alias_of
from calbell.domain.plan import Rules
from calbell.domain.push_events import PushEvent
from calbell.domain.retelling import Heard, Sighted, Would, retold
from calbell.domain.wording import Reader, Voice, hash_of, words
from tests.unit.domain.builders import (
    ADA,
    BOB,
    CANCELLED,
    CREATED,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOW,
    RESCHEDULED,
    TUESDAY,
    UID,
    event,
)

USER = User(7, addresses=frozenset({ADA.email}))
DIRECTORY = Directory({7: USER}, {ADA.email: USER})
RULES = Rules(reminders=(10 * MINUTE,))
VOICE = Voice()
LONG_AGO = NOW - DAY
HEARD = (Heard(1, NOW, event(CREATED)), Heard(2, NOW + HOUR, event(CANCELLED, 60, actor=BOB.email)))


def would(*heard: Heard, rules: Rules = RULES) -> list[Would]:
    return retold(UID, heard or HEARD, DIRECTORY, rules)


def as_it_was(planned: Sequence[Would]) -> list[Was]:
    """What was planned was said, as it would be."""
    found = []
    for one in planned:
        item, at = one.planned, one.at + timedelta(seconds=1)
        reader = Reader(item.role, USER.time_zone, USER.locale, USER.time_format)
        said = words(item.kind, item.facts, reader, VOICE, at)
        found.append(
            Was(
                event_id=one.event_id,
                at=one.at,
                user_id=item.user_id,
                role=item.role,
                kind=item.kind,
                state=NotificationState.SUPPRESSED if one.against else NotificationState.RELEASED,
                reason=one.against,
                due_at=item.due_at,
                facts=item.facts,
                words_hash=hash_of(said),
                said_at=at,
            )
        )
    return found


def compare(
    was: Sequence[Was], would: Sequence[Would], since: datetime = LONG_AGO, voice: Voice = VOICE
) -> Compared:
    return compared(was, would, {7: Known(USER, since)}, voice, lambda *_: True)


def news(was: Sequence[Was], **more: Any) -> list[Was]:
    """The same, but this of the confirmation."""
    return [
        structs.replace(one, **more) if one.kind is PushEvent.BOOKING_CONFIRMED else one
        for one in was
    ]


def test_what_was_said_as_it_would_be_is_the_same() -> None:
    planned = would()
    kinds = [one.planned.kind for one in planned]
    assert kinds == ["BOOKING_CONFIRMED", "BOOKING_REMINDER", "BOOKING_CANCELLED"]
    assert compare(as_it_was(planned), planned) == Compared(3, 0, ())


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (NotificationState.SUPERSEDED, None),
        (NotificationState.EXPIRED, None),
        (NotificationState.WAITING, Wait.QUIET_HOURS),
        *(
            (NotificationState.SUPPRESSED, reason)
            for reason in Suppression
            if reason not in (Suppression.OWN_ACTION, Suppression.SWITCHED_OFF)
        ),
    ],
)
def test_what_became_of_it_at_its_time_is_no_difference(
    state: NotificationState, reason: str | None
) -> None:
    was = news(as_it_was(would()), state=state, reason=reason, words_hash=None, said_at=None)
    assert compare(was, would()).differences == ()


def test_what_the_plan_was_against_and_would_not_be_is_new() -> None:
    was = news(
        as_it_was(would()), state=NotificationState.SUPPRESSED, reason=Suppression.OWN_ACTION
    )
    (found,) = compare(was, would()).differences
    kind = PushEvent.BOOKING_CONFIRMED
    assert (found.sort, found.was, found.would) == (
        Sort.NEW,
        Side(kind, against="own_action"),
        Side(kind),
    )
    assert found.words is not None


def test_what_the_plan_would_be_against_is_gone() -> None:
    own = Heard(1, NOW, event(CREATED, actor=ADA.email))
    (found,) = compare(as_it_was(would(HEARD[0])), would(own)).differences
    assert (found.sort, found.would) == (
        Sort.GONE,
        Side(PushEvent.BOOKING_CONFIRMED, against="own_action"),
    )


def test_who_has_changed_since_is_not_compared() -> None:
    done = compare([], would(), since=NOW)
    assert (done.same, done.uncertain) == (0, 2)
    assert [one.event_id for one in done.differences] == [2]
    assert compared(as_it_was(would()), would(), {}, VOICE, lambda *_: True) == Compared(0, 3, ())


def test_what_does_not_name_a_removed_user_any_more_is_not_compared() -> None:
    was = as_it_was(would())
    facts = structs.replace(was[0].facts, organizer=Person(alias_of(9)))
    found = compare(news(was, facts=facts, words_hash=None), would())
    assert found == Compared(2, 1, ())


def test_the_count_of_what_was_told_together_is_no_difference() -> None:
    was = as_it_was(would())
    counted = structs.replace(was[0].facts, count=3)
    was = news(was, facts=counted, words_hash=None, said_at=None)
    assert compare(was, would()).differences == ()


def test_other_words_are_a_difference_and_name_what_is_known_otherwise() -> None:
    moved = Heard(1, NOW, event(CREATED, times=TUESDAY, title="Another"))
    was = as_it_was(would(HEARD[0]))
    (found,) = [
        one
        for one in compare(was, would(moved)).differences
        if one.would and one.would.kind is PushEvent.BOOKING_CONFIRMED
    ]
    assert (found.sort, set(found.details)) == (Sort.OTHER_WORDS, {"title", "times"})
    assert compare(news(was, words_hash="0" * 16), would(HEARD[0])).differences[0].details == ()


def test_what_nobody_planned_was_sent_by_hand_and_is_not_looked_at() -> None:
    by_hand = structs.replace(as_it_was(would())[0], event_id=None)
    assert compare([by_hand, *as_it_was(would())], would()) == Compared(3, 0, ())


def test_a_reminder_at_another_time_is_two_differences_unless_quiet_hours_moved_it() -> None:
    was = as_it_was(would(HEARD[0]))
    later = structs.replace(was[1], due_at=was[1].due_at + HOUR)
    found = compare([was[0], later], would(HEARD[0])).differences
    assert sorted(one.sort for one in found) == [Sort.GONE, Sort.NEW]
    held = structs.replace(later, reason=Wait.QUIET_HOURS)
    assert compare([was[0], held], would(HEARD[0])).differences == ()


def test_a_reminder_that_its_user_switched_off_is_no_difference() -> None:
    was = as_it_was(would(HEARD[0]))
    off = structs.replace(
        was[1],
        due_at=was[1].due_at - HOUR,
        state=NotificationState.SUPPRESSED,
        reason=Suppression.PLANNED_ANEW,
    )
    assert compare([*was, off], would(HEARD[0])).differences == ()


def test_only_what_is_asked_for_is_compared() -> None:
    known = {7: Known(USER, LONG_AGO)}
    done = compared([], would(), known, VOICE, lambda id_, _: id_ == 2)
    assert [one.event_id for one in done.differences] == [2]


def test_a_booking_that_was_looked_up_is_told_as_it_was_then() -> None:
    seen = event(CREATED, 5)
    sighted = Heard(1, NOW + 10 * MINUTE, Sighted(seen, None, 0))
    kinds = [one.planned.kind for one in would(sighted, HEARD[0])]
    assert kinds == ["BOOKING_CONFIRMED", "BOOKING_REMINDER"]
    nothing_more = Heard(2, NOW + 20 * MINUTE, Sighted(seen, None, 1))
    assert [one.event_id for one in would(sighted, nothing_more)] == [1, 1]


def test_one_that_took_anothers_place_was_moved_from_where_that_was() -> None:
    seen = event(RESCHEDULED, 5, times=TUESDAY, old_uid="booking-0")
    old = Booking(uid="booking-0", times=MONDAY)
    (news, *_) = would(Heard(1, NOW + 10 * MINUTE, Sighted(seen, None, 0, old)))
    assert news.planned.kind is PushEvent.BOOKING_RESCHEDULED
    assert news.planned.facts.old_times == MONDAY


def test_what_replaces_a_booking_ends_its_reminders() -> None:
    moved = Heard(2, NOW + MINUTE, Sighted(event(CANCELLED, 1), "booking-2", 0))
    later = Heard(3, NOW + HOUR, event(CREATED, 60, title="Too late"))
    assert [one.event_id for one in would(HEARD[0], moved, later)] == [1, 1]


def test_a_reminder_that_nobody_gave_in_time_may_say_what_was_heard_since() -> None:
    def later(one: Was) -> Was:
        at = one.due_at + MINUTE
        return structs.replace(one, at=at, said_at=at, facts=structs.replace(one.facts, place="?"))

    planned = would(Heard(1, NOW, event(CREATED)))
    was = [later(o) if o.kind is PushEvent.BOOKING_REMINDER else o for o in as_it_was(planned)]
    was = [structs.replace(one, words_hash=None) for one in was]
    assert compare(was, planned).differences == ()
    in_time = [structs.replace(one, at=NOW) for one in was]
    assert [one.details for one in compare(in_time, planned).differences] == [("place",)]
