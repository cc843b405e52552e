"""Whole lives of the service in virtual time, one seed each."""

import os
from itertools import count, islice

import pytest

from tests.universe.choices import Kind
from tests.universe.happenings import QUIET
from tests.universe.lives import Totals, live
from tests.universe.lookup import Spoiled
from tests.universe.losses import Fate
from tests.universe.mistakes import Happening
from tests.universe.nature import nature_of
from tests.universe.receiver import FAILS
from tests.universe.weather import COMMIT_FATES
from tests.universe.wished import Told

SEEDS = range(int(os.environ.get("CALBELL_UNIVERSE_SEEDS", "100")))
YEARS = float(os.environ.get("CALBELL_UNIVERSE_YEARS", "0.05"))
"""Of trouble; each life has ten calm days more, at whose end everything must be over."""

EACH_HAPPENS = {
    *(f"commit {fate}" for fate in COMMIT_FATES),
    *(f"phone {happening}" for happening in Happening),
    *(f"chooses {kind}" for kind in Kind),
    *Told,
    *(f"F{number:02d}" for number in range(1, 25) if number not in (18, 19)),
    "F19 reigns",
    "F22 reigns",
    *(fate for fate in Fate if fate is not Fate.ONCE),
    *(f"Cal.com: {spoiled}" for spoiled in Spoiled),
    *(f"quietly {change}" for change in QUIET),
    "Cal.com away",
    "Cal.com's own 429",
    "Cal.com's sender down",
    *(f"receiver: {failure}" for failure in FAILS),
    "a later page",
    "compared with Cal.com",
    "door shut",
    "heard device.gone",
    "heard notification.unreachable",
    "heard project.held",
    "key refused",
    "much at once",
    "notice heard again",
    "others busy",
    "owner demoted",
    "sweep repaired",
    "webhook lost in an outage",
    "S31",
    "S32",
    "S43",
    "S44",
    "credentials missing",
    "credentials revoked",
    "credentials mismatch",
    "clock back",
    "clock forward",
    "database away",
    "Expo away",
    "deploy",
    "late answer",
    "push security",
    "receiver away",
    "refused 400",
    "refused 401",
    "refused 403",
    "rush",
    "travels in the night",
    "chooses in the night",
    "secret changed",
    "secret rotated",
    "source rotated",
    "spooled",
    "user removed",
    "wake-up lost",
    "wave at the receipt",
    "wave at the ticket",
    "wave doubted",
    "webhook refused",
    "wrong access token",
}
"""Faults, mistakes and accidents that do happen."""

SEEN_SOON = (180, 196, 199, 149, 124, 162, 136, 110)
"""Seeds of lives in which all of that happens; or did, before the universe was changed."""

MOST_LIVES = 100


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_promises_are_kept(seed: int) -> None:
    life = live(seed, YEARS)
    assert life.broken is None, f"SEED={seed} YEARS={YEARS}: {life.broken}\n{life.story}"


def test_the_universes_are_not_empty() -> None:
    """Every fault and mistake does happen, and phones ring: a test that cannot fail proves
    nothing."""
    totals = Totals()
    restless = (seed for seed in count(len(SEEDS)) if nature_of(seed).sleepy == 1)
    for seed in (*SEEN_SOON, *islice(restless, MOST_LIVES)):
        totals += live(seed, 0.06).totals
        if set(totals.kinds) >= EACH_HAPPENS:
            break
    assert EACH_HAPPENS - set(totals.kinds) == set()
    assert totals.deaths > 50
    assert totals.events > 250
    assert totals.hand_overs > 1000
    assert totals.doubled > 10


def test_a_seed_replays_exactly() -> None:
    for seed in (3, 4):
        assert live(seed, 0.05).trace == live(seed, 0.05).trace
