"""Claim: due deliveries are leased to a worker, as many as fit; what is not to be sent any more is
ended instead."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.domain.backoff import Backoff
from calbell.domain.delivery import DeliveryState, next_state, objection
from calbell.expo.messages import MOST_RECIPIENTS
from calbell.flows.surroundings import Policy
from calbell.store import deliveries
from calbell.store.connection import Connection
from calbell.store.deliveries import DueDelivery

PACE = 0.95
"""Of Expo's rate. Paced without bursts, Expo's sliding second refuses nothing at this share."""


class Pace(Struct, frozen=True, kw_only=True):
    """How much is sent at once and how often. `rate` is notifications a second and project
    (0: as fast as it goes); `requests` is how many may be under way; `lease` how long a claim
    lasts; `receipt_delay` when to look for receipts first."""

    rate: int
    requests: int
    lease: timedelta
    backoff: Backoff
    receipt_delay: timedelta


class Claim(Struct, frozen=True):
    """The requests that one claim makes to one project; `withheld` deliveries were found not to be
    sent at all."""

    project_id: int
    requests: tuple[tuple[DueDelivery, ...], ...]
    withheld: int


def claim(
    connection: Connection,
    policy: Policy,
    pace: Pace,
    worker: str,
    room: int,
    now: datetime,
) -> Claim | None:
    """One unit of work: up to `room` requests' worth of one project's due deliveries are leased to
    the worker. `None` when nothing can be sent now."""
    project_id = deliveries.pick_project(connection, now)
    if project_id is None:
        return None
    number = MOST_RECIPIENTS if pace.rate else room * MOST_RECIPIENTS
    sendable, ended = list[DueDelivery](), list[tuple[int, DeliveryState, str]]()
    for delivery in deliveries.due(connection, project_id, now, number):
        against = objection(delivery.standing, exclusive=policy.exclusive, now=now)
        if against is None:
            sendable.append(delivery)
            continue
        fact, reason = against
        state = next_state(DeliveryState.QUEUED, fact, possibly_sent=delivery.possibly_sent)
        assert state is not None
        ended.append((delivery.id, state, reason))
    requests = tuple(requests_of(sendable))[:room]
    leased = [delivery.id for request in requests for delivery in request]
    deliveries.end(connection, ended, now)
    deliveries.lease(connection, leased, worker, now + pace.lease)
    span = len(leased) / (PACE * pace.rate) if pace.rate else 0.0
    deliveries.pace(connection, project_id, now + timedelta(seconds=span))
    return Claim(project_id, requests, len(ended))


def requests_of(due: Sequence[DueDelivery]) -> Iterator[tuple[DueDelivery, ...]]:
    """The deliveries in requests of at most a hundred, and of no more than any of its members may
    be in: so what makes Expo refuse a request is found in ever smaller ones."""
    request = list[DueDelivery]()
    for delivery in sorted(due, key=lambda delivery: -delivery.most_together):
        if len(request) >= min(delivery.most_together, MOST_RECIPIENTS):
            yield tuple(request)
            request = []
        request.append(delivery)
    if request:
        yield tuple(request)
