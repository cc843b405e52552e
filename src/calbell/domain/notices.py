"""Notices: what another program is told when a push could not do its work, and how it is signed."""

import hmac
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from calbell.domain.backoff import Backoff
from calbell.domain.delivery import DeliveryState, Withdrawal
from calbell.domain.holds import Held
from calbell.domain.notification import NotificationState, Suppression
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import masked
from calbell.domain.subscription import Platform

PAUSES: Final = Backoff(timedelta(seconds=5), timedelta(minutes=30))
"""Between attempts to send a notice."""

GIVEN_UP_AFTER: Final = timedelta(days=1)
FEWEST_TRIES: Final = 24
"""A notice that nobody took so long is not sent any more, once it was tried so often: that takes
hours, also where nothing was sent for a day before, or the clock was set forward by one."""


class NoticeKind(StrEnum):
    """What there are notices of."""

    DEVICE_GONE = "device.gone"
    NOTIFICATION_UNREACHABLE = "notification.unreachable"
    PROJECT_HELD = "project.held"


class GoneDevice(Struct, frozen=True, kw_only=True, rename="camel"):
    """A phone on which nothing rings any more; the token is masked."""

    user_id: int
    platform: Platform
    device_id: str
    token: str
    code: str


class Reason(Struct, frozen=True, order=True):
    """Why one way to a user led nowhere: what became of it, and Expo's code or our own word."""

    state: str
    code: str


class Unreachable(Struct, frozen=True, kw_only=True, rename="camel"):
    """News that came to a user on no phone."""

    user_id: int
    notification_event: PushEvent
    booking_uid: str
    event_id: str | None
    reasons: tuple[Reason, ...]


class HeldProject(Struct, frozen=True, kw_only=True):
    """Credentials that are broken (`held`), or good again (`lifted`): of which project at Expo
    (`None`: phones whose project nobody has told us; with `everything` all of them) and which
    platform (`None`: both)."""

    state: str
    everything: bool
    project: str | None
    platform: Platform | None
    code: str
    remedy: str


Told: TypeAlias = GoneDevice | Unreachable | HeldProject


class Notice(Struct, frozen=True, kw_only=True):
    """One thing that is told once: two notices about the same are one."""

    kind: NoticeKind
    about: str
    user_id: int | None
    made_at: datetime
    data: Told

    @property
    def id(self) -> str:
        """The same for each attempt to send it, and of no other notice: a database that begins
        anew may number its rows as before, but not at the same moment."""
        named = f"{self.about} {_ms(self.made_at)}"
        return f"ntc_{sha256(named.encode()).hexdigest()[:24]}"

    @property
    def body(self) -> str:
        """What is sent, byte for byte, each time."""
        at = self.made_at.astimezone(UTC).isoformat(timespec="milliseconds")
        said = _Said(self.id, self.kind, at.replace("+00:00", "Z"), self.data)
        return msgspec.json.encode(said).decode()


class _Said(Struct, frozen=True, rename="camel"):
    id: str
    kind: NoticeKind
    created_at: str
    data: Told


class Way(Struct, frozen=True):
    """What became of one delivery. `may_have_rung`: some answer on its way said nothing."""

    state: DeliveryState
    reason: str | None
    may_have_rung: bool = False


class Fate(Struct, frozen=True, kw_only=True):
    """What became of a notification about a booking, made then, and of its deliveries."""

    notification_id: int
    made_at: datetime
    user_id: int
    event: PushEvent
    booking_uid: str
    event_id: str | None
    state: NotificationState
    reason: str | None
    is_superseded: bool
    ways: tuple[Way, ...]


_NO_PHONE = (Withdrawal.DEVICE_REMOVED, Withdrawal.TAKEN_OVER, Withdrawal.DEVICE_GONE)
_CAME_TO_NOTHING = (DeliveryState.FAILED, DeliveryState.UNREGISTERED, DeliveryState.EXPIRED)


