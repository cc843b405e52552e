"""The page of states, from the tables of the domain and the program's own words for them."""

from collections.abc import Iterator, Mapping
from typing import Final

from calbell.domain.delivery import (
    DELIVERY_TRANSITIONS,
    SETTLED,
    DeliveryFact,
    DeliveryState,
    Next,
    Withdrawal,
)
from calbell.domain.notification import (
    NOTIFICATION_TRANSITIONS,
    NotificationFact,
    Suppression,
    Wait,
)
from calbell.expo.words import CODES
from calbell.flows import words
from tests.reference.markdown import code, table

_INTRODUCTION = """\
# States, outcomes and reasons

<!-- Made by `python -m tests.reference` from src/calbell/domain/ and the words of
src/calbell/flows/words.py and src/calbell/expo/words.py; edit those instead. -->

What the timeline of a booking, `calbell explain`, `calbell status`, the console and the
[metrics](metrics.md) call things. How they come about is told in
[how delivery works](../explanation/how-delivery-works.md).
"""

_NOTIFICATION_FACTS: Final[Mapping[NotificationFact, str]] = {
    NotificationFact.ITS_TIME_CAME: "its time came",
    NotificationFact.BOOKING_CHANGED: "the booking changed again",
    NotificationFact.NOT_TO_BE_SAID: "it is not to be said, for one of the reasons below",
    NotificationFact.WENT_STALE: "it went out of date",
}
_DELIVERY_FACTS: Final[Mapping[DeliveryFact, str]] = {
    DeliveryFact.CLAIMED: "a worker claims it",
    DeliveryFact.TICKET: "Expo's ticket, however late",
    DeliveryFact.PHONE_GONE: "Expo says that the phone is gone",
    DeliveryFact.REFUSED: "Expo refuses it for good",
    DeliveryFact.POSTPONED: "certainly not sent, worth another try",
    DeliveryFact.ANSWER_LOST: "the answer was lost: it may have been sent",
    DeliveryFact.LEASE_LOST: "the worker's lease ran out: it may have been sent",
    DeliveryFact.RECEIPT_OK: "receipt ok, however late",
    DeliveryFact.RECEIPT_GONE: "receipt: the phone is gone",
    DeliveryFact.RECEIPT_REFUSED: "receipt: refused for good",
    DeliveryFact.RECEIPT_POSTPONED: "receipt: not handed over, worth another try",
    DeliveryFact.RECEIPT_NEVER_CAME: "no receipt within a day",
    DeliveryFact.WITHDRAWN: "found unwanted when it is claimed",
    DeliveryFact.WENT_STALE: "found out of date when it is claimed",
    DeliveryFact.RESTORED: "an older copy of the database serves now",
}


def page() -> str:
    """Every state, what leads on from it, and every reason and code that has words."""
    return "\n".join((_INTRODUCTION, *_notifications(), *_deliveries(), *_others()))


def _notifications() -> Iterator[str]:
    yield "## A notification\n"
    yield "What is to be said to one user about one change of a booking.\n"
    yield _worded("state", words.NOTIFICATIONS)
    yield table(
        ("from", "when", "to"),
        (
            (code(state), _NOTIFICATION_FACTS[fact], code(to))
            for (state, fact), to in NOTIFICATION_TRANSITIONS.items()
            if to is not state
        ),
    )
    yield "Why one is not said, or waits:\n"
    yield table(
        ("reason", "meaning"),
        ((code(reason), words.REASONS[reason]) for reason in (*Suppression, *Wait)),
    )


def _deliveries() -> Iterator[str]:
    yield "## A delivery\n"
    yield "One notification to one phone.\n"
    yield _worded("state", words.DELIVERIES)
    yield table(
        ("from", "when", "to", "if it may have been sent"),
        (
            (code(state), _DELIVERY_FACTS[fact], code(step.state), _code(step.if_possibly_sent))
            for (state, fact), step in sorted(DELIVERY_TRANSITIONS.items(), key=_in_order)
        ),
    )
    yield f"Ends are {', '.join(code(state) for state in DeliveryState if state in SETTLED)}:"
    yield "nothing is done for the phone any more, though what Expo says later is still kept.\n"
    yield "Why one was withdrawn, or ended without Expo's word:\n"
    withdrawals = (
        *Withdrawal,
        DeliveryFact.WENT_STALE,
        Suppression.RESTORED,
        "no_receipt",
        "no_words",
    )
    yield table(
        ("reason", "meaning"), ((code(reason), words.REASONS[reason]) for reason in withdrawals)
    )


def _in_order(step: tuple[tuple[DeliveryState, DeliveryFact], Next]) -> tuple[int, int]:
    (state, fact), _ = step
    return list(DeliveryState).index(state), list(DeliveryFact).index(fact)


def _code(state: DeliveryState | None) -> str:
    return "" if state is None else code(state)


def _others() -> Iterator[str]:
    yield "## An attempt\n"
    yield "One try to send a delivery; its `outcome`:\n"
    yield _worded("outcome", words.OUTCOMES)
    yield "Its `code`, and that of its receipt, where there is more to say. Others are shown as"
    yield "Expo says them.\n"
    yield _worded("code", CODES)
    yield "## An event\n"
    yield _worded("state", words.EVENTS)
    yield "A webhook that was refused leaves its time, its size and a reason:\n"
    yield _worded("reason", words.REFUSALS)
    yield "## A booking\n"
    yield _worded("status", words.BOOKINGS)


def _worded(head: str, said: Mapping[str, str]) -> str:
    return table((head, "meaning"), ((code(name), text) for name, text in said.items()))
