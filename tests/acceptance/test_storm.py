"""Everything goes wrong at Expo, one thing after the other, and Calbell keeps its word."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Json, Meeting, Stand, User, deliveries

PROJECTS = ("@simulator/first", "@simulator/second")
BOOKINGS_OF_EACH = 12
MOST_RECIPIENTS, MOST_PARALLEL, MOST_A_SECOND = 100, 6, 600

STORM: list[tuple[str, Json]] = [
    ("F01", {"retry_after": 1}),
    ("F02", {"variant": "before"}),
    ("F02", {"variant": "after"}),
    ("F03", {}),
    ("F04", {}),
    ("F05", {}),
    ("F06", {}),
    ("F07", {}),
    ("F08", {"variant": "queued"}),
    ("F08", {"variant": "not queued"}),
    ("F09", {"variant": "length"}),
    ("F09", {"variant": "chunked"}),
    ("F10", {"head_seconds": 0.3}),
    ("F11", {"variant": "html"}),
    ("F11", {"variant": "null"}),
    ("F12", {"variant": "fewer"}),
    ("F12", {"variant": "more"}),
    ("F13", {"ok": 0}),
    ("F14", {}),
    ("F15", {"seconds": 0.5}),
    ("F20", {"variant": "twice"}),
    ("F21", {"variant": "fields"}),
    ("F21", {"variant": "capitals"}),
    ("F22", {}),
    ("F23", {"variant": "close"}),
    ("F23", {"variant": "idle"}),
    ("F24", {}),
]
STORM_OF_RECEIPTS: list[tuple[str, Json]] = [
    ("F15", {}),
    ("F21", {"variant": "fields"}),
    ("F21", {"variant": "capitals"}),
    ("F24", {}),
]
"""Those that do not make Calbell wait a minute before it asks again."""


@pytest.fixture
def stand(tmp_path: Path, new_database: NewDatabase) -> Iterator[Stand]:
    with ExitStack() as ends:
        expo = Expo.start(tmp_path)
        ends.callback(expo.program.stop)
        stand = Stand(
            new_database("sqlite"),
            expo,
            {
                "CALBELL_RETRY_BASE_SECONDS": "0.1",
                "CALBELL_RETRY_MAX_SECONDS": "0.2",
                "CALBELL_EXPO_TIMEOUT_SECONDS": "2",
            },
        )
        ends.callback(stand.stop)
        yield stand


def test_whatever_happens_every_push_is_shown_once_and_accounted_for(stand: Stand) -> None:
    users = [stand.database.user() for _ in range(6)]
    phones = {
        user.id: stand.phone(user, "IOS" if number % 2 else "ANDROID", project=PROJECTS[number % 2])
        for number, user in enumerate(users)
    }
    stand.settled(booked(stand, *users))
    learned = len(requests(stand))

    # The first request had phones of both projects, and taught whose they are.
    assert [request["status"] for request in requests(stand)] == [400, 200, 200]

    for fault, options in STORM:
        stand.expo.control("POST", "/faults", {"fault": fault, "options": options})
    for fault, options in STORM_OF_RECEIPTS:
        order = {"fault": fault, "on": "receipts", "options": options}
        stand.expo.control("POST", "/faults", order)
    uids = {user.id: [booked(stand, user) for _ in range(BOOKINGS_OF_EACH)] for user in users}
    while stand.expo.control("GET", "/faults")["faults"]:
        extra = users[0]
        uids[extra.id].append(booked(stand, extra))
        stand.settled(uids[extra.id][-1])
    stories = {id_: [stand.settled(uid) for uid in of_user] for id_, of_user in uids.items()}

    log = stand.expo.control("GET", "/requests")
    assert log["max_parallel"] <= MOST_PARALLEL
    assert log["max_per_second"] <= MOST_A_SECOND
    project_of = {token: PROJECTS[number % 2] for number, token in enumerate(phones.values())}
    for request in requests(stand)[learned:]:
        recipients = [message["to"] for message in request["body"] or []]
        assert len(recipients) <= MOST_RECIPIENTS
        assert len({project_of[token] for token in recipients}) <= 1

    tickets = stand.expo.control("GET", "/tickets")["tickets"]
    known = {ticket["id"] for ticket in tickets}
    by_token = Counter(ticket["token"] for ticket in tickets)
    for id_, token in phones.items():
        shown = Counter(message["data"]["bookingUid"] for message in stand.expo.screen(token))
        ended = [one for story in stories[id_] for one in deliveries(story)]
        assert {one["state"] for one in ended} == {"delivered"}
        assert {uid: shown[uid] for uid in uids[id_]} == dict.fromkeys(uids[id_], 1)
        kept = [ticket for one in ended for ticket in tickets_of(one)]
        assert len(kept) == len(set(kept))
        assert set(kept) <= known
        # A second ticket is only where the answer to the first was in doubt. One for the start.
        most = 1 + sum(len(one["attempts"]) if one["possibly_sent"] else 1 for one in ended)
        assert by_token[token] <= most


def booked(stand: Stand, host: User, *guests: User) -> str:
    meeting = Meeting(host)
    meeting.guests += [payloads.attendee(guest.email, guest.name) for guest in guests]
    stand.tell(meeting.webhook(payloads.created))
    return meeting.uid


def requests(stand: Stand) -> list[dict[str, Any]]:
    """The send requests so far, those too of which only the head was read."""
    log = stand.expo.control("GET", "/requests")["requests"]
    return [request for request in log if request["path"].endswith("/send")]


def tickets_of(delivery: Json) -> list[str]:
    """The tickets that were kept of it; in small letters, as they were made (F21)."""
    return [each["ticket_id"].lower() for each in delivery["attempts"] if each["ticket_id"]]
