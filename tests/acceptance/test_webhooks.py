"""Webhooks: what is signed is taken in, once; what is not leaves no trace but a count."""

import json
from datetime import UTC, datetime, timedelta

from calbell.calcom.signature import sign
from calbell.store import sources
from calbell.store.connection import Connection
from tests import payloads
from tests.acceptance.conftest import Stands
from tests.acceptance.stand import Meeting, Stand, deliveries, states, with_unit


def counts(stand: Stand) -> str:
    ended = stand.database.run("status", "--json")
    assert ended.code == 0
    out: str = ended.out
    return out


def test_what_is_not_signed_well_is_401_and_tells_nobody(stand: Stand) -> None:
    host = stand.database.user()
    stand.phone(host)
    meeting = Meeting(host)
    body = payloads.body(meeting.webhook(payloads.created))
    wrong = sign(body, "another secret")
    for signature in (
        wrong,
        "no-secret-provided",
        "",
        sign(body, ""),
        sign(body, stand.secret)[1:],
    ):
        reply = stand.webhook(body, signature=signature)
        assert reply.status == 401
        assert reply.json()["error"]["code"] == "UnauthorizedException"
    assert stand.ask("POST", "/webhooks/cal", body).status == 401
    assert stand.webhook(body + b" ", signature=sign(body, stand.secret)).status == 401
    path = f"/v1/bookings/{meeting.uid}/timeline"
    assert stand.ask("GET", path, key=stand.admin_token).status == 404


def test_several_secrets_are_good_so_that_they_can_be_rotated(stands: Stands) -> None:
    stand = stands("sqlite", CALBELL_WEBHOOK_SECRETS="old-secret-of-tests, new-secret-of-tests")
    for secret in ("old-secret-of-tests", "new-secret-of-tests"):
        body = payloads.body(payloads.ping())
        assert stand.webhook(body, signature=sign(body, secret)).status == 200
    body = payloads.body(payloads.ping())
    assert stand.webhook(body, signature=sign(body, stand.secret)).status == 401


def test_without_any_secret_every_webhook_is_refused(stands: Stands) -> None:
    stand = stands("sqlite", CALBELL_WEBHOOK_SECRETS="")
    body = payloads.body(payloads.ping())
    for signature in ("no-secret-provided", sign(body, "")):
        assert stand.webhook(body, signature=signature).status == 401


def test_the_answer_names_the_event_and_how_many_are_told(stand: Stand) -> None:
    host, guest = stand.database.user(), stand.database.user()
    meeting = Meeting(host, guest)
    reply = stand.webhook(payloads.body(meeting.webhook(payloads.created)))
    assert reply.status == 200
    event_id = stand.timeline(meeting.uid)["events"][0]["event_id"]
    assert (
        reply.body
        == (
            f'{{"status":"success","data":{{"eventId":"{event_id}","duplicate":false,"recipients":2}}}}'
        ).encode()
    )


def test_the_same_bytes_again_are_the_same_event(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    body = payloads.body(meeting.webhook(payloads.created))
    first, again = (stand.webhook(body).json()["data"] for _ in range(2))
    assert again == first | {"duplicate": True}
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert len(stand.expo.sent(token)) == 1


def test_another_webhook_about_the_same_change_tells_nobody_again(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    copy = stand.tell(meeting.webhook(payloads.created, somethingElse=1))
    assert (copy["duplicate"], copy["recipients"]) == (True, 0)
    assert len(deliveries(stand.settled(meeting.uid))) == 1
    assert len(stand.expo.sent(token)) == 1


def test_a_signed_body_that_nobody_understands_is_kept_and_counted(stand: Stand) -> None:
    before = counts(stand)
    for body in (b"", b"nonsense", b"\xff\xfe", b'{"triggerEvent":"BOOKING_CREATED"}', b"[" * 9999):
        reply = stand.webhook(body)
        assert reply.status == 200
        assert reply.json()["data"]["recipients"] == 0
    assert unreadable(counts(stand)) == unreadable(before) + 5


def unreadable(told: str) -> int:
    number: int = json.loads(told)["unreadable_events"]
    return number


def test_a_ping_is_taken_and_rings_no_phone(stand: Stand) -> None:
    before = counts(stand)
    reply = stand.webhook(payloads.body(payloads.ping()))
    assert reply.status == 200
    assert reply.json()["data"]["recipients"] == 0
    assert unreadable(counts(stand)) == unreadable(before)


def test_a_webhook_may_be_as_large_as_a_mebibyte(sqlite_stand: Stand) -> None:
    host = sqlite_stand.database.user()
    envelope = Meeting(host).webhook(payloads.created, additionalNotes="")
    room = 1024 * 1024 - len(payloads.body(envelope))
    envelope["payload"]["additionalNotes"] = "x" * room
    body = payloads.body(envelope)
    assert len(body) == 1024 * 1024
    assert sqlite_stand.webhook(body).status == 200
    assert sqlite_stand.webhook(body + b" ").status == 413


def test_a_webhook_needs_to_be_posted(sqlite_stand: Stand) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert sqlite_stand.ask(method, "/webhooks/cal").status == 404


def test_a_source_has_a_path_and_secrets_of_its_own(stand: Stand) -> None:
    host = stand.database.user()
    stand.phone(host)
    path, old, new = f"path-of-{host.id}", "old-secret-of-a-source", "new-secret-of-a-source"
    stand.database.private |= {path, old, new}

    def make(connection: Connection) -> None:
        id_ = sources.create(connection, path=path, secret=old, scope="user", user_id=host.id)
        sources.rotate(connection, id_, new, datetime.now(UTC) + timedelta(hours=1))

    with_unit(stand.database.url, make)
    meeting = Meeting(host)
    body = payloads.body(meeting.webhook(payloads.created))
    answers = []
    for secret in (stand.secret, old, new):
        signed = {"X-Cal-Signature-256": sign(body, secret)}
        answers.append(stand.ask("POST", f"/webhooks/cal/{path}", body, headers=signed))
    assert [reply.status for reply in answers] == [401, 200, 200]
    assert [reply.json()["data"]["duplicate"] for reply in answers[1:]] == [False, True]
    assert stand.webhook(body, signature=sign(body, new)).status == 401
    assert states(stand.settled(meeting.uid)) == ["delivered"]
