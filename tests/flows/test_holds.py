"""Broken credentials: their deliveries wait, one tries, the others go on, nothing is lost."""

from asyncio import sleep
from datetime import timedelta
from typing import Any

import pytest

from calbell.config import Secret
from calbell.domain.subscription import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.store import holds
from calbell.store.database import run_once
from tests.flows.stage import Stage

HOUR = 3600
DAY = timedelta(days=1)


def broken(stage: Stage, state: KeyState = KeyState.MISSING, project: str = "@a/app") -> None:
    """The key of the project's iPhones is."""
    stage.service.set_project(project, credentials=Credentials(ios=state))


def mended(stage: Stage, project: str = "@a/app") -> None:
    stage.service.set_project(project, credentials=Credentials())


@pytest.mark.parametrize("state", [KeyState.MISSING, KeyState.REVOKED])
def test_what_waits_for_credentials_is_sent_once_they_are_mended(state: KeyState) -> None:
    """A missing key shows in tickets, a revoked one in receipts."""
    stage = Stage()
    iphones = [stage.phone(7) for _ in range(300)]
    android = stage.phone(8, Platform.ANDROID)

    async def story() -> None:
        broken(stage, state)
        stage.tell(7)
        await sleep(HOUR)
        requests = len(stage.line.sent)
        stage.tell(7, 8)
        await sleep(HOUR)
        # Nothing but probes for the iPhones; the other platform goes on.
        assert stage.shown(android) == 1
        (held,) = run_once(stage.connection, holds.standing)
        assert (held.project, held.platform) == (None, Platform.IOS)
        later = [number for _, number in stage.line.sent[requests:]]
        assert sum(later) < 60
        mended(stage)
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 601}
    assert [stage.shown(token) for token in iphones] == [2] * 300
    # The news of broken credentials reached at most those that were under way, and the probes.
    assert max(a for (a,) in stage.ask("select max(attempt) from deliveries")) < 60
    assert run_once(stage.connection, holds.standing) == []
    assert stage.ask("select sum(settled) = count(*) from holds") == [(1,)]


def test_a_hold_for_which_nothing_waited_is_tried_as_soon_as_something_does() -> None:
    stage = Stage()
    iphone, android = stage.phone(7), stage.phone(8, Platform.ANDROID)

    async def story() -> None:
        broken(stage)
        stage.tell(7, lives=timedelta(minutes=30))
        await sleep(HOUR)
        mended(stage)
        for _ in range(20):
            stage.tell(8)
            await sleep(60)
        stage.tell(8)
        await sleep(5)
        stage.tell(7)
        await sleep(5)
        assert stage.shown(android) == 21
        assert stage.shown(iphone) == 1

    stage.plays(story())


def test_a_phone_that_is_gone_tries_nothing_and_another_one_does_at_once() -> None:
    stage = Stage()
    waiting = stage.phone(7)

    async def story() -> None:
        broken(stage)
        stage.tell(7)
        await sleep(HOUR)
        mended(stage)
        stage.service.change_device(stage.phone(8), registered=False)
        # It was tried least, and so it is the next to try.
        stage.tell(8)
        while ("unregistered", "DeviceNotRegistered") not in stage.states():
            assert stage.shown(waiting) == 0
            await sleep(1)
        await sleep(2)
        assert stage.shown(waiting) == 1

    stage.plays(story())


@pytest.mark.parametrize("until", ["free_at", "backoff_until"])
def test_a_try_waits_for_the_turn_of_its_project(until: str) -> None:
    """What is superseded meanwhile is not sent."""
    stage = Stage()
    iphone = stage.phone(7)

    async def story() -> None:
        broken(stage)
        stage.tell(7)
        await sleep(HOUR)
        mended(stage)
        requests = len(stage.line.sent)
        later = int(stage.now().timestamp() * 1000) + 1_000_000
        stage.script(f"update projects set {until} = {later};")
        await sleep(600)
        assert ("queued", "InvalidCredentials") in stage.states()
        stage.script("update notifications set superseded_by = id;")
        await sleep(600)
        assert len(stage.line.sent) == requests

    stage.plays(story())
    assert stage.shown(iphone) == 0
    assert stage.states() == {("withdrawn", "superseded"): 1}


def test_what_goes_stale_while_it_waits_keeps_the_code() -> None:
    stage = Stage()
    stage.phone(7)
    stage.phone(7)

    async def story() -> None:
        broken(stage)
        stage.tell(7, lives=timedelta(minutes=30))
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("expired", "InvalidCredentials"): 2}


