"""Webhooks on the paths of sources: whose secret is good where, and what strangers learn."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from calbell.calcom.signature import sign
from calbell.config import Secret, Settings
from calbell.flows import sources as remembering
from calbell.flows import take_in
from calbell.store import events, sources
from calbell.store.connection import MissingReference
from calbell.store.database import InlineDatabase
from calbell.store.statements import Statement
from tests import payloads
from tests.api.desk import NOON, Desk, Said
from tests.api.outage import Down

GENERAL = "a-secret-for-all-webhooks"
PATH = "Zp4-_x"


def desk_with(*, general: str | None = GENERAL) -> Desk:
    secrets = (Secret(general),) if general else ()
    return Desk(Settings(webhook_secrets=secrets, rate_limit_api_key=0))


@pytest.fixture
def desk() -> Desk:
    return desk_with()


def make(desk: Desk, path: str = PATH, secret: str = "s-one") -> int:
    return desk.run(
        lambda c: sources.create(c, path=path, secret=secret, scope="user", remote_id=None)
    )


def post(
    desk: Desk, secret: str | None, path: str | None = PATH, body: bytes | None = None
) -> Said:
    body = payloads.body(payloads.ping()) if body is None else body
    signed = {} if secret is None else {"X-Cal-Signature-256": sign(body, secret)}
    at = "/webhooks/cal" if path is None else f"/webhooks/cal/{path}"
    return desk.ask("POST", at, body, headers=signed)


def rows(desk: Desk, sql: str) -> list[tuple[Any, ...]]:
    asked = Statement("asked", "", (), (), (), sql, sql, returns_rows=True)
    return desk.run(lambda c: c.run(asked))


def test_each_path_takes_its_own_secret_and_no_other(desk: Desk) -> None:
    make(desk)
    make(desk, "other", "s-two")
    good = {(None, GENERAL), (PATH, "s-one"), ("other", "s-two")}
    for path in (None, PATH, "other"):
        for secret in (GENERAL, "s-one", "s-two"):
            expected = 200 if (path, secret) in good else 401
            assert post(desk, secret, path).status == expected


def test_the_event_knows_its_source_and_the_source_its_last_event(desk: Desk) -> None:
    id_ = make(desk)
    assert post(desk, "s-one").json()["data"]["recipients"] == 0
    assert post(desk, GENERAL, None, b"{}").status == 200
    assert rows(desk, "select source_id from events order by id") == [(id_,), (None,)]
    source = desk.run(sources.find, PATH)
    assert source is not None
    assert source.last_event_at == NOON


def test_one_event_from_two_sources_is_one(desk: Desk) -> None:
    make(desk)
    make(desk, "other", "s-two")
    first, second = post(desk, "s-one").json(), post(desk, "s-two", "other").json()
    assert second["data"] == {**first["data"], "duplicate": True}


def test_during_a_rotation_both_secrets_are_good_and_then_only_the_new_one(desk: Desk) -> None:
    id_ = make(desk)
    assert post(desk, "s-one").status == 200
    desk.run(sources.rotate, id_, "s-new", NOON + timedelta(hours=1))
    desk.later(seconds=5)
    assert post(desk, "s-one").status == post(desk, "s-new").status == 200
    desk.later(minutes=59, seconds=54)
    assert post(desk, "s-one").status == 200
    desk.later(seconds=1)
    assert post(desk, "s-one").status == 401
    assert post(desk, "s-new").status == 200


STRANGE = ["nobody", "..", "%00", "%F0%9F%98%80", "a" * 65, "%20", "a%2Fb", "x;drop", PATH.lower()]


@pytest.mark.parametrize("path", STRANGE)
def test_that_there_is_no_such_source_is_not_told(desk: Desk, path: str) -> None:
    make(desk)

    def without_path(said: Said) -> Any:
        told = said.json()
        del told["path"]
        return told

    for secret in (None, "", "s-one", GENERAL):
        known, unknown = post(desk, "wrong"), post(desk, secret, path)
        if "%2F" in path:
            assert unknown.status == 404
            continue
        assert unknown.status == 401
        assert (without_path(unknown), unknown.headers.keys()) == (
            without_path(known),
            known.headers.keys(),
        )


def test_what_says_the_same_where_no_general_secret_is_configured() -> None:
    desk = desk_with(general=None)
    make(desk)
    assert post(desk, "wrong").message == post(desk, "wrong", "nobody").message
    assert post(desk, "s-one").status == 200
    assert "CALBELL_WEBHOOK_SECRETS" in post(desk, "s-one", None).message


def test_refusals_say_which_door_it_was(desk: Desk) -> None:
    make(desk)
    post(desk, None)
    post(desk, "wrong")
    post(desk, "wrong", "nobody")
    reasons = [one.reason for one in desk.run(events.last_refusals, 9)]
    assert reasons == ["unknown_source", "bad_signature", "no_signature"]


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> Down:
    return Down(monkeypatch)


def test_sources_are_remembered_for_five_seconds_known_or_not(desk: Desk, down: Down) -> None:
    make(desk)
    for path in (PATH, "nobody"):
        for _ in range(3):
            post(desk, "wrong", path)
    assert down.reads == 2
    desk.later(seconds=5)
    post(desk, "wrong")
    assert down.reads == 3


def test_while_the_database_is_down_every_webhook_is_503(desk: Desk, down: Down) -> None:
    make(desk)
    assert post(desk, "s-one").status == 200
    down.is_down = True
    assert post(desk, "s-one", body=b"1").status == 503
    assert post(desk, "s-one", "nobody").status == 503
    assert post(desk, GENERAL, None, b"2").status == 503


def test_a_database_that_does_not_answer_holds_up_nobody_who_is_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(desk)
    assert post(desk, "s-one").status == 200
    desk.later(seconds=5)
    asked = []

    async def silence(*_: object) -> None:
        asked.append(1)
        await asyncio.Event().wait()

    monkeypatch.setattr(InlineDatabase, "read", silence)
    monkeypatch.setattr(remembering, "PATIENCE_SECONDS", 0.01)
    assert post(desk, "s-one", body=b"1").status == 200
    assert post(desk, "s-one", body=b"2").status == 200
    assert len(asked) == 1


def test_an_event_whose_source_is_removed_meanwhile_is_taken_in(desk: Desk) -> None:
    make(desk)
    assert post(desk, "s-one").status == 200
    rows(desk, "delete from sources returning id")
    assert post(desk, "s-one", body=b"{}").status == 200
    assert rows(desk, "select source_id from events") == [(None,), (None,)]
    desk.later(seconds=5)
    assert post(desk, "s-one").status == 401


def test_another_reference_that_is_missing_is_no_matter_of_the_source(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MissingReference("somebody")

    monkeypatch.setattr(take_in, "take_in_many", broken)
    assert post(desk, GENERAL, None).status == 500
