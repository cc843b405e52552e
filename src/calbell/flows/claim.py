"""Claim: due deliveries are leased to a worker, as many as fit; what is not to be sent any more is
ended instead."""

from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, structs

from calbell.domain.backoff import Backoff
from calbell.domain.deadlines import held_until, is_passive
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state, objection
from calbell.domain.holds import EVERY_PROJECT, Hold, holding
from calbell.domain.preferences import Preferences, effective
from calbell.domain.subscription import Platform
from calbell.expo.messages import MOST_RECIPIENTS
from calbell.flows import notice
from calbell.flows.surroundings import Policy
from calbell.store import deliveries, failures, holds, projects
from calbell.store.connection import Connection
from calbell.store.due import DueDelivery

PACE = 0.95
"""Of Expo's rate. Paced without bursts, Expo's sliding second refuses nothing at this share."""

LEAD = timedelta(milliseconds=100)
"""So long before its turn a request is claimed: how long claiming and wording take, on whichever
machine, does not show in the pace."""

LATE = timedelta(milliseconds=20)
"""A request that leaves later puts off the next one, which may be another process's."""

FIRST_IS_LATE = 0.2
"""By this share of its span, the one after a request that nobody foresaw waits longer: that one had
no lead, and may have had to connect."""

RESUMED_AT_ONCE = 1000
CANDIDATES = 50
"""For a probe."""


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
    """The requests that one claim makes to one project, to be sent at their turn; how many
    deliveries were found not to be sent, by the reason. `holds_known`: some credentials were broken
    lately, so that it is worth telling where they are good."""

    project_id: int
    requests: tuple[tuple[DueDelivery, ...], ...]
    turn_at: datetime
    withheld: Mapping[str, int]
    holds_known: bool = False


def claim_and_look(
    connection: Connection,
    policy: Policy,
    pace: Pace,
    worker: str,
    room: int,
    now: datetime,
    *,
    most: int = MOST_RECIPIENTS,
) -> tuple[Claim | None, datetime | None]:
    """One unit of work: what `claim` gives, and when something can be sent after that."""
    claimed = claim(connection, policy, pace, worker, room, now, most=most)
    return claimed, next_claim_at(connection)


def claim(
    connection: Connection,
    policy: Policy,
    pace: Pace,
    worker: str,
    room: int,
    now: datetime,
    *,
    most: int = MOST_RECIPIENTS,
) -> Claim | None:
    """One unit of work: up to `room` requests' worth of one project's due deliveries are leased to
    the worker, at most `most` in a request. `None` when nothing can be sent now."""
    known = holds.unsettled(connection)
    resume(connection, known, now)
    standing = [hold for hold in known if hold.stands]
    tried = probe(connection, standing, policy, pace, worker, now)
    if tried is not None:
        return tried
    project_id = deliveries.pick_project(connection, now, LEAD)
    if project_id is None:
        return None
    number = most if pace.rate else room * most
    sorted_out = _sorted_out(
        deliveries.due(connection, project_id, now, number), project_id, standing, policy, now
    )
    requests = tuple(requests_of(_informed(connection, sorted_out.sendable), most))[:room]
    turn_at = _keep(connection, project_id, requests, sorted_out, policy, pace, worker, now)
    return Claim(project_id, requests, turn_at, sorted_out.withheld, bool(known))


def resume(connection: Connection, known: Sequence[Hold], now: datetime) -> None:
    """What waited for holds that were lifted is due again, a part of it at a time."""
    for hold in known:
        if hold.stands:
            continue
        waiting = [
            deliveries.resume(
                connection, project_id, hold.scope.platform, hold.code, RESUMED_AT_ONCE, now
            )
            for project_id in _projects_of(connection, hold)
        ]
        if not any(waiting):
            holds.settle(connection, hold)


def probe(
    connection: Connection,
    standing: Sequence[Hold],
    policy: Policy,
    pace: Pace,
    worker: str,
    now: datetime,
) -> Claim | None:
    """A single delivery that tries held credentials, if it is time: of those that can wait longest
    the one that was tried least, so that it is not always the same."""
    for hold in standing:
        if hold.probe_at > now or any(other.is_wider_than(hold) for other in standing):
            continue
        found = _candidates(connection, hold, policy, now)
        if found is not None:
            opens_at = deliveries.opens_at(connection, found[0])
            if opens_at > now + LEAD:
                # Claimed now, it would not be true any more when its turn comes.
                holds.probe(connection, hold, opens_at - LEAD, hold.probes)
                continue
        one = found and min(found[1].sendable, key=lambda delivery: delivery.attempt, default=None)
        # Where nothing waits it was no try: what comes next need not wait for long.
        probes = hold.probes + (one is not None)
        pause = pace.backoff.base if one is None else pace.backoff.ceiling(probes)
        if holds.probe(connection, hold, now + pause, probes) and found is not None:
            project_id, sorted_out = found
            requests = () if one is None else (tuple(_informed(connection, (one,))),)
            turn_at = _keep(connection, project_id, requests, sorted_out, policy, pace, worker, now)
            return Claim(project_id, requests, turn_at, sorted_out.withheld, True)
    return None