def test_a_hold_of_one_project_leaves_the_others_alone() -> None:
    stage = Stage()
    held, free = stage.phone(7), stage.phone(8, project="@b/app")

    async def story() -> None:
        stage.tell(7, 8)  # Mixed: teaches whose they are.
        await sleep(60)
        broken(stage)
        stage.tell(7, 8)
        await sleep(60)
        assert (stage.shown(held), stage.shown(free)) == (1, 2)
        stage.tell(8)
        await sleep(60)
        assert stage.shown(free) == 3
        mended(stage)
        await sleep(HOUR)

    stage.plays(story())
    assert (stage.shown(held), stage.shown(free)) == (2, 3)


@pytest.mark.parametrize(
    ("forbids", "allows"),
    [
        ({"push_security": True, "access_tokens": ("other",)}, {"access_tokens": ("ours",)}),
        ({"push_security": True, "access_tokens": ("ours", "other")}, {"push_security": False}),
    ],
)
def test_a_project_that_our_access_token_does_not_open_waits_alone(
    forbids: dict[str, Any], allows: dict[str, Any]
) -> None:
    stage = Stage(expo_access_token=Secret("ours"))
    stage.service.set_project("@b/app", access_tokens=("ours",))
    if "ours" in forbids["access_tokens"]:
        forbids = forbids | {"access_tokens": ("other",)}
    held, free = stage.phone(7), stage.phone(8, project="@b/app")

    async def story() -> None:
        stage.service.set_project("@a/app", **forbids)
        stage.tell(7)
        await sleep(60)
        stage.tell(8)
        await sleep(1)
        assert (stage.shown(held), stage.shown(free)) == (0, 1)
        stage.service.set_project("@a/app", **allows)
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 2}


def test_an_access_token_that_expo_does_not_know_holds_everything() -> None:
    stage = Stage(expo_access_token=Secret("ours"))
    tokens = [stage.phone(user, project=f"@{'ab'[user % 2]}/app") for user in range(1, 41)]

    async def story() -> None:
        stage.tell(*range(1, 41))
        await sleep(HOUR)
        stage.tell(*range(1, 41))
        await sleep(HOUR)
        assert len(stage.line.sent) < 60
        assert sum(map(stage.shown, tokens)) == 0
        stage.service.set_project("@a/app", access_tokens=("ours",))
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 80}


def test_several_holds_at_once_are_not_polled_hot() -> None:
    stage = Stage(expo_access_token=Secret("ours"))
    stage.service.set_project("@a/app", access_tokens=("ours",))
    for _ in range(3):
        stage.phone(7)

    async def story() -> None:
        broken(stage)
        stage.tell(7)
        await sleep(60)
        stage.service.set_project("@a/app", access_tokens=())
        stage.tell(7)
        await sleep(60)
        assert len(run_once(stage.connection, holds.standing)) == 2
        before = stage.database.units
        await sleep(HOUR)
        assert stage.database.units - before < 200
        stage.service.set_project("@a/app", access_tokens=("ours",))
        mended(stage)
        await sleep(HOUR)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 6}


def test_one_phone_with_an_old_build_does_not_hold_its_platform() -> None:
    """A sender id that does not match may be the matter of a single phone."""
    stage = Stage()
    old, new = stage.phone(7, Platform.ANDROID), stage.phone(8, Platform.ANDROID)

    async def story() -> None:
        stage.service.set_project("@a/app", credentials=Credentials(android=KeyState.MISMATCH))
        stage.tell(7)
        await sleep(HOUR)
        mended(stage)
        stage.tell(8)
        await sleep(1)
        assert stage.shown(new) == 1

    stage.plays(story())
    assert stage.shown(old) == 0
    assert stage.ask("select count(*) from holds") == [(0,)]


def test_a_sender_id_that_matches_no_phone_holds_the_platform() -> None:
    stage = Stage()
    for user in (7, 8, 9, 9, 9):
        stage.phone(user, Platform.ANDROID)

    async def story() -> None:
        stage.service.set_project("@a/app", credentials=Credentials(android=KeyState.MISMATCH))
        stage.tell(7, 8)
        await sleep(HOUR)
        stage.tell(9)
        await sleep(1)
        mended(stage)
        await sleep(HOUR)

    stage.plays(story())
    # One of the three was the probe: what met it is refused for good.
    assert stage.states() == {("failed", "MismatchSenderId"): 3, ("delivered", None): 2}
