"""What cannot be put into words fails alone."""

from asyncio import sleep
from collections.abc import MutableMapping
from typing import Any, NoReturn

import pytest
import structlog

from tests.flows.stage import Stage

MINUTE = 60


@pytest.fixture
def said() -> list[MutableMapping[str, Any]]:
    """What is logged of words that could not be found."""
    lines = list[MutableMapping[str, Any]]()

    def hear(_: object, __: str, line: MutableMapping[str, Any]) -> NoReturn:
        if line["event"] in ("wording_failed", "dispatch_failed", "loop_failed"):
            lines.append(line)
        raise structlog.DropEvent

    structlog.configure(processors=[hear])
    return lines


def make_wordless(stage: Stage, user_id: int) -> None:
    """The user is told of a time that no calendar has where he lives: the last minute of the year
    9999, on the islands that are a day ahead."""
    stage.script(
        f"""
        update users set time_zone = 'Pacific/Kiritimati' where id = {user_id};
        update notifications set facts = json_set(facts, '$.times', json(
          '{{"start_at":"9999-12-31T23:58:00Z","end_at":"9999-12-31T23:59:00Z"}}'))
        where user_id = {user_id};
        """
    )


def test_what_cannot_be_put_into_words_fails_and_its_neighbours_are_sent(
    said: list[MutableMapping[str, Any]],
) -> None:
    stage = Stage()
    tokens = [stage.phone(user) for user in range(1, 101)]

    async def story() -> None:
        stage.tell(*range(1, 101))
        make_wordless(stage, 38)
        await sleep(1)
        assert stage.states() == {("accepted", None): 99, ("failed", "no_words"): 1}
        await sleep(30 * MINUTE)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 99, ("failed", "no_words"): 1}
    assert [number for _, number in stage.line.sent] == [99]
    assert [stage.shown(token) for token in tokens] == [1] * 37 + [0] + [1] * 62
    (line,) = said
    assert (line["event"], line["error"], line["detail"]) == (
        "wording_failed",
        "OverflowError",
        None,
    )
    assert not any(str(value) in tokens for value in line.values())


def test_where_nothing_can_be_put_into_words_expo_is_not_asked(
    said: list[MutableMapping[str, Any]],
) -> None:
    stage = Stage()
    stage.phone(7)

    async def story() -> None:
        stage.tell(7)
        make_wordless(stage, 7)
        await sleep(30 * MINUTE)
        stage.script("update users set time_zone = 'UTC'")
        stage.tell(7)
        await sleep(30 * MINUTE)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1, ("failed", "no_words"): 1}
    assert [number for _, number in stage.line.sent] == [1]
    assert len(said) == 1