def unreachable(fate: Fate, now: datetime) -> Notice | None:
    """The notice that nothing of the news came through: there is no phone, its time passed, or
    every delivery certainly came to nothing. `None` while one may still ring, or may have rung, and
    where the user or a later change did not want it said."""
    reasons = frozenset(_reasons(fate))
    if not reasons or fate.is_superseded:
        return None
    return Notice(
        kind=NoticeKind.NOTIFICATION_UNREACHABLE,
        # SQLite numbers its rows anew when all of them were forgotten.
        about=f"unreachable {fate.notification_id} {_ms(fate.made_at)}",
        user_id=fate.user_id,
        made_at=now,
        data=Unreachable(
            user_id=fate.user_id,
            notification_event=fate.event,
            booking_uid=fate.booking_uid,
            event_id=fate.event_id,
            reasons=tuple(sorted(reasons)),
        ),
    )


def _reasons(fate: Fate) -> Iterator[Reason]:
    if fate.state is NotificationState.SUPPRESSED and fate.reason == Suppression.NO_DEVICE:
        yield Reason(NotificationState.SUPPRESSED, Suppression.NO_DEVICE)
    elif fate.state is NotificationState.EXPIRED:
        yield Reason(NotificationState.EXPIRED, "went_stale")
    elif fate.state is NotificationState.RELEASED and all(map(_came_to_nothing, fate.ways)):
        for way in fate.ways:
            yield Reason(way.state, way.reason or "")


def _came_to_nothing(way: Way) -> bool:
    ended_so = way.state in _CAME_TO_NOTHING or (
        way.state is DeliveryState.WITHDRAWN and way.reason in _NO_PHONE
    )
    return ended_so and not way.may_have_rung


def device_gone(
    subscription_id: int,
    user_id: int,
    platform: Platform,
    device_id: str,
    token: str,
    code: str,
    now: datetime,
) -> Notice:
    """The notice that a phone of the user's is gone. If it comes back and goes again, that is
    another one."""
    return Notice(
        kind=NoticeKind.DEVICE_GONE,
        about=f"gone {subscription_id} {_ms(now)}",
        user_id=user_id,
        made_at=now,
        data=GoneDevice(
            user_id=user_id,
            platform=platform,
            device_id=device_id,
            token=masked(token),
            code=code,
        ),
    )


def turned(before: Iterable[Held], after: Iterable[Held], now: datetime) -> Iterator[Notice]:
    """The notices of what was not broken before, and of what is not any more. Where the same was
    shown in two ways, it is told once."""
    was = {one.scope: one for one in sorted(before, key=_since, reverse=True)}
    is_ = {one.scope: one for one in sorted(after, key=_since, reverse=True)}
    for scope, one in is_.items():
        if scope not in was:
            yield _held(one, "held", _remedy(one), now)
    for scope, one in was.items():
        if scope not in is_:
            yield _held(one, "lifted", "nothing to do: what waited is sent", now)


def _since(one: Held) -> datetime:
    return one.since


def _held(one: Held, state: str, remedy: str, now: datetime) -> Notice:
    whose = "every" if one.everything else one.project or "unknown"
    return Notice(
        kind=NoticeKind.PROJECT_HELD,
        about=f"{state} {whose} {one.platform or 'both'} {_ms(one.since)}",
        user_id=None,
        made_at=now,
        data=HeldProject(
            state=state,
            everything=one.everything,
            project=one.project,
            platform=one.platform,
            code=one.code,
            remedy=remedy,
        ),
    )


def _remedy(one: Held) -> str:
    if one.is_for_access_token:
        return "mend CALBELL_EXPO_ACCESS_TOKEN"
    return "mend the push credentials of the app at Expo"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What proves that body and timestamp are ours: HMAC-SHA256 over `<timestamp>.<body>`, in hex,
    with the name of the scheme before it."""
    signed = timestamp.encode() + b"." + body
    return f"v1={hmac.digest(secret.encode(), signed, 'sha256').hex()}"


def headers_of(notice_id: str, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers with which a notice is sent at this moment."""
    timestamp = str(_ms(at) // 1000)
    return {
        "content-type": "application/json",
        "user-agent": "calbell",
        "calbell-notice": notice_id,
        "calbell-timestamp": timestamp,
        "calbell-signature": signature(secret, timestamp, body),
    }


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
