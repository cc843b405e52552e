"""Compose: the message of a delivery, from the stored facts and the app that it is for."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from calbell.domain.notification import BookingFacts
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.domain.wording import Reader, Voice, Words, hash_of, words
from calbell.expo.messages import PushData, PushMessage
from calbell.flows.fit import fit
from calbell.store.due import DueDelivery


class App(Struct, frozen=True):
    """What the operator said of the mobile app, and of what it is told. `deep_link` has a place for
    `{uid}`; what is `None` is not sent."""

    deep_link: str
    android_channel: str | None
    sound: str | None
    request_category: str | None
    voice: Voice = Voice()


class Letter(Struct, frozen=True, kw_only=True):
    """All that one message is made from. `key` is what repetitions replace each other by,
    `written_at` the time that its words know; `is_passive`: it makes no sound."""

    token: str
    platform: Platform
    key: str
    kind: PushEvent
    facts: BookingFacts
    event_id: str
    reader: Reader
    written_at: datetime
    expires_at: datetime
    is_passive: bool = False


class Composed(Struct, frozen=True):
    """A message, and the hash of its words."""

    message: PushMessage
    words_hash: str


class _Said(Struct, frozen=True):
    """What all phones of a user are told of one thing: the words, and where a tap leads."""

    words: Words
    hash: str
    url: str


def compose(delivery: DueDelivery, app: App, now: datetime) -> Composed:
    """The message of a delivery: the same for every attempt but for its words, which are those of
    the moment."""
    letter = _letter(delivery, now)
    return _composed(letter, _said(letter, app), app)


def compose_each(
    deliveries: Iterable[DueDelivery], app: App, now: datetime
) -> Iterator[tuple[DueDelivery, Composed | Exception]]:
    """The message of each delivery; or what came in the way of its words, which is no reason for
    the others to wait. A user's phones are told of one thing in the same words, found once."""
    said = dict[int, _Said]()
    for delivery in deliveries:
        try:
            letter, id_ = _letter(delivery, now), delivery.notification_id
            if id_ not in said:
                said[id_] = _said(letter, app)
            yield delivery, _composed(letter, said[id_], app)
        except Exception as error:
            yield delivery, error


def write(letter: Letter, app: App) -> PushMessage:
    """The message for one phone.

    An iPhone replaces a repetition by `collapseId`, an Android phone by `tag`: there the other
    one would collapse pushes to a phone that is offline (expo-push.md section 13). It is never
    larger than Expo takes.
    """
    return _composed(letter, _said(letter, app), app).message


def _letter(delivery: DueDelivery, now: datetime) -> Letter:
    return Letter(
        token=delivery.token,
        platform=delivery.platform,
        key=delivery.key,
        kind=delivery.kind,
        facts=delivery.facts,
        event_id=delivery.event_id or delivery.key,
        reader=delivery.reader,
        written_at=now,
        expires_at=delivery.standing.expires_at,
        is_passive=delivery.is_passive,
    )


def _said(letter: Letter, app: App) -> _Said:
    said = words(letter.kind, letter.facts, letter.reader, app.voice, letter.written_at)
    url = app.deep_link.replace("{uid}", quote(letter.facts.uid, safe=""))
    return _Said(said, hash_of(said), url)


def _composed(letter: Letter, said: _Said, app: App) -> Composed:
    on_ios = letter.platform is Platform.IOS
    can_confirm = (
        letter.kind is PushEvent.BOOKING_REQUESTED and letter.reader.role is not Role.ATTENDEE
    )
    message = PushMessage(
        to=letter.token,
        title=said.words.title,
        body=said.words.body,
        data=PushData(
            url=said.url,
            booking_uid=letter.facts.uid,
            notification_event=letter.kind,
            event_id=letter.event_id,
        ),
        sound=None if letter.is_passive else app.sound,
        priority="high",
        channel_id=None if on_ios else app.android_channel,
        expiration=int(letter.expires_at.timestamp()),
        collapse_id=letter.key if on_ios else None,
        tag=None if on_ios else letter.key,
        category_id=app.request_category if can_confirm else None,
        interruption_level="passive" if letter.is_passive else None,
    )
    return Composed(fit(message), said.hash)
