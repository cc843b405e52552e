"""The client over an Expo in this process: what goes over the wire, and what comes of it."""

import asyncio
import json
import zlib
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.outcomes import (
    Accepted,
    AllLater,
    AllUnclear,
    Delivered,
    NoReceipts,
    Receipts,
    Tickets,
)
from calbell.expo.client import WORTH_PACKING, ExpoClient
from calbell.expo.messages import (
    MOST_RECEIPTS,
    MOST_RECIPIENTS,
    PushData,
    PushMessage,
    message_size,
)
from calbell.expo.transport import AnswerLost, InProcessTransport, NotTransmitted, Reply

SECRET = "secret-access-token"


def message(number: int = 0, **more: object) -> PushMessage:
    plain = PushMessage(
        to=f"ExponentPushToken[{number:022}]",
        title="Booking Confirmed",
        body="Intro with Ada Lovelace",
        data=PushData(
            url="/bookings/u1",
            booking_uid="u1",
            notification_event="BOOKING_CONFIRMED",
            event_id="e1",
        ),
    )
    return msgspec.structs.replace(plain, **more)


class Expo:
    """Records what it was asked, and answers every question well."""

    def __init__(self, access_token: str | None = None) -> None:
        self.requests: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.client = ExpoClient(InProcessTransport(self.answer), access_token)

    def answer(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        self.requests.append((path, body, headers))
        plain = zlib.decompress(body, 31) if "content-encoding" in headers else body
        asked = json.loads(plain)
        if path.endswith("getReceipts"):
            data: object = {ticket_id.upper(): {"status": "ok"} for ticket_id in asked["ids"]}
        else:
            data = [{"status": "ok", "id": sent["to"][18:-1]} for sent in asked]
        return Reply(200, {}, json.dumps({"data": data}).encode())


def test_a_message_names_its_fields_as_expo_does_and_leaves_out_what_is_not_there() -> None:
    full = message(
        sound="default",
        priority="high",
        channel_id="default",
        expiration=1_786_065_266,
        collapse_id="k",
        tag="t",
        category_id="c",
    )
    assert json.loads(msgspec.json.encode(full)) == {
        "to": "ExponentPushToken[0000000000000000000000]",
        "title": "Booking Confirmed",
        "body": "Intro with Ada Lovelace",
        "data": {
            "url": "/bookings/u1",
            "bookingUid": "u1",
            "notificationEvent": "BOOKING_CONFIRMED",
            "eventId": "e1",
        },
        "sound": "default",
        "priority": "high",
        "channelId": "default",
        "expiration": 1_786_065_266,
        "collapseId": "k",
        "tag": "t",
        "categoryId": "c",
    }
    assert set(json.loads(msgspec.json.encode(message()))) == {"to", "title", "body", "data"}


@settings(deadline=None)
@given(to=st.text(), title=st.text(), body=st.text(), tag=st.none() | st.text())
def test_the_size_is_that_of_the_compact_json_without_the_token(
    to: str, title: str, body: str, tag: str | None
) -> None:
    sized = message(to=to, title=title, body=body, tag=tag)
    plain = json.loads(msgspec.json.encode(sized))
    del plain["to"]
    assert message_size(sized) == len(msgspec.json.encode(plain))


def test_the_size_counts_bytes_and_not_characters() -> None:
    assert message_size(message(title="🔔予約")) - message_size(message(title="")) == 4 + 2 * 3


def test_a_small_request_goes_as_plain_json() -> None:
    expo = Expo()
    assert asyncio.run(expo.client.send([message(7)])) == Tickets((Accepted(f"{7:022}"),))
    [(path, body, headers)] = expo.requests
    assert path == "/--/api/v2/push/send"
    assert json.loads(body)[0]["to"] == message(7).to
    assert headers == {"accept": "application/json", "content-type": "application/json"}


def test_a_large_request_goes_as_real_gzip() -> None:
    expo = Expo()
    messages = [message(number) for number in range(100)]
    answer = asyncio.run(expo.client.send(tuple(messages)))
    assert answer == Tickets(tuple(Accepted(f"{number:022}") for number in range(100)))
    [(_, body, headers)] = expo.requests
    assert body.startswith(b"\x1f\x8b")
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(("over", "is_packed"), [(0, False), (1, True)])
def test_over_1_kib_is_packed(over: int, is_packed: bool) -> None:
    expo = Expo()
    missing = WORTH_PACKING + over - len(msgspec.json.encode([message(body="")]))
    asyncio.run(expo.client.send([message(body="x" * missing)]))
    assert ("content-encoding" in expo.requests[0][2]) is is_packed


def test_the_access_token_is_in_the_header_alone() -> None:
    expo = Expo(SECRET)

    async def run() -> None:
        await expo.client.send([message()])
        await expo.client.receipts(["a"])

    asyncio.run(run())
    for _, body, headers in expo.requests:
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert SECRET.encode() not in body
    assert SECRET not in repr(expo.client)


def test_receipts_come_under_the_ids_as_asked() -> None:
    expo = Expo()
    assert asyncio.run(expo.client.receipts(["a", "b"])) == Receipts(
        {"a": Delivered(), "b": Delivered()}
    )
    [(path, body, _)] = expo.requests
    assert path == "/--/api/v2/push/getReceipts"
    assert json.loads(body) == {"ids": ["a", "b"]}


def test_nothing_is_asked_for_nothing() -> None:
    expo = Expo()
    assert asyncio.run(expo.client.send([])) == Tickets(())
    assert asyncio.run(expo.client.receipts([])) == Receipts({})
    assert expo.requests == []


def test_more_than_expo_takes_is_a_mistake_of_ours() -> None:
    expo = Expo()
    with pytest.raises(ValueError, match="101 messages"):
        asyncio.run(expo.client.send([message()] * (MOST_RECIPIENTS + 1)))
    with pytest.raises(ValueError, match="1001 ticket ids"):
        asyncio.run(expo.client.receipts(["a"] * (MOST_RECEIPTS + 1)))
    assert expo.requests == []


@pytest.mark.parametrize(
    ("broken", "answer", "receipts"),
    [
        (NotTransmitted, AllLater("NOT_TRANSMITTED"), NoReceipts("NOT_TRANSMITTED")),
        (AnswerLost, AllUnclear("ANSWER_LOST"), NoReceipts("ANSWER_LOST")),
    ],
)
def test_a_broken_environment_is_an_outcome(
    broken: type[Exception], answer: object, receipts: object
) -> None:
    def fail(_path: str, _body: bytes, _headers: Mapping[str, str]) -> Reply:
        raise broken

    client = ExpoClient(InProcessTransport(fail), SECRET)
    assert asyncio.run(client.send([message()])) == answer
    assert asyncio.run(client.receipts(["a"])) == receipts


@settings(deadline=None)
@given(st.integers(100, 599), st.binary())
def test_no_answer_makes_the_client_raise(status: int, body: bytes) -> None:
    client = ExpoClient(InProcessTransport(lambda *_: Reply(status, {}, body)), None)

    async def run() -> None:
        await client.send([message(), message(1)])
        await client.receipts(["a"])

    asyncio.run(run())
