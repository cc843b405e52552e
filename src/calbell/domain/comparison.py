"""Comparison: what was said of a booking's events, and what this program would say.

What hangs on the moment is no difference: which phones there were, quiet hours, what a later change
ended, what went stale, what was told together. Nor is what hangs on a user who has changed since:
of him nothing is known of before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from calbell.domain.notification import BookingFacts, NotificationState, Suppression, Wait
from calbell.domain.people import Role, User, is_alias
from calbell.domain.preferences import privacy_of
from calbell.domain.push_events import PushEvent
from calbell.domain.retelling import Would
from calbell.domain.wording import Reader, Voice, Words, hash_of, words

_BY_PLAN: Final = (Suppression.OWN_ACTION, Suppression.SWITCHED_OFF)
"""Why something is not said that is decided with its event."""

_PLANNED_ANEW: Final = (Suppression.PLANNED_ANEW, Suppression.SWITCHED_OFF)
"""Why a reminder that once was planned right is not any more: its user's wishes."""


class Sort(StrEnum):
    """How something differs."""

    NEW = "new"
    GONE = "gone"
    OTHER_WORDS = "other_words"
    READABLE = "readable"
    UNREADABLE = "unreadable"


class Was(Struct, frozen=True, kw_only=True):
    """What was planned, and said where its time came, by the id of its event; without one, because
    of something else. `words_hash` is that of what was said last, at `said_at`."""

    event_id: int | None
    at: datetime
    user_id: int
    role: Role
    kind: PushEvent
    state: NotificationState
    reason: str | None
    due_at: datetime
    facts: BookingFacts
    words_hash: str | None = None
    said_at: datetime | None = None


