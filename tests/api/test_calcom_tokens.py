"""Tokens of Cal.com open the door here (cal-api.md section 3.4); its silence logs nobody
out."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from calbell.calcom.http import CONNECTIONS, MOST_ANSWER_BYTES, CalcomApi
from calbell.config import Admit, AuthMethod, Secret, Settings
from calbell.flows.breaker import FAILURES, PAUSE
from calbell.flows.erase import remove_user
from calbell.flows.identify import GOOD_FOR, LONGEST_TOKEN, REFUSED_FOR
from calbell.store import users
from tests.api.calcom import QUIRK, StandIn, described, error, stand_in, unauthorized
from tests.api.desk import APP_PUSH, BOTH, GOOD, TOKEN, Desk, Said

Story = Callable[[Desk, StandIn], Awaitable[None]]

INVALID = "Invalid Access Token."
UNKNOWN_KEY = "CustomThrottlerGuard - Invalid API Key"
SHORT = timedelta(seconds=0.2)


def live(story: Story, *, timeout: timedelta = timedelta(seconds=10), **settings: Any) -> None:
    """The story happens at a desk that asks a stand-in for Cal.com."""

    async def whole() -> None:
        async with stand_in() as calcom:
            api = CalcomApi(calcom.url, timeout)
            chosen = {"auth": BOTH, "rate_limit_api_key": 0, **settings}
            try:
                await story(Desk(Settings(**chosen), api), calcom)
            finally:
                await api.close()

    asyncio.run(whole())


async def register(desk: Desk, token: str, **changes: Any) -> Said:
    return await desk.asking("POST", APP_PUSH, {**GOOD, **changes}, key=token)


def test_a_token_of_cal_coms_registers_its_owner() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["oauth"] = described(456)
        said = await register(desk, "oauth")
        assert said.status == 201
        assert said.json()["data"]["userId"] == 456
        assert calcom.asked == ["Bearer oauth"]
        kept = desk.run(users.find, 456)
        assert kept is not None
        assert (kept.name, kept.username, kept.addresses) == (
            "Ada Lovelace",
            "ada",
            ("user456@example.com",),
        )
        assert (kept.time_zone, kept.locale, kept.time_format) == ("Europe/Berlin", "de", 24)
        assert kept.source == users.FROM_CALCOM
        removed = await desk.asking("DELETE", APP_PUSH, {"token": TOKEN}, key="oauth")
        assert removed.status == 200

    live(story)


def test_the_header_is_passed_on_as_it_came() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        for sent in ("bare", "Basic eA==", "bearer x", "cal_live_unknown"):
            await desk.asking("GET", "/v2/me", headers={"Authorization": sent})
        assert calcom.asked == ["bare", "Basic eA==", "bearer x", "cal_live_unknown"]

    live(story)


def answer(status: int, body: bytes = b"{}") -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, body=body, content_type="application/json")


@pytest.mark.parametrize(
    ("made", "status", "message"),
    [
        (unauthorized, 401, INVALID),
        (lambda: error(403, "ForbiddenException", "insufficient_scope: ...", {}), 401, INVALID),
        (
            lambda: error(498, "TokenExpiredException", *["ACCESS_TOKEN_IS_EXPIRED"] * 2),
            498,
            "ACCESS_TOKEN_IS_EXPIRED",
        ),
        (lambda: error(400, "BAD_REQUEST", QUIRK, None), 503, None),
        (answer(404), 503, None),
        (answer(301), 503, None),
        (answer(429), 503, None),
        (answer(500), 503, None),
        (answer(502, b"<html>"), 503, None),
        (answer(200, b"<html>"), 503, None),
        (answer(200, b"[]"), 503, None),
        (answer(200, b'{"data":{"email":"a@example.com"}}'), 503, None),
        (answer(200, b'{"data":{"id":"7","email":"a@example.com"}}'), 503, None),
        (answer(200, b'{"data":{"id":-7,"email":"a@example.com"}}'), 503, None),
        (answer(200, b" " * (MOST_ANSWER_BYTES + 1)), 503, None),
        (answer(204, b""), 503, None),
    ],
)
def test_each_answer_of_cal_coms_means_one_thing(
    made: Callable[[], web.Response], status: int, message: str | None
) -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.answers["odd"] = made
        said = await register(desk, "odd")
        assert said.status == status
        assert said.headers["content-type"] == "application/json; charset=utf-8"
        if message is not None:
            assert said.message == message
        else:
            assert said.json()["error"]["code"] == "ServiceUnavailableException"

    live(story)


def test_498_is_passed_on_in_its_very_form() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        words = "ACCESS_TOKEN_IS_EXPIRED"
        calcom.answers["old"] = lambda: error(498, "TokenExpiredException", words, words)
        said = await desk.asking("GET", "/v2/me", key="old")
        assert said.json()["error"] == {
            "code": "TokenExpiredException",
            "message": words,
            "details": words,
        }

    live(story)


def test_a_key_that_cal_com_refuses_is_refused_as_a_key() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        said = await desk.asking("GET", "/v2/me", key="cal_live_unknown")
        assert (said.status, said.message) == (401, UNKNOWN_KEY)
        calcom.users["cal_live_good"] = described(9)
        said = await desk.asking("GET", "/v2/me", key="cal_live_good")
        assert said.json()["data"]["id"] == 9

    live(story)


def test_keys_of_this_service_are_not_shown_to_cal_com() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        key = desk.user()
        assert (await desk.asking("GET", "/v2/me", key=key)).status == 200
        operators = desk.key(role="admin")
        assert (await desk.asking("GET", "/v2/me", key=operators)).status == 401
        said = await desk.asking("GET", "/v2/me", key="the-operators-own-token")
        assert (said.status, said.message) == (401, INVALID)
        assert calcom.asked == []

    live(story, admin_token=Secret("the-operators-own-token"))


def test_what_can_be_no_token_is_not_asked_for() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        for sent in ("x" * (LONGEST_TOKEN + 1), "Bearer tök", "\xa0"):
            said = await desk.asking("GET", "/v2/me", headers={"Authorization": sent})
            assert (said.status, said.message) == (401, INVALID)
        assert calcom.asked == []

    live(story)


def test_a_good_answer_is_believed_for_a_minute_and_a_refusal_shorter() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        for _ in range(3):
            assert (await desk.asking("GET", "/v2/me", key="good")).status == 200
            assert (await desk.asking("GET", "/v2/me", key="bad")).status == 401
        assert calcom.asked == ["Bearer good", "Bearer bad"]
        desk.now += REFUSED_FOR
        await desk.asking("GET", "/v2/me", key="good")
        await desk.asking("GET", "/v2/me", key="bad")
        assert calcom.asked == ["Bearer good", "Bearer bad", "Bearer bad"]
        desk.now += GOOD_FOR
        del calcom.users["good"]
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 401

    live(story)


def test_a_token_is_asked_for_once_at_a_time() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        calcom.held.clear()
        asking = [asyncio.create_task(register(desk, "good")) for _ in range(20)]
        other = asyncio.create_task(register(desk, "other"))
        async with calcom.heard:
            await calcom.heard.wait_for(lambda: len(calcom.asked) == 2)
        asking[0].cancel()
        calcom.held.set()
        answers = await asyncio.gather(*asking[1:])
        assert {said.status for said in answers} == {201}
        assert len({said.json()["data"]["id"] for said in answers}) == 1
        assert (await other).status == 401
        assert sorted(calcom.asked) == ["Bearer good", "Bearer other"]

    live(story)


def test_silence_is_503_and_never_401() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.held.clear()
        said = await register(desk, "good")
        assert said.status == 503
        assert said.json()["error"]["details"]["statusCode"] == 503

    live(story, timeout=SHORT)


def test_an_instance_that_is_down_is_left_alone_for_a_while_and_then_tried_once() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.is_down = True
        calcom.users["good"] = described(7)
        for number in range(FAILURES + 10):
            assert (await desk.asking("GET", "/v2/me", key=f"token{number}")).status == 503
        # A question on a kept connection that breaks is put once more by the client.
        assert set(calcom.asked) == {f"Bearer token{number}" for number in range(FAILURES)}
        calcom.asked.clear()
        desk.now += PAUSE
        assert (await desk.asking("GET", "/v2/me", key="probe")).status == 503
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 503
        assert set(calcom.asked) == {"Bearer probe"}
        calcom.is_down = False
        desk.now += PAUSE
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 200
        assert (await desk.asking("GET", "/v2/me", key="bad")).status == 401

    live(story)


def test_who_is_remembered_gets_in_while_cal_com_is_down() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        await register(desk, "good")
        calcom.is_down = True
        for number in range(FAILURES):
            await desk.asking("GET", "/v2/me", key=f"token{number}")
        assert (await register(desk, "good")).status == 201

    live(story)


def test_one_users_odd_profile_does_not_shut_the_others_out() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.answers["odd"] = lambda: error(400, "BAD_REQUEST", QUIRK, None)
        calcom.users["good"] = described(7)
        for _ in range(FAILURES * 2):
            assert (await desk.asking("GET", "/v2/me", key="odd")).status == 503
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 200

    live(story)


def test_one_throttled_token_does_not_shut_the_others_out() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.answers["throttled"] = answer(429)
        calcom.users["good"] = described(7)
        for _ in range(FAILURES * 2):
            assert (await desk.asking("GET", "/v2/me", key="throttled")).status == 503
        assert calcom.asked == ["Bearer throttled"]
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 200

    live(story)


def test_a_crowd_that_waits_in_line_says_nothing_of_the_instance() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        calcom.held.clear()
        crowd = [
            asyncio.create_task(desk.asking("GET", "/v2/me", key=f"token{number}"))
            for number in range(CONNECTIONS * 3)
        ]
        async with calcom.heard:
            await calcom.heard.wait_for(lambda: len(calcom.asked) == CONNECTIONS)
        calcom.held.set()
        assert {said.status for said in await asyncio.gather(*crowd)} <= {401, 503}
        assert (await desk.asking("GET", "/v2/me", key="good")).status == 200

    live(story)


def test_a_firewalls_403_logs_nobody_out() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.answers["odd"] = answer(403, b"<html>Forbidden</html>")
        assert (await desk.asking("GET", "/v2/me", key="odd")).status == 503

    live(story)


def test_no_operators_credential_is_put_to_cal_com() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        key = desk.key(role="support")
        for sent in (
            key,
            f"Bearer {key}",
            "bearer the-operators-own-token",
            "Basic the-operators-own-token",
        ):
            said = await desk.asking("GET", "/v2/me", headers={"Authorization": sent})
            assert said.status == 401
        assert calcom.asked == []

    live(story, admin_token=Secret("the-operators-own-token"), auth=(AuthMethod.CALCOM,))


def test_an_operator_who_changes_a_user_keeps_the_word() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7, organizationId=3)
        await register(desk, "good")
        profile = desk.run(users.find, 7)
        assert profile is not None
        changed = msgspec.structs.replace(
            profile,
            source=users.FROM_OPERATOR,
            addresses=("work@example.com", *profile.addresses),
            organization_id=None,
        )
        desk.run(users.save, changed, desk.now)
        desk.now += GOOD_FOR
        await register(desk, "good")
        kept = desk.run(users.find, 7)
        assert kept is not None
        assert kept.addresses == ("user7@example.com", "work@example.com")
        assert (kept.source, kept.organization_id) == (users.FROM_OPERATOR, 3)

    live(story)


def test_an_address_where_nobody_listens_is_503() -> None:
    async def whole() -> None:
        api = CalcomApi("http://127.0.0.1:9/v2", SHORT)
        try:
            desk = Desk(Settings(auth=BOTH), api)
            assert (await desk.asking("GET", "/v2/me", key="x")).status == 503
        finally:
            await api.close()

    asyncio.run(whole())


def test_what_changes_at_cal_com_changes_here_and_the_operators_addresses_stay() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        await register(desk, "good")
        profile = desk.run(users.find, 7)
        assert profile is not None
        more = (*profile.addresses, "second@example.com")
        desk.run(users.save, msgspec.structs.replace(profile, addresses=more), desk.now)
        calcom.users["good"] = described(
            7, email="New@example.com", name=None, timeZone="Asia/Tokyo", timeFormat=12, locale="fr"
        )
        desk.now += GOOD_FOR
        await register(desk, "good")
        fresh = desk.run(users.find, 7)
        assert fresh is not None
        assert fresh.addresses == ("new@example.com", "second@example.com")
        assert (fresh.name, fresh.time_zone, fresh.time_format) == ("", "Asia/Tokyo", 12)
        assert (fresh.locale, fresh.created_at) == ("fr", profile.created_at)

    live(story)


def test_a_user_whom_the_operator_made_keeps_the_operators_addresses() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        desk.user(7, addresses=("work@example.com", "home@example.com"))
        calcom.users["good"] = described(7, email="home@example.com")
        await register(desk, "good")
        kept = desk.run(users.find, 7)
        assert kept is not None
        assert kept.addresses == ("home@example.com", "work@example.com")

    live(story)


def test_what_cal_com_leaves_out_is_as_cal_com_has_it_by_itself() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["bare"] = {"id": 5, "email": "bare@example.com"}
        said = await desk.asking("GET", "/v2/me", key="bare")
        data = said.json()["data"]
        assert (data["timeZone"], data["locale"], data["timeFormat"]) == ("Europe/London", "en", 12)
        assert "organization" not in data

    live(story)


def test_v2_me_passes_on_what_cal_com_says() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        whole = described(
            7,
            bio="Mathematician",
            avatarUrl="https://example.com/ada.png",
            organizationId=3,
            organization={"isPlatform": True, "id": 3},
        )
        calcom.users["good"] = {**whole, "secret": "no field of the contract"}
        said = await desk.asking("GET", "/v2/me", key="good")
        assert said.json() == {"status": "success", "data": whole}

    live(story)


@pytest.mark.parametrize(
    ("admit", "organization", "status"),
    [
        (Admit.ANY, None, 201),
        (Admit.KNOWN, None, 403),
        (frozenset({3, 4}), 3, 201),
        (frozenset({3, 4}), 5, 403),
        (frozenset({3, 4}), None, 403),
    ],
)
def test_only_those_whom_the_operator_admits_may_register(
    admit: Admit | frozenset[int], organization: int | None, status: int
) -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7, organizationId=organization)
        said = await register(desk, "good")
        assert said.status == status
        if status == 403:
            words = "This user may not register here"
            assert said.json()["error"] == {
                "code": "ForbiddenException",
                "message": words,
                "details": {"message": words, "error": "Forbidden", "statusCode": 403},
            }
            assert desk.run(users.find, 7) is None
            assert (await desk.asking("GET", "/v2/me", key="good")).status == 200
            gone = await desk.asking("DELETE", APP_PUSH, {"token": TOKEN}, key="good")
            assert gone.status == 404

    live(story, admit=admit)


def test_a_known_user_is_admitted_where_only_known_ones_are() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        desk.user(7)
        calcom.users["good"] = described(7)
        assert (await register(desk, "good")).status == 201

    live(story, admit=Admit.KNOWN)


def test_methods_are_tried_in_their_order() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        key = desk.user(8)
        calcom.users[key] = described(9)
        assert (await desk.asking("GET", "/v2/me", key=key)).json()["data"]["id"] == 9
        other = desk.key(8)
        assert (await desk.asking("GET", "/v2/me", key=other)).json()["data"]["id"] == 8
        calcom.is_down = True
        third = desk.key(8)
        assert (await desk.asking("GET", "/v2/me", key=third)).json()["data"]["id"] == 8
        assert (await desk.asking("GET", "/v2/me", key="cal_nobodys")).status == 503

    live(story, auth=(AuthMethod.CALCOM, AuthMethod.KEYS))


def test_without_keys_only_cal_com_decides() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        key = desk.user(8)
        said = await desk.asking("GET", "/v2/me", key=key)
        assert (said.status, said.message) == (401, UNKNOWN_KEY)

    live(story, auth=(AuthMethod.CALCOM,))


def test_a_user_who_was_removed_meanwhile_is_told_as_at_cal_com() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good"] = described(7)
        await register(desk, "good")
        desk.run(remove_user, 7, desk.now)
        said = await register(desk, "good")
        assert said.status == 400
        assert said.json()["error"] == {
            "code": "BAD_REQUEST",
            "message": "Invalid input: The referenced data does not exist.",
        }
        desk.now += GOOD_FOR
        assert (await register(desk, "good")).status == 201

    live(story)


def test_neither_token_nor_person_is_logged() -> None:
    async def story(desk: Desk, calcom: StandIn) -> None:
        calcom.users["good-token"] = described(7)
        calcom.answers["odd-token"] = answer(500, b"odd-token user7@example.com")
        await register(desk, "good-token")
        await register(desk, "odd-token")
        await register(desk, "bad-token")

    with capture_logs() as lines:
        live(story)
    said = repr(lines)
    assert "calcom_cannot_tell" in said
    assert not any(word in said for word in ("-token", "user7", "Ada", "PushToken"))
