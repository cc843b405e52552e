"""What is known about broken credentials."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from calbell.domain.holds import EVERY_PROJECT, Evidence, Held, Hold, Scope, ShownBy
from calbell.domain.subscription import Platform
from calbell.store.connection import Connection, Value
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("holds")


_BOTH = ""
"""Stands for the platform of a hold that covers both."""


def unsettled(connection: Connection) -> list[Hold]:
    """The holds that stand, and those that were lifted while something still waits for them; until
    this transaction ends nobody else changes them."""
    return [
        Hold(
            scope=_scope(project_id, platform, shown_by),
            code=code,
            since=from_ms(since),
            bad_at=from_ms(bad_at),
            good_at=maybe_from_ms(good_at),
            probe_at=from_ms(probe_at),
            probes=probes,
        )
        for (
            project_id,
            platform,
            shown_by,
            code,
            since,
            bad_at,
            good_at,
            probe_at,
            probes,
        ) in connection.run(_SQL["unsettled_holds"])
    ]


def standing(connection: Connection) -> list[Held]:
    """What is held now, the longest first."""
    return [
        Held(
            project_id == EVERY_PROJECT,
            name,
            Platform(platform) if platform else None,
            code,
            from_ms(since),
        )
        for project_id, name, platform, code, since in connection.run(_SQL["standing_holds"])
    ]


def note(
    connection: Connection, shown: Sequence[Evidence], probe_at: datetime, now: datetime
) -> list[Scope]:
    """What attempts showed about credentials is known, whatever the order in which it is heard of;
    the first probe of what is held from now on is at `probe_at`. The scopes that were not held
    before."""
    ordered = sorted(shown, key=_at)
    broken = {_key(one.scope): (one.code, to_ms(one.at)) for one in ordered if one.code is not None}
    rows = connection.each(
        _SQL["note_broken"],
        [(*key, *newest, to_ms(probe_at)) for key, newest in sorted(broken.items())],
        now=to_ms(now),
    )
    good = {_key(one.scope): one.at for one in ordered if one.code is None}
    connection.each(_SQL["note_good"], [(*key, to_ms(at)) for key, at in sorted(good.items())])
    return [
        _scope(project_id, platform, shown_by)
        for project_id, platform, shown_by, since in rows
        if since == to_ms(now)
    ]


def probe(connection: Connection, hold: Hold, next_at: datetime, probes: int) -> bool:
    """Whether the caller is the one who tries the credentials now, if anything waits that can; the
    next one may `next_at`. `probes` is how many will have failed if this one does."""
    changed = connection.count(
        _SQL["probe_hold"],
        **_named(hold.scope),
        probe_at=to_ms(hold.probe_at),
        next_at=to_ms(next_at),
        probes=probes,
    )
    return changed > 0


def try_again(
    connection: Connection, untried: Iterable[tuple[int, Platform]], now: datetime
) -> None:
    """The next delivery tries the credentials of these projects and platforms, if they are held."""
    connection.each(_SQL["probe_again"], sorted(set(untried)), now=to_ms(now))


def settle(connection: Connection, lifted: Hold) -> None:
    """Nothing waits for this one any more."""
    connection.run(_SQL["settle_hold"], **_named(lifted.scope))


def next_probe_at(connection: Connection) -> datetime | None:
    """When the next delivery may try held credentials."""
    ((ms,),) = connection.run(_SQL["next_probe"])
    return None if ms is None else from_ms(ms)


def _at(one: Evidence) -> datetime:
    return one.at


def _key(scope: Scope) -> tuple[int, str, str]:
    return scope.project_id, scope.platform or _BOTH, scope.shown_by


def _named(scope: Scope) -> dict[str, Value]:
    project_id, platform, shown_by = _key(scope)
    return {"project_id": project_id, "platform": platform, "shown_by": shown_by}


def _scope(project_id: int, platform: str, shown_by: str) -> Scope:
    return Scope(project_id, Platform(platform) if platform else None, ShownBy(shown_by))
