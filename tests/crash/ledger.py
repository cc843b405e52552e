"""The ledger: what was accepted, compared with what the phones show and what Expo was sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct
from typing_extensions import override

from calbell.domain.push_tokens import token_hash
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Json, notifications

Push = tuple[str, str]
"""A push that is due: the event's id and the phone's token."""


class Ledger(Struct, kw_only=True):
    """What came of all accepted events. `keys` are those under which a push was sent, one for each
    time; `marked` are those whose delivery says that it was possibly sent before."""

    kills: int
    events: int
    answered_as_duplicate: int
    due: set[Push]
    shown: Mapping[Push, int]
    keys: Mapping[Push, Sequence[str]]
    states: Mapping[Push, str]
    marked: set[Push]

    @property
    def doubled(self) -> set[Push]:
        """What Expo took more than once."""
        return {push for push, keys in self.keys.items() if len(keys) > 1}

    @override
    def __str__(self) -> str:
        return (
            f"{self.events} events accepted ({self.answered_as_duplicate} of them at the second "
            f"try known already), {len(self.due)} pushes due, {len(self.due & self.shown.keys())} "
            f"shown, {len(self.due - self.shown.keys())} lost, {len(self.doubled)} doubled, "
            f"{len(self.marked)} marked as possibly sent, {self.kills} kills"
        )

    def check(self) -> None:
        """Nothing accepted is lost; what was sent twice had one key and is marked."""
        assert self.due <= self.shown.keys(), self
        assert self.shown.keys() <= self.due, self
        assert set(self.shown.values()) == {1}, self
        assert set(self.states.values()) == {"delivered"}, self
        assert self.doubled <= self.marked, self
        assert all(len(set(keys)) == 1 for keys in self.keys.values()), self
        one_each = [next(iter(keys)) for keys in self.keys.values()]
        assert len(set(one_each)) == len(one_each), self


def screens(expo: Expo, tokens: Sequence[str]) -> dict[Push, int]:
    """How often each push stands on its phone's screen."""
    shown: dict[Push, int] = defaultdict(int)
    for token in tokens:
        for message in expo.screen(token):
            shown[message["data"]["eventId"], token] += 1
    return shown


def keys_sent(expo: Expo) -> dict[Push, list[str]]:
    """The keys of all messages that Expo took."""
    keys: dict[Push, list[str]] = defaultdict(list)
    for request in expo.control("GET", "/requests")["requests"]:
        if request["path"].endswith("/push/send") and request["status"] == 200:
            for message in request["body"]:
                push = message["data"]["eventId"], message["to"]
                keys[push].append(message.get("collapseId") or message["tag"])
    return keys


def told(
    stories: Sequence[Json], tokens_of: Mapping[int, Sequence[str]]
) -> tuple[dict[Push, str], set[Push]]:
    """The state of every delivery, and which of them were possibly sent before."""
    states: dict[Push, str] = {}
    marked: set[Push] = set()
    for story in stories:
        (event,) = story["events"]
        for notification in notifications(story):
            phones = {token_hash(t)[:8]: t for t in tokens_of[notification["user_id"]]}
            for delivery in notification["deliveries"]:
                push = event["event_id"], phones[delivery["phone"]]
                assert push not in states
                states[push] = delivery["state"]
                if delivery["possibly_sent"]:
                    marked.add(push)
    return states, marked
