"""Expo's Python SDK against the simulator."""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import pytest
import requests
from exponent_server_sdk import (  # type: ignore[import-untyped]
    DeviceNotRegisteredError,
    InvalidCredentialsError,
    MessageRateExceededError,
    MessageTooBigError,
    PushClient,
    PushMessage,
    PushServerError,
    PushTicket,
    PushTicketError,
)

from calbell.simulator.faults import (
    BadGateway,
    Endpoint,
    Failing,
    Fault,
    GatewayTimeout,
    NoAnswer,
    ServerError,
    TooManyRequests,
    Unavailable,
)
from calbell.simulator.orders import switched
from calbell.simulator.phones import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.simulator.service import PushService

FIRST = "@simulator/first"
OK, GONE = "ExponentPushToken[ok]", "ExponentPushToken[gone]"

Publish = Callable[..., Sequence[Any]]


@pytest.fixture
def host(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"


@pytest.fixture
def client(host: str) -> Iterator[Any]:
    client = PushClient(host=host, timeout=5)
    yield client
    client.session.close()


@pytest.fixture
def publish(client: Any) -> Publish:
    """Publishes a message to each of the tokens; their tickets."""
    return lambda *tokens: list(
        client.publish_multiple([PushMessage(to=token, title="Booked") for token in tokens])
    )


def test_it_is_the_version_that_these_tests_are_about() -> None:
    assert version("exponent_server_sdk") == "2.2.0"


def test_s02_a_message_gets_its_ticket_and_is_shown(service: PushService, client: Any) -> None:
    message = PushMessage(
        to=OK, title="Booked", body="At 9", data={"uid": "b"}, sound="default", ttl=60, badge=1
    )
    ticket = client.publish(message)
    assert (ticket.is_success(), ticket.id) == (True, service.tickets[0].id)
    (shown,) = service.displayed(OK)
    assert (shown.message.title, shown.message.data, shown.message.badge) == (
        "Booked",
        {"uid": "b"},
        1,
    )


def test_s12_s14_a_token_that_nobody_has_is_told_by_name(publish: Publish) -> None:
    ok, gone = publish(OK, GONE)
    ok.validate_response()
    assert gone.status == PushTicket.ERROR_STATUS
    with pytest.raises(DeviceNotRegisteredError):
        gone.validate_response()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("MessageTooBig", MessageTooBigError),
        ("MessageRateExceeded", MessageRateExceededError),
        ("ExpoError", PushTicketError),
    ],
)
def test_s19_s43_codes_in_tickets(
    service: PushService, publish: Publish, code: Any, error: type[Exception]
) -> None:
    service.queue_fault(Failing(code, "ticket"))
    (ticket,) = publish(OK)
    with pytest.raises(error) as raised:
        ticket.validate_response()
    assert type(raised.value) is error


def test_s16_credentials_are_told_by_name_in_receipts_alone(
    service: PushService, client: Any, publish: Publish
) -> None:
    token = service.add_device(Platform.ANDROID).token
    service.set_project(FIRST, credentials=Credentials(android=KeyState.MISSING))
    with pytest.raises(PushTicketError):
        publish(token)[0].validate_response()
    service.set_project(FIRST, credentials=Credentials(android=KeyState.REVOKED))
    (ticket,) = publish(token)
    service.advance(2)
    (receipt,) = client.check_receipts([ticket])
    with pytest.raises(InvalidCredentialsError):
        receipt.validate_response()


def test_s22_a_message_for_many_is_refused_by_the_sdk_itself(client: Any) -> None:
    with pytest.raises(ValueError, match="Invalid push token"):
        client.publish(PushMessage(to=[OK]))
    for token in ("ExpoPushToken[ok]", "0b0a6a4c-41a7-4a5e-9c1e-8f1d5d0f7a11"):
        with pytest.raises(ValueError, match="Invalid push token"):
            client.publish(PushMessage(to=token))
    assert not client.publish(PushMessage(to="ExponentPushTokenzzz")).is_success()


