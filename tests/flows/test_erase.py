"""Erase: the service goes on with whoever was removed, whoever removed him."""

from asyncio import sleep
from datetime import timedelta

from calbell.flows.erase import remove_user
from calbell.store import removals
from calbell.store.database import run_once
from tests.flows.stage import Stage


def test_the_service_forgets_who_was_removed_and_the_others_are_told_meanwhile() -> None:
    stage = Stage()
    gone = stage.phone(1)
    other = stage.phone(2)

    async def story() -> None:
        for _ in range(20):
            stage.tell(*[1] * 20)
        await sleep(5)
        assert stage.shown(gone) > 0
        assert run_once(stage.connection, remove_user, 1, stage.now())
        stage.tell(2)
        stage.parts.wake()
        await sleep(60)
        assert not run_once(stage.connection, removals.is_under_way)

    stage.plays(story())
    assert stage.shown(other) == 1
    assert stage.ask("select distinct user_id from deliveries") == [(2,)]
    assert stage.ask("select name, username, removed_at is null from users where id = 1") == [
        ("", None, 0)
    ]


def test_what_is_queued_for_who_was_removed_is_not_sent() -> None:
    stage = Stage()
    gone = stage.phone(1)

    async def story() -> None:
        stage.line.is_cut = True
        stage.tell(1)
        await sleep(1)
        assert run_once(stage.connection, remove_user, 1, stage.now())
        stage.line.is_cut = False
        await sleep(timedelta(hours=3).total_seconds())

    stage.plays(story())
    assert stage.shown(gone) == 0
    assert stage.ask("select count(*) from notifications") == [(0,)]
