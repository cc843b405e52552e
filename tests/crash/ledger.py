"""The ledger: what was accepted, compared with what the phones show and what Expo was sent."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from typing_extensions import override

from calbell.store.connection import Connection, Row
from calbell.store.statements import Statement
from tests.acceptance.servers import Expo
from tests.crash.points import AT_RANDOM, WHILE_SERVING

Push: TypeAlias = tuple[str, str]
"""A push that is due: the event's id and the phone's token."""

_DELIVERIES: Final = """
select e.public_id, p.token, d.state, d.possibly_sent, d.key from deliveries d
join notifications n on n.id = d.notification_id join events e on e.id = n.event_id
join phones p on p.id = d.phone_id
"""


_ATTEMPTS: Final = "select outcome, count(*) from attempts group by outcome"


class Kept(Struct, frozen=True):
    """A delivery as the database has it in the end."""

    state: str
    possibly_sent: bool
    key: str


class Handed(Struct, frozen=True):
    """A message that Expo took: when, and under which key."""

    at: float
    key: str


class Death(Struct, frozen=True):
    """A program was killed, where and when, and when its successor was started."""

    point: str
    at: float
    restarted_at: float


class Ledger(Struct, kw_only=True):
    """What came of all that was accepted. `due` are the pushes that follow, with the time of the
    answer; `shown` says how often each stands on its phone's screen; `kept` is what the database
    has of them."""

    engine: str
    seed: int
    events: int
    copies: int
    refused: int
    registrations: int
    deaths: Sequence[Death]
    due: Mapping[Push, float]
    shown: Mapping[Push, int]
    handed: Mapping[Push, Sequence[Handed]]
    kept: Mapping[Push, Kept]
    attempts: Mapping[str, int]
    """How many ended how: `lost` with a lease, or `answer_lost` by somebody who lived on."""

    @property
    def lost(self) -> set[Push]:
        """What was promised and no phone shows."""
        return self.due.keys() - self.shown.keys()

    @property
    def doubled(self) -> set[Push]:
        """What Expo took more than once."""
        return {push for push, handed in self.handed.items() if len(handed) > 1}

    @property
    def marked(self) -> set[Push]:
        """What is said to have been possibly sent before."""
        return {push for push, kept in self.kept.items() if kept.possibly_sent}

    @property
    def steady(self) -> set[Push]:
        """What always had the key of its delivery."""
        return {
            push
            for push, handed in self.handed.items()
            if push in self.kept and {one.key for one in handed} == {self.kept[push].key}
        }

    @property
    def longest_recovery(self) -> float:
        """The longest time from the restart after a kill until Expo had everything that was
        accepted before it."""
        deaths = sorted(self.deaths, key=lambda death: death.at)
        times = [death.at for death in deaths]
        longest = 0.0
        for push, accepted_at in self.due.items():
            # Of all the kills that a push lived through the first is the longest ago.
            nth = bisect_left(times, accepted_at)
            first = min((one.at for one in self.handed.get(push, ())), default=0.0)
            if nth < len(deaths) and times[nth] < first:
                longest = max(longest, first - deaths[nth].restarted_at)
        return longest

    def rows(self) -> list[tuple[str, str]]:
        """The ledger as a table."""
        by_point = Counter(death.point for death in self.deaths)
        doubled = self.doubled
        return [
            ("seed", str(self.seed)),
            ("kills", str(len(self.deaths))),
            *((f"  {point}", str(by_point[point])) for point in (AT_RANDOM, *WHILE_SERVING)),
            ("events accepted", str(self.events)),
            ("  known already, sent again", str(self.copies)),
            ("  refused a connection", str(self.refused)),
            ("registrations accepted", str(self.registrations)),
            ("deliveries", str(len(self.kept))),
            ("handed to Expo", str(sum(map(len, self.handed.values())))),
            ("  more than once", str(len(doubled))),
            ("  of these marked, under one key", str(len(doubled & self.marked & self.steady))),
            ("marked as possibly sent", str(len(self.marked))),
            ("  by a lease that ran out", str(self.attempts.get("lost", 0))),
            ("  by an answer that was lost", str(self.attempts.get("answer_lost", 0))),
            ("on a screen twice", str(sum(number > 1 for number in self.shown.values()))),
            ("lost", str(len(self.lost))),
            ("restart to last delivery", f"{self.longest_recovery:.1f} s"),
        ]

    @override
    def __str__(self) -> str:
        return ", ".join(f"{name.strip()}: {value}" for name, value in self.rows())

    def check(self) -> None:
        """Nothing accepted is lost, and nothing else is shown; what was sent twice had one key and
        is marked; every registration that was answered rings."""
        assert not self.lost, self
        assert self.shown.keys() == self.kept.keys() == self.due.keys(), self
        assert set(self.shown.values()) == {1}, self
        assert {kept.state for kept in self.kept.values()} == {"delivered"}, self
        assert self.doubled <= self.marked, self
        assert self.handed.keys() == self.steady, self
        assert len({kept.key for kept in self.kept.values()}) == len(self.kept), self


def attempts_kept(connection: Connection) -> dict[str, int]:
    """One unit of work: how many attempts ended how."""
    return dict(_rows(connection, _ATTEMPTS))


def deliveries_kept(connection: Connection) -> dict[Push, Kept]:
    """One unit of work: all deliveries."""
    kept: dict[Push, Kept] = {}
    for event_id, token, state, possibly_sent, key in _rows(connection, _DELIVERIES):
        assert (event_id, token) not in kept
        kept[event_id, token] = Kept(state, bool(possibly_sent), key)
    return kept


def _rows(connection: Connection, sql: str) -> list[Row]:
    return connection.run(Statement("made up", "", (), (), (), sql, sql, returns_rows=True))


def screens(expo: Expo, tokens: Sequence[str]) -> dict[Push, int]:
    """How often each push stands on its phone's screen."""
    shown: dict[Push, int] = defaultdict(int)
    for token in tokens:
        for message in expo.screen(token):
            shown[message["data"]["eventId"], token] += 1
    return shown


def keys_sent(expo: Expo) -> dict[Push, list[str]]:
    """The keys of all messages that Expo took, where these are few."""
    keys: dict[Push, list[str]] = defaultdict(list)
    for request in expo.control("GET", "/requests")["requests"]:
        if request["path"].endswith("/push/send") and request["status"] == 200:
            for message in request["body"]:
                push = message["data"]["eventId"], message["to"]
                keys[push].append(message.get("collapseId") or message["tag"])
    return keys
