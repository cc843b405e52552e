"""Report: what a send request came to, for each of its deliveries, and how it is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct, structs

from calbell.domain.delivery import DeliveryState
from calbell.domain.holds import EVERY_PROJECT, Evidence, Scope, ShownBy, evidence, silent
from calbell.domain.outcomes import (
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    Later,
    MixedProjects,
    Refused,
    Ticket,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform
from calbell.flows import notice
from calbell.flows.claim import Pace
from calbell.flows.complete import Sending, completion
from calbell.flows.surroundings import Policy
from calbell.store import deliveries, holds, projects, subscriptions
from calbell.store.connection import Connection
from calbell.store.deliveries import Completion
from calbell.store.due import DueDelivery

NO_WORDS = "no_words"
"""Why what cannot be put into words has failed."""

MIXED_PROJECTS = "PUSH_TOO_MANY_EXPERIENCE_IDS"


class Report(Struct, frozen=True, kw_only=True):
    """What is to be kept of one request. `paused_until` holds the whole project back;
    `learned` tells which tokens belong to which project of Expo; `shown` what is known now about
    credentials, and when those that are broken may be tried again; `untried` are projects and
    platforms of which it showed nothing."""

    project_id: int
    completions: tuple[Completion, ...]
    paused_until: datetime | None = None
    learned: Mapping[str, Sequence[str]] = {}
    shown: tuple[Evidence, ...] = ()
    untried: tuple[tuple[int, Platform], ...] = ()
    probe_at: datetime

    @property
    def all_accepted(self) -> bool:
        """Whether Expo took all of it, so that nothing else can be sent because of it."""
        return all(one.state is DeliveryState.ACCEPTED for one in self.completions)

    def with_those_of(self, other: "Report") -> "Report":
        """The same, with the completions of another one."""
        return structs.replace(self, completions=self.completions + other.completions)


def unworded(
    sending: Sending, wordless: Sequence[DueDelivery], pace: Pace, now: datetime
) -> Report:
    """These of the request cannot be put into words: they are not sent, and never will be."""
    alone = structs.replace(sending, request=wordless)
    return _report(alone, (Refused(NO_WORDS),) * len(wordless), pace, now)


def report(
    sending: Sending,
    answer: Answer,
    pace: Pace,
    now: datetime,
    *,
    in_wave: bool = False,
    alone: bool = False,
) -> Report:
    """What the answer means for each delivery of the request.

    A request that was refused whole for something in it is sent again in halves; one whose tokens
    belong to several projects in parts, each in the line of its project. One that fails `alone`,
    for no reason that is known, while others go well, may have something in it that upsets Expo:
    its members are tried again in halves too, each at its time; the project pauses for them only
    where Expo asks for that. `in_wave`: suddenly far too many phones are called gone.
    """
    match answer:
        case Tickets(tickets):
            return _told(sending, tickets, pace, now, in_wave=in_wave)
        case AllUnclear(code, wait):
            unclear = (Unclear(code),) * len(sending.request)
            made = _report(sending, unclear, pace, now, paused_until=_pause_until(wait, now))
            return _in_halves(made) if alone else made
        case AllLater(code, wait, unexplained):
            later = (Later(code, wait),) * len(sending.request)
            pause = wait if unexplained else max(sending.pause, wait or timedelta())
            made = _report(sending, later, pace, now, paused_until=_pause_until(pause, now))
            return _in_halves(made) if unexplained and alone else made
        case AllBarred(code, everybody, project):
            if project is not None and sending.project_id == projects.UNKNOWN:
                # The phones of one request belong to one project, or Expo knows none of them.
                tokens = tuple(delivery.token for delivery in sending.request)
                return _again(sending, code, pace, now, learned={project: tokens})
            barred = _report(sending, (Later(code),) * len(sending.request), pace, now)
            held = EVERY_PROJECT if everybody else sending.project_id
            broken = Evidence(Scope(held, None, ShownBy.REQUEST), sending.started_at, code)
            return structs.replace(barred, shown=(broken,))
        case MixedProjects(tokens) if _teaches(tokens, sending.request):
            return _again(sending, MIXED_PROJECTS, pace, now, learned=tokens)
        case WholeRefused() | MixedProjects():
            code = answer.code if isinstance(answer, WholeRefused) else MIXED_PROJECTS
            if len(sending.request) == 1:
                return _report(sending, (Refused(code),), pace, now)
            return _in_halves(_again(sending, code, pace, now))
        case _:
            assert_never(answer)


def keep_reports(
    connection: Connection, reports: Sequence[Report], policy: Policy, now: datetime
) -> list[tuple[Scope, ...]]:
    """One unit of work: what several requests came to is kept, and who is to hear of it does. Doing
    it again changes nothing. For each of them what is held from now on."""
    completions = [one for report in reports for one in report.completions]
    deliveries.complete_many(connection, completions, now)
    gone = (one.phone_id for one in completions if one.sighting is Sighting.GONE)
    notice.of_phones(connection, gone, policy, now)
    for one in reports:
        if one.paused_until is not None:
            deliveries.pause(connection, one.project_id, one.paused_until)
        if one.learned:
            ids = projects.know(connection, one.learned)
            subscriptions.learn_projects(
                connection,
                {token: ids[name] for name, named in one.learned.items() for token in named},
                now,
            )
        if one.untried:
            holds.try_again(connection, one.untried, now)
    held = _held(connection, reports, policy, now)
    ended = ((one.delivery_id, one.state) for one in completions if not one.ticket_id)
    notice.of_deliveries(connection, ended, policy, now)
    return held


def _held(
    connection: Connection, reports: Sequence[Report], policy: Policy, now: datetime
) -> list[tuple[Scope, ...]]:
    if not any(one.shown for one in reports):
        return [()] * len(reports)
    with notice.of_holds(connection, policy, now):
        return [
            tuple(holds.note(connection, one.shown, one.probe_at, now)) if one.shown else ()
            for one in reports
        ]


def _told(
    sending: Sending, tickets: Sequence[Ticket], pace: Pace, now: datetime, *, in_wave: bool
) -> Report:
    """One ticket for each: they also show where credentials are broken, or good."""
    made = _report(sending, tickets, pace, now, in_wave=in_wave)
    said = [
        (sending.project_id, delivery.platform, ticket)
        for delivery, ticket in zip(sending.request, tickets, strict=True)
    ]
    at = sending.started_at
    shown = list(
        evidence(
            ((project_id, platform, at, ticket) for project_id, platform, ticket in said),
            ShownBy.TICKET,
        )
    )
    shown.append(Evidence(Scope(sending.project_id, None, ShownBy.REQUEST), at, None))
    return structs.replace(
        made,
        shown=tuple(one for one in shown if sending.holds_known or one.code is not None),
        untried=tuple(silent(said)) if sending.holds_known else (),
    )


def _report(
    sending: Sending,
    tickets: Sequence[Ticket],
    pace: Pace,
    now: datetime,
    *,
    paused_until: datetime | None = None,
    in_wave: bool = False,
) -> Report:
    return Report(
        project_id=sending.project_id,
        completions=tuple(
            completion(delivery, ticket, sending, pace, now, in_wave=in_wave)
            for delivery, ticket in zip(sending.request, tickets, strict=True)
        ),
        paused_until=paused_until,
        probe_at=now + pace.backoff.ceiling(1),
    )


def _pause_until(wait: timedelta | None, now: datetime) -> datetime | None:
    """Until when the project pauses."""
    return now + wait if wait else None


def _again(
    sending: Sending,
    code: str,
    pace: Pace,
    now: datetime,
    *,
    learned: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Nothing was sent; all of it is due again at once, otherwise put together."""
    at_once = structs.replace(sending, pause=timedelta())
    again = _report(at_once, (Later(code),) * len(sending.request), pace, now)
    return structs.replace(again, learned=learned or {})


def _in_halves(again: Report) -> Report:
    """The same, tried again in requests of half the size."""
    half = (len(again.completions) + 1) // 2
    smaller = tuple(structs.replace(one, most_together=half) for one in again.completions)
    return structs.replace(again, completions=smaller)


def _teaches(tokens: Mapping[str, Sequence[str]], request: Sequence[DueDelivery]) -> bool:
    """Whether knowing these projects will part the request: else it would come again as it is."""
    sent = {delivery.token for delivery in request}
    return sum(not sent.isdisjoint(named) for named in tokens.values()) > 1