class Side(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One side of a difference: news of this kind, for a reminder with its time; where it is not
    said, the reason."""

    kind: PushEvent
    due_at: datetime | None = None
    against: str | None = None


class Difference(Struct, frozen=True):
    """To one user, because of one event, something else would be said than was: `was` and `would`
    are `None` where there is nothing. `details` name what is known otherwise of the booking, where
    the words differ: without any, texts or rules do. `words` are what would be said."""

    sort: Sort
    event_id: int | None
    user_id: int
    was: Side | None = None
    would: Side | None = None
    details: tuple[str, ...] = ()
    words: Words | None = None


class Compared(Struct, frozen=True):
    """How many are the same; how many cannot be compared, because their user has changed since, or
    they named one who was removed; and the others."""

    same: int
    uncertain: int
    differences: tuple[Difference, ...]


class Known(Struct, frozen=True):
    """A user as he is, since then."""

    user: User
    since: datetime


class _Both(Struct, frozen=True):
    """What was said, and what would be in its place."""

    was: Was | None
    would: Would | None


def compared(
    was: Sequence[Was],
    would: Sequence[Would],
    known: Mapping[int, Known],
    voice: Voice,
    is_asked: Callable[[int | None, datetime], bool],
) -> Compared:
    """Of one booking, what differs of what `is_asked` for: by its event, and when that was taken
    in."""
    same, uncertain, found = 0, 0, list[Difference]()
    for both in (*_news(was, would), *_reminders(was, would)):
        one = both.would or both.was
        assert one is not None
        user_id = one.planned.user_id if isinstance(one, Would) else one.user_id
        if not any(is_asked(side.event_id, side.at) for side in (both.was, both.would) if side):
            continue
        user = known.get(user_id)
        if user is None or any(side.at <= user.since for side in (both.was, both.would) if side):
            uncertain += 1
            continue
        if both.was is not None and _is_veiled(both.was.facts):
            uncertain += 1
            continue
        difference = _difference(both, user.user, voice)
        if difference is None:
            same += 1
        else:
            found.append(difference)
    return Compared(same, uncertain, tuple(found))


def _news(was: Iterable[Was], would: Iterable[Would]) -> Iterator[_Both]:
    """News of one event to one user belongs together where it is of one kind, and else in its
    order. What no event led to was sent by hand."""
    pairs: dict[tuple[int, int], tuple[list[Was], list[Would]]] = {}
    for one in was:
        if one.kind is not PushEvent.BOOKING_REMINDER and one.event_id is not None:
            pairs.setdefault((one.event_id, one.user_id), ([], []))[0].append(one)
    for other in would:
        if other.planned.kind is not PushEvent.BOOKING_REMINDER:
            pairs.setdefault((other.event_id, other.planned.user_id), ([], []))[1].append(other)
    for before, after in pairs.values():
        yield from _paired(before, after, lambda was, would: was.kind is would.planned.kind)


def _reminders(was: Iterable[Was], would: Iterable[Would]) -> Iterator[_Both]:
    """Reminders of one user belong together where they are due at one time; those whose times quiet
    hours decided, in their order. Of several for one time the last one counts."""
    before: dict[int, dict[datetime, Was]] = {}
    after: dict[int, dict[datetime, Would]] = {}
    for one in was:
        if one.kind is PushEvent.BOOKING_REMINDER:
            before.setdefault(one.user_id, {})[one.due_at] = one
    for other in would:
        if other.planned.kind is PushEvent.BOOKING_REMINDER:
            after.setdefault(other.planned.user_id, {})[other.planned.due_at] = other
    for user_id in sorted({*before, *after}):
        befores = list(before.get(user_id, {}).values())
        afters = list(after.get(user_id, {}).values())
        both = _paired(befores, afters, lambda was, would: was.due_at == would.planned.due_at)
        yield from _held_together(both)


def _paired(
    was: Sequence[Was], would: Sequence[Would], belong: Callable[[Was, Would], bool]
) -> list[_Both]:
    left, found = list(would), list[_Both]()
    for one in was:
        other = next((candidate for candidate in left if belong(one, candidate)), None)
        if other is not None:
            left.remove(other)
        found.append(_Both(one, other))
    alone = [both for both in found if both.would is None]
    if alone and left and not _is_reminder(alone[0]):
        # The same event is told as something else.
        found[found.index(alone[0])] = _Both(alone[0].was, left.pop(0))
    return found + [_Both(None, other) for other in left]


def _is_reminder(both: _Both) -> bool:
    return both.was is not None and both.was.kind is PushEvent.BOOKING_REMINDER


def _held_together(found: Sequence[_Both]) -> Iterator[_Both]:
    """What quiet hours moved is the same reminder at another time."""
    alone = [both for both in found if both.was is None]
    for both in found:
        if both.was is None:
            continue
        if both.would is None:
            held = both.was.reason == Wait.QUIET_HOURS
            other = next((o for o in alone if o.would and (held or o.would.planned.held)), None)
            if other is not None:
                alone.remove(other)
                yield _Both(both.was, other.would)
                continue
            if both.was.reason in _PLANNED_ANEW:
                continue
        yield both
    yield from alone


def _difference(both: _Both, user: User, voice: Voice) -> Difference | None:
    was, would = both.was, both.would
    before = None if was is None else _side(was.kind, was.due_at, _against(was))
    after = None
    if would is not None:
        after = _side(would.planned.kind, would.planned.due_at, would.against)
    was_said = before is not None and before.against is None
    would_be_said = after is not None and after.against is None
    one = would or was
    event_id = None if one is None else one.event_id
    if was is not None and would is not None and was_said and would_be_said:
        facts, at = _as_counted(would, was), was.said_at or was.at
        said = _words(would, user, voice, at, facts)
        if was.kind is would.planned.kind and _said_so(was, said, user, voice, at):
            return None
        details = tuple(_other_details(was.facts, facts))
        return Difference(Sort.OTHER_WORDS, event_id, user.id, before, after, details, said)
    if would is not None and would_be_said:
        said = _words(would, user, voice, would.at, would.planned.facts)
        return Difference(Sort.NEW, event_id, user.id, before, after, words=said)
    return Difference(Sort.GONE, event_id, user.id, before, after) if was_said else None


def _against(was: Was) -> str | None:
    """Why it was not to be said; what only came to nothing at its time was to be."""
    is_planned = was.state is NotificationState.SUPPRESSED and was.reason in _BY_PLAN
    return was.reason if is_planned and was.kind is not PushEvent.BOOKING_REMINDER else None


def _side(kind: PushEvent, due_at: datetime, against: str | None) -> Side:
    return Side(kind, due_at if kind is PushEvent.BOOKING_REMINDER else None, against)


def _said_so(was: Was, said: Words, user: User, voice: Voice, at: datetime) -> bool:
    """Whether these were the words. Where they were not said, or no hash of them was kept, this
    program says both. What was planned anew after its time, because nobody had said it then, is
    said as things stood by then, and that hangs on the moment."""
    if was.kind is PushEvent.BOOKING_REMINDER and was.at > was.due_at:
        return True
    if was.words_hash is not None:
        return hash_of(said) == was.words_hash
    return words(was.kind, was.facts, _reader(was.role, user), voice, at) == said


def _as_counted(would: Would, was: Was) -> BookingFacts:
    """What would be said, for as many at once as it was said for."""
    return structs.replace(would.planned.facts, count=was.facts.count)


def _words(would: Would, user: User, voice: Voice, at: datetime, facts: BookingFacts) -> Words:
    return words(would.planned.kind, facts, _reader(would.planned.role, user), voice, at)


def _reader(role: Role, user: User) -> Reader:
    return Reader(role, user.time_zone, user.locale, user.time_format, privacy_of(user.choices))


def _is_veiled(facts: BookingFacts) -> bool:
    """Whether somebody is not named in it any more: his removal may not have come to all events."""
    people = (facts.organizer, facts.old_organizer, facts.attendee)
    return any(
        one is not None and is_alias(one.email)
        for one in (*people, *facts.hosts, *facts.attendees, *facts.added)
    )


def _other_details(one: BookingFacts, other: BookingFacts) -> Iterator[str]:
    for name in BookingFacts.__struct_fields__:
        if getattr(one, name) != getattr(other, name):
            yield name
