"""The original is lost, a copy of it serves: what it had in hand is not sent a second time."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests import payloads
from tests.acceptance.programs import until
from tests.acceptance.stand import Json, Meeting, Stand, deliveries
from tests.crash.conftest import SlowExpo
from tests.crash.ledger import keys_sent


def copied(stand: Stand) -> list[str]:
    """The service is killed after a copy of its database was made, and that is in its place: what
    to tell the next start. The server of PostgreSQL stays as it is, as if it were the copy."""
    database = stand.database
    if database.url.startswith("postgresql"):
        stand.program.kill()
        return [f"--restored-from={datetime.now(UTC).isoformat()}"]
    path = Path(database.url.removeprefix("sqlite:///"))
    copy = database.folder / "copy.db"
    assert database.run("backup", str(copy)).code == 0
    stand.program.kill()
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    shutil.move(copy, path)
    return ["--restored"]


def log_line(stand: Stand, event: str) -> str:
    """The line of the log with this event."""
    said = stand.program.err
    return stand.program.first(said, lambda line: line if f'"{event}"' in line else None)


def test_what_the_original_was_sending_ends_as_unknown(
    new_stand: Callable[..., Stand], slow_expo: SlowExpo
) -> None:
    stand = new_stand()
    host = stand.database.user()
    token = stand.phone(host)
    slow_expo.take(0.0, 25.0)
    before = Meeting(host)
    stand.tell(before.webhook(payloads.created))
    until(lambda: keys_sent(slow_expo) or None, "a request that had its effect")
    arguments = copied(stand)
    slow_expo.take(0.0, 0.0)

    stand.start(*arguments)
    assert '"deliveries":1' in log_line(stand, "restored")
    (told,) = deliveries(stand.settled(before.uid))
    assert (told["state"], told["reason"]) == ("unknown", "restored")
    after = Meeting(host)
    stand.tell(after.webhook(payloads.created))
    assert [one["state"] for one in deliveries(stand.settled(after.uid))] == ["delivered"]
    assert len(slow_expo.screen(token)) == 2
    assert [len(keys) for keys in keys_sent(slow_expo).values()] == [1, 1]

    stand.stop()
    stand.start(*arguments)
    log_line(stand, "restored_before")
    shown: Json = stand.timeline(before.uid)
    assert deliveries(shown) == [told]