def _candidates(
    connection: Connection, hold: Hold, policy: Policy, now: datetime
) -> tuple[int, "_SortedOut"] | None:
    """Some of what waits for the hold, in the first of its projects where something does."""
    for project_id in _projects_of(connection, hold):
        held = deliveries.held(connection, project_id, hold.scope.platform, CANDIDATES)
        sorted_out = _sorted_out(held, project_id, (), policy, now)
        if sorted_out.sendable or sorted_out.ended:
            return project_id, sorted_out
    return None


def next_claim_at(connection: Connection) -> datetime | None:
    """When something can be sent again: due, paced and not paused, or to try held credentials."""
    times = (deliveries.next_due_at(connection, LEAD), holds.next_probe_at(connection))
    return min((at for at in times if at is not None), default=None)


class _SortedOut(Struct, frozen=True):
    """Due deliveries that can be sent; those that are not to be sent any more (id, state, reason);
    those that wait for a hold to be lifted (id, code), and for quiet hours to end (id, until)."""

    sendable: list[DueDelivery]
    ended: list[tuple[int, DeliveryState, str]]
    held: list[tuple[int, str]]
    postponed: list[tuple[int, datetime]]

    @property
    def states(self) -> Iterator[tuple[int, DeliveryState]]:
        """What became of those that ended (id, state)."""
        return ((id_, state) for id_, state, _ in self.ended)

    @property
    def withheld(self) -> Mapping[str, int]:
        return Counts(reason for *_, reason in self.ended)


def _sorted_out(
    due: Iterable[DueDelivery],
    project_id: int,
    standing: Sequence[Hold],
    policy: Policy,
    now: datetime,
) -> _SortedOut:
    sorted_out, defaults = _SortedOut([], [], [], []), policy.rules.defaults
    for delivery in due:
        wishes = effective(delivery.choices, defaults, delivery.reader.time_zone)
        wanted = delivery.is_test or wishes.wants(delivery.kind)
        against = objection(delivery.standing, exclusive=policy.exclusive, wanted=wanted, now=now)
        held = None
        if against is None and not delivery.is_test and wishes.quiet_hours is not None:
            held = _held(delivery, wishes, now)
        if against is not None:
            fact, reason = against
            state = next_state(DeliveryState.QUEUED, fact, possibly_sent=delivery.possibly_sent)
            assert state is not None
            if fact is DeliveryFact.WENT_STALE:
                reason = delivery.code or reason
            sorted_out.ended.append((delivery.id, state, reason))
        elif hold := holding(standing, project_id, delivery.platform):
            sorted_out.held.append((delivery.id, hold.code))
        elif held is None:
            sorted_out.sendable.append(delivery)
        elif is_passive(delivery.kind, wishes.quiet_hours) and delivery.platform is Platform.IOS:
            sorted_out.sendable.append(structs.replace(delivery, is_passive=True))
        else:
            sorted_out.postponed.append((delivery.id, held))
    return sorted_out


def _informed(connection: Connection, sendable: Sequence[DueDelivery]) -> list[DueDelivery]:
    """The same, with what their earlier attempts met: mostly there were none."""
    met = failures.met(connection, (one.id for one in sendable if one.attempt > 1))
    return [structs.replace(one, met=met[one.id]) if one.id in met else one for one in sendable]


def _held(delivery: DueDelivery, wishes: Preferences, now: datetime) -> datetime | None:
    """Until when it is not to ring: a retry, or the end of a hold, may fall into quiet hours that
    had not begun when it was released."""
    expires_at = delivery.standing.expires_at
    return held_until(delivery.kind, delivery.facts, expires_at, wishes.quiet_hours, now)


def _keep(
    connection: Connection,
    project_id: int,
    requests: Sequence[Sequence[DueDelivery]],
    sorted_out: _SortedOut,
    policy: Policy,
    pace: Pace,
    worker: str,
    now: datetime,
) -> datetime:
    leased = [delivery.id for request in requests for delivery in request]
    deliveries.end(connection, sorted_out.ended, now)
    deliveries.hold(connection, sorted_out.held)
    deliveries.postpone(connection, sorted_out.postponed)
    deliveries.lease(connection, leased, worker, now + pace.lease)
    span = timedelta(seconds=len(leased) / (PACE * pace.rate) if pace.rate else 0.0)
    turn_at = deliveries.pace(connection, project_id, now, span, span * FIRST_IS_LATE)
    notice.of_deliveries(connection, sorted_out.states, policy, now)
    return turn_at


def _projects_of(connection: Connection, hold: Hold) -> Sequence[int]:
    project_id = hold.scope.project_id
    return projects.every(connection) if project_id == EVERY_PROJECT else (project_id,)


def requests_of(
    due: Sequence[DueDelivery], most: int = MOST_RECIPIENTS
) -> Iterator[tuple[DueDelivery, ...]]:
    """The deliveries in requests of at most `most`, and of no more than any of its members may be
    in: so what makes Expo refuse a request is found in ever smaller ones."""
    request = list[DueDelivery]()
    for delivery in sorted(due, key=lambda delivery: -delivery.most_together):
        if len(request) >= min(delivery.most_together, most):
            yield tuple(request)
            request = []
        request.append(delivery)
    if request:
        yield tuple(request)
