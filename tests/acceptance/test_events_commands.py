"""`calbell events`: what came in, what was refused, and taking it in again."""

from datetime import UTC, datetime
from random import SystemRandom

import pytest
from msgspec import structs

from calbell.calcom.signature import sign
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store.events import EventState
from tests import payloads
from tests.acceptance.stand import Json, Meeting, Stand, states, with_unit


def once_unreadable(stand: Stand, envelope: Json) -> None:
    """The event is kept as an older version did that could not read it."""
    now = datetime.now(UTC)
    incoming = structs.replace(
        incoming_webhook(payloads.body(envelope), now),
        state=EventState.UNREADABLE,
        event=None,
        trigger="",
        reason="payload is missing",
    )
    with_unit(stand.database.url, take_in_many, [incoming], Policy(), now, SystemRandom())


def events(stand: Stand, *arguments: str, code: int = 0) -> str:
    ended = stand.database.run("events", *arguments)
    assert ended.code == code, ended
    out: str = ended.out
    return out


def test_an_event_that_can_be_read_now_rings_phones_while_the_service_runs(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    envelope = meeting.webhook(payloads.created)
    once_unreadable(stand, envelope)
    assert "payload is missing" in events(stand, "list", "--unreadable", "--since", "1h")
    assert " 1 mended" in events(stand, "replay", "--unreadable", "--since", "1h")
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert " 0 mended" in events(stand, "replay", "--since", "1h")
    assert stand.tell(envelope)["duplicate"] is True
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert len(stand.expo.sent(token)) == 1


def test_the_list_tells_what_came_in_and_nothing_of_people(stand: Stand) -> None:
    host = stand.database.user()
    meeting = Meeting(host)
    body = payloads.body(meeting.webhook(payloads.created))
    event_id = stand.webhook(body).json()["data"]["eventId"]
    stand.webhook(b'{"triggerEvent":"[bold]A_TRIGGER[/bold]","payload":{}}')
    listed = events(stand, "list")
    (line,) = (line for line in listed.splitlines() if event_id in line)
    assert "BOOKING_CREATED" in line
    assert "taken" in line
    assert f"{len(body):,}" in line
    assert "[bold]A_TRIGGER[/bold]" in listed
    assert not any(word in listed for word in (host.email, host.name, meeting.uid))
    assert event_id not in events(stand, "list", "--unreadable")
    assert event_id not in events(stand, "list", "--limit", "1")


def test_refusals_are_listed(stand: Stand) -> None:
    body = b"x" * 1234
    assert stand.webhook(body, signature=sign(body, "another secret")).status == 401
    newest = events(stand, "refusals", "--limit", "1")
    assert "bad_signature" in newest
    assert "1,234" in newest


@pytest.mark.parametrize("span", ["1", "d", "0d", "-1d", "1w", "1.5h", "99999999999999d"])
def test_a_span_that_is_none_is_refused_in_one_line(sqlite_stand: Stand, span: str) -> None:
    for command in ("list", "replay"):
        ended = sqlite_stand.database.run("events", command, f"--since={span}")
        assert (ended.code, ended.out) == (2, "")
        wanted = "a number and s, m, h or d is wanted, such as 90s, 12h or 1d"
        assert ended.err == f"calbell: --since {span}: {wanted}\n"
