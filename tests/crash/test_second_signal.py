"""A second SIGTERM: the end comes at once, and what was under way is recorded as possibly sent."""

import time
from collections.abc import Callable
from signal import Signals

import pytest

from tests.acceptance.programs import STOP_SECONDS, until
from tests.acceptance.stand import Stand, deliveries
from tests.crash.conftest import SlowExpo
from tests.crash.ledger import keys_sent, screens
from tests.crash.test_stop import EVENTS, tell

AT_ONCE_SECONDS = 3.0
"""Less than half of the grace."""


@pytest.mark.parametrize(
    ("effect", "second"), [("before the answer", Signals.SIGTERM), ("not yet", Signals.SIGINT)]
)
def test_a_second_signal_ends_it_at_once_and_marks_what_was_under_way(
    new_stand: Callable[..., Stand], slow_expo: SlowExpo, effect: str, second: Signals
) -> None:
    stand = new_stand()
    host = stand.database.user()
    token = stand.phone(host)
    slow_expo.take(*((0.0, 25.0) if effect == "before the answer" else (25.0, 0.0)))
    meetings = tell(stand, host)
    until(lambda: "sending" in stand.deliveries_by_state() or None, "a request under way")
    if effect == "before the answer":
        until(lambda: keys_sent(slow_expo) or None, "a request that had its effect")
    stand.program.ask_to_stop()
    stand.program.first(stand.program.err, lambda line: '"stopping"' in line or None)
    began = time.monotonic()
    stand.program.ask_to_stop(second)
    stand.end_well()
    assert time.monotonic() - began < AT_ONCE_SECONDS < STOP_SECONDS
    assert "sending" not in stand.deliveries_by_state()
    slow_expo.take(0.0, 0.0)
    stand.start()
    told = [deliveries(stand.settled(meeting.uid))[0] for meeting in meetings]
    assert {one["state"] for one in told} == {"delivered"}
    assert any(one["possibly_sent"] for one in told)
    keys = keys_sent(slow_expo)
    assert len(keys) == EVENTS
    assert all(len(set(of_push)) == 1 for of_push in keys.values())
    assert set(screens(slow_expo, [token]).values()) == {1}
