"""`kill -9` at every named point and at random: what was accepted reaches every phone all the same.

`CALBELL_CRASH_KILLS` says how often on each engine, and `CALBELL_CRASH_SEED` where: with the same
seed the same points are chosen in the same order, but when a kill strikes no seed can fix. With
`CALBELL_CRASH_RECORD` the ledger is kept for the page of proof.
"""

import asyncio
import os
from collections.abc import Callable
from random import Random, SystemRandom

import pytest

from tests.acceptance.stand import Database
from tests.crash.conftest import LEDGER, SlowExpo
from tests.crash.lives import slots
from tests.crash.points import STARTING, WHILE_SERVING
from tests.crash.storm import Storm
from tests.proof.runs import Killed, here, keep

KILLS = int(os.environ.get("CALBELL_CRASH_KILLS", "16"))
RECORD = bool(os.environ.get("CALBELL_CRASH_RECORD"))
SEED = int(os.environ.get("CALBELL_CRASH_SEED") or SystemRandom().randrange(1_000_000))


@pytest.mark.timeout(120 + 10 * KILLS)
def test_killed_at_every_point_nothing_accepted_is_lost_and_what_is_doubled_is_marked(
    database: Database,
    slow_expo: SlowExpo,
    record_property: Callable[[str, object], None],
) -> None:
    chance = Random(SEED)
    slow_expo.take(0.03, 0.03)
    storm = Storm(database, slow_expo, chance, phones=max(50, 2 * KILLS))
    asyncio.run(storm.run(slots(database.url, KILLS, chance)))

    ledger = storm.ledger(SEED)
    record_property(LEDGER, [ledger.engine, *ledger.rows()])
    if RECORD:
        keep(
            Killed(
                here(f"make crash KILLS={KILLS} SEED={SEED}"), ledger.engine, dict(ledger.rows())
            )
        )
    assert storm.service.missed == [], "points that are never reached"
    assert len(ledger.deaths) == KILLS
    points = WHILE_SERVING.keys() - (set() if ledger.engine == "sqlite" else STARTING.keys())
    assert points <= {death.point for death in ledger.deaths}
    assert ledger.marked, "no kill struck anything that was under way"
    ledger.check()
