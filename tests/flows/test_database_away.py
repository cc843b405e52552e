"""The database is away while Expo answers: what is known is not sent again."""

from asyncio import Event, sleep
from typing import Any

import pytest

from calbell.simulator.faults import ServerError
from calbell.store.connection import StoreUnavailable
from tests.flows.stage import CountingDatabase, Stage


class Outage:
    """The database of a stage, away for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lasts = False
        run = CountingDatabase.run

        async def away(database: CountingDatabase, *args: Any, **kwargs: Any) -> Any:
            if self.lasts:
                raise StoreUnavailable("it is away")
            return await run(database, *args, **kwargs)

        monkeypatch.setattr(CountingDatabase, "run", away)
        monkeypatch.setattr(CountingDatabase, "read", away)
        monkeypatch.setattr(
            CountingDatabase, "trouble", lambda _: "it is away" if self.lasts else None
        )


@pytest.mark.parametrize("minutes", [2, 5, 60])
def test_what_expo_said_is_kept_before_anybody_calls_it_lost(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Also where it was tried so often that pauses are long."""
    stage = Stage()
    token = stage.phone(1)
    outage = Outage(monkeypatch)
    stage.service.queue_fault(ServerError(), times=6)
    answers, begins = iter([*[False] * 6, True]), Event()

    def breaks_with_the_good_answer(_request: Any, response: Any) -> Any:
        if next(answers, False):
            outage.lasts = True
            begins.set()
        return response

    stage.line.broken = breaks_with_the_good_answer

    async def story() -> None:
        stage.tell(1)
        await begins.wait()
        await sleep(60 * minutes)
        outage.lasts = False
        await sleep(20 * 60)

    stage.plays(story())
    assert [number for _, number in stage.line.sent] == [1] * 7
    assert stage.shown(token) == 1
    assert stage.states() == {("delivered", None): 1}
