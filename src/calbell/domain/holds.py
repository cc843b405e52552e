"""Holds: where broken credentials show, what they stop, and when it goes on.

An app's credentials at Expo, Apple or Google break for a whole project, and mostly for one of its
platforms. Then its deliveries wait instead of failing one by one, a single one tries from time to
time, and the rest follow when it comes through, while all others go on (expo-push.md section 12).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from calbell.domain.outcomes import (
    Accepted,
    Delivered,
    Gone,
    Later,
    Missing,
    Receipt,
    Refused,
    Ticket,
    Unclear,
)
from calbell.domain.subscription import Platform

EVERY_PROJECT: Final = 0
"""Stands for the project where an access token is refused: it is the same for all of them."""

PHONES_TO_HOLD: Final[Mapping[str, int]] = {
    "InvalidCredentials": 1,
    "InvalidProviderToken": 1,
    "MismatchSenderId": 2,
}
"""The codes that speak of an app's credentials, and of how many phones each has to be said at once.
A sender id may also be the matter of a single phone with an old build."""


class ShownBy(StrEnum):
    """What shows that credentials are broken, and therefore also that they are mended: the answer
    to a whole request, a ticket, or a receipt (a revoked key lets tickets pass)."""

    REQUEST = "request"
    TICKET = "ticket"
    RECEIPT = "receipt"


class Scope(Struct, frozen=True):
    """What a hold covers: a project (or `EVERY_PROJECT`), and one platform of it (`None`: both)."""

    project_id: int
    platform: Platform | None
    shown_by: ShownBy

    def covers(self, project_id: int, platform: Platform) -> bool:
        """Whether deliveries of this project and platform are held."""
        return self.project_id in (project_id, EVERY_PROJECT) and self.platform in (platform, None)


class Hold(Struct, frozen=True, kw_only=True):
    """What is known about one scope. `bad_at` and `good_at` are when the newest attempts were made
    that met broken and good credentials, so that it does not matter in which order they are
    heard of; `probe_at` is when a single delivery tries again, after `probes` that failed."""

    scope: Scope
    code: str
    since: datetime
    bad_at: datetime
    good_at: datetime | None
    probe_at: datetime
    probes: int

    @property
    def stands(self) -> bool:
        """Whether the credentials are broken as far as anybody knows."""
        return self.good_at is None or self.bad_at >= self.good_at

    def is_wider_than(self, other: "Hold") -> bool:
        """Whether it covers all that the other one does, and more."""
        own, its = self.scope, other.scope
        if own.project_id != its.project_id:
            return own.project_id == EVERY_PROJECT
        return own.platform is None and its.platform is not None


class Held(Struct, frozen=True):
    """What is held, for those who watch: of which project at Expo (`None`: phones whose project
    nobody has told us; with `everything` all), which platform (`None`: both), why, and since
    when."""

    everything: bool
    project: str | None
    platform: Platform | None
    code: str
    since: datetime

    @property
    def scope(self) -> tuple[bool, str | None, Platform | None]:
        """What is kept back."""
        return self.everything, self.project, self.platform

    @property
    def is_for_access_token(self) -> bool:
        """Whether it is our access token that Expo refuses, and not the app's credentials."""
        return self.everything or self.code.startswith("UNAUTHORIZED")


class Evidence(Struct, frozen=True):
    """What an attempt made `at` showed about the credentials of a scope: broken, with Expo's code,
    or good (`None`)."""

    scope: Scope
    at: datetime
    code: str | None


_Said: TypeAlias = Ticket | Receipt


def silent(said: Iterable[tuple[int, Platform, _Said]]) -> Iterator[tuple[int, Platform]]:
    """The projects and platforms of which these tickets or receipts show nothing, because all the
    phones are gone: where this was to try credentials, they are as untried as before."""
    gone: dict[tuple[int, Platform], bool] = {}
    for project_id, platform, outcome in said:
        where = project_id, platform
        gone[where] = gone.get(where, True) and isinstance(outcome, Gone)
    return (where for where, all_are in gone.items() if all_are)


def evidence(
    said: Iterable[tuple[int, Platform, datetime, _Said]], shown_by: ShownBy
) -> Iterator[Evidence]:
    """What these tickets or receipts (project, platform, when it was sent, what was said) show
    together. Where one went well, the others speak of a phone and not of the app."""
    by_scope: dict[Scope, list[tuple[datetime, _Said]]] = {}
    for project_id, platform, at, outcome in said:
        by_scope.setdefault(Scope(project_id, platform, shown_by), []).append((at, outcome))
    for scope, outcomes in by_scope.items():
        good = [at for at, outcome in outcomes if isinstance(outcome, Accepted | Delivered)]
        if good:
            yield Evidence(scope, max(good), None)
            continue
        for code, phones in PHONES_TO_HOLD.items():
            bad = [at for at, outcome in outcomes if code_of(outcome) == code]
            if len(bad) >= phones:
                yield Evidence(scope, max(bad), code)


def code_of(said: _Said) -> str | None:
    """The code of a ticket or receipt, without what the provider added to it; `None` where it went
    well or is not there."""
    match said:
        case Gone(code) | Refused(code) | Later(code) | Unclear(code):
            return code.partition(":")[0]
        case Accepted() | Delivered() | Missing():
            return None
        case _:
            assert_never(said)


def holding(holds: Sequence[Hold], project_id: int, platform: Platform) -> Hold | None:
    """The hold that keeps deliveries of this project and platform back, the widest first."""
    covering = (h for h in holds if h.stands and h.scope.covers(project_id, platform))
    return min(covering, key=lambda hold: hold.scope.project_id, default=None)