def test_s22_more_than_a_hundred_in_one_request(service: PushService, host: str) -> None:
    client = PushClient(host=host, timeout=5, max_message_count=101)
    with pytest.raises(PushServerError) as raised:
        client.publish_multiple([PushMessage(to=OK)] * 101)
    client.session.close()
    assert raised.value.errors[0]["code"] == "PUSH_TOO_MANY_NOTIFICATIONS"
    assert service.tickets == ()


def test_s28_too_many_in_a_second(service: PushService, publish: Publish) -> None:
    service.set_project(FIRST, rate_limit=2)
    publish(OK, OK)
    with pytest.raises(PushServerError) as raised:
        publish(OK)
    assert raised.value.errors[0]["code"] == "TOO_MANY_REQUESTS"
    assert not hasattr(raised.value, "status")
    assert raised.value.response.status_code == 429


def test_a_hundred_messages_go_in_a_request_and_a_later_failure_loses_their_tickets(
    service: PushService, publish: Publish
) -> None:
    service.queue_fault(TooManyRequests(), nth=2)
    with pytest.raises(PushServerError):
        publish(*[OK] * 150)
    assert len(service.tickets) == 100


@pytest.mark.parametrize("fault", [BadGateway(), Unavailable(), GatewayTimeout()])
def test_f03_f04_f05_gateways_are_http_errors(
    service: PushService, publish: Publish, fault: Fault
) -> None:
    service.queue_fault(fault)
    with pytest.raises(requests.HTTPError):
        publish(OK)
    assert len(service.requests) == 1


def test_f02_f06_it_does_not_try_again(service: PushService, host: str) -> None:
    service.queue_fault(ServerError())
    service.queue_fault(NoAnswer())
    client = PushClient(host=host, timeout=0.2)
    with pytest.raises(PushServerError):
        client.publish(PushMessage(to=OK))
    with pytest.raises(requests.Timeout):
        client.publish(PushMessage(to=OK, title="Booked"))
    client.session.close()
    assert [request.fault for request in service.requests] == ["F02", "F06"]
    assert len(service.displayed(OK)) == 1


def test_s34_receipts_by_both_methods(service: PushService, client: Any, publish: Publish) -> None:
    tickets = publish(OK, "ExponentPushToken[late-gone]")
    assert client.check_receipts_multiple(tickets) == []
    service.advance(2)
    for check in (client.check_receipts, client.check_receipts_multiple):
        ok, gone = check(tickets)
        assert [ok.id, gone.id] == [ticket.id for ticket in tickets]
        ok.validate_response()
        with pytest.raises(DeviceNotRegisteredError):
            gone.validate_response()


def test_s46_only_one_of_them_sends_what_the_session_has(service: PushService, host: str) -> None:
    service.set_project(FIRST, push_security=True, access_tokens=("good",))
    session = requests.Session()
    session.headers.update({"authorization": "Bearer good", "content-type": "application/json"})
    client = PushClient(host=host, session=session, timeout=5)
    ticket = client.publish(PushMessage(to=OK))
    service.advance(2)
    assert client.check_receipts_multiple([ticket])[0].is_success()
    with pytest.raises(PushServerError):
        client.check_receipts([ticket])
    switched(service, {"open_receipts": True})
    assert client.check_receipts([ticket])[0].is_success()
    session.close()


def test_f17_receipts_that_are_refused(service: PushService, client: Any, publish: Publish) -> None:
    tickets = publish(OK)
    service.queue_fault(TooManyRequests(), Endpoint.RECEIPTS)
    with pytest.raises(PushServerError):
        client.check_receipts_multiple(tickets)


def test_s10_the_old_query_is_taken(service: PushService, host: str) -> None:
    client = PushClient(host=host, force_fcm_v1=True, timeout=5)
    assert client.publish(PushMessage(to=OK, display_in_foreground=True)).is_success()
    client.session.close()
    assert service.requests[0].query == "useFcmV1=true"
    assert "content-encoding" not in service.requests[0].headers
