"""Why didn't I get it? In words, for whoever asks."""

from asyncio import sleep
from datetime import timedelta

import pytest

from calbell.domain.subscription import Platform, Registration
from calbell.flows.explain import NoSuchUser, explain
from calbell.simulator.projects import Credentials, KeyState
from calbell.store import subscriptions
from calbell.store.database import run_once
from tests.flows.stage import START, Stage

HOUR = 3600


def why(stage: Stage, user_id: int = 7, uid: str | None = None) -> str:
    found = run_once(
        stage.connection, explain, user_id, uid, START - timedelta(days=1), stage.now()
    )
    lines = [*found.general]
    for headline, told in found.notifications:
        lines += [headline, *told]
    return "\n".join(lines)


def test_a_phone_that_rang() -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        stage.tell(7)
        await sleep(HOUR)

    stage.plays(story())
    told = why(stage)
    assert "iOS phone, registered 2026-11-23 12:00:00 UTC: can be rung" in told
    assert "Booking confirmed, as organizer, test push" in told
    assert "handed to Apple or Google; nothing later can be known, 2026-11-23 12:15:0" in told
    assert "attempt 1, 2026-11-23 12:00:00 UTC: accepted by Expo; receipt: handed to" in told


def test_credentials_that_are_broken_hold_it() -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        stage.service.set_project("@a/app", credentials=Credentials(ios=KeyState.MISSING))
        stage.tell(7)
        await sleep(HOUR)
        told = why(stage)
        assert "waits to be sent, held back: the app's push credentials at Expo are not" in told
        assert "until 2026-11-24 12:00:00 UTC at the latest" in told

    stage.plays(story())


def test_a_phone_that_is_gone() -> None:
    stage = Stage()
    token = stage.phone(7)

    async def story() -> None:
        stage.service.change_device(token, registered=False)
        stage.tell(7)
        await sleep(HOUR)

    stage.plays(story())
    told = why(stage)
    assert "gone since 2026-11-23 12:00:00 UTC, the app is gone from the phone" in told
    assert "the phone is gone: the app is gone from the phone" in told


def test_a_phone_that_another_user_registered_since() -> None:
    stage = Stage()
    token = stage.phone(7, Platform.ANDROID)
    stage.phone(8)

    async def story() -> None:
        registered = Registration(8, token, Platform.ANDROID, "device")
        run_once(stage.connection, subscriptions.register_many, [registered], stage.now())
        told = why(stage)
        assert "Android phone" in told
        assert "another user registered it since, so that it rings for that one" in told

    stage.plays(story())


def test_nobody_told_us() -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        assert "no event has ever come in" in why(stage)
        assert "nobody told us of this booking: no webhook covers" in why(stage, uid="unheard")
        with pytest.raises(NoSuchUser, match="there is no user 99"):
            why(stage, 99)

    stage.plays(story())
