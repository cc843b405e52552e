"""The service as a whole: a function of its inputs, bounded, and never at a loss."""

import gzip
import tracemalloc
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from calbell.simulator.service import PushService
from calbell.simulator.tickets import TicketIds
from calbell.simulator.wire import BODY_CAP, Request, Response

SEND = "/--/api/v2/push/send"
OK = "ExponentPushToken[ok]"


def ticking(
    keep_requests: int = 1_000, keep_displayed: int = 100, keep_tickets: int = 1_000_000
) -> PushService:
    return PushService(
        lambda: 1_786_000_000.0,
        Random(7),
        keep_requests=keep_requests,
        keep_displayed=keep_displayed,
        keep_tickets=keep_tickets,
    )


def booked(service: PushService, title: str = "Booked") -> Response:
    body = f'{{"to":"{OK}","title":"{title}"}}'.encode()
    return service.answer(Request("POST", SEND, body=body))


def test_the_same_seed_and_calls_give_the_same_answers() -> None:
    def run(service: PushService) -> list[object]:
        token = service.add_device().token
        refused = service.answer(Request("POST", SEND, body=b"{"))
        return [token, booked(service), refused, service.tickets, service.displayed(OK)]

    assert run(ticking()) == run(ticking())


def test_time_is_the_clocks_and_what_was_advanced() -> None:
    outside = [100.0]
    service = PushService(lambda: outside[0], Random(7))
    service.advance(50)
    outside[0] = 101.0
    assert service.now == 151.0


def test_the_receipt_delay_can_be_chosen() -> None:
    service = PushService(lambda: 100.0, Random(7), receipt_delay=900)
    booked(service)
    assert [ticket.ready_at for ticket in service.tickets] == [1000.0]


def test_only_the_last_requests_are_kept() -> None:
    service = ticking(keep_requests=2)
    for title in "abc":
        booked(service, title)
    assert [request.body[-4:-2] for request in service.requests] == [b'"b', b'"c']
    nothing_kept = ticking(keep_requests=0)
    booked(nothing_kept)
    assert nothing_kept.requests == ()


def test_a_phone_keeps_only_the_newest_it_shows() -> None:
    service = ticking(keep_displayed=2)
    for title in "abc":
        booked(service, title)
    assert [shown.message.title for shown in service.displayed(OK)] == ["b", "c"]
    nothing_kept = ticking(keep_displayed=0)
    booked(nothing_kept)
    assert nothing_kept.displayed(OK) == ()


def test_only_the_last_tickets_are_kept() -> None:
    service = ticking(keep_tickets=2)
    answers = [booked(service) for _ in range(3)]
    assert len(service.tickets) == 2
    assert all(ticket.id.encode() not in answers[0].body for ticket in service.tickets)


def test_a_gzip_bomb_is_not_unpacked_beyond_the_cap() -> None:
    service = ticking()
    bomb = gzip.compress(b" " * 100_000_000, 1)
    tracemalloc.start()
    answer = service.answer(Request("POST", SEND, "", {"content-encoding": " GZIP"}, bomb))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 413
    assert peak < 4 * BODY_CAP


@given(st.lists(st.floats(0, 2**37), min_size=1, max_size=50), st.integers())
def test_s11_ticket_ids_only_ever_grow(times: list[float], seed: int) -> None:
    ids = TicketIds(Random(seed))
    minted = [ids.next(time) for time in times]
    assert minted == sorted(set(minted))
    assert {(UUID(each).version, UUID(each).variant) for each in minted} == {
        (7, "specified in RFC 4122")
    }


@given(st.floats(0, 2**37))
def test_s11_a_ticket_id_begins_with_its_time_in_milliseconds(now: float) -> None:
    minted = UUID(TicketIds(Random(7)).next(now))
    # So far in the future floats are a sixtieth of a millisecond apart.
    assert abs((minted.int >> 80) - now * 1000) <= 1.02


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["to", "data", "x"]), inner),
)


@given(
    st.sampled_from([SEND, "/--/api/v2/push/getReceipts", "/--/api/v2/push/getExpoPushToken"]),
    st.binary() | JSON.map(lambda value: str(value).replace("'", '"').encode(errors="replace")),
    st.sampled_from([{}, {"content-encoding": "gzip"}]),
)
def test_s27_whatever_comes_in_is_answered(path: str, body: bytes, headers: dict[str, str]) -> None:
    assert ticking().answer(Request("POST", path, "", headers, body)).status in (200, 400)
