"""Complete: what one attempt came to for its delivery, and what of it is to be kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.domain.backoff import receipt_look
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state
from calbell.domain.failures import or_given_up
from calbell.domain.outcomes import Accepted, Gone, Later, Refused, Ticket, Unclear
from calbell.domain.sightings import ASKED_AGAIN, Sighting, sighting
from calbell.flows.claim import Pace
from calbell.store.deliveries import Completion
from calbell.store.due import DueDelivery

SOON = timedelta(seconds=10)
"""After a ticket under credentials that are in question: receipts mostly come within seconds."""


class Sending(Struct, frozen=True):
    """A request under way: who sends what since when, and how long to pause where it fails.

    One pause for all: deliveries that wait together are sent together again. `holds_known`: where
    credentials are good is worth telling. `words_hashes` are those of the words, by delivery.
    """

    project_id: int
    request: Sequence[DueDelivery]
    worker: str
    started_at: datetime
    pause: timedelta
    holds_known: bool = False
    words_hashes: Mapping[int, str] = {}


_FACTS = {
    Gone: DeliveryFact.PHONE_GONE,
    Refused: DeliveryFact.REFUSED,
    Later: DeliveryFact.POSTPONED,
    Unclear: DeliveryFact.ANSWER_LOST,
}


def completion(
    delivery: DueDelivery,
    ticket: Ticket,
    sending: Sending,
    pace: Pace,
    now: datetime,
    *,
    in_wave: bool = False,
) -> Completion:
    """What to keep of one delivery after one attempt; the last one, where it failed likewise often
    enough."""
    if isinstance(ticket, Later):
        ticket = or_given_up(ticket, delivery.met)
    if isinstance(ticket, Accepted):
        # Where credentials are in question, the receipt may be what tells.
        first = min(pace.receipt_delay, SOON) if sending.holds_known else pace.receipt_delay
        look = receipt_look(first, 0)
        return Completion(
            delivery_id=delivery.id,
            worker=sending.worker,
            attempt=delivery.attempt,
            asked_at=sending.started_at,
            outcome="accepted",
            ticket_id=ticket.ticket_id,
            receipt_due_at=now + look if look is not None else None,
            possibly_sent=delivery.possibly_sent,
            phone_id=delivery.phone_id,
            token=delivery.token,
            most_together=delivery.most_together,
            words_hash=sending.words_hashes.get(delivery.id),
        )
    seen = (
        sighting(in_wave=in_wave, suspected_at=delivery.suspected_at, asked_at=sending.started_at)
        if isinstance(ticket, Gone)
        else None
    )
    pause = sending.pause
    fact = _FACTS[type(ticket)]
    if seen is Sighting.DOUBTED:
        fact, pause = DeliveryFact.POSTPONED, ASKED_AGAIN.ceiling(delivery.attempt)
    state = next_state(DeliveryState.SENDING, fact, possibly_sent=delivery.possibly_sent)
    assert state is not None
    wait = ticket.wait if isinstance(ticket, Later) and ticket.wait else timedelta()
    return Completion(
        delivery_id=delivery.id,
        worker=sending.worker,
        attempt=delivery.attempt,
        asked_at=sending.started_at,
        outcome=fact,
        code=ticket.code,
        state=state,
        due_at=now + max(pause, wait),
        possibly_sent=delivery.possibly_sent or isinstance(ticket, Unclear),
        phone_id=delivery.phone_id,
        token=delivery.token,
        sighting=seen,
        most_together=delivery.most_together,
        words_hash=sending.words_hashes.get(delivery.id),
    )
