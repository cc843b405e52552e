"""Trouble: what is wrong now, in words, and what to do about it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.domain.holds import Held
from calbell.flows import words
from calbell.store.overview import Seen

TOO_LONG = timedelta(minutes=2)
"""A delivery that is due and waits longer is late."""

NOTICES_TOO_LONG = timedelta(minutes=10)
RECEIPTS_TOO_LONG = timedelta(minutes=30)
SILENT_FOR = timedelta(days=3)

MANY_GONE = 0.2
"""Of the deliveries of a day, so many that went to phones that are gone are no accident."""

ENOUGH = 50
"""So few deliveries say nothing in shares."""


class Trouble(Struct, frozen=True):
    """Something that is wrong; with `is_urgent` somebody is not told because of it."""

    words: str
    remedy: str
    is_urgent: bool = True


_REMEDIES = {
    "bad_signature": "give Cal.com's webhook and CALBELL_WEBHOOK_SECRETS the same secret",
    "no_signature": "give the webhook at Cal.com a secret; if it has one, others send these",
    "no_secret_configured": "set CALBELL_WEBHOOK_SECRETS to the secret of the webhook at Cal.com",
    "unknown_source": "remove the webhook at Cal.com that sends there, or make it anew",
}


def troubles(seen: Seen, now: datetime, *, hears_all: bool) -> list[Trouble]:
    """Everything that is wrong, what is urgent first. `hears_all`: there is a webhook secret."""
    found = [
        *_sending(seen, now),
        *_hearing(seen, now, hears_all=hears_all),
        *_asking(seen, now),
        *_keeping(seen),
    ]
    return sorted(found, key=lambda one: not one.is_urgent)


def _sending(seen: Seen, now: datetime) -> Iterator[Trouble]:
    for held in seen.held:
        yield _held(held)
    for queue in seen.queues:
        if queue.paused_until > now + timedelta(seconds=1) and queue.due:
            pause = words.span(queue.paused_until - now)
            yield Trouble(
                f"{_project(queue.project)} is paused for {pause}: Expo did not take what was sent",
                "look at the last failures; it goes on by itself when Expo takes pushes again",
            )
    oldest = seen.depth.oldest_due_at
    if oldest is not None and now - oldest > TOO_LONG:
        yield Trouble(
            f"{_deliveries(seen.depth.due)} waiting, the oldest for {words.span(now - oldest)}",
            "see that a process delivers (calbell serve, or calbell worker), and whether one of "
            "the other lines here says why; calbell doctor checks the way to Expo",
        )
    late = seen.receipts_due.oldest_due_at
    if late is not None and now - late > RECEIPTS_TOO_LONG:
        yield Trouble(
            f"receipts are {words.span(now - late)} late",
            "see whether Expo can be reached; what became of pushes is not known meanwhile",
            is_urgent=False,
        )
    day = seen.tallied.total("deliveries", now - timedelta(days=1))
    made = sum(day.values())
    for state, what, remedy in (
        (
            "unregistered",
            "phones that are gone",
            "see whether the app was built anew under another project or without its credentials",
        ),
        (
            "failed",
            "nobody, as they were refused for good",
            "look at the last failures: the codes there say what was wrong with them",
        ),
    ):
        if made >= ENOUGH and day.get(state, 0) > made * MANY_GONE:
            yield Trouble(
                f"{day[state]} of the {made} deliveries of this day went to {what}",
                remedy,
                is_urgent=False,
            )


def _hearing(seen: Seen, now: datetime, *, hears_all: bool) -> Iterator[Trouble]:
    if not hears_all and not seen.has_sources:
        yield Trouble(
            "no webhook can come in: there is no secret to check one with",
            "set CALBELL_WEBHOOK_SECRETS, or run calbell connect",
        )
    elif seen.last_event_at is None:
        yield Trouble(
            "no event has ever come in",
            "make a booking at Cal.com; if nothing comes, see whether its webhook sends here",
            is_urgent=False,
        )
    elif now - seen.last_event_at > SILENT_FOR:
        yield Trouble(
            f"no event has come in for {words.span(now - seen.last_event_at)}",
            "see whether the webhook at Cal.com is still active and sends here",
            is_urgent=False,
        )
    for refused in seen.refused:
        number = "1 webhook was" if refused.number == 1 else f"{refused.number} webhooks were"
        why = words.said(refused.reason, words.REFUSALS)
        yield Trouble(
            f"{number} refused within a day, the last {words.span(now - refused.last_at)} ago: "
            f"{why}",
            _REMEDIES.get(refused.reason, "see the log"),
            is_urgent=False,
        )
    if seen.unreadable:
        number = "1 event" if seen.unreadable == 1 else f"{seen.unreadable} events"
        yield Trouble(
            f"{number} could not be understood; nobody was told",
            "update Calbell, then replay them: Events, Unreadable",
            is_urgent=False,
        )


def _asking(seen: Seen, now: datetime) -> Iterator[Trouble]:
    """What other programs do not take or answer."""
    if seen.sweep.failure is not None:
        yield Trouble(
            f"bookings cannot be compared with Cal.com's: {seen.sweep.failure}",
            "mend what it says of Cal.com; until then what a lost webhook told of is not told",
            is_urgent=False,
        )
    oldest = seen.callback.oldest_at
    if seen.callback.in_vain and oldest is not None and now - oldest > NOTICES_TOO_LONG:
        yield Trouble(
            f"the program at CALBELL_CALLBACK_URL has not taken a notice for "
            f"{words.span(now - oldest)}: {seen.callback.failure or 'no answer is known'}",
            "see that it runs and answers with 2xx; calbell doctor says more",
            is_urgent=False,
        )


def _keeping(seen: Seen) -> Iterator[Trouble]:
    if not seen.users:
        yield Trouble(
            "there is no user, so that nobody can be told",
            "run calbell users add, or set CALBELL_AUTH=calcom so that users come by themselves",
            is_urgent=False,
        )


def _held(held: Held) -> Trouble:
    if held.is_for_access_token:
        of_whom = "" if held.everything else f" to {_project(held.project)}"
        return Trouble(
            f"nothing is sent{of_whom} since {words.utc(held.since)}: {words.explained(held.code)}",
            "mend CALBELL_EXPO_ACCESS_TOKEN; what waits is sent when one push comes through",
        )
    platform = f"{words.PLATFORMS[held.platform]} pushes" if held.platform else "pushes"
    return Trouble(
        f"{platform} of {_project(held.project)} are held since {words.utc(held.since)}: "
        f"{words.explained(held.code)}",
        "mend the push credentials of the app at Expo (eas credentials); what waits is sent when "
        "one push comes through",
    )


def _project(name: str | None) -> str:
    return f"project {name}" if name else "phones whose project is not known yet"


def _deliveries(number: int) -> str:
    return "1 delivery is" if number == 1 else f"{number} deliveries are"
